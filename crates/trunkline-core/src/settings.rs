//! Settings as a tree, and errors about them that never quote a value.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use crate::registry::{ConnectorConfig, nearest};

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
pub fn read(table: BTreeMap<String, Value>) -> Result<Box<dyn ConnectorConfig>, SettingsError> {
    de::Deserialize::deserialize(TableDeserializer(table))
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
        self.key = if self.key.is_empty() { key.to_owned() } else { format!("{key}.{}", self.key) };
        self
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ", self.key)?;
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
        Self { key: crate::printable(field), problem: Problem::Unknown { nearest } }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { key: field.to_owned(), problem: Problem::Missing }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self { key: field.to_owned(), problem: Problem::Refused }
    }
}

struct TableDeserializer(BTreeMap<String, Value>);

impl<'de> Deserializer<'de> for TableDeserializer {
    type Error = SettingsError;

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, SettingsError> {
        // With the tag first, typetag streams the rest instead of buffering it, so that the key in
        // question is still known where an error is made.
        let tag = self.0.remove_entry(PROVIDER_KEY);
        let entries: Vec<_> = tag.into_iter().chain(self.0).collect();
        visitor.visit_map(Entries { entries: entries.into_iter(), value: None })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Entries {
    entries: std::vec::IntoIter<(String, Value)>,
    value: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = SettingsError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, SettingsError> {
        self.value = self.entries.next();
        let Some((key, _)) = &self.value else { return Ok(None) };
        seed.deserialize(Cow::<str>::Owned(key.clone()).into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, SettingsError> {
        let Some((key, value)) = self.value.take() else {
            return Err(SettingsError::here(Problem::Refused));
        };
        seed.deserialize(value).map_err(|error| error.below(&key))
    }
}

struct Items(std::vec::IntoIter<Value>, usize);

impl<'de> SeqAccess<'de> for Items {
    type Error = SettingsError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, SettingsError> {
        let Some(value) = self.0.next() else { return Ok(None) };
        self.1 += 1;
        seed.deserialize(value).map(Some).map_err(|error| error.below(&(self.1 - 1).to_string()))
    }
}

impl<'de> Deserializer<'de> for Value {
    type Error = SettingsError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SettingsError> {
        match self {
            Self::Bool(value) => visitor.visit_bool(value),
            Self::Integer(value) => visitor.visit_i64(value),
            Self::Float(value) => visitor.visit_f64(value),
            Self::Text(text) => visitor.visit_str(&text),
            Self::List(items) => visitor.visit_seq(Items(items.into_iter(), 0)),
            Self::Table(table) => TableDeserializer(table).deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SettingsError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, SettingsError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, SettingsError> {
        match self {
            Self::Text(text) => {
                let text: de::value::StringDeserializer<SettingsError> =
                    text.as_str().to_owned().into_deserializer();
                text.deserialize_enum(name, variants, visitor)
            }
            other => Err(de::Error::invalid_type(de::Unexpected::Other(other.shape()), &"a text")),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
