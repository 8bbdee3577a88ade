//! The shapes of Salesforce's errors: a list for data calls, an object for tokens, one word for identity.

use serde_json::Value;
use trunkline_core::http::HeaderMap;
use trunkline_core::http::header::CONTENT_TYPE;
use trunkline_core::url::form_urlencoded;

/// Most errors of one answer that are looked at.
const MAX_ERRORS: usize = 200;

/// Longest body that can be one word, in bytes.
const MAX_WORD_BYTES: usize = 64;

/// One error. Both texts are the service's: untrusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ServiceError {
    pub(crate) code: String,
    pub(crate) message: String,
}

impl ServiceError {
    /// Whether the text for people holds `part`, which is in lower case: documentation and wire differ in case.
    pub(crate) fn says(&self, part: &str) -> bool {
        self.message.to_ascii_lowercase().contains(part)
    }
}

/// What a body holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Errors, at least one. `partly`: other parts of the same request were carried out.
    Errors { errors: Vec<ServiceError>, partly: bool },
    /// One word.
    Word(String),
    /// A page for people: the service's edge wrote it, or some proxy.
    Page,
    /// Nothing at all.
    Empty,
    /// Anything else.
    Other,
}

impl Answer {
    /// Reads the answer of a call of the API. In a success only the parts of a collection that were refused are
    /// errors: a record may have a field of any name.
    pub(crate) fn read(body: &[u8], headers: &HeaderMap, success: bool) -> Self {
        let Ok(text) = std::str::from_utf8(body) else { return Self::Other };
        let text = text.trim_start_matches('\u{feff}').trim();
        match text.as_bytes().first() {
            None => Self::Empty,
            Some(b'{' | b'[') => {
                serde_json::from_str(text).map_or(Self::Other, |value| Self::of_json(&value, success))
            }
            // SOAP answers in XML: no page, and nothing that is read here.
            Some(b'<') if !text.starts_with("<?xml") => Self::Page,
            Some(_) if is_word(text) => Self::Word(text.to_owned()),
            Some(_) if is_html(headers) => Self::Page,
            Some(_) => Self::Other,
        }
    }

    fn of_json(value: &Value, success: bool) -> Self {
        let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        let items = &items[..items.len().min(MAX_ERRORS)];
        let errors: Vec<_> = items.iter().flat_map(|item| errors_of(item, success)).collect();
        match errors.is_empty() {
            true => Self::Other,
            false => Self::Errors { errors, partly: items.iter().any(|item| item["success"] == true) },
        }
    }
}

/// The errors of one item: of a data call, of one record of a collection, of an OAuth endpoint.
fn errors_of(item: &Value, success: bool) -> Vec<ServiceError> {
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let one = |value: &Value| {
        let (code, message) = ["errorCode", "statusCode", "error"]
            .iter()
            .find_map(|name| value[*name].as_str())
            .map(|code| {
                let message = text(value, "message");
                (code.to_owned(), if message.is_empty() { text(value, "error_description") } else { message })
            })?;
        Some(ServiceError { code, message })
    };
    match item["errors"].as_array() {
        Some(errors) if item["success"] == false => errors.iter().filter_map(one).collect(),
        _ if success => Vec::new(),
        _ => one(item).into_iter().collect(),
    }
}

/// The error of an OAuth endpoint, as JSON, or form-encoded as a callback brings it.
pub(crate) fn oauth_error(body: &[u8]) -> Option<ServiceError> {
    let text = std::str::from_utf8(body).ok()?.trim();
    if text.starts_with('{') {
        let value: Value = serde_json::from_str(text).ok()?;
        let code = value["error"].as_str()?.to_owned();
        let message = value["error_description"].as_str().unwrap_or_default().to_owned();
        return Some(ServiceError { code, message });
    }
    let mut error = ServiceError::default();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        match &*name {
            "error" => error.code = value.into_owned(),
            "error_description" => error.message = value.into_owned(),
            _ => {}
        }
    }
    (!error.code.is_empty() && !text.starts_with(['<', '['])).then_some(error)
}

fn is_word(text: &str) -> bool {
    text.len() <= MAX_WORD_BYTES && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

fn is_html(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Answer {
        Answer::read(body.as_bytes(), &HeaderMap::new(), false)
    }

    fn codes(body: &str) -> (Vec<String>, bool) {
        match read(body) {
            Answer::Errors { errors, partly } => {
                (errors.into_iter().map(|error| error.code).collect(), partly)
            }
            _ => (Vec::new(), false),
        }
    }

    #[test]
    fn every_shape_of_an_error_is_read() {
        let one = |code: &str, partly| (vec![code.to_owned()], partly);
        assert_eq!(codes(r#"[{"message":"m","errorCode":"A"}]"#), one("A", false));
        assert_eq!(codes(r#"{"error":"A","error_description":"m"}"#), one("A", false));
        let refused = r#"{"success":false,"errors":[{"statusCode":"A","message":"m","fields":[]}]}"#;
        assert_eq!(codes(refused), one("A", false));
        let mixed = format!(r#"[{{"success":true,"errors":[]}},{refused}]"#);
        assert_eq!(codes(&mixed), one("A", true));
        assert_eq!(read("Bad_OAuth_Token"), Answer::Word("Bad_OAuth_Token".to_owned()));
        assert_eq!(read(" <html></html>"), Answer::Page);
        assert_eq!(read(""), Answer::Empty);
    }

    #[test]
    fn what_is_no_error_is_none() {
        for body in [
            "[]",
            "{}",
            "[",
            r#"{"totalSize":1,"records":[{"Id":"x"}]}"#,
            r#"["/services/data/v65.0/x"]"#,
            r#"[{"success":true,"errors":[]}]"#,
            r#"{"errorCode":7}"#,
            "two words",
        ] {
            assert_eq!(read(body), Answer::Other, "{body}");
        }
        let nested = format!("{}1{}", "[".repeat(9_000), "]".repeat(9_000));
        assert_eq!(read(&nested), Answer::Other);
    }

    #[test]
    fn a_record_of_a_success_may_have_any_field() {
        let read = |body: &str| Answer::read(body.as_bytes(), &HeaderMap::new(), true);
        assert_eq!(read(r#"{"error":"x","errorCode":"y"}"#), Answer::Other);
        assert!(matches!(
            read(r#"[{"success":false,"errors":[{"statusCode":"A"}]}]"#),
            Answer::Errors { partly: false, .. }
        ));
    }

    #[test]
    fn an_oauth_error_is_read_as_json_and_as_a_form() {
        let expected = ServiceError { code: "access-denied".to_owned(), message: "by the user".to_owned() };
        let form = oauth_error(b"error=access-denied&error_description=by+the+user");
        assert_eq!(form.as_ref(), Some(&expected));
        let json = br#"{"error":"access-denied","error_description":"by the user"}"#;
        assert_eq!(oauth_error(json).as_ref(), Some(&expected));
        for bad in ["", "{", "[1]", "<html a=b>", r#"{"error":{"code":"x"}}"#] {
            assert_eq!(oauth_error(bad.as_bytes()), None, "{bad}");
        }
    }
}
