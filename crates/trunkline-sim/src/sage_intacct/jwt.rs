//! The service's tokens: JWTs, signed with HS256.

use std::collections::HashSet;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

/// Claims of access and refresh tokens. `clientId`, `cnyId`, `sessionId` and `exp` have been seen
/// in the service's tokens; `userId` and `iat` are this simulator's.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Claims {
    pub(crate) client_id: String,
    pub(crate) cny_id: String,
    pub(crate) user_id: String,
    pub(crate) session_id: String,
    pub(crate) iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exp: Option<i64>,
}

pub(crate) fn sign(key: &[u8], claims: &Claims) -> String {
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(key))
        .expect("plain claims and an HMAC key always encode")
}

/// The claims of a token that this simulator signed. Expiry is not judged here: the caller has
/// the simulated clock.
pub(crate) fn claims(key: &[u8], token: &str) -> Option<Claims> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    validation.required_spec_claims = HashSet::new();
    jsonwebtoken::decode(token, &DecodingKey::from_secret(key), &validation).ok().map(|data| data.claims)
}

/// Whether the text is a JWT with the elements of ours, whoever signed it.
pub(crate) fn is_well_formed(token: &str) -> bool {
    jsonwebtoken::dangerous::insecure_decode::<Claims>(token).is_ok()
}
