//! A session that comes as a cookie (RFC 6265).

use http::HeaderMap;
use http::header::SET_COOKIE;
use trunkline_core::Secret;

/// What an answer sets one cookie to.
pub(super) struct Cookie {
    pub(super) value: Secret,
    /// How long it serves, in seconds, where the answer says so.
    pub(super) max_age_s: Option<i64>,
}

/// The cookie `name` of an answer. One that is set twice counts as it was set last; one that is taken away is none.
pub(super) fn find(headers: &HeaderMap, name: &str) -> Option<Cookie> {
    let lines = headers.get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
    let cookie = lines.filter_map(|line| read(line, name)).next_back()?;
    let is_taken_away = cookie.value.is_empty() || cookie.max_age_s.is_some_and(|seconds| seconds <= 0);
    (!is_taken_away).then_some(cookie)
}

fn read(line: &str, name: &str) -> Option<Cookie> {
    let mut parts = line.split(';');
    let (own, value) = parts.next()?.split_once('=')?;
    let mut attributes = parts.filter_map(|part| part.split_once('='));
    let max_age = attributes.find(|(known, _)| known.trim().eq_ignore_ascii_case("max-age"));
    let max_age_s = max_age.and_then(|(_, seconds)| seconds.trim().parse().ok());
    (own.trim() == name).then(|| Cookie { value: Secret::new(value.trim()), max_age_s })
}
