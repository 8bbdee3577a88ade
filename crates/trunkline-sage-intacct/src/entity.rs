//! Entities: which part of the company a request works in.
//!
//! Sage reads one header, [`ENTITY_HEADER`], and ignores every other spelling without complaint: a
//! request with a misspelt header is answered with the rows of the top level and status 200. The name
//! therefore stands here alone, and the hub takes it from the endpoint.

use trunkline_core::http::{HeaderName, HeaderValue};
use trunkline_core::{Cause, Diagnosis, Error};

use crate::remedy;

/// The header that scopes a request to an entity, in the lower case of [`HeaderName`].
pub const ENTITY_HEADER: &str = "x-ia-api-param-entity";

pub(crate) fn entity_header() -> HeaderName {
    HeaderName::from_static(ENTITY_HEADER)
}

/// Longest entity id, in bytes; a bound of ours.
const MAX_BYTES: usize = 200;

/// An entity id that can stand in a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entity(String);

impl Entity {
    /// Takes an id as it is: visible ASCII, blanks inside allowed, none at the ends.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let printable = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if text.is_empty() || text.len() > MAX_BYTES || text.trim() != text || !printable {
            return Err(Diagnosis::new(Cause::RequestInvalid).remedied(remedy::ENTITY_ID).into());
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn header_value(&self) -> Result<HeaderValue, Error> {
        HeaderValue::from_str(&self.0).map_err(|_| Error::of(Cause::RequestInvalid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_that_can_stand_in_a_header_is_an_entity_id() {
        for good in ["E100", "100", "North America", "E|1"] {
            let entity = Entity::parse(good).unwrap();
            assert_eq!(entity.header_value().unwrap(), good);
        }
        for bad in ["", " E100", "E100\r\nX-Other: 1", "E\u{0}", "Zürich", &"x".repeat(201)] {
            assert!(Entity::parse(bad).is_err(), "{bad:?}");
        }
    }
}
