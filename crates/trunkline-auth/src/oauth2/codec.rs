//! Reads what token endpoints answer, tolerantly, and never takes an error for a token.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use trunkline_core::{Captures, Error, ErrorKind, ScopeSet, Secret};

use super::cookie;
use super::expiry::{Life, TimeUnit, Times, ZeroExpiry};
use super::json::{Json, Members};
use super::response::{Defect, TokenResponse};
use super::service_error::ServiceError;

/// Longest value of a capture, in bytes.
const MAX_CAPTURE_BYTES: usize = 2048;

/// Names that are never captures: captures are no secrets.
const TOKENS: [&str; 6] =
    ["access_token", "accessToken", "refresh_token", "refreshToken", "id_token", "idToken"];

type Reader = fn(&Times, &Json) -> Life;

/// How a service's token answers are read.
///
/// By default: JSON, form-encoded or text bodies of UTF-8 without repeated members; the standard's
/// member names and their camelCase twins; numbers also as texts; errors before tokens.
#[derive(Debug, Clone, Default)]
pub struct TokenCodec {
    aliases: Vec<(String, String)>,
    within: Option<String>,
    captures: Vec<String>,
    pub(crate) scope_separator: Option<char>,
    duration_unit: TimeUnit,
    point_unit: TimeUnit,
    zero: ZeroExpiry,
    issued_at: Option<(String, TimeUnit)>,
    grant_expiry: Option<String>,
    token_types: Vec<String>,
    error_aliases: Vec<(String, String)>,
    cookie: Option<String>,
}

impl TokenCodec {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Also finds the standard's member `standard` under `name`, whose dots lead into objects; `name` is looked for first.
    #[must_use]
    pub fn alias(mut self, standard: impl Into<String>, name: impl Into<String>) -> Self {
        self.aliases.push((standard.into(), name.into()));
        self
    }

    /// The token stands in the object `member`. Errors are looked for outside and inside.
    #[must_use]
    pub fn within(mut self, member: impl Into<String>) -> Self {
        self.within = Some(member.into());
        self
    }

    /// Keeps the member `name` as a capture of the connection, such as `instance_url`. It must be no
    /// secret; the connector validates it before it is used.
    #[must_use]
    pub fn capture(mut self, name: impl Into<String>) -> Self {
        self.captures.push(name.into());
        self
    }

    /// What separates scopes in answers. Default: what separates them in requests.
    #[must_use]
    pub fn scope_separator(mut self, separator: char) -> Self {
        self.scope_separator = Some(separator);
        self
    }

    /// The unit of `expires_in` and its kin. Default seconds.
    #[must_use]
    pub fn expires_in_unit(mut self, unit: TimeUnit) -> Self {
        self.duration_unit = unit;
        self
    }

    /// The unit of `expires_at` and its kin, where it is a number. Default seconds since 1970.
    #[must_use]
    pub fn expires_at_unit(mut self, unit: TimeUnit) -> Self {
        self.point_unit = unit;
        self
    }

    /// What a lifetime of zero or less means. Default: unknown.
    #[must_use]
    pub fn zero_expiry(mut self, meaning: ZeroExpiry) -> Self {
        self.zero = meaning;
        self
    }

    /// The policy's default lifetime counts from the member `name`, if that is earlier than the
    /// request. For services that hand out a token that was made before.
    #[must_use]
    pub fn issued_at(mut self, name: impl Into<String>, unit: TimeUnit) -> Self {
        self.issued_at = Some((name.into(), unit));
        self
    }

    /// The member `name` says in how long the whole grant ends, whatever is done.
    #[must_use]
    pub fn grant_expires_in(mut self, name: impl Into<String>) -> Self {
        self.grant_expiry = Some(name.into());
        self
    }

    /// Takes `name` as another word for the token type `Bearer`.
    #[must_use]
    pub fn bearer_type(mut self, name: impl Into<String>) -> Self {
        self.token_types.push(name.into());
        self
    }

    /// Takes the service's error code `name` as the standard's `standard`.
    #[must_use]
    pub fn error_alias(mut self, name: impl Into<String>, standard: impl Into<String>) -> Self {
        self.error_aliases.push((name.into(), standard.into()));
        self
    }

    /// The access token is the cookie `name` that the answer sets, and serves as long as its `Max-Age` says. Whatever the
    /// body states counts first.
    #[must_use]
    pub fn cookie(mut self, name: impl Into<String>) -> Self {
        self.cookie = Some(name.into());
        self
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.captures.iter().any(|name| TOKENS.contains(&name.as_str())) {
            return Err(Error::new(ErrorKind::ConfigInvalid, "a token cannot be a capture"));
        }
        Ok(())
    }

    pub(crate) fn times(&self, started: Timestamp, offset: SignedDuration) -> Times {
        Times {
            started,
            offset,
            duration_unit: self.duration_unit,
            point_unit: self.point_unit,
            zero: self.zero,
        }
    }

    /// Reads an answer; `is_empty` where it says itself that it has no body. `default_lifetime` counts when it does not say
    /// how long the token serves.
    pub(crate) fn read(
        &self,
        headers: &HeaderMap,
        is_empty: bool,
        body: &[u8],
        times: &Times,
        default_lifetime: Option<Duration>,
    ) -> Result<TokenResponse, Defect> {
        let members = match self.members(body) {
            // Half an answer has its headers, too: what has no body says so.
            Err(Defect::Unreadable) if self.cookie.is_some() && is_empty => Members::default(),
            members => members?,
        };
        let token = |name| self.member(&members, name).and_then(Json::text).map(Secret::new);
        let cookie = self.cookie.as_ref().map(|name| cookie::find(headers, name).ok_or(Defect::TokenMissing));
        let cookie = cookie.transpose()?;
        let told = cookie.as_ref().and_then(|cookie| cookie.max_age_s);
        let told =
            told.and_then(|seconds| times.started.checked_add(SignedDuration::from_secs(seconds)).ok());
        let access_token = match cookie {
            Some(cookie) => cookie.value,
            None => token("access_token").ok_or(Defect::TokenMissing)?,
        };
        self.check_type(&members)?;
        Ok(TokenResponse {
            access_token,
            refresh_token: token("refresh_token"),
            scopes: self.scopes(&members),
            access_expires_at: told.or_else(|| self.access_expiry(&members, times, default_lifetime)),
            refresh_expires_at: self.refresh_expiry(&members, times),
            grant_expires_at: self.grant_expiry.as_deref().and_then(|name| {
                match times.duration(members.get(name)?) {
                    Life::Until(end) => Some(end),
                    Life::Unknown | Life::Never => None,
                }
            }),
            captures: self.captures(&members),
            members,
        })
    }

    /// The members of an answer that states no error.
    pub(super) fn members(&self, body: &[u8]) -> Result<Members, Defect> {
        let mut outer = members(body)?;
        self.error(&outer)?;
        let Some(name) = &self.within else { return Ok(outer) };
        let inner = outer.take_object(name).ok_or(Defect::TokenMissing)?;
        self.error(&inner)?;
        Ok(inner)
    }

    /// What a refused answer states. Where the status says that it is a refusal, codes and texts count
    /// wherever they stand; in a success only what can be nothing but an error does.
    pub(crate) fn refusal(&self, status: StatusCode, body: &[u8]) -> Option<Defect> {
        let find = if status.is_success() { ServiceError::find } else { ServiceError::find_in_refusal };
        let outer = match members(body) {
            Ok(outer) => outer,
            Err(Defect::Unreadable) if !status.is_success() => {
                return Some(
                    listed(body).map_or(Defect::Unreadable, |it| Defect::Service(self.standard(it))),
                );
            }
            Err(defect) => return Some(defect),
        };
        let inner = self.within.as_ref().and_then(|name| match outer.get(name) {
            Some(Json::Object(inner)) => find(inner),
            _ => None,
        });
        find(&outer).or(inner).map(|error| Defect::Service(self.standard(error)))
    }

    /// What stands against an answer that needs no content: a stated error, or a page for people.
    pub(crate) fn objection(&self, status: StatusCode, body: &[u8]) -> Option<Defect> {
        self.refusal(status, body).filter(|defect| matches!(defect, Defect::Service(_) | Defect::Markup))
    }

    fn error(&self, members: &Members) -> Result<(), Defect> {
        ServiceError::find(members).map_or(Ok(()), |error| Err(Defect::Service(self.standard(error))))
    }

    /// Puts the standard's code before a service's own word for it.
    fn standard(&self, mut error: ServiceError) -> ServiceError {
        let code = error.codes.first();
        if let Some((_, standard)) = self.error_aliases.iter().find(|(name, _)| Some(name) == code) {
            error.codes.insert(0, standard.clone());
        }
        error
    }

    pub(super) fn member<'a>(&self, members: &'a Members, standard: &str) -> Option<&'a Json> {
        let aliases = self.aliases.iter().filter(|(of, _)| of == standard);
        aliases
            .filter_map(|(_, name)| members.at(name))
            .chain(members.get(standard))
            .next()
            .or_else(|| members.get(&camel_case(standard)))
    }

    fn check_type(&self, members: &Members) -> Result<(), Defect> {
        const BEARER: [&str; 4] = ["bearer", "bearertoken", "application access token", "user access token"];
        let Some(value) = self.member(members, "token_type") else { return Ok(()) };
        let Json::Text(name) = value else { return Err(Defect::TokenTypeUnknown) };
        let name = name.trim();
        let known = name.is_empty()
            || BEARER.iter().any(|known| known.eq_ignore_ascii_case(name))
            || self.token_types.iter().any(|known| known.eq_ignore_ascii_case(name));
        if known { Ok(()) } else { Err(Defect::TokenTypeUnknown) }
    }

    fn scopes(&self, members: &Members) -> Option<ScopeSet> {
        let separator = self.scope_separator.unwrap_or(' ');
        match self.member(members, "scope").or_else(|| self.member(members, "scopes"))? {
            Json::Text(text) => Some(ScopeSet::parse(text, separator)),
            Json::List(items) => Some(items.iter().filter_map(Json::text).collect()),
            _ => None,
        }
    }

    fn access_expiry(
        &self,
        members: &Members,
        times: &Times,
        default_lifetime: Option<Duration>,
    ) -> Option<Timestamp> {
        let readers: [(&str, Reader); 4] = [
            ("expires_in", Times::duration),
            ("expires_at", Times::point),
            ("expires_on", Times::point),
            ("expires", Times::either),
        ];
        for (name, read) in readers {
            match self.member(members, name).map_or(Life::Unknown, |value| read(times, value)) {
                Life::Until(end) => return Some(end),
                Life::Never => return None,
                Life::Unknown => {}
            }
        }
        self.issued(members, times).checked_add(default_lifetime?).ok()
    }

    fn issued(&self, members: &Members, times: &Times) -> Timestamp {
        let issued = self.issued_at.as_ref().and_then(|(name, unit)| {
            match (Times { point_unit: *unit, ..*times }).point(members.get(name)?) {
                Life::Until(time) => Some(time),
                Life::Unknown | Life::Never => None,
            }
        });
        issued.unwrap_or(times.started).min(times.started)
    }

    fn refresh_expiry(&self, members: &Members, times: &Times) -> Option<Timestamp> {
        let readers: [(&str, Reader); 4] = [
            ("refresh_token_expires_in", Times::duration),
            ("x_refresh_token_expires_in", Times::duration),
            ("refresh_expires_in", Times::duration),
            ("refresh_token_expires_at", Times::point),
        ];
        readers.into_iter().find_map(|(name, read)| match read(times, self.member(members, name)?) {
            Life::Until(end) => Some(end),
            Life::Unknown | Life::Never => None,
        })
    }

    fn captures(&self, members: &Members) -> Captures {
        let mut captures = Captures::default();
        for name in &self.captures {
            let value = members.get(name).and_then(Json::scalar);
            let fit = value.filter(|value| {
                value.expose().len() <= MAX_CAPTURE_BYTES && !value.expose().chars().any(char::is_control)
            });
            if let Some(value) = fit {
                captures.insert(name, value.expose());
            }
        }
        captures
    }
}

/// Sniffs the format from the body: content types lie, and the formats cannot be confused.
pub(super) fn members(body: &[u8]) -> Result<Members, Defect> {
    let text = std::str::from_utf8(body).map_err(|_| Defect::Unreadable)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim();
    match text.as_bytes().first() {
        Some(b'{') => match serde_json::from_str(text) {
            Ok(Json::Object(members)) => Ok(members),
            _ => Err(Defect::Unreadable),
        },
        Some(b'<') => Err(Defect::Markup),
        Some(b'[' | b'"') | None => Err(Defect::Unreadable),
        Some(_) if text.contains('=') => Members::from_form(text).ok_or(Defect::Unreadable),
        Some(_) => Err(Defect::Unreadable),
    }
}

/// The errors of a refusal that is a list of them, as Salesforce's are.
fn listed(body: &[u8]) -> Option<ServiceError> {
    let text = std::str::from_utf8(body).ok()?.trim_start_matches('\u{feff}').trim();
    match serde_json::from_str(text).ok().filter(|_| text.starts_with('['))? {
        Json::List(items) => ServiceError::of_list(&items),
        _ => None,
    }
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut out = words.next().unwrap_or("").to_owned();
    for word in words {
        let mut chars = word.chars();
        out.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        out.push_str(chars.as_str());
    }
    out
}
