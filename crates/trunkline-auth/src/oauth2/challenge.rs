//! What a resource server says about a bearer token: `WWW-Authenticate` (RFC 6750, 3; RFC 9110, 11.6.1).
//!
//! Start with [`diagnose`].

use http::{HeaderMap, StatusCode, header};
use trunkline_core::{Cause, Diagnosis, Remedy, ScopeSet, ServiceText};

use super::redact::Redactor;
use super::service_error::ServiceError;

/// One challenge of a `WWW-Authenticate` header. Its texts are the service's: untrusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    scheme: String,
    token68: Option<String>,
    params: Vec<(String, String)>,
}

impl Challenge {
    /// The scheme as it was written; compare with [`is`](Self::is).
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Whether it is of `scheme`, in any case.
    #[must_use]
    pub fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// The one unnamed value that some schemes have.
    #[must_use]
    pub fn token68(&self) -> Option<&str> {
        self.token68.as_deref()
    }

    /// The parameter `name`, unescaped; of several, the first.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        let found = self.params.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// Every challenge of every `WWW-Authenticate` header, in order. What cannot be read is left out.
#[must_use]
pub fn parse(headers: &HeaderMap) -> Vec<Challenge> {
    let values = headers.get_all(header::WWW_AUTHENTICATE).iter();
    values.flat_map(|value| parse_one(&String::from_utf8_lossy(value.as_bytes()))).collect()
}

/// What a refused request says about its bearer token, by the error code first:
///
/// * `invalid_token` → the access token no longer serves; one renewal decides.
/// * `insufficient_scope` → a scope is missing, named in the remedy; a renewal would not help.
/// * `insufficient_user_authentication` (RFC 9470) → the user has to sign in again; nothing is revoked.
/// * `invalid_request` → the request itself is wrong.
/// * 401 without an error → as `invalid_token`; a connector that knows better asks before.
///
/// `None` for a success, a 5xx, an unknown error code, and a 401 that does not speak of bearer tokens.
/// [`oauth2::diagnose`](super::diagnose) reads the body, too.
#[must_use]
pub fn diagnose(status: StatusCode, headers: &HeaderMap) -> Option<Diagnosis> {
    if !status.is_client_error() {
        return None;
    }
    let error = stated(headers)?;
    let cause = match cause(&error) {
        Some(cause) => cause,
        None if error.codes.is_empty() && status == StatusCode::UNAUTHORIZED => Cause::AccessTokenRejected,
        None => return None,
    };
    let diagnosis = error.codes.iter().fold(advise(cause, &error), |diagnosis, code| diagnosis.code(code));
    let text = Redactor::new(&[]).clean(error.message.as_deref().unwrap_or(""));
    Some(diagnosis.message(&text).status(status))
}

/// What the first bearer challenge with an error states, or the first one at all.
pub(crate) fn stated(headers: &HeaderMap) -> Option<ServiceError> {
    let challenges: Vec<_> = parse(headers).into_iter().filter(|challenge| challenge.is("Bearer")).collect();
    let challenge = challenges.iter().find(|c| c.param("error").is_some()).or(challenges.first())?;
    let param = |name| challenge.param(name).map(str::to_owned);
    let codes = param("error").into_iter().collect();
    Some(ServiceError { codes, message: param("error_description"), scope: param("scope") })
}

/// What the first code that a standard knows means for a request to an API.
pub(crate) fn cause(error: &ServiceError) -> Option<Cause> {
    error.codes.iter().find_map(|code| {
        Some(match code.as_str() {
            "invalid_token" => {
                let text = error.message.as_deref().unwrap_or("").to_ascii_lowercase();
                if text.contains("expired") { Cause::AccessTokenExpired } else { Cause::AccessTokenRejected }
            }
            "insufficient_scope" => Cause::ScopeMissing,
            "insufficient_user_authentication" => Cause::AuthenticationRequired,
            "invalid_request" => Cause::RequestInvalid,
            "server_error" | "temporarily_unavailable" => Cause::ServiceUnavailable,
            "slow_down" => Cause::RateLimited,
            _ => return None,
        })
    })
}

/// A diagnosis that names the scopes, where they are what is missing.
pub(crate) fn advise(cause: Cause, error: &ServiceError) -> Diagnosis {
    let diagnosis = Diagnosis::new(cause);
    match error.scope.as_deref().map(ServiceText::new) {
        Some(scope) if cause == Cause::ScopeMissing && !scope.as_str().is_empty() => {
            let remedy = Remedy::new("scope_missing.named").value("scope", scope.as_str());
            diagnosis.remedied(remedy.step("Connect again and approve the scope `{scope}`."))
        }
        _ => diagnosis,
    }
}

/// The scopes that the service says the request needs, where it names any.
#[must_use]
pub fn required_scopes(headers: &HeaderMap) -> Option<ScopeSet> {
    let challenges = parse(headers);
    let named = challenges.iter().filter(|challenge| challenge.is("Bearer"));
    named.filter_map(|challenge| challenge.param("scope")).map(|scope| ScopeSet::parse(scope, ' ')).next()
}

fn parse_one(text: &str) -> Vec<Challenge> {
    let mut input = Input(text);
    let mut challenges: Vec<Challenge> = Vec::new();
    loop {
        input.skip(|c| c == ',' || c == ' ' || c == '\t');
        if input.0.is_empty() {
            return challenges;
        }
        let name = input.token();
        if name.is_empty() {
            // Not a token: a broken header. Go on after the next comma.
            input.skip(|c| c != ',');
            continue;
        }
        // `name =` is a parameter of the challenge before it, anything else starts a challenge.
        match (input.value(), challenges.last_mut()) {
            (Some(value), Some(challenge)) => challenge.params.push((name.to_owned(), value)),
            (Some(_), None) => {}
            (None, _) => {
                let (scheme, token68) = (name.to_owned(), input.token68());
                challenges.push(Challenge { scheme, token68, params: Vec::new() });
            }
        }
    }
}

/// The rest of a header that is not read yet.
struct Input<'a>(&'a str);

impl<'a> Input<'a> {
    fn skip(&mut self, skipped: impl Fn(char) -> bool) {
        self.0 = self.0.trim_start_matches(skipped);
    }

    fn take(&mut self, taken: impl Fn(char) -> bool) -> &'a str {
        let (head, tail) = self.0.split_at(self.0.find(|c| !taken(c)).unwrap_or(self.0.len()));
        self.0 = tail;
        head
    }

    fn token(&mut self) -> &'a str {
        self.take(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
    }

    /// `= value` with its blanks; `None`, and nothing read, when no value follows.
    fn value(&mut self) -> Option<String> {
        let mut ahead = Input(self.0);
        ahead.skip(|c| c == ' ' || c == '\t');
        ahead.0 = ahead.0.strip_prefix('=')?;
        ahead.skip(|c| c == ' ' || c == '\t');
        let value = match ahead.0.strip_prefix('"') {
            Some(rest) => {
                ahead.0 = rest;
                ahead.quoted()
            }
            None => ahead.take(|c| c != ',' && c != ' ' && c != '\t').to_owned(),
        };
        self.0 = ahead.0;
        Some(value)
    }

    /// The rest of a quoted string; one that is never closed ends with the header.
    fn quoted(&mut self) -> String {
        let mut out = String::new();
        let mut chars = self.0.chars();
        while let Some(c) = chars.next() {
            match c {
                '"' => break,
                '\\' => out.extend(chars.next()),
                c => out.push(c),
            }
        }
        self.0 = chars.as_str();
        out
    }

    /// The unnamed value after a scheme, if what follows is no parameter.
    fn token68(&mut self) -> Option<String> {
        let mut ahead = Input(self.0);
        ahead.skip(|c| c == ' ' || c == '\t');
        let body = ahead.take(|c| c.is_ascii_alphanumeric() || "-._~+/".contains(c));
        let padding = ahead.take(|c| c == '=');
        let blanks = ahead.0.trim_start_matches([' ', '\t']);
        let ended = blanks.is_empty() || blanks.starts_with(',');
        if body.is_empty() || !ended {
            return None;
        }
        self.0 = ahead.0;
        Some(format!("{body}{padding}"))
    }
}
