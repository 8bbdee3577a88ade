//! What a token says about itself: hints, never proof.
//!
//! Sage's access and refresh tokens are JWTs that are signed with a key only Sage has, so nothing here
//! is verified. `clientId`, `cnyId`, `sessionId` and `exp` have been seen in real tokens; `userId` and
//! `iat` are read where they are present. None of the names is contractual, and a token that is no JWT
//! at all simply has no claims.
//!
//! The session id is left out on purpose: it opens the XML gateway, so it is a credential, and no part
//! of this crate needs it.

use serde::Deserialize;
use serde_json::Value;
use trunkline_auth::oauth2::unverified_claims;
use trunkline_core::jiff::Timestamp;
use trunkline_core::{Secret, ServiceText};

/// The claims that are of use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    /// The company (`cnyId`).
    pub(crate) company: Option<String>,
    /// The user (`userId`); its presence is not promised.
    pub(crate) user: Option<String>,
    /// When the token was made, by Sage's clock.
    pub(crate) issued_at: Option<Timestamp>,
    /// When the token ends, by Sage's clock.
    pub(crate) expires_at: Option<Timestamp>,
}

impl Claims {
    /// Reads the payload of a JWT without verifying it. `None` when there is none.
    pub(crate) fn of(token: &Secret) -> Option<Self> {
        // The session id is in it, so that it stays a secret.
        let payload = unverified_claims(token)?;
        let raw: Raw = serde_json::from_str(payload.expose()).ok()?;
        Some(Self {
            company: identifier(&raw.cny_id),
            user: identifier(&raw.user_id),
            issued_at: seconds(&raw.iat),
            expires_at: seconds(&raw.exp),
        })
    }
}

/// The payload as it comes, of any type; what is not named here is never copied out of it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Raw {
    cny_id: Value,
    user_id: Value,
    iat: Value,
    exp: Value,
}

/// A text or a number, as it stands; nothing that had to be cleaned or shortened, since a changed
/// identifier would name another account.
fn identifier(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty() && ServiceText::new(&text).as_str() == text).then_some(text)
}

/// A NumericDate (RFC 7519, 2): seconds, perhaps with a fraction, perhaps quoted.
fn seconds(value: &Value) -> Option<Timestamp> {
    let seconds = match value {
        Value::String(text) => text.parse::<i64>().ok()?,
        #[expect(clippy::cast_possible_truncation, reason = "a cast from float to integer saturates")]
        value => value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))?,
    };
    // 0 stands for "none" in some tokens, and no token was made in 1970.
    Timestamp::from_second(seconds).ok().filter(|_| seconds > 0)
}

#[cfg(test)]
pub(crate) mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;

    /// A token with these claims and a signature that nobody checks.
    pub(crate) fn token(claims: &Value) -> Secret {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        Secret::new(format!("{}.{}.c2ln", encode(&json!({ "alg": "HS256" })), encode(claims)))
    }

    #[test]
    fn claims_are_read_where_they_are_and_absent_where_they_are_not() {
        let all = json!({
            "clientId": "x.app.sage.com", "cnyId": "acme", "userId": "Ada", "sessionId": "canary",
            "iat": 1_000, "exp": 44_200,
        });
        let claims = Claims::of(&token(&all)).unwrap();
        assert_eq!(claims.company.as_deref(), Some("acme"));
        assert_eq!(claims.user.as_deref(), Some("Ada"));
        assert_eq!(claims.expires_at, Timestamp::from_second(44_200).ok());
        assert!(!format!("{claims:?}").contains("canary"));

        assert_eq!(Claims::of(&token(&json!({}))), Some(Claims::default()));
        let numbers = Claims::of(&token(&json!({ "cnyId": 17, "exp": "44200", "iat": 1.5 }))).unwrap();
        assert_eq!(numbers.company.as_deref(), Some("17"));
        assert_eq!(numbers.expires_at, Timestamp::from_second(44_200).ok());
    }

    #[test]
    fn odd_values_are_no_claims() {
        for odd in [
            json!({ "cnyId": "", "userId": null, "exp": 0 }),
            json!({ "cnyId": "a\nb", "userId": ["x"], "exp": -5 }),
            json!({ "cnyId": "x".repeat(5_000), "userId": {}, "exp": 1e300 }),
        ] {
            assert_eq!(Claims::of(&token(&odd)), Some(Claims::default()), "{odd}");
        }
    }

    #[test]
    fn what_is_no_jwt_has_no_claims() {
        let nested = format!("a.{}.c", URL_SAFE_NO_PAD.encode("[".repeat(9_000)));
        for text in
            ["", "opaque", "a.b", "a.!!.c", "a.e30.c.d", "..", "a.W10.c", &nested, &"a".repeat(40_000)]
        {
            assert_eq!(Claims::of(&Secret::new(text)), None, "{}", &text[..text.len().min(20)]);
        }
    }
}
