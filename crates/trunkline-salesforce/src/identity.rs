//! Who a token is for: the ids of org and user, and the signature that vouches for them.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use trunkline_auth::oauth2::TokenResponse;
use trunkline_core::url::Url;
use trunkline_core::{Account, Secret, ServiceText};

/// The account that a token answer names, if its signature does not speak against it.
///
/// A signature that does not fit is no reason to throw a grant away: while a consumer secret is being replaced
/// the service may use the other one. The hint is left out, and the service is asked instead.
pub(crate) fn hint(token: &TokenResponse, secret: Option<&Secret>) -> Option<Account> {
    let text = |name: &str| token.member(name);
    let id = text("id")?;
    if let (Some(secret), Some(signature)) = (secret, text("signature")) {
        let issued_at = text("issued_at")?;
        if !is_signed(secret, id.expose(), issued_at.expose(), signature.expose()) {
            return None;
        }
    }
    of_url(id.expose())
}

/// `signature` is the HMAC of `id` and `issued_at` under the consumer secret.
fn is_signed(secret: &Secret, id: &str, issued_at: &str, signature: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let Ok(signature) = STANDARD.decode(signature) else { return false };
    hmac::verify(&key, format!("{id}{issued_at}").as_bytes(), &signature).is_ok()
}

/// The account of an identity URL, `https://…/id/{org}/{user}`.
fn of_url(id: &str) -> Option<Account> {
    let url = Url::parse(id).ok()?;
    let mut path = url.path_segments()?;
    let (Some("id"), Some(org), Some(user), None) = (path.next(), path.next(), path.next(), path.next())
    else {
        return None;
    };
    Some(Account::new(long(org)?, long(user)?))
}

/// What `userinfo` says of the caller.
#[derive(Deserialize)]
struct UserInfo {
    organization_id: String,
    user_id: String,
    #[serde(default)]
    preferred_username: Option<String>,
}

/// The account that an answer of `userinfo` names.
pub(crate) fn of_userinfo(body: &[u8]) -> Option<Account> {
    let told: UserInfo = serde_json::from_slice(body).ok()?;
    let mut account = Account::new(long(&told.organization_id)?, long(&told.user_id)?);
    if let Some(username) = told.preferred_username {
        let username = ServiceText::new(&username).as_str().to_owned();
        account.details.insert("username".to_owned(), username);
    }
    Some(account)
}

/// The long form of an id, which is what ids are compared by: the short one with three characters that say which
/// of its letters are capitals, in three groups of five.
pub(crate) fn long(id: &str) -> Option<String> {
    const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    match id.len() {
        18 => Some(id.to_owned()),
        15 => {
            let digit = |group: &[u8]| {
                let capitals = group
                    .iter()
                    .rev()
                    .fold(0, |bits, byte| bits << 1 | usize::from(byte.is_ascii_uppercase()));
                char::from(DIGITS[capitals])
            };
            Some(id.chars().chain(id.as_bytes().chunks(5).map(digit)).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "https://login.salesforce.com/id/00Dxx0000001gEREAY/005xx000001SwiUAAS";

    #[test]
    fn ids_are_compared_in_their_long_form() {
        for (short, expected) in [
            ("00Dxx0000001gER", "00Dxx0000001gEREAY"),
            ("005xx000001SwiU", "005xx000001SwiUAAS"),
            ("001xx000003DGb2", "001xx000003DGb2AAG"),
        ] {
            assert_eq!(long(short).as_deref(), Some(expected));
            assert_eq!(long(expected).as_deref(), Some(expected));
        }
        for bad in ["", "00D", "00Dxx0000001gE/", "00Dxx0000001gEREA", "00Dxx0000001gEREAYY", "äääääää0"]
        {
            assert_eq!(long(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_identity_url_names_org_and_user() {
        let account = Account::new("00Dxx0000001gEREAY", "005xx000001SwiUAAS");
        assert_eq!(of_url(ID), Some(account.clone()));
        assert_eq!(of_url("https://a.my.salesforce.com/id/00Dxx0000001gER/005xx000001SwiU"), Some(account));
        for bad in ["", "https://x/id/00Dxx0000001gER", "https://x/id/a/b", &format!("{ID}/x")] {
            assert_eq!(of_url(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_signature_is_that_of_the_reference() {
        let secret = Secret::new("TESTSECRET-0123456789");
        let signature = "EfjdC1PBK1xRaKSLuyuu5vp5E+seum4il/jYBJRY4zw=";
        assert!(is_signed(&secret, ID, "1767225600000", signature));
        assert!(!is_signed(&secret, ID, "1767225600001", signature));
        assert!(!is_signed(&Secret::new("another"), ID, "1767225600000", signature));
        assert!(!is_signed(&secret, ID, "1767225600000", "no base64!"));
    }

    #[test]
    fn userinfo_without_its_ids_names_nobody() {
        let told = br#"{"organization_id":"00Dxx0000001gER","user_id":"005xx000001SwiU",
            "preferred_username":"a@b.c"}"#;
        let account = of_userinfo(told).unwrap();
        assert!(account.is_same(&of_url(ID).unwrap()) && account.details["username"] == "a@b.c");
        for bad in [&b"{}"[..], b"[]", b"Bad_OAuth_Token", br#"{"organization_id":"x","user_id":"y"}"#] {
            assert_eq!(of_userinfo(bad), None);
        }
    }
}
