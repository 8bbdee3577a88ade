//! What a good value looks like, in a part of the language of regular expressions that can be reasoned about.
//!
//! A pattern is a row of items; each is one character, an escaped one, or a class such as `[a-z0-9-]`, and
//! may be followed by `?`, `*`, `+`, `{n}`, `{n,}` or `{n,m}`. It is ASCII and matches the whole value. Since there
//! are no alternatives and no wildcards, the characters that a value can have are known when it is loaded.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// Longest value that is matched, in bytes.
pub(crate) const MAX_VALUE_BYTES: usize = 2048;
/// Longest pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 256;

/// How often what may be repeated is repeated in a varied value.
#[cfg(feature = "mirror")]
const VARIED_LENGTH: u16 = 8;

/// A set of ASCII characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Set(u128);

impl Set {
    fn with(self, byte: u8) -> Self {
        if byte.is_ascii() { Self(self.0 | (1 << byte)) } else { self }
    }

    fn has(self, byte: u8) -> bool {
        byte.is_ascii() && self.0 & (1 << byte) != 0
    }

    /// Its letters and digits, or all it has if there are none of them.
    #[cfg(feature = "mirror")]
    fn plain(self) -> Vec<char> {
        let all = |is_meant: fn(u8) -> bool| {
            (0..=127_u8).filter(|byte| self.has(*byte) && is_meant(*byte)).map(char::from).collect::<Vec<_>>()
        };
        let plain = all(|byte| byte.is_ascii_alphanumeric());
        if plain.is_empty() { all(|_| true) } else { plain }
    }

    fn first(self) -> char {
        char::from(u8::try_from(self.0.trailing_zeros()).unwrap_or(0))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Item {
    set: Set,
    least: u16,
    most: u16,
}

/// A checked pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Box<[Item]>);

impl Pattern {
    /// Reads a pattern.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX_PATTERN_BYTES || !text.is_ascii() {
            return Err("a pattern has at most 256 characters of ASCII");
        }
        let mut rest = text.as_bytes();
        let mut items = Vec::new();
        while let Some((&first, tail)) = rest.split_first() {
            let (set, tail) = match first {
                b'[' => class(tail)?,
                b'\\' => escaped(tail)?,
                b'(' | b')' | b'|' | b'.' | b'^' | b'$' | b'*' | b'+' | b'?' | b'{' | b'}' | b']' => {
                    return Err(
                        "a pattern is a row of characters and classes such as [a-z0-9-], each with ?, *, +, {n} or {n,m}",
                    );
                }
                b' '..=b'~' => (Set::default().with(first), tail),
                _ => return Err("a pattern holds no control characters"),
            };
            let (least, most, tail) = quantity(tail)?;
            items.push(Item { set, least, most });
            rest = tail;
        }
        if items.is_empty() {
            return Err("a pattern is not empty");
        }
        Ok(Self(items.into()))
    }

    /// Whether `value` as a whole is one of this pattern.
    pub(crate) fn matches(&self, value: &str) -> bool {
        let bytes = value.as_bytes();
        if bytes.len() > MAX_VALUE_BYTES {
            return false;
        }
        // The lengths that the items so far can have eaten: no backtracking, so no value is slow.
        let mut ends = vec![false; bytes.len() + 1];
        ends[0] = true;
        for item in &self.0 {
            let mut next = vec![false; bytes.len() + 1];
            for start in (0..=bytes.len()).filter(|start| ends[*start]) {
                let run =
                    bytes[start..].iter().take(item.most.into()).take_while(|byte| item.set.has(**byte));
                let longest = run.count();
                for length in usize::from(item.least)..=longest {
                    next[start + length] = true;
                }
            }
            ends = next;
        }
        ends[bytes.len()]
    }

    /// Whether every value is made of characters that `allowed` accepts.
    pub(crate) fn holds_only(&self, allowed: impl Fn(u8) -> bool) -> bool {
        (0..=127_u8)
            .all(|byte| allowed(byte) || !self.0.iter().any(|item| item.most > 0 && item.set.has(byte)))
    }

    /// Whether the empty value matches.
    pub(crate) fn matches_nothing(&self) -> bool {
        self.0.iter().all(|item| item.least == 0)
    }

    /// A short value that matches.
    pub(crate) fn sample(&self) -> String {
        let mut sample = String::new();
        for item in &self.0 {
            let at_least_one = if sample.is_empty() { item.most.min(1) } else { 0 };
            sample.extend(std::iter::repeat_n(item.set.first(), item.least.max(at_least_one).into()));
        }
        sample
    }

    /// Another value that matches, which differs for each `seed`: letters and digits where they are good.
    #[cfg(feature = "mirror")]
    pub(crate) fn varied(&self, seed: u64) -> String {
        let mut state = seed;
        let mut sample = String::new();
        for item in &self.0 {
            let plain = item.set.plain();
            for _ in 0..item.most.min(item.least.max(VARIED_LENGTH)) {
                // The constants of PCG; the low bits are the weak ones.
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = usize::try_from(state >> 33).unwrap_or(0) % plain.len().max(1);
                sample.extend(plain.get(at));
            }
        }
        sample
    }

    /// What stands before and after `within` in a value that matches, if such a text can be a part of one.
    #[cfg(feature = "mirror")]
    pub(crate) fn around(&self, within: &str) -> Option<(String, String)> {
        let length = u16::try_from(within.len()).ok()?;
        let fits = |item: &Item| item.most >= length && within.bytes().all(|byte| item.set.has(byte));
        let at = self.0.iter().position(fits)?;
        let least = |item: &Item| String::from_iter(std::iter::repeat_n(item.set.first(), item.least.into()));
        let (before, rest) = self.0.split_at(at);
        let (item, after) = rest.split_first()?;
        let padding = std::iter::repeat_n(item.set.first(), item.least.saturating_sub(length).into());
        let after = padding.chain(after.iter().map(least).collect::<String>().chars().collect::<Vec<_>>());
        Some((before.iter().map(least).collect(), after.collect()))
    }
}

fn escaped(rest: &[u8]) -> Result<(Set, &[u8]), &'static str> {
    match rest.split_first() {
        Some((b'd', tail)) => Ok(((b'0'..=b'9').fold(Set::default(), Set::with), tail)),
        Some((byte @ b' '..=b'~', tail)) if !byte.is_ascii_alphanumeric() => {
            Ok((Set::default().with(*byte), tail))
        }
        _ => Err("after a backslash stands d, or a character that is no letter or digit"),
    }
}

fn class(mut rest: &[u8]) -> Result<(Set, &[u8]), &'static str> {
    let mut set = Set::default();
    let mut is_first = true;
    loop {
        let (low, tail) = match rest.split_first() {
            None => return Err("a class ends with ]"),
            Some((b']', _)) if is_first => return Err("a class is not empty"),
            Some((b']', tail)) => return Ok((set, tail)),
            Some((b'^', _)) if is_first => {
                return Err("a class lists what is allowed, so it does not begin with ^");
            }
            Some((b'[', _)) => return Err("in a class, a bracket is written with a backslash"),
            Some((b'\\', tail)) => {
                let (some, tail) = escaped(tail)?;
                set = Set(set.0 | some.0);
                (None, tail)
            }
            Some((low @ b' '..=b'~', tail)) => (Some(*low), tail),
            Some(_) => return Err("a pattern holds no control characters"),
        };
        is_first = false;
        rest = tail;
        match (low, tail) {
            (Some(low), [b'-', high, after @ ..]) if *high != b']' => {
                if *high < low || *high == b'\\' {
                    return Err("a range in a class goes upwards");
                }
                set = (low..=*high).fold(set, Set::with);
                rest = after;
            }
            (Some(low), _) => set = set.with(low),
            (None, _) => {}
        }
    }
}

fn quantity(rest: &[u8]) -> Result<(u16, u16, &[u8]), &'static str> {
    const ANY: u16 = MAX_VALUE_BYTES as u16;
    match rest.split_first() {
        Some((b'?', tail)) => Ok((0, 1, tail)),
        Some((b'*', tail)) => Ok((0, ANY, tail)),
        Some((b'+', tail)) => Ok((1, ANY, tail)),
        Some((b'{', tail)) => {
            let wrong = "a quantity is {n}, {n,} or {n,m}, with n not above m and m at most 2048";
            let end = tail.iter().position(|byte| *byte == b'}').ok_or(wrong)?;
            let text = std::str::from_utf8(&tail[..end]).map_err(|_| wrong)?;
            let number = |text: &str| text.parse::<u16>().map_err(|_| wrong);
            let (least, most) = match text.split_once(',') {
                None => (number(text)?, number(text)?),
                Some((least, "")) => (number(least)?, ANY),
                Some((least, most)) => (number(least)?, number(most)?),
            };
            if least > most || most > ANY || most == 0 {
                return Err(wrong);
            }
            Ok((least, most, &tail[end + 1..]))
        }
        _ => Ok((1, 1, rest)),
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct PatternVisitor;
        impl Visitor<'_> for PatternVisitor {
            type Value = Pattern;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a pattern")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Pattern, E> {
                Pattern::parse(text).map_err(E::custom)
            }
        }
        input.deserialize_str(PatternVisitor)
    }
}

#[cfg(feature = "schema")]
crate::schema::is_text!(
    Pattern,
    "A row of characters and classes, such as [a-z0-9][a-z0-9-]{0,62}; it matches the whole value."
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_values() {
        for (pattern, good, bad) in [
            (
                "[a-z0-9][a-z0-9-]{0,62}",
                &["a", "acme", "a-1", "0"][..],
                &["", "-a", "A", "a.b", "a/b", "a\n"][..],
            ),
            (r"\d{4,6}", &["1234", "123456"], &["123", "1234567", "12a4"]),
            ("ab?c*", &["a", "ab", "abccc", "acc"], &["b", "abb", ""]),
            (r"[\]\\x-]+", &["]", "\\", "x-"], &["", "y"]),
            ("[a-z]*[a-z]", &["a", "abc"], &["", "1"]),
        ] {
            let pattern = Pattern::parse(pattern).unwrap();
            assert!(good.iter().all(|value| pattern.matches(value)), "{pattern:?}");
            assert!(!bad.iter().any(|value| pattern.matches(value)), "{pattern:?}");
            assert!(pattern.matches(&pattern.sample()), "{pattern:?}");
        }
    }

    #[cfg(feature = "mirror")]
    #[test]
    fn values_vary_and_hold_what_they_are_asked_to() {
        let canary = "0123456789abcdef".repeat(2);
        for (text, holds) in [
            ("[a-z0-9][a-z0-9-]{0,62}", true),
            ("SG\\.[0-9A-Za-z_-]+", true),
            ("[0-9a-f]{48}", true),
            ("AC[0-9a-f]{16}", false),
            ("[0-9]+", false),
        ] {
            let pattern = Pattern::parse(text).unwrap();
            let values = [1, 2, 3].map(|seed| pattern.varied(seed));
            assert!(values.iter().all(|value| pattern.matches(value)), "{text}: {values:?}");
            assert!(values[0] != values[1] && values[1] != values[2], "{text}: {values:?}");
            let around = pattern.around(&canary);
            assert_eq!(around.is_some(), holds, "{text}");
            let whole = around.map(|(before, after)| format!("{before}{canary}{after}"));
            assert!(whole.is_none_or(|whole| pattern.matches(&whole)), "{text}");
        }
    }

    #[test]
    fn what_is_more_than_a_row_of_classes_is_no_pattern() {
        for text in [
            "", "a|b", "(a)", ".", "^a", "a$", "[^a]", "[]", "[a", "[z-a]", "a{2,1}", "a{9999}", "a{0}",
            "\\w", "ä", "a\n",
        ] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_value_is_slow() {
        let pattern = Pattern::parse(&"[a-z]*".repeat(30)).unwrap();
        assert!(!pattern.matches(&format!("{}!", "a".repeat(MAX_VALUE_BYTES - 1))));
        assert!(!pattern.matches(&"a".repeat(MAX_VALUE_BYTES + 1)));
    }

    #[test]
    fn the_characters_of_a_pattern_are_known() {
        let label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        assert!(Pattern::parse("[a-z0-9-]+").unwrap().holds_only(label));
        assert!(!Pattern::parse("[a-z.]+").unwrap().holds_only(label));
        assert!(!Pattern::parse("a/b").unwrap().holds_only(label));
    }
}
