//! A place in the stream of events.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use trunkline_core::{Error, ErrorKind};

/// A place in the events of all connections of one store, to be kept and gone on from.
///
/// Its text is `oldest`, `newest` or a number, also in JSON. A larger number is a later place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor(Start);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Start {
    Oldest,
    Newest,
    After(u64),
}

impl Cursor {
    /// Before everything that is still stored.
    pub const OLDEST: Self = Self(Start::Oldest);

    /// After everything that has happened.
    pub const NEWEST: Self = Self(Start::Newest);

    pub(super) const fn after(position: u64) -> Self {
        Self(Start::After(position))
    }

    pub(super) const fn start(self) -> Start {
        self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Start::Oldest => f.write_str("oldest"),
            Start::Newest => f.write_str("newest"),
            Start::After(position) => write!(f, "{position}"),
        }
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "oldest" => Ok(Self::OLDEST),
            "newest" => Ok(Self::NEWEST),
            _ if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().map(Self::after).map_err(not_one)
            }
            _ => Err(not_one(())),
        }
    }
}

fn not_one<E>(_: E) -> Error {
    Error::new(
        ErrorKind::InvalidInput,
        "a cursor is `oldest`, `newest` or the number that came with an event",
    )
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        output.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_from_its_text() {
        for cursor in [Cursor::OLDEST, Cursor::NEWEST, Cursor::after(0), Cursor::after(u64::MAX)] {
            assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
            let json = serde_json::to_string(&cursor).unwrap();
            assert_eq!(serde_json::from_str::<Cursor>(&json).unwrap(), cursor, "{json}");
        }
        for text in ["", "-1", "+1", "1.0", "Oldest", "18446744073709551616", "\u{661}"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
