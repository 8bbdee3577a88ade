//! Finds secrets where they must not be.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::script::lock;

/// A part of a secret of so many bytes is a leak as well as the whole.
const WINDOW: usize = 12;

/// Of what is longer than this, a fifth at its start and at its end does not count.
const LONG: usize = 200;

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
    names: Vec<String>,
    /// Which secret a part is of: a text is searched in one pass, however many secrets there are.
    parts: HashMap<[u8; WINDOW], usize>,
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
        let hex = secret.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let percent: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        // Base64 goes by threes: a text looks different at each of three places.
        let base64 = (0..3).filter_map(|skip| secret.get(skip..)).flat_map(|rest| {
            let whole = &rest.as_bytes()[..rest.len() - rest.len() % 3];
            [STANDARD.encode(whole), URL_SAFE_NO_PAD.encode(whole)]
        });
        let mut known = lock(&self.0);
        let number = known.names.len();
        known.names.push(name.to_owned());
        for form in base64.chain([secret.to_owned(), hex, percent]) {
            known.parts.extend(parts(form.as_bytes()).map(|part| (part, number)));
        }
    }

    /// Which of the secrets are in `text`.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<Leak> {
        self.find_in_bytes(text.as_bytes())
    }

    /// The text with the name of each secret in its place; what stands beside a part of one, letters and digits, goes as
    /// well.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let known = lock(&self.0);
        let mut hidden: Vec<Option<usize>> = vec![None; text.len()];
        for (at, part) in text.as_bytes().windows(WINDOW).enumerate() {
            if let Some(number) = known.parts.get(part) {
                hidden[at..at + WINDOW].fill(Some(*number));
            }
        }
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        for order in [true, false] {
            for step in 1..text.len() {
                let (from, to) =
                    if order { (step - 1, step) } else { (text.len() - step, text.len() - step - 1) };
                if hidden[to].is_none() && is_word(text.as_bytes()[to]) {
                    hidden[to] = hidden[from];
                }
            }
        }
        let mut shown = String::with_capacity(text.len());
        let mut last = None;
        for (at, character) in text.char_indices() {
            match hidden[at] {
                None => shown.push(character),
                Some(number) if last == Some(number) => {}
                Some(number) => {
                    shown.push('<');
                    shown.push_str(&known.names[number]);
                    shown.push('>');
                }
            }
            last = hidden[at];
        }
        shown
    }

    /// As [`find`](Self::find), in bytes such as those that a store holds.
    #[must_use]
    pub fn find_in_bytes(&self, bytes: &[u8]) -> Vec<Leak> {
        let known = lock(&self.0);
        let found: BTreeSet<usize> =
            bytes.windows(WINDOW).filter_map(|part| known.parts.get(part).copied()).collect();
        found.into_iter().map(|number| Leak { name: known.names[number].clone() }).collect()
    }
}

impl fmt::Debug for LeakDetector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&lock(&self.0).names).finish()
    }
}

/// Parts of a text: all of them, or some of a long one.
fn parts(text: &[u8]) -> impl Iterator<Item = [u8; WINDOW]> {
    let last = text.len().saturating_sub(WINDOW);
    // The start of a key is often the same for all of its kind, `-----BEGIN`, and so is its end.
    let is_meant = move |at: usize| last <= LONG || (at > last / 5 && at < last - last / 5);
    let windows = text.windows(WINDOW).enumerate().filter(move |(at, _)| is_meant(*at));
    windows.filter_map(|(_, window)| window.try_into().ok())
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
    fn a_redacted_text_holds_no_part_of_a_secret() {
        let leaks = LeakDetector::new();
        let (token, secret) = (leaks.canary("token"), leaks.canary("secret"));
        let basic = STANDARD.encode(format!("client-1:{secret}"));
        let text = format!("Basic {basic}; token={token}&scope=read {{\"t\":\"{}\",\"é\":1}}", &token[..20]);
        let shown = leaks.redact(&text);
        assert_eq!(leaks.find(&shown), []);
        assert!(shown.ends_with("token=<token>&scope=read {\"t\":\"<token>\",\"é\":1}"), "{shown}");
        assert!(shown.starts_with("Basic <secret>") && !shown.contains(&basic[..12]), "{shown}");
        assert_eq!(leaks.redact("nothing of it"), "nothing of it");
        assert_eq!(leaks.redact(""), "");
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
