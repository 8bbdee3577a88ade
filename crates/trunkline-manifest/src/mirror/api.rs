//! What the API says: who we are, and whether a token serves.

use serde_json::{Map, Value, json};
use trunkline_core::{Call, Verdict};

use super::{Answer, Mirror};
use crate::format::{CaptureSource, Choice, Identity, Method, RequestKind};
use crate::template::{Root, Template};

/// An answer of the API to a living token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiAnswer {
    /// The method of the request.
    pub method: &'static str,
    /// Its path, for each account.
    pub paths: [String; 2],
    /// The body that the request has, as JSON; `None` where it has none.
    pub asked: Option<Value>,
    /// A text of JSON, with words of the account in it.
    pub body: String,
}

impl Mirror {
    /// The answers to the questions who we are, whether a token serves, and what follows a consent.
    #[must_use]
    pub fn api(&self) -> Vec<ApiAnswer> {
        let format = self.format();
        let identity = format.identity.as_deref();
        let who = identity.and_then(|it| {
            Some(self.api_answer(it.url.as_ref()?, it.method, it.body.as_ref(), &skeleton(it, true)))
        });
        let probe =
            format.probe.as_ref().map(|it| self.api_answer(&it.url, it.method, it.body.as_ref(), &json!({})));
        let after = format.after_consent.as_ref().map(|it| {
            self.api_answer(&it.url, it.method, it.body.as_ref(), &self.after_consent(it.choice.as_deref()))
        });
        let mut answers: Vec<ApiAnswer> = Vec::new();
        for answer in after.into_iter().chain(who).chain(probe).flatten() {
            let same = answers.iter_mut().find(|it| {
                it.method == answer.method && it.paths == answer.paths && it.asked == answer.asked
            });
            match same {
                Some(known) => known.body = merged(&known.body, &answer.body),
                None => answers.push(answer),
            }
        }
        answers
    }

    /// What the request after consent is answered with: of several things the one that the account has.
    fn after_consent(&self, choice: Option<&Choice>) -> Value {
        let mut one = json!({});
        for (name, member) in self.captures(CaptureSource::Request) {
            put(&mut one, member, json!(format!("{{capture.{name}}}")));
        }
        let Some(choice) = choice else { return one };
        let named = choice
            .members
            .first()
            .filter(|member| !one.as_object().is_some_and(|it| it.contains_key(*member)));
        if let Some(member) = named {
            put(&mut one, member, json!(format!("{{input.{}}}", *choice.input)));
        }
        match &choice.list {
            Some(list) => {
                let mut answer = json!({});
                put(&mut answer, list, json!([one]));
                answer
            }
            None => json!([one]),
        }
    }

    fn api_answer(
        &self,
        url: &Template,
        method: RequestKind,
        asked: Option<&crate::at::At<String>>,
        body: &Value,
    ) -> Option<ApiAnswer> {
        let path = |who| self.url(url, who).map(|url| url.path().to_owned());
        Some(ApiAnswer {
            method: match method {
                RequestKind::Get => "GET",
                RequestKind::Post => "POST",
            },
            paths: [path(0)?, path(1)?],
            asked: asked.and_then(|asked| serde_json::from_str(asked).ok()),
            body: body.to_string(),
        })
    }

    /// What introspection says of a token that serves, as a text of JSON with words of the account, and the paths where it
    /// is asked, for each account.
    #[must_use]
    pub fn introspection(&self) -> Option<([String; 2], String)> {
        let identity = self.format().identity.as_deref().filter(|identity| identity.introspection)?;
        let url = self.oauth2()?.introspection_endpoint.as_ref()?;
        let path = |who| self.url(url, who).map(|url| url.path().to_owned());
        let mut told = skeleton(identity, false);
        told.as_object_mut()?.insert("active".to_owned(), json!(true));
        Some(([path(0)?, path(1)?], told.to_string()))
    }

    /// How the API refuses a dead token: by a matcher of the manifest that means it, by RFC 6750, or by the words that
    /// services of OAuth 1.0a have (wiki.oauth.net, "ProblemReporting").
    #[must_use]
    pub fn rejection(&self) -> Answer {
        let signs = self.method.signs();
        let is_key = signs || matches!(self.method, Method::ApiKey | Method::Basic);
        let means_it = |verdict: Verdict| match verdict {
            Verdict::RenewAccessToken => true,
            Verdict::GrantDead | Verdict::Suspended => is_key,
            _ => false,
        };
        let own = self.cases().into_iter().filter(|case| means_it(case.cause.verdict()));
        let own = own.filter_map(|case| case.answer.ok()).find(|answer| answer.call == Call::Api);
        let (challenge, body) = match signs {
            true => (r#"OAuth oauth_problem="token_revoked""#, ""),
            false => (r#"Bearer error="invalid_token""#, r#"{"error":"invalid_token"}"#),
        };
        own.unwrap_or_else(|| Answer {
            call: Call::Api,
            status: 401,
            headers: vec![("www-authenticate".to_owned(), challenge.to_owned())],
            body: body.to_owned(),
        })
    }
}

/// One answer that says what both say, where both are objects; else the first one.
fn merged(one: &str, other: &str) -> String {
    let objects = (serde_json::from_str::<Value>(one), serde_json::from_str::<Value>(other));
    let (Ok(Value::Object(mut members)), Ok(Value::Object(others))) = objects else { return one.to_owned() };
    for (name, value) in others {
        members.entry(name).or_insert(value);
    }
    Value::Object(members).to_string()
}

/// The answer that an identity reads, a placeholder in each place.
fn skeleton(identity: &Identity, is_deep: bool) -> Value {
    let mut answer = json!({});
    let texts = identity.company.iter().chain(&identity.user).chain(identity.details.values());
    for (_, path) in texts.flat_map(|text| text.expressions()).filter(|(root, _)| *root == Root::Response) {
        let value = json!(format!("{{response.{path}}}"));
        match &mut answer {
            Value::Object(members) if !is_deep => {
                members.insert(path.to_owned(), value);
            }
            answer => put(answer, path, value),
        }
    }
    answer
}

/// Puts a value at a path: dots lead into objects, and numbers into lists.
pub(super) fn put(into: &mut Value, path: &str, value: Value) {
    let (name, rest) = match path.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    let place = match name.parse::<usize>() {
        Ok(index) if index < 100 && into.as_object().is_none_or(Map::is_empty) => {
            if !into.is_array() {
                *into = Value::Array(Vec::new());
            }
            let Value::Array(items) = into else { return };
            while items.len() <= index {
                items.push(Value::Null);
            }
            &mut items[index]
        }
        _ => {
            if !into.is_object() {
                *into = Value::Object(Map::new());
            }
            let Value::Object(members) = into else { return };
            members.entry(name).or_insert(Value::Null)
        }
    };
    match rest {
        Some(rest) => put(place, rest, value),
        None => *place = value,
    }
}
