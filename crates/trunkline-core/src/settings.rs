//! Settings as a tree, and errors about them that never quote a value.

mod deserialize;

use std::collections::BTreeMap;
use std::fmt;

use serde::de;
use zeroize::Zeroizing;

use crate::registry::{ConnectorConfig, Registry, nearest, printable};
use deserialize::TableDeserializer;

/// The key that names the provider in a connector's settings.
pub const PROVIDER_KEY: &str = "provider";

/// A value in a settings file, after `{ env = … }` and `{ file = … }` were resolved.
///
/// `Debug` shows the shape only: any text may be a secret.
#[derive(Clone)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// A text.
    Text(Zeroizing<String>),
    /// A list.
    List(Vec<Self>),
    /// A table.
    Table(BTreeMap<String, Self>),
}

impl Value {
    /// A text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Zeroizing::new(text.into()))
    }

    fn shape(&self) -> &'static str {
        match self {
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shape())
    }
}

/// Reads one connector's settings. The table's `provider` says which provider they are for.
///
/// # Errors
///
/// [`SettingsError`] with the key in question. A provider that is not linked must be found out
/// before, with [`Registry::find`](crate::Registry::find).
#[expect(clippy::needless_pass_by_value, reason = "the table holds secrets, which are overwritten here")]
pub fn read(table: BTreeMap<String, Value>) -> Result<Box<dyn ConnectorConfig>, SettingsError> {
    let registration = match table.get(PROVIDER_KEY) {
        Some(Value::Text(provider)) => Registry::global().get(provider),
        Some(_) => {
            let expected = "the name of a provider".to_owned();
            return Err(SettingsError {
                key: PROVIDER_KEY.to_owned(),
                problem: Problem::WrongType { expected },
            });
        }
        None => None,
    };
    de::Deserialize::deserialize(TableDeserializer::tagged(&table)).map_err(|flattened| {
        registration.and_then(|registration| (registration.refusal)(&table)).unwrap_or(flattened)
    })
}

/// Why `T` cannot be read from `table`, if it cannot. The provider's tag is left out.
///
/// typetag hands each error on as a text, which loses the key and may quote a value; read without
/// typetag, the same settings fail in the same place and say where.
#[doc(hidden)]
#[must_use]
pub fn refusal<T: de::DeserializeOwned>(table: &BTreeMap<String, Value>) -> Option<SettingsError> {
    T::deserialize(TableDeserializer::untagged(table)).err()
}

/// What is wrong with one key of a settings table. It holds no value: any value may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    /// The key, dotted where tables are nested; empty for the table itself.
    pub key: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The provider has no such setting.
    Unknown {
        /// The setting that was probably meant.
        nearest: Option<String>,
    },
    /// The setting is required.
    Missing,
    /// The value is of another shape than is needed.
    WrongType {
        /// The shape that is needed, in the provider's words.
        expected: String,
    },
    /// The provider refuses the value. Its own words are not kept, since they may quote it.
    Refused,
}

impl SettingsError {
    fn here(problem: Problem) -> Self {
        Self { key: String::new(), problem }
    }

    fn below(mut self, key: &str) -> Self {
        let key = printable(key);
        self.key = if self.key.is_empty() { key } else { format!("{key}.{}", self.key) };
        self
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => f.write_str("the table ")?,
            key => write!(f, "`{key}` ")?,
        }
        match &self.problem {
            Problem::Unknown { nearest: Some(nearest) } => {
                write!(f, "is not a setting of this provider; did you mean `{nearest}`?")
            }
            Problem::Unknown { nearest: None } => f.write_str("is not a setting of this provider"),
            Problem::Missing => f.write_str("is missing"),
            Problem::WrongType { expected } => write!(f, "must be {expected}"),
            Problem::Refused => f.write_str("has a value that the provider refuses"),
        }
    }
}

impl std::error::Error for SettingsError {}

impl de::Error for SettingsError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::here(Problem::Refused)
    }

    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::here(Problem::WrongType { expected: expected.to_string() })
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::here(Problem::WrongType { expected: expected.to_string() })
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::here(Problem::WrongType { expected: format!("one of {}", expected.join(", ")) })
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let nearest = nearest(field, expected.iter().copied()).map(str::to_owned);
        Self { key: printable(field), problem: Problem::Unknown { nearest } }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { key: field.to_owned(), problem: Problem::Missing }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self { key: field.to_owned(), problem: Problem::Refused }
    }
}
