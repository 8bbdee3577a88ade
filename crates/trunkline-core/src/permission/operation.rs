//! An action on an object of the service.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, nearest, printable};

/// Longest spelling of an operation that is read, in bytes; a bound of ours.
pub const MAX_OPERATION_BYTES: usize = 256;

/// What is done to an object. Five are common to all services; a service's own go by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Action(Cow<'static, str>);

impl Action {
    /// To see which records there are, and to search them.
    pub const LIST: Self = Self(Cow::Borrowed("list"));
    /// To see one record.
    pub const READ: Self = Self(Cow::Borrowed("read"));
    /// To make a record.
    pub const CREATE: Self = Self(Cow::Borrowed("create"));
    /// To change a record.
    pub const UPDATE: Self = Self(Cow::Borrowed("update"));
    /// To delete a record.
    pub const DELETE: Self = Self(Cow::Borrowed("delete"));

    /// An action of the service's own, such as `approve`.
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An action on an object, in the service's own names; spelt `action:object`.
///
/// The object's name may hold colons (`order-entry/document::Sales Invoice`); an action's may not.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Operation {
    // The object first: sorted operations stand together by what they are about.
    object: Cow<'static, str>,
    action: Action,
}

impl Operation {
    /// `action` on `object`. Whether the service has it is the map's to say.
    #[must_use]
    pub fn new(action: Action, object: impl Into<Cow<'static, str>>) -> Self {
        Self { object: object.into(), action }
    }

    /// The same in a constant.
    #[must_use]
    pub const fn constant(action: Action, object: &'static str) -> Self {
        Self { object: Cow::Borrowed(object), action }
    }

    /// To see which records there are, and to search them.
    #[must_use]
    pub fn list(object: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Action::LIST, object)
    }

    /// To see one record.
    #[must_use]
    pub fn read(object: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Action::READ, object)
    }

    /// To make a record.
    #[must_use]
    pub fn create(object: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Action::CREATE, object)
    }

    /// To change a record.
    #[must_use]
    pub fn update(object: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Action::UPDATE, object)
    }

    /// To delete a record.
    #[must_use]
    pub fn delete(object: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Action::DELETE, object)
    }

    /// What is done.
    #[must_use]
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// To what.
    #[must_use]
    pub fn object(&self) -> &str {
        &self.object
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.action, self.object)
    }
}

impl FromStr for Operation {
    type Err = Error;

    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when it is not spelt `action:object`, or longer than
    /// [`MAX_OPERATION_BYTES`].
    fn from_str(text: &str) -> Result<Self, Error> {
        let is_action = |action: &str| {
            !action.is_empty()
                && action.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        let is_object = |object: &str| {
            !object.is_empty() && object.trim() == object && !object.chars().any(char::is_control)
        };
        match text.split_once(':') {
            Some((action, object))
                if text.len() <= MAX_OPERATION_BYTES && is_action(action) && is_object(object) =>
            {
                Ok(Self::new(Action(Cow::Owned(action.to_owned())), object.to_owned()))
            }
            _ => Err(Error::new(ErrorKind::InvalidInput, format!("`{}` is no operation", printable(text)))
                .hint("Write action:object, such as create:accounts-payable/bill.")),
        }
    }
}

impl Serialize for Operation {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(input)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The service has no such operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the service has no operation `{}`", printable(&.operation.to_string()))]
pub struct UnknownOperation {
    /// What was asked for.
    pub operation: Operation,
    /// The most similar one that the service has, if one is near enough to be meant.
    pub nearest: Option<Operation>,
}

impl UnknownOperation {
    /// Looks among the operations that there are for the one that may have been meant: the same action on
    /// an object with a similar name, else a similar action on the same object.
    #[must_use]
    pub fn among(operation: &Operation, known: &[Operation]) -> Self {
        let on = |object: &str| {
            let here =
                known.iter().filter(|other| other.object() == object).map(|other| other.action.as_str());
            let action = nearest(operation.action.as_str(), here)?;
            known.iter().find(|other| other.object() == object && other.action.as_str() == action).cloned()
        };
        let found = on(operation.object()).or_else(|| {
            let object = nearest(operation.object(), known.iter().map(Operation::object))?;
            on(object)
        });
        Self { operation: operation.clone(), nearest: found }
    }
}

impl From<UnknownOperation> for Error {
    fn from(unknown: UnknownOperation) -> Self {
        let error = Self::new(ErrorKind::InvalidInput, unknown.to_string());
        match unknown.nearest {
            Some(near) => error.hint(format!("Did you mean `{near}`?")),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POST_BILL: Operation = Operation::constant(Action::CREATE, "accounts-payable/bill");

    #[test]
    fn an_operation_reads_as_it_is_written() {
        for text in
            ["create:accounts-payable/bill", "list:order-entry/document::Sales Invoice", "approve:a/b"]
        {
            let operation: Operation = text.parse().unwrap();
            assert_eq!(operation.to_string(), text);
            let json = serde_json::to_string(&operation).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Operation>(&json).unwrap(), operation);
        }
        assert_eq!("create:accounts-payable/bill".parse::<Operation>().unwrap(), POST_BILL);
    }

    #[test]
    fn what_is_no_operation_is_refused_with_the_spelling() {
        let long = format!("list:{}", "x".repeat(MAX_OPERATION_BYTES));
        for text in ["", "create", ":a/b", "create:", "cre ate:a", "create: a", "create:a\n", &long] {
            let error = text.parse::<Operation>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text:?}");
            assert!(error.hint_text().unwrap().contains("action:object"));
        }
    }

    #[test]
    fn an_unknown_operation_is_answered_with_the_nearest_one() {
        let known =
            [POST_BILL, Operation::list("accounts-payable/bill"), Operation::list("general-ledger/account")];
        let near = |text: &str| UnknownOperation::among(&text.parse().unwrap(), &known).nearest;
        assert_eq!(near("create:accounts-payable/bil"), Some(POST_BILL));
        assert_eq!(near("crate:accounts-payable/bill"), Some(POST_BILL));
        assert_eq!(near("lst:general-ledger/acount"), Some(known[2].clone()));
        assert_eq!(near("create:platform/unicorn"), None);
        let error =
            Error::from(UnknownOperation::among(&"crate:accounts-payable/bill".parse().unwrap(), &known));
        assert_eq!(error.hint_text().unwrap(), "Did you mean `create:accounts-payable/bill`?");
    }
}
