//! JSON that refuses repeated members, holds its texts zeroised, and is never printed.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use trunkline_core::Secret;
use zeroize::Zeroizing;

/// The members of an object, by name. `Debug` shows the names only.
#[derive(Default)]
pub(crate) struct Members(BTreeMap<String, Json>);

impl Members {
    /// The member `name`, unless it is missing or null.
    pub(crate) fn get(&self, name: &str) -> Option<&Json> {
        self.0.get(name).filter(|value| !matches!(value, Json::Null))
    }

    /// The member `path`: one of that name, or one that dots lead to through objects.
    pub(crate) fn at(&self, path: &str) -> Option<&Json> {
        self.get(path).or_else(|| {
            let (name, rest) = path.split_once('.')?;
            match self.get(name)? {
                Json::Object(inner) => inner.at(rest),
                _ => None,
            }
        })
    }

    /// Takes the object under `name` out.
    pub(crate) fn take_object(&mut self, name: &str) -> Option<Self> {
        match self.0.remove(name)? {
            Json::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The members of a form-encoded body; `None` when one is repeated or is no UTF-8.
    pub(crate) fn from_form(text: &str) -> Option<Self> {
        let mut members = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            // The decoder replaces what is no UTF-8; a replaced character would corrupt a token.
            let broken = name.contains('\u{fffd}') || value.contains('\u{fffd}');
            let text = Json::Text(Zeroizing::new(value.into_owned()));
            if broken || members.insert(name.into_owned(), text).is_some() {
                return None;
            }
        }
        Some(Self(members))
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// One value.
pub(crate) enum Json {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(Zeroizing<String>),
    List(Vec<Self>),
    Object(Members),
}

impl Json {
    /// A text that is not empty.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// A text, number or boolean, as text.
    pub(crate) fn scalar(&self) -> Option<Secret> {
        match self {
            Self::Text(text) => Some(Secret::new(text.as_str())),
            Self::Integer(number) => Some(Secret::new(number.to_string())),
            Self::Float(number) => Some(Secret::new(number.to_string())),
            Self::Bool(value) => Some(Secret::new(value.to_string())),
            Self::Null | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// A number, also one that is written as a text.
    #[expect(clippy::cast_precision_loss, reason = "times need no more than 53 bits")]
    pub(crate) fn number(&self) -> Option<f64> {
        let number = match self {
            Self::Integer(number) => *number as f64,
            Self::Float(number) => *number,
            Self::Text(text) => text.trim().parse().ok()?,
            Self::Null | Self::Bool(_) | Self::List(_) | Self::Object(_) => return None,
        };
        number.is_finite().then_some(number)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(Zeroizing::new(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = entries.next_entry()? {
            // Two parsers that pick different twins see different answers; refuse to pick.
            if members.insert(name, value).is_some() {
                return Err(de::Error::custom("a member is repeated"));
            }
        }
        Ok(Json::Object(Members(members)))
    }
}
