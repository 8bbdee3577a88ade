//! The gateway's own codes.

use trunkline_core::{Call, Cause, Diagnosis, Remedy};

use crate::envelope::ServiceError;
use crate::remedy;

/// What a code of the gateway means in a call of the API and at the token endpoint. A code about a token
/// stands in `token.rs`, since its meaning depends on what the token was for.
struct Row {
    code: &'static str,
    api: Cause,
    oauth: (Cause, Option<Remedy>),
}

const fn same(code: &'static str, cause: Cause, remedy: Option<Remedy>) -> Row {
    Row { code, api: cause, oauth: (cause, remedy) }
}

/// A defect of what was sent: of the request in a call, of our settings where a token is asked for.
const fn defect(code: &'static str) -> Row {
    Row {
        code,
        api: Cause::RequestInvalid,
        oauth: (Cause::ConfigurationInvalid, Some(remedy::TOKEN_REQUEST)),
    }
}

const fn username(code: &'static str) -> Row {
    Row { code, api: Cause::RequestInvalid, oauth: (Cause::UserCredentialsInvalid, Some(remedy::USERNAME)) }
}

const ROWS: &[Row] = &[
    // Cannot process the request: it was not.
    same("GW-0001", Cause::ServiceUnavailable, None),
    // No slot left.
    same("GW-0010", Cause::RateLimited, None),
    // Tenant, sender or client is missing or inactive; Sage does not say which.
    same("GW-0011", Cause::CompanyInactive, Some(remedy::COMPANY)),
    // A username without its company.
    username("GW-0012"),
    // XML where JSON is wanted.
    defect("GW-0014"),
    // A required attribute is missing.
    defect("GW-0015"),
    // The grant type is invalid, or the body no list of attributes.
    defect("GW-0032"),
    // No such OAuth endpoint.
    defect("GW-0033"),
    // The Authorization header does not start with Bearer.
    defect("GW-0034"),
    // A token request without a body.
    defect("GW-0035"),
    // An empty username.
    username("GW-0036"),
    // No client ID, several of them, several usernames.
    defect("GW-0037"),
    defect("GW-0038"),
    defect("GW-0039"),
    // A cookie that only Sage's own network may send.
    same("GW-0042", Cause::RequestInvalid, None),
];

/// What the gateway said, if it was the gateway.
pub(crate) fn judge(error: &ServiceError, call: Call) -> Option<Diagnosis> {
    let row = ROWS.iter().find(|row| error.is(row.code))?;
    let (cause, remedy) = match call {
        Call::Api if row.api != row.oauth.0 => (row.api, None),
        _ => row.oauth.clone(),
    };
    Some(remedy.into_iter().fold(Diagnosis::new(cause), Diagnosis::remedied))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_stand_once_and_others_are_nobodys() {
        for (at, row) in ROWS.iter().enumerate() {
            assert!(ROWS[..at].iter().all(|before| before.code < row.code), "{}", row.code);
        }
        let unknown = ServiceError {
            code: Some(trunkline_core::ServiceText::new("GW-0099")),
            ..ServiceError::default()
        };
        assert_eq!(judge(&unknown, Call::Api), None);
    }
}
