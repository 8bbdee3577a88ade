//! Finds secrets where they must not be.

use std::fmt;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::script::lock;

/// A part of a secret of so many bytes is a leak as well as the whole.
const WINDOW: usize = 12;

/// Knows secrets by name, and finds them in what is printed, logged, stored or sent.
///
/// A canary is a secret that is made for a test: a text that stands nowhere else. Whole canaries are found, parts of at
/// least 12 bytes, and both in base64, in percent-encoding and in hexadecimal digits. Clones share what they know.
///
/// ```
/// use trunkline_testkit::LeakDetector;
///
/// let leaks = LeakDetector::new();
/// let token = leaks.canary("access token");
/// assert!(leaks.find("the grant was renewed").is_empty());
/// assert_eq!(leaks.find(&format!("sent {}", &token[..16]))[0].name, "access token");
/// ```
#[derive(Clone, Default)]
pub struct LeakDetector(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    secrets: Vec<(String, Vec<String>)>,
    made: u64,
}

/// A secret that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// Which secret.
    pub name: String,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} is in it", self.name)
    }
}

impl LeakDetector {
    /// Knows no secret yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a canary: 40 characters that are good in any header, and that no text has by chance.
    #[must_use]
    pub fn canary(&self, name: &str) -> String {
        let number = {
            let mut known = lock(&self.0);
            known.made += 1;
            known.made
        };
        let parts = [1, 2, 3].map(|part| mix(number.wrapping_mul(7).wrapping_add(part)));
        let canary = format!("{:016x}{:016x}{:08x}", parts[0], parts[1], parts[2] >> 32);
        self.know(name, &canary);
        canary
    }

    /// Looks for `secret` from now on, whatever it looks like. Nothing shorter than 12 bytes is looked for.
    pub fn know(&self, name: &str, secret: &str) {
        let pieces: Vec<String> = windows(secret)
            .into_iter()
            .flat_map(|window| {
                let hex = window.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
                let encoded = form_urlencoded::byte_serialize(window.as_bytes()).collect();
                [window, hex, encoded]
            })
            .collect();
        // Base64 goes by threes: a text looks different at each of three places.
        let shifted = (0..3).filter_map(|skip| secret.get(skip..)).flat_map(|rest| {
            let whole = &rest.as_bytes()[..rest.len() - rest.len() % 3];
            windows(&STANDARD.encode(whole)).into_iter().chain(windows(&URL_SAFE_NO_PAD.encode(whole)))
        });
        let mut pieces: Vec<String> = shifted.chain(pieces).collect();
        pieces.sort_unstable();
        pieces.dedup();
        lock(&self.0).secrets.push((name.to_owned(), pieces));
    }

    /// Which of the secrets are in `text`.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<Leak> {
        let known = lock(&self.0);
        let mut found: Vec<Leak> = Vec::new();
        for (name, pieces) in &known.secrets {
            let is_new = found.iter().all(|leak| leak.name != *name);
            if is_new && pieces.iter().any(|piece| text.contains(piece.as_str())) {
                found.push(Leak { name: name.clone() });
            }
        }
        found
    }

    /// As [`find`](Self::find), in bytes such as those that a store holds.
    #[must_use]
    pub fn find_in_bytes(&self, bytes: &[u8]) -> Vec<Leak> {
        self.find(&String::from_utf8_lossy(bytes))
    }
}

impl fmt::Debug for LeakDetector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(lock(&self.0).secrets.iter().map(|(name, _)| name)).finish()
    }
}

/// Some parts of a text of [`WINDOW`] characters: from its start, its middle and its end, so that whoever prints a third of
/// it is found.
fn windows(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let Some(last) = characters.len().checked_sub(WINDOW) else { return Vec::new() };
    // The start of a key or a token is often the same for all of its kind, `-----BEGIN` or `eyJhbGciOi`.
    let places = if last > 64 { vec![last / 3, last / 2, 2 * last / 3, last] } else { (0..=last).collect() };
    places.into_iter().map(|at| characters[at..at + WINDOW].iter().collect()).collect()
}

/// SplitMix64: different numbers give texts that share nothing.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_found_whole_in_part_and_encoded() {
        let leaks = LeakDetector::new();
        let canary = leaks.canary("token");
        let other = leaks.canary("secret");
        assert_ne!(canary, other);
        let hex = canary.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
        for text in [
            canary.clone(),
            canary[..14].to_owned(),
            canary[23..].to_owned(),
            STANDARD.encode(format!("client:{canary}")),
            STANDARD.encode(format!("a client:{canary}")),
            URL_SAFE_NO_PAD.encode(format!("id:{canary}")),
            hex,
        ] {
            assert_eq!(leaks.find(&format!("<{text}>")), [Leak { name: "token".to_owned() }], "{text}");
        }
        assert_eq!(leaks.find(&canary[..11]), []);
        assert_eq!(leaks.find("a canary, a client_secret, an access_token"), []);
        assert_eq!(leaks.find(&format!("{other}{canary}")).len(), 2);
    }

    #[test]
    fn a_secret_of_other_shape_is_found_encoded_too() {
        let leaks = LeakDetector::new();
        leaks.know("password", "correct horse/battery+staple");
        assert_eq!(leaks.find("password=correct+horse%2Fbattery%2Bstaple").len(), 1);
        assert_eq!(leaks.find_in_bytes(b"\xff correct horse/battery \xff").len(), 1);
    }

    #[test]
    fn a_long_key_is_not_found_by_what_all_keys_start_with() {
        let leaks = LeakDetector::new();
        let key = format!("-----BEGIN PRIVATE KEY-----\n{}", "0123456789abcdefghij".repeat(20));
        leaks.know("key", &key);
        assert_eq!(leaks.find("-----BEGIN PRIVATE KEY-----"), []);
        assert_eq!(leaks.find(&key[100..300]).len(), 1);
    }
}
