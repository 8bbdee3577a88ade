//! Who the service says we are.

use serde_json::Value;
use trunkline_core::{Account, Error, ServiceText};
use zeroize::Zeroizing;

use crate::at::At;
use crate::format::Identity;
use crate::template::{Root, Template};
use crate::values::Values;

/// The account that the texts of `identity` name; parts that nothing is known of stay empty, but for those that stand
/// in the answer: without one of them, it would be another account. `response` finds a member of the answer by its path.
pub(crate) fn account(
    identity: &Identity,
    values: Values<'_>,
    response: &dyn Fn(&str) -> Option<String>,
) -> Option<Account> {
    let text = |template: &Template| {
        let filled = template.fill(|root, name| match root {
            Root::Response => response(name)
                .map(Zeroizing::new)
                .ok_or_else(|| Error::of(trunkline_core::Cause::ResponseInvalid)),
            _ => values.value(root, name),
        });
        filled.ok().and_then(|text| identifier(&text))
    };
    let part = |template: Option<&Template>| template.and_then(text).unwrap_or_default();
    let is_told = |template: &&At<Template>| template.expressions().any(|(root, _)| root == Root::Response);
    let mut told = identity.company.iter().chain(&identity.user).filter(is_told);
    if told.any(|template| text(template).is_none()) {
        return None;
    }
    let (company, user) = (part(identity.company.as_deref()), part(identity.user.as_deref()));
    if company.is_empty() && user.is_empty() {
        return None;
    }
    let mut account = Account::new(company, user);
    let details = identity.details.iter();
    account.details = details.filter_map(|(name, template)| Some((name.clone(), text(template)?))).collect();
    Some(account)
}

/// The scalar at `path` of an answer; dots lead into objects, and numbers into lists.
pub(crate) fn at(answer: &Value, path: &str) -> Option<String> {
    let found = path.split('.').try_fold(answer, |value, name| match value {
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        value => value.get(name),
    })?;
    match found {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// An identifier as it stands; one that had to be cleaned or shortened would name another account.
fn identifier(text: &str) -> Option<String> {
    (!text.is_empty() && ServiceText::new(text).as_str() == text).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_into_objects_and_lists_and_ends_at_a_scalar() {
        let answer = serde_json::json!({ "data": [{ "id": 7, "name": "Ada", "tags": [] }], "ok": true });
        for (path, expected) in [
            ("data.0.id", Some("7")),
            ("data.0.name", Some("Ada")),
            ("ok", Some("true")),
            ("data", None),
            ("data.1.id", None),
            ("data.x.id", None),
            ("data.0.tags", None),
        ] {
            assert_eq!(at(&answer, path).as_deref(), expected, "{path}");
        }
    }
}
