//! A Security Event Token as it came: taken apart, and not yet believed (RFC 8417).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use crate::json::{self, text};
use crate::{Refusal, RefusalCode};

/// A token in the compact serialisation (RFC 7515, 7.1).
#[derive(Debug)]
pub(crate) struct Unverified<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<String>,
    pub(crate) claims: Map<String, Value>,
    /// Header and payload, as they were signed.
    pub(crate) signed: &'a [u8],
    pub(crate) signature: Vec<u8>,
}

impl<'a> Unverified<'a> {
    /// Takes a token apart. What the header says about keys beyond `kid` is not looked at: it is the sender's
    /// word about the sender.
    pub(crate) fn parse(token: &'a [u8], longest: usize) -> Result<Self, Refusal> {
        if token.len() > longest {
            return Err(Refusal::malformed("the token is too long"));
        }
        let mut parts = token.split(|byte| *byte == b'.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refusal::malformed("not three parts, as a signed token has"));
        };
        let header_members = json::object(&decoded(header)?)?;
        check_type(&header_members)?;
        if header_members.contains_key("crit") {
            return Err(Refusal::malformed("the header asks for an extension"));
        }
        let kid = match header_members.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err(Refusal::malformed("kid is no text")),
        };
        Ok(Self {
            algorithm: algorithm(&header_members)?,
            kid,
            claims: json::object(&decoded(payload)?)?,
            signed: &token[..header.len() + 1 + payload.len()],
            signature: decoded(signature)?,
        })
    }
}

/// The explicit type keeps other JWTs of the same issuer out (RFC 8417, 2.3).
fn check_type(header: &Map<String, Value>) -> Result<(), Refusal> {
    let is_set = text(header, "typ").is_some_and(|typ| {
        // A media type without a slash stands for one below `application/` (RFC 7515, 4.1.9).
        let typ = typ.to_ascii_lowercase();
        typ.strip_prefix("application/").unwrap_or(&typ) == "secevent+jwt"
    });
    if is_set { Ok(()) } else { Err(Refusal::malformed("typ is not secevent+jwt")) }
}

/// Signatures only: `none` proves nothing, and a shared secret is what the public key would be taken for.
fn algorithm(header: &Map<String, Value>) -> Result<Algorithm, Refusal> {
    match text(header, "alg") {
        Some("RS256") => Ok(Algorithm::RS256),
        Some("PS256") => Ok(Algorithm::PS256),
        Some("ES256") => Ok(Algorithm::ES256),
        Some("EdDSA") => Ok(Algorithm::EdDSA),
        _ => Err(Refusal::new(RefusalCode::InvalidKey, "alg is none of RS256, PS256, ES256, EdDSA")),
    }
}

fn decoded(part: &[u8]) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::malformed("not Base64url without padding"))
}
