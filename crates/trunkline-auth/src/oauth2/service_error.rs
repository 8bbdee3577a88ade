//! Finds the error that a body states (RFC 6749, 5.2, and what services make of it).

use super::json::{Json, Members};

/// An error that a body states.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct ServiceError {
    /// The codes, the one that is classified first.
    pub(crate) codes: Vec<String>,
    /// The text for people: untrusted.
    pub(crate) message: Option<String>,
    /// The scopes that the request needs (RFC 6750, 3).
    pub(crate) scope: Option<String>,
}

/// How many codes of one answer are kept: an answer may list as many as fit into it.
pub(crate) const MAX_CODES: usize = 8;

const CODES: [&str; 8] =
    ["error", "code", "error_code", "errorCode", "o:errorCode", "errorType", "errorId", "type"];
const MESSAGES: [&str; 9] = [
    "error_description",
    "errorDescription",
    "error_message",
    "errorMessage",
    "message",
    "msg",
    "detail",
    "description",
    "reason",
];

impl ServiceError {
    /// The error that `members` state, if they do; looked for before a token is (D01, D11).
    pub(crate) fn find(members: &Members) -> Option<Self> {
        let mut found = Self::default();
        let mut failed = false;
        match members.get("error") {
            Some(Json::Object(inner)) => failed |= found.take_object(inner),
            Some(Json::List(items)) => failed |= found.take_list(items),
            Some(value) => failed |= found.take_code(value),
            None => {}
        }
        // NetSuite puts its own beside what RFC 9457 has.
        for name in ["errors", "o:errorDetails"] {
            if let Some(Json::List(items)) = members.get(name) {
                failed |= found.take_list(items);
            }
        }
        for name in ["errorCode", "error_code", "errorId"] {
            failed |= members.get(name).is_some_and(|value| found.take_code(value));
        }
        for name in ["ok", "success"] {
            failed |= matches!(members.get(name), Some(Json::Bool(false)));
        }
        if !failed {
            failed = found.take_envelope(members);
        }
        if !failed {
            return None;
        }
        if let Some(Json::Text(code)) = members.get("suberror") {
            found.keep(code.to_string());
        }
        found.take_message(members);
        found.scope = members.get("scope").and_then(Json::text).map(str::to_owned);
        Some(found)
    }

    /// The error of a refusal, whose members may say anything about it: a bare code or text counts, too.
    pub(crate) fn find_in_refusal(members: &Members) -> Option<Self> {
        Self::find(members).or_else(|| {
            let mut found = Self::default();
            found.take_object(members).then_some(found)
        })
    }

    /// The errors that stand in a list by themselves.
    pub(crate) fn of_list(items: &[Json]) -> Option<Self> {
        let mut found = Self::default();
        let objects = items.iter().filter_map(|item| match item {
            Json::Object(members) => Some(members),
            _ => None,
        });
        let stated = objects.map(|members| found.take_object(members)).filter(|stated| *stated).count();
        (stated > 0).then_some(found)
    }

    /// Adds what another place of the same answer says; what is said here counts first.
    pub(crate) fn followed_by(mut self, other: Self) -> Self {
        for code in other.codes {
            if !self.codes.contains(&code) {
                self.keep(code);
            }
        }
        self.message = self.message.or(other.message);
        self.scope = self.scope.or(other.scope);
        self
    }

    /// `{"code": 20003, "msg": …}`: a code that is not zero, and no token beside it.
    fn take_envelope(&mut self, members: &Members) -> bool {
        let has_token = ["access_token", "accessToken"].iter().any(|name| members.get(name).is_some());
        match members.get("code") {
            Some(code @ Json::Integer(number)) if !has_token && !(200..300).contains(number) => {
                self.take_code(code)
            }
            _ => false,
        }
    }

    fn keep(&mut self, code: String) {
        if self.codes.len() < MAX_CODES {
            self.codes.push(code);
        }
    }

    fn take_code(&mut self, value: &Json) -> bool {
        match value {
            Json::Bool(failed) => return *failed,
            Json::Integer(0) | Json::Null => return false,
            Json::Integer(number) => self.keep(number.to_string()),
            // TikTok's envelope says `ok` where others say nothing.
            Json::Text(code)
                if code.is_empty() || code.eq_ignore_ascii_case("ok") || code.as_str() == "0" =>
            {
                return false;
            }
            Json::Text(code) => self.keep(code.to_string()),
            Json::Float(_) | Json::List(_) | Json::Object(_) => return false,
        }
        true
    }

    fn take_object(&mut self, members: &Members) -> bool {
        let before = self.codes.len();
        for value in CODES.iter().filter_map(|name| members.get(name)) {
            self.take_code(value);
        }
        self.take_message(members);
        self.codes.len() > before || self.message.is_some()
    }

    fn take_list(&mut self, items: &[Json]) -> bool {
        for item in items {
            match item {
                Json::Object(members) => {
                    self.take_object(members);
                }
                Json::Text(text) if text.contains(' ') => {
                    self.message.get_or_insert_with(|| text.to_string());
                }
                value => {
                    self.take_code(value);
                }
            }
        }
        !items.is_empty()
    }

    fn take_message(&mut self, members: &Members) {
        if self.message.is_none() {
            let text = MESSAGES.iter().find_map(|name| members.get(name)?.text());
            self.message = text.map(str::to_owned);
        }
    }
}
