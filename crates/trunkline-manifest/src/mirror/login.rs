//! Logins, read as the service that the manifest describes reads them.

use serde_json::Value;
use trunkline_core::http::header::CONTENT_TYPE;

use super::Mirror;
use super::request::{Params, Request, only, params};
use crate::format::{Encoding, SessionLogin};
use crate::template::Root;

impl Mirror {
    /// A login, its parameters by their paths.
    pub(super) fn login(&self, login: &SessionLogin, request: &Request<'_>) -> Result<Params, String> {
        let sent = match login.encoding {
            Encoding::Json => nested(request)?,
            encoding => params(request, "POST", encoding, None)?,
        };
        if !self.is_at(request.url, Some(&login.login_endpoint)) {
            return Err(format!("it is sent to {}", request.url.path()));
        }
        self.has_params(&login.fixed_params, &sent)?;
        for (param, input) in &login.params {
            let known = [0, 1].map(|who| self.words.get(Root::Input, input, who));
            let given = sent.get(param).map(String::as_str).filter(|value| !value.is_empty());
            // A secret has no word: it is whatever was given.
            if given.is_none() || (known[0].is_some() && !known.contains(&given)) {
                return Err(format!("`{param}` is missing, or another"));
            }
        }
        let fixed: Vec<&str> =
            login.fixed_params.keys().chain(login.params.keys()).map(String::as_str).collect();
        let mut sent = only(sent, &[], &fixed)?;
        sent.insert("grant_type".to_owned(), "login".to_owned());
        Ok(sent)
    }
}

/// The texts of a JSON object, by the paths that lead to them.
fn nested(request: &Request<'_>) -> Result<Params, String> {
    fn add(value: &Value, path: &str, found: &mut Params) -> Result<(), String> {
        match value {
            Value::Object(members) => members.iter().try_for_each(|(name, value)| {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                add(value, &inner, found)
            }),
            Value::String(text) if !path.is_empty() => {
                found.insert(path.to_owned(), text.clone());
                Ok(())
            }
            _ => Err(format!("`{path}` is no text")),
        }
    }
    let kind = request.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if request.method != "POST" || kind != Some("application/json") {
        return Err("it is no POST of JSON".to_owned());
    }
    let body: Value = serde_json::from_str(request.body).map_err(|_| "it is no JSON".to_owned())?;
    let mut found = Params::new();
    add(&body, "", &mut found)?;
    Ok(found)
}
