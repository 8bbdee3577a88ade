//! The request after consent: where it goes, and what of its answer is kept.

use serde_json::Value;
use trunkline_core::{Captures, Cause, Diagnosis, Endpoint, Error, Remedy, ServiceText};

use crate::format::{AfterConsent, CaptureSource, Choice, Format};
use crate::identity::at;
use crate::values::{Values, good};

/// How many a person is told to choose from.
const MOST_TOLD: usize = 20;

/// Whether captures are there that the request brings, all that a connection cannot do without.
pub(crate) fn is_answered(format: &Format, captures: &Captures) -> bool {
    let mut wanted =
        format.captures.iter().filter(|(_, it)| *it.from == CaptureSource::Request && it.required);
    wanted.all(|(name, it)| captures.get(name).is_some_and(|value| good(it, value).is_some()))
}

/// Where the request may be sent, and nothing else.
pub(crate) fn endpoint(after: &AfterConsent, values: Values<'_>) -> Result<Endpoint, Error> {
    let mut base = values.url(&after.url)?;
    base.set_path("");
    base.set_query(None);
    Endpoint::new(base)
}

/// The captures in an answer.
///
/// # Errors
///
/// [`Cause::ResponseInvalid`] without a good value for one that is required; [`Cause::InputMissing`] where somebody has
/// to choose.
pub(crate) fn captured(after: &AfterConsent, values: Values<'_>, answer: &Value) -> Result<Captures, Error> {
    let one = match &after.choice {
        Some(choice) => chosen(choice, values, answer)?,
        None => answer,
    };
    let mut captures = Captures::default();
    let wanted = values.format.captures.iter().filter(|(_, it)| *it.from == CaptureSource::Request);
    for (name, capture) in wanted {
        let member = capture.member.as_ref().map_or(name.as_str(), |member| member);
        match at(one, member).and_then(|value| good(capture, &value)) {
            Some(value) => captures.insert(name, value),
            None if capture.required => {
                let why = format!("the answer has no usable `{name}`");
                return Err(Diagnosis::new(Cause::ResponseInvalid).message(&why).into());
            }
            None => {}
        }
    }
    Ok(captures)
}

/// The one thing of several that the connection is about.
fn chosen<'v>(choice: &Choice, values: Values<'_>, answer: &'v Value) -> Result<&'v Value, Error> {
    let list = match &choice.list {
        Some(path) => path.split('.').try_fold(answer, |value, name| value.get(name)),
        None => Some(answer),
    };
    let Some(items) = list.and_then(Value::as_array) else {
        return Err(Diagnosis::new(Cause::ResponseInvalid).message("the answer has no list").into());
    };
    if items.is_empty() {
        let why = "the service lists nothing that this grant may use";
        return Err(Diagnosis::new(Cause::NotFound).message(why).into());
    }
    let given = values.input_if_given(&choice.input)?;
    let has = |item: &Value, member: &str, wanted: &str| {
        at(item, member).is_some_and(|value| value.eq_ignore_ascii_case(wanted))
    };
    let fits: Vec<&Value> = match &given {
        Some(given) => {
            items.iter().filter(|item| choice.members.iter().any(|member| has(item, member, given))).collect()
        }
        None => {
            let is_default =
                |item: &&Value| choice.default.iter().all(|(member, value)| has(item, member, value));
            let defaults: Vec<_> = items.iter().filter(is_default).collect();
            if defaults.is_empty() { items.iter().collect() } else { defaults }
        }
    };
    match fits.as_slice() {
        [one] => Ok(one),
        _ => Err(choose(choice, items)),
    }
}

/// Somebody has to say which one is meant.
fn choose(choice: &Choice, items: &[Value]) -> Error {
    let member = choice.members.first().map_or("", String::as_str);
    let named = items.iter().filter_map(|item| at(item, member)).take(MOST_TOLD);
    let named: Vec<String> = named.map(|name| ServiceText::new(&name).as_str().to_owned()).collect();
    let remedy = Remedy::new("manifest.choose")
        .value("input", &choice.input)
        .value("choices", &named.join(", "))
        .step("Give the input `{input}`: one of {choices}.");
    Diagnosis::new(Cause::InputMissing).remedied(remedy).into()
}
