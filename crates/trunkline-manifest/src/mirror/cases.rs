//! Answers made to fit the matchers of `[[errors]]`.

use serde_json::json;
use trunkline_core::http::{HeaderMap, Method, StatusCode};
use trunkline_core::url::form_urlencoded;
use trunkline_core::{Actor, Call, Cause, Exchange};

use super::Mirror;
use super::api::put;
use crate::format::{ErrorMatcher, MatchedCall, ResetUnit};
use crate::judge::{by_standard, matched};

/// Statuses of refusals, for matchers that name none.
const STATUSES: [u16; 11] = [400, 401, 403, 404, 409, 422, 429, 500, 503, 418, 200];

/// An answer of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What it answers.
    pub call: Call,
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

/// What one part of a matcher must be taken for.
#[derive(Debug, Clone)]
pub struct Case {
    /// Which matcher, counted from 1, and which of its conditions.
    pub name: String,
    /// What it means.
    pub cause: Cause,
    /// Who acts, where the manifest says.
    pub actor: Option<Actor>,
    /// An answer that reaches the matcher, or why none does.
    pub answer: Result<Answer, String>,
}

/// One answer that a matcher lets through.
#[derive(Clone, Copy)]
struct Choice<'m> {
    call: Call,
    status: u16,
    code: Option<&'m str>,
}

impl Mirror {
    /// For each matcher, and each status, code and call that it lists, an answer that fits. One that no answer reaches,
    /// because earlier matchers take them all, is dead.
    #[must_use]
    pub fn cases(&self) -> Vec<Case> {
        let matchers = self.format().errors.iter().enumerate();
        matchers.flat_map(|(index, matcher)| self.cases_of(index, matcher)).collect()
    }

    /// Answers that ask for a pause as the manifest says, and its seconds where they are told.
    #[must_use]
    pub fn limits(&self) -> Vec<(Answer, Option<u64>)> {
        const DATE: &str = "Wed, 25 Nov 2026 10:00:00 GMT";
        const DATE_S: u64 = 1_795_600_800;
        const PAUSE_S: u64 = 17;
        let Some(limit) = &self.format().rate_limit else { return Vec::new() };
        let left = limit.remaining_header.iter().map(|name| (name.to_string(), "0".to_owned()));
        let reset = limit.reset_header.iter().map(|name| {
            let number = match limit.reset_unit {
                ResetUnit::Seconds => PAUSE_S,
                ResetUnit::Milliseconds => PAUSE_S * 1000,
                ResetUnit::EpochSeconds => DATE_S + PAUSE_S,
                ResetUnit::EpochMilliseconds => (DATE_S + PAUSE_S) * 1000,
            };
            (name.to_string(), number.to_string())
        });
        let headers = left.chain(reset).chain([("date".to_owned(), DATE.to_owned())]);
        let headers: Vec<_> = headers.collect();
        let pause = limit.reset_header.is_some().then_some(PAUSE_S);
        let answer = |status: &u16| {
            (
                Answer { call: Call::Api, status: *status, headers: headers.clone(), body: "{}".to_owned() },
                pause,
            )
        };
        limit.status.iter().map(answer).collect()
    }

    fn cases_of(&self, index: usize, matcher: &ErrorMatcher) -> Vec<Case> {
        let case = |what: String, choices: Vec<Choice<'_>>| Case {
            name: format!("errors {}{what}", index + 1),
            cause: *matcher.cause,
            actor: matcher.actor,
            answer: self.reaching(index, matcher, &choices),
        };
        let all = choices(matcher);
        let with = |is_meant: &dyn Fn(&Choice<'_>) -> bool| all.iter().copied().filter(is_meant).collect();
        let statuses = matcher.status.iter().map(|status| {
            case(format!(", status {status}"), with(&|choice: &Choice<'_>| choice.status == *status))
        });
        let codes = matcher.codes.iter().map(|code| {
            case(format!(", code {code}"), with(&|choice: &Choice<'_>| choice.code == Some(code.as_str())))
        });
        let calls = matcher.calls.iter().map(|call| {
            case(format!(", call {}", name(*call)), with(&|choice: &Choice<'_>| choice.call == of(*call)))
        });
        let mut cases: Vec<Case> = statuses.chain(codes).chain(calls).collect();
        if cases.is_empty() {
            cases.push(case(String::new(), all.clone()));
        }
        cases
    }

    fn reaching(
        &self,
        index: usize,
        matcher: &ErrorMatcher,
        choices: &[Choice<'_>],
    ) -> Result<Answer, String> {
        let own = self.format().api.error_code_members.first().map(|member| member.as_str());
        let mut taken = None;
        for choice in choices {
            let answer = written(matcher, *choice, own);
            match self.matcher_of(&answer) {
                Some(found) if found == index => return Ok(answer),
                found => taken = taken.or(found),
            }
        }
        Err(match taken {
            Some(earlier) => format!("errors {} takes every answer that fits it", earlier + 1),
            None => "no answer that fits it is found".to_owned(),
        })
    }

    /// The place of the matcher that takes this answer.
    fn matcher_of(&self, answer: &Answer) -> Option<usize> {
        let (headers, method) = (HeaderMap::new(), Method::POST);
        let exchange = Exchange {
            call: answer.call,
            method: &method,
            path: "/",
            status: StatusCode::from_u16(answer.status).ok()?,
            headers: &headers,
            body: answer.body.as_bytes(),
        };
        let by_standard = by_standard(self.format(), &exchange);
        matched(self.format(), &exchange, by_standard.evidence()).map(|(index, _)| index)
    }
}

/// Every answer that a matcher lets through, one of each kind.
fn choices(matcher: &ErrorMatcher) -> Vec<Choice<'_>> {
    let all = [
        MatchedCall::Api,
        MatchedCall::Exchange,
        MatchedCall::Refresh,
        MatchedCall::Revoke,
        MatchedCall::Callback,
    ];
    let calls = if matcher.calls.is_empty() { &all[..] } else { &matcher.calls };
    let statuses = if matcher.status.is_empty() { &STATUSES[..] } else { &matcher.status };
    let codes: Vec<Option<&str>> = match matcher.codes.is_empty() {
        true => vec![None],
        false => matcher.codes.iter().map(|code| Some(code.as_str())).collect(),
    };
    let mut choices = Vec::new();
    for call in calls {
        for status in statuses {
            // A callback is a redirect, whatever it says.
            let status =
                if *call == MatchedCall::Callback && matcher.status.is_empty() { 302 } else { *status };
            choices.extend(codes.iter().map(|code| Choice { call: of(*call), status, code: *code }));
        }
    }
    choices
}

/// The answer for a choice; its code stands where the service has its own, if it has one.
fn written(matcher: &ErrorMatcher, choice: Choice<'_>, own: Option<&str>) -> Answer {
    let message = matcher.message.as_ref().map(|message| ("error_description", message.as_str()));
    let body = match choice.call {
        Call::Authorize => {
            let members = choice.code.map(|code| ("error", code)).into_iter().chain(message);
            form_urlencoded::Serializer::new(String::new()).extend_pairs(members).finish()
        }
        // A text alone says nothing about an answer whose status says that all is well.
        _ if choice.status < 400 && choice.code.is_none() => {
            json!({ "errors": [{ "message": matcher.message }] }).to_string()
        }
        _ => {
            let mut body = json!({});
            let code = choice.code.map(|code| (own.unwrap_or("error"), code));
            for (member, value) in code.into_iter().chain(message) {
                put(&mut body, member, json!(value));
            }
            body.to_string()
        }
    };
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Answer { call: choice.call, status: choice.status, headers, body }
}

const fn of(call: MatchedCall) -> Call {
    match call {
        MatchedCall::Api => Call::Api,
        MatchedCall::Callback => Call::Authorize,
        MatchedCall::Exchange => Call::Exchange,
        MatchedCall::Refresh => Call::Refresh,
        MatchedCall::Revoke => Call::Revoke,
    }
}

const fn name(call: MatchedCall) -> &'static str {
    match call {
        MatchedCall::Api => "api",
        MatchedCall::Callback => "callback",
        MatchedCall::Exchange => "exchange",
        MatchedCall::Refresh => "refresh",
        MatchedCall::Revoke => "revoke",
    }
}
