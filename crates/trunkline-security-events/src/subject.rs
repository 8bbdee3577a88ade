//! Whom an event is about (RFC 9493, and SSF 1.0, 3).

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use trunkline::{HintKind, SignalSubject, TokenHint};
use trunkline_core::Secret;

use crate::Refusal;
use crate::json::text;

/// A subject as a transmitter named it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// `iss_sub`: a subject of an issuer, as in ID tokens.
    IssSub {
        /// Whose name it is.
        iss: String,
        /// The name.
        sub: String,
    },
    /// `email`: an address. It may pass to somebody else.
    Email(String),
    /// `opaque`: an id that the two sides agree on.
    Opaque(String),
    /// `account`: an `acct` URI (RFC 7565).
    Account(String),
    /// `aliases`: one subject under several names, none of them `aliases`.
    Aliases(Vec<Self>),
    /// `complex`: one subject by several of its sides, such as `user`, `tenant`, `session`, `device`.
    Complex(BTreeMap<String, Self>),
    /// `id_token_claims`, of Google's RISC: what an ID token says about its subject.
    IdTokenClaims {
        /// Whose name it is.
        iss: String,
        /// The name, if it is there.
        sub: Option<String>,
        /// The address, if it is there.
        email: Option<String>,
    },
    /// `oauth_token`, of the OAuth event types: a token.
    OAuthToken {
        /// `refresh_token`, `access_token`, `authorization_code`.
        token_type: String,
        /// Which one; `None` where it is named in a way that is not known here.
        hint: Option<TokenHint>,
    },
    /// A format that is not known here.
    Other {
        /// Its name.
        format: String,
    },
}

/// Where a subject stands. Subjects nest once, so that no depth of nesting is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Side,
    Alias,
}

impl Subject {
    /// Reads a subject. The format is `format`, or `subject_type` as Google's RISC has it, with a hyphen for
    /// an underscore.
    pub(crate) fn parse(value: &Value) -> Result<Self, Refusal> {
        Self::parse_at(value, Place::Top)
    }

    fn parse_at(value: &Value, place: Place) -> Result<Self, Refusal> {
        let members = value.as_object().ok_or(MALFORMED)?;
        let format = text(members, "format").or_else(|| text(members, "subject_type")).ok_or(MALFORMED)?;
        let required = |name| text(members, name).map(str::to_owned).ok_or(MALFORMED);
        Ok(match (format.replace('-', "_").as_str(), place) {
            ("iss_sub", _) => Self::IssSub { iss: required("iss")?, sub: required("sub")? },
            ("email", _) => Self::Email(required("email")?),
            ("opaque", _) => Self::Opaque(required("id")?),
            ("account", _) => Self::Account(required("uri")?),
            ("id_token_claims", _) => {
                let given = |name| text(members, name).map(str::to_owned);
                Self::IdTokenClaims { iss: required("iss")?, sub: given("sub"), email: given("email") }
            }
            ("oauth_token", _) => {
                Self::OAuthToken { token_type: required("token_type")?, hint: hint(members)? }
            }
            ("aliases", Place::Top | Place::Side) => Self::Aliases(aliases(members)?),
            ("complex", Place::Top) => Self::Complex(sides(members)?),
            ("aliases" | "complex", _) => return Err(MALFORMED),
            (other, _) => Self::Other { format: other.to_owned() },
        })
    }

    /// The name of the format.
    #[must_use]
    pub fn format(&self) -> &str {
        match self {
            Self::IssSub { .. } => "iss_sub",
            Self::Email(_) => "email",
            Self::Opaque(_) => "opaque",
            Self::Account(_) => "account",
            Self::Aliases(_) => "aliases",
            Self::Complex(_) => "complex",
            Self::IdTokenClaims { .. } => "id_token_claims",
            Self::OAuthToken { .. } => "oauth_token",
            Self::Other { format } => format,
        }
    }

    /// The accounts that are meant where nobody says otherwise: the user whose id the issuer's own `sub`
    /// is, or an opaque id; the `tenant` of a complex subject is the company. An address is nobody's for
    /// good, and so means no account, nor does a side that narrows the subject in a way not known here.
    #[must_use]
    pub fn accounts(&self, issuer: &str) -> Vec<SignalSubject> {
        match self {
            Self::Aliases(names) => {
                names.iter().filter_map(|name| name.id(issuer)).map(SignalSubject::user).collect()
            }
            Self::Complex(sides) => complex(sides, issuer),
            other => other.id(issuer).map(SignalSubject::user).into_iter().collect(),
        }
    }

    /// What the issuer calls the subject for good.
    fn id(&self, issuer: &str) -> Option<&str> {
        match self {
            Self::IssSub { iss, sub } | Self::IdTokenClaims { iss, sub: Some(sub), .. } if iss == issuer => {
                Some(sub)
            }
            Self::Opaque(id) => Some(id),
            _ => None,
        }
    }
}

const MALFORMED: Refusal = Refusal::malformed("a subject is not as its format asks for");

fn aliases(members: &Map<String, Value>) -> Result<Vec<Subject>, Refusal> {
    let names = members.get("identifiers").and_then(Value::as_array).ok_or(MALFORMED)?;
    names.iter().map(|name| Subject::parse_at(name, Place::Alias)).collect()
}

fn sides(members: &Map<String, Value>) -> Result<BTreeMap<String, Subject>, Refusal> {
    let sides = members.iter().filter(|(name, _)| !matches!(name.as_str(), "format" | "subject_type"));
    sides.map(|(name, value)| Ok((name.clone(), Subject::parse_at(value, Place::Side)?))).collect()
}

/// What names a token, in the ways that Google documents and the OAuth event types define.
fn hint(members: &Map<String, Value>) -> Result<Option<TokenHint>, Refusal> {
    let kind = match text(members, "token_identifier_alg").ok_or(MALFORMED)? {
        "plain" => HintKind::Plain,
        "prefix" => HintKind::Prefix,
        "hash_base64_sha512_sha512" => HintKind::DoubleSha512,
        _ => return Ok(None),
    };
    let value = text(members, "token").ok_or(MALFORMED)?;
    Ok(Some(TokenHint::new(kind, Secret::new(value))))
}

fn complex(sides: &BTreeMap<String, Subject>, issuer: &str) -> Vec<SignalSubject> {
    let company = match sides.get("tenant").map(|tenant| tenant.id(issuer)) {
        // The company is named, and not in a way that is known: any user's name could be another company's.
        Some(None) => return Vec::new(),
        Some(Some(company)) => Some(company),
        None => None,
    };
    let users = match sides.get("user") {
        Some(Subject::Aliases(names)) => names.iter().filter_map(|name| name.id(issuer)).collect(),
        Some(user) => user.id(issuer).into_iter().collect(),
        // A group or a device of the company is not the company.
        None if sides.len() == 1 => return company.map(SignalSubject::company).into_iter().collect(),
        None => Vec::new(),
    };
    let of = |user: &str| match company {
        Some(company) => SignalSubject::account(company, user),
        None => SignalSubject::user(user),
    };
    users.into_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const US: &str = "https://idp.example.com/";

    fn accounts(subject: &Value) -> Vec<SignalSubject> {
        Subject::parse(subject).unwrap().accounts(US)
    }

    #[test]
    fn an_issuer_s_own_sub_and_an_opaque_id_name_a_user() {
        let ada = vec![SignalSubject::user("ada")];
        assert_eq!(accounts(&json!({ "format": "iss_sub", "iss": US, "sub": "ada" })), ada);
        assert_eq!(accounts(&json!({ "format": "opaque", "id": "ada" })), ada);
        assert_eq!(accounts(&json!({ "subject_type": "iss-sub", "iss": US, "sub": "ada" })), ada);
        let claims = json!({ "subject_type": "id_token_claims", "iss": US, "sub": "ada", "email": "a@b.c" });
        assert_eq!(accounts(&claims), ada);
    }

    #[test]
    fn a_name_of_another_issuer_an_address_and_what_is_not_known_name_nobody() {
        for subject in [
            json!({ "format": "iss_sub", "iss": "https://idp.example.com", "sub": "ada" }),
            json!({ "format": "email", "email": "ada@example.com" }),
            json!({ "format": "account", "uri": "acct:ada@example.com" }),
            json!({ "subject_type": "id_token_claims", "iss": US, "email": "a@b.c" }),
            json!({ "format": "did", "url": "did:example:123456" }),
        ] {
            assert_eq!(accounts(&subject), [], "{subject}");
        }
    }

    #[test]
    fn aliases_name_one_user_in_each_way_that_is_known() {
        let names = json!({ "format": "aliases", "identifiers": [
            { "format": "email", "email": "ada@example.com" },
            { "format": "opaque", "id": "17" },
            { "format": "iss_sub", "iss": US, "sub": "ada" },
        ] });
        assert_eq!(accounts(&names), [SignalSubject::user("17"), SignalSubject::user("ada")]);
    }

    #[test]
    fn a_complex_subject_is_the_user_of_the_tenant() {
        let user = json!({ "format": "opaque", "id": "ada" });
        let tenant = json!({ "format": "opaque", "id": "acme" });
        let email = json!({ "format": "email", "email": "ada@example.com" });
        let complex = |sides: &[(&str, &Value)]| {
            let mut subject = json!({ "format": "complex" });
            for (name, side) in sides {
                subject[*name] = (*side).clone();
            }
            accounts(&subject)
        };
        assert_eq!(complex(&[("user", &user)]), [SignalSubject::user("ada")]);
        assert_eq!(complex(&[("user", &user), ("device", &tenant)]), [SignalSubject::user("ada")]);
        assert_eq!(complex(&[("user", &user), ("tenant", &tenant)]), [SignalSubject::account("acme", "ada")]);
        assert_eq!(complex(&[("tenant", &tenant)]), [SignalSubject::company("acme")]);
        // Never more than was said.
        assert_eq!(complex(&[("tenant", &tenant), ("group", &user)]), []);
        assert_eq!(complex(&[("tenant", &tenant), ("user", &email)]), []);
        assert_eq!(complex(&[("tenant", &email), ("user", &user)]), []);
        assert_eq!(complex(&[("device", &user)]), []);
        assert_eq!(complex(&[]), []);
    }

    #[test]
    fn a_subject_that_lacks_a_member_or_nests_too_deep_is_refused() {
        let alias = json!({ "format": "aliases", "identifiers": [] });
        for subject in [
            json!("ada"),
            json!({ "iss": US, "sub": "ada" }),
            json!({ "format": "iss_sub", "sub": "ada" }),
            json!({ "format": "opaque", "id": "" }),
            json!({ "format": "opaque", "id": 17 }),
            json!({ "format": "aliases", "identifiers": [alias] }),
            json!({ "format": "complex", "user": { "format": "complex" } }),
            json!({ "subject_type": "oauth_token", "token_type": "refresh_token" }),
        ] {
            assert!(Subject::parse(&subject).is_err(), "{subject}");
        }
    }

    #[test]
    fn a_token_s_hint_is_not_shown() {
        let subject = json!({ "subject_type": "oauth_token", "token_type": "refresh_token",
            "token_identifier_alg": "plain", "token": "canary-token" });
        assert!(!format!("{:?}", Subject::parse(&subject).unwrap()).contains("canary"));
    }
}
