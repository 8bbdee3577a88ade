//! What a token says about itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use trunkline_core::Secret;

/// Longest token that is looked into, in bytes.
const MAX_TOKEN_BYTES: usize = 32 * 1024;

/// The payload of a JWT (RFC 7519), as JSON that nobody verified: a hint, never proof. `None` where the token is none,
/// or has more than 32 KiB.
///
/// It is a secret, since some services put one into their claims.
#[must_use]
pub fn unverified_claims(token: &Secret) -> Option<Secret> {
    let token = token.expose();
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let mut parts = token.split('.');
    let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let payload = Secret::new(String::from_utf8(payload).ok()?);
    payload.expose().trim_start().starts_with('{').then_some(payload)
}

/// The claims of an id token that is meant for this client, and comes from this issuer where one is given. To be used
/// for one that came straight from the token endpoint: then TLS vouches for it, and its signature need not be
/// verified (OpenID Connect Core, 3.1.3.7).
#[must_use]
pub fn id_token_claims(id_token: &Secret, client_id: &str, issuer: Option<&str>) -> Option<Value> {
    let claims: Value = serde_json::from_str(unverified_claims(id_token)?.expose()).ok()?;
    let is_issuer = issuer.is_none_or(|issuer| claims.get("iss").and_then(Value::as_str) == Some(issuer));
    let is_ours = match claims.get("aud")? {
        Value::String(audience) => audience == client_id,
        Value::Array(audiences) => audiences.iter().any(|audience| audience.as_str() == Some(client_id)),
        _ => false,
    };
    (is_issuer && is_ours).then_some(claims)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(claims: &Value) -> Secret {
        Secret::new(format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string())))
    }

    #[test]
    fn what_is_no_jwt_has_no_claims() {
        let long = "a".repeat(MAX_TOKEN_BYTES + 1);
        for text in ["", "opaque", "a.b", "a.!!.c", "a.e30.c.d", "..", "a.W10.c", &long] {
            assert_eq!(unverified_claims(&Secret::new(text)), None, "{}", &text[..text.len().min(20)]);
        }
        assert_eq!(unverified_claims(&Secret::new("a.e30=.c")), Some(Secret::new("{}")));
    }

    #[test]
    fn an_id_token_of_another_client_or_issuer_says_nothing() {
        let issuer = "https://login.acme.example";
        for ours in [json!("us"), json!(["them", "us"])] {
            let claims = json!({ "iss": issuer, "aud": ours, "sub": "ada" });
            assert_eq!(id_token_claims(&token(&claims), "us", Some(issuer)), Some(claims.clone()));
            assert_eq!(id_token_claims(&token(&claims), "us", None), Some(claims.clone()));
            assert_eq!(id_token_claims(&token(&claims), "u", None), None);
            assert_eq!(id_token_claims(&token(&claims), "us", Some("https://login.acme")), None);
        }
        for odd in [json!({ "sub": "ada" }), json!({ "aud": 7 }), json!({ "aud": {} }), json!({ "aud": [] })]
        {
            assert_eq!(id_token_claims(&token(&odd), "us", None), None, "{odd}");
        }
        let silent = json!({ "aud": "us" });
        assert_eq!(id_token_claims(&token(&silent), "us", Some(issuer)), None);
    }
}
