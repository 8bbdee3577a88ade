//! What a token request says, in whatever form it is written.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::script::Sent;

/// The parameters of a request.
#[derive(Debug, Default)]
pub(super) struct Params(BTreeMap<String, String>);

impl Params {
    /// Those of the body, a form or a JSON object, and those of the query.
    pub(super) fn of(sent: &Sent) -> Self {
        let mut params = Self::of_query(sent.url.query().unwrap_or_default());
        match serde_json::from_str::<BTreeMap<String, Value>>(&sent.body) {
            Ok(members) => {
                let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                params.0.extend(members.into_iter().map(|(name, value)| (name, text(value))));
            }
            Err(_) => params.0.extend(Self::of_query(&sent.body).0),
        }
        params
    }

    pub(super) fn of_query(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// What a header's value says in base64, after its scheme; empty if it says nothing.
pub(super) fn decoded(value: &str) -> String {
    let text = value.rsplit(' ').next().unwrap_or_default();
    STANDARD.decode(text).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
