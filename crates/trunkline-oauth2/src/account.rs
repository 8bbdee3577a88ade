//! Who the service says we are.

use serde::Deserialize;
use serde_json::Value;
use trunkline_core::{Account, Secret, ServiceText};

/// How the account is known. Where no source is set, the first of these that the service offers counts:
/// `userinfo` if its endpoint is a setting or the scope `openid` is asked for, `introspection` if its endpoint
/// is a setting, `id_token` if one came. Otherwise, and for client credentials without introspection, it stays
/// unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AccountSource {
    /// The UserInfo endpoint, asked with the access token; a real call, which proves that it serves.
    Userinfo,
    /// The claims of the id token. It came straight from the token endpoint, so TLS vouches for it (OpenID
    /// Connect Core, 3.1.3.7); issuer and audience are compared.
    IdToken,
    /// What the service answers about the access token (RFC 7662).
    Introspection,
    /// Members of the token answer, such as `team_id`.
    TokenResponse,
    /// Nowhere: the account stays unknown, and nothing is asked.
    None,
}

/// The account that `members` name; `None` unless they name a user or a company.
pub(crate) fn of_members(members: &Value, user: &str, company: Option<&str>) -> Option<Account> {
    let at = |path: &str| {
        let found = path.split('.').try_fold(members, |value, name| value.get(name))?;
        match found {
            Value::String(text) => identifier(text),
            Value::Number(number) => identifier(&number.to_string()),
            _ => None,
        }
    };
    account(at(user), company.and_then(at))
}

/// The account of members that are asked for one by one.
pub(crate) fn of(
    member: impl Fn(&str) -> Option<Secret>,
    user: &str,
    company: Option<&str>,
) -> Option<Account> {
    let at = |name: &str| member(name).and_then(|value| identifier(value.expose()));
    account(at(user), company.and_then(at))
}

fn account(user: Option<String>, company: Option<String>) -> Option<Account> {
    match (user, company) {
        (None, None) => None,
        (user, company) => Some(Account::new(company.unwrap_or_default(), user.unwrap_or_default())),
    }
}

/// An identifier as it stands; one that had to be cleaned or shortened would name another account.
fn identifier(text: &str) -> Option<String> {
    (!text.is_empty() && ServiceText::new(text).as_str() == text).then(|| text.to_owned())
}
