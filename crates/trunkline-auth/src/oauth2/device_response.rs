//! What a device authorization endpoint answers (RFC 8628, 3.2).

use std::time::Duration;

use jiff::Timestamp;
use trunkline_core::{Secret, ServiceText, is_secure};
use url::Url;

use super::codec::TokenCodec;
use super::json::{Json, Members};
use super::response::Defect;

/// RFC 8628, 3.2: where the service does not say.
const INTERVAL: Duration = Duration::from_secs(5);

/// Where the service does not say, although it must.
const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// The longest user code, in bytes: a person types it.
const MAX_USER_CODE_BYTES: usize = 64;

/// The codes, and what to do with them.
pub(super) struct DeviceResponse {
    pub(super) device_code: Secret,
    pub(super) user_code: String,
    pub(super) verification_uri: Url,
    pub(super) verification_uri_complete: Option<Url>,
    pub(super) expires_at: Timestamp,
    pub(super) interval: Duration,
}

impl DeviceResponse {
    /// Reads a body, by the member names that `codec` knows.
    pub(super) fn read(codec: &TokenCodec, body: &[u8], started: Timestamp) -> Result<Self, Defect> {
        let members = codec.members(body)?;
        let text = |name| codec.member(&members, name).and_then(Json::text);
        let device_code = text("device_code").filter(|code| !code.is_empty()).ok_or(Defect::Unreadable)?;
        let user_code = text("user_code").and_then(showable).ok_or(Defect::Unreadable)?;
        // Google named it so before the standard did.
        let page = text("verification_uri").or_else(|| text("verification_url"));
        let verification_uri = page.and_then(page_of).ok_or(Defect::Unreadable)?;
        let complete = text("verification_uri_complete").or_else(|| text("verification_url_complete"));
        // A convenience only: one that leads elsewhere is left out, and the code is typed.
        let verification_uri_complete =
            complete.and_then(page_of).filter(|complete| complete.origin() == verification_uri.origin());
        let seconds = |name| seconds(codec, &members, name);
        Ok(Self {
            device_code: Secret::new(device_code),
            user_code,
            verification_uri,
            verification_uri_complete,
            expires_at: started + seconds("expires_in").unwrap_or(LIFETIME),
            interval: seconds("interval").unwrap_or(INTERVAL),
        })
    }
}

/// A code that may stand in a terminal: without control characters, and without those that hide or turn others.
fn showable(code: &str) -> Option<String> {
    let code = code.trim();
    let is_plain = ServiceText::new(code).as_str() == code;
    (!code.is_empty() && code.len() <= MAX_USER_CODE_BYTES && is_plain).then(|| code.to_owned())
}

/// A page that a person may be sent to: a user name before the host only makes it look like another one.
fn page_of(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    (is_secure(&url) && url.username().is_empty() && url.password().is_none()).then_some(url)
}

/// A number of seconds, of a day at most.
fn seconds(codec: &TokenCodec, members: &Members, name: &str) -> Option<Duration> {
    const DAY_S: f64 = 86_400.0;
    let number = codec.member(members, name)?.number().filter(|number| *number > 0.0)?;
    Some(Duration::from_secs_f64(number.min(DAY_S)))
}
