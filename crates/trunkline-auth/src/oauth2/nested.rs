//! JSON whose objects nest, made of parameters whose names have dots.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// A text, or an object of more of them.
pub(crate) enum Nested<'a> {
    Text(&'a str),
    Object(Vec<(&'a str, Self)>),
}

impl<'a> Nested<'a> {
    /// The object that parameters make, in their order; `None` if one of them would be a text and an object, would stand
    /// twice, or has a part without a name.
    pub(crate) fn of(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Self> {
        let mut whole = Self::Object(Vec::new());
        pairs.into_iter().try_for_each(|(name, value)| whole.put(name, value))?;
        Some(whole)
    }

    fn put(&mut self, name: &'a str, value: &'a str) -> Option<()> {
        let Self::Object(members) = self else { return None };
        let (first, rest) = match name.split_once('.') {
            Some((first, rest)) => (first, Some(rest)),
            None => (name, None),
        };
        if first.is_empty() {
            return None;
        }
        let known = members.iter().position(|(known, _)| *known == first);
        match (known, rest) {
            (None, None) => members.push((first, Self::Text(value))),
            (Some(_), None) => return None,
            (Some(at), Some(rest)) => members[at].1.put(rest, value)?,
            (None, Some(rest)) => {
                let mut inner = Self::Object(Vec::new());
                inner.put(rest, value)?;
                members.push((first, inner));
            }
        }
        Some(())
    }
}

impl Serialize for Nested<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => out.serialize_str(text),
            Self::Object(members) => {
                let mut map = out.serialize_map(Some(members.len()))?;
                members.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
                map.end()
            }
        }
    }
}
