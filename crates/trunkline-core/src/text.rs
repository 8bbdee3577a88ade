//! Text that a service sent: untrusted, so bounded and cleaned before it is kept.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest text of a service that is kept, in characters.
pub const MAX_SERVICE_TEXT: usize = 300;

/// A text from a service: at most [`MAX_SERVICE_TEXT`] characters, without control characters.
///
/// It is plain text. Whoever shows it in HTML escapes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize)]
pub struct ServiceText(String);

impl ServiceText {
    /// Cleans and shortens `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        // Most texts are clean already: error codes are.
        if text.len() <= MAX_SERVICE_TEXT && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Self(text.trim().to_owned());
        }
        // Format characters such as right-to-left overrides can make a log line lie.
        let hidden = |c: char| {
            matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}' | '\u{feff}')
        };
        let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        let clean = text
            .chars()
            .filter(|c| !hidden(*c))
            .map(|c| if breaks(c) { ' ' } else { c })
            .take(MAX_SERVICE_TEXT);
        Self(clean.collect::<String>().trim().to_owned())
    }

    /// The cleaned text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServiceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ServiceText {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Ok(Self::new(&String::deserialize(input)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_direction_characters_are_taken_out() {
        assert_eq!(ServiceText::new("a\r\nb\u{202e}c\u{2028}d\u{61c}\u{0}").as_str(), "a  bc d");
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(ServiceText::new(&"é".repeat(5_000)).as_str().chars().count(), MAX_SERVICE_TEXT);
    }
}
