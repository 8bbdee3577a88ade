//! Reads a tree of settings, and gives each error the place where it happened.

use std::collections::BTreeMap;

use serde::de::{
    self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
    value::StrDeserializer,
};

use super::{PROVIDER_KEY, Problem, SettingsError, Value};

/// Reads a table by reference, so that its secrets are not copied on the way.
pub(super) struct TableDeserializer<'a>(Vec<(&'a str, &'a Value)>);

impl<'a> TableDeserializer<'a> {
    /// The table with the provider's tag first: typetag streams what follows the tag, and buffers
    /// what stands before it in memory that is never overwritten.
    pub(super) fn tagged(table: &'a BTreeMap<String, Value>) -> Self {
        let tag = table.get_key_value(PROVIDER_KEY).map(|(key, value)| (key.as_str(), value));
        Self(tag.into_iter().chain(Self::untagged(table).0).collect())
    }

    /// The table without the provider's tag.
    pub(super) fn untagged(table: &'a BTreeMap<String, Value>) -> Self {
        let mut entries = Self::whole(table);
        entries.0.retain(|(key, _)| *key != PROVIDER_KEY);
        entries
    }

    fn whole(table: &'a BTreeMap<String, Value>) -> Self {
        Self(table.iter().map(|(key, value)| (key.as_str(), value)).collect())
    }
}

impl<'de> Deserializer<'de> for TableDeserializer<'_> {
    type Error = SettingsError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SettingsError> {
        visitor.visit_map(Entries { entries: self.0.into_iter(), value: None })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Entries<'a> {
    entries: std::vec::IntoIter<(&'a str, &'a Value)>,
    value: Option<(&'a str, &'a Value)>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = SettingsError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, SettingsError> {
        self.value = self.entries.next();
        let Some((key, _)) = self.value else { return Ok(None) };
        seed.deserialize(StrDeserializer::<SettingsError>::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, SettingsError> {
        let Some((key, value)) = self.value.take() else {
            return Err(SettingsError::here(Problem::Refused));
        };
        seed.deserialize(value).map_err(|error| error.below(key))
    }
}

struct Items<'a> {
    items: std::slice::Iter<'a, Value>,
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = SettingsError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, SettingsError> {
        let Some(value) = self.items.next() else { return Ok(None) };
        let place = self.next.to_string();
        self.next += 1;
        seed.deserialize(value).map(Some).map_err(|error| error.below(&place))
    }
}

impl<'de> Deserializer<'de> for &Value {
    type Error = SettingsError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SettingsError> {
        match self {
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Integer(value) => visitor.visit_i64(*value),
            Value::Float(value) => visitor.visit_f64(*value),
            Value::Text(text) => visitor.visit_str(text),
            Value::List(items) => visitor.visit_seq(Items { items: items.iter(), next: 0 }),
            Value::Table(table) => TableDeserializer::whole(table).deserialize_any(visitor),
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
            Value::Text(text) => {
                let text: StrDeserializer<'_, SettingsError> = text.as_str().into_deserializer();
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
