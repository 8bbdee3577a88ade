//! How secrets are written before they are sealed.
//!
//! A sequence of fields, each a tag byte, a length of four bytes and that many bytes. There is no
//! escaping and no intermediate value, so the only copies of a secret are the one buffer, sized
//! before it is filled and overwritten when dropped, and the [`Secret`] itself.

use std::collections::BTreeMap;

use jiff::Timestamp;
use trunkline_core::{Captures, ConnectionKey, Credential, Held, Inputs, ScopeSet, Secret};
use url::Url;
use zeroize::Zeroizing;

use crate::{Granted, PendingConsent, StoreError};

/// Largest text that is sealed, in bytes. Grants have a few kilobytes.
const MAX_PLAIN_BYTES: usize = 1024 * 1024;

/// The tags. A number is never used for something else; what an older version wrote stays readable.
mod tag {
    pub(super) const ACCESS_TOKEN: u8 = 1;
    pub(super) const REFRESH_TOKEN: u8 = 2;
    pub(super) const OTHER: u8 = 3;
    pub(super) const ISSUED_AT: u8 = 4;
    pub(super) const ACCESS_EXPIRES_AT: u8 = 5;
    pub(super) const REFRESH_EXPIRES_AT: u8 = 6;
    pub(super) const GRANT_EXPIRES_AT: u8 = 7;
    /// Says that the scopes are known, even if there are none.
    pub(super) const SCOPES: u8 = 8;
    pub(super) const SCOPE: u8 = 9;
    pub(super) const CAPTURE: u8 = 10;
    pub(super) const INPUT: u8 = 11;
    pub(super) const METHOD: u8 = 12;
    pub(super) const PENDING: u8 = 13;
    pub(super) const RETURN_TO: u8 = 14;
    pub(super) const REPLACE_ACCOUNT: u8 = 15;
    /// A text of its own, as [`encode_held`](super::encode_held) writes it.
    pub(super) const GRANTED: u8 = 16;
    /// As JSON: it holds no secret.
    pub(super) const ACCOUNT: u8 = 17;
}

const DAMAGED: StoreError = StoreError::Corrupt { what: "a sealed text" };

pub(crate) fn encode_held(held: &Held) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    encode(|out| {
        let credential = &held.credential;
        let secrets =
            [(tag::ACCESS_TOKEN, &credential.access_token), (tag::REFRESH_TOKEN, &credential.refresh_token)];
        for (tag, secret) in secrets {
            secret.iter().for_each(|secret| out.field(tag, &[secret.expose().as_bytes()]));
        }
        credential.other.iter().for_each(|(name, secret)| out.pair(tag::OTHER, name, secret.expose()));
        let times = [
            (tag::ISSUED_AT, credential.issued_at),
            (tag::ACCESS_EXPIRES_AT, credential.access_expires_at),
            (tag::REFRESH_EXPIRES_AT, credential.refresh_expires_at),
            (tag::GRANT_EXPIRES_AT, credential.grant_expires_at),
        ];
        for (tag, time) in times {
            time.iter().for_each(|time| out.field(tag, &[&time.as_nanosecond().to_be_bytes()]));
        }
        if let Some(scopes) = &credential.scopes {
            out.field(tag::SCOPES, &[]);
            scopes.iter().for_each(|scope| out.field(tag::SCOPE, &[scope.as_bytes()]));
        }
        held.captures.iter().for_each(|(name, value)| out.pair(tag::CAPTURE, name, value));
        held.inputs.iter().for_each(|(name, value)| out.pair(tag::INPUT, name, value.expose()));
    })
}

pub(crate) fn decode_held(plain: &[u8]) -> Result<Held, StoreError> {
    let mut credential = Credential::default();
    let mut captures = Captures::default();
    let mut inputs = Inputs::default();
    let mut scopes: Option<Vec<&str>> = None;
    for field in Fields(plain) {
        let (tag, value) = field?;
        match tag {
            tag::ACCESS_TOKEN => credential.access_token = Some(secret(value)?),
            tag::REFRESH_TOKEN => credential.refresh_token = Some(secret(value)?),
            tag::OTHER => {
                let (name, value) = pair(value)?;
                credential.other.insert(name.to_owned(), secret(value)?);
            }
            tag::ISSUED_AT => credential.issued_at = Some(time(value)?),
            tag::ACCESS_EXPIRES_AT => credential.access_expires_at = Some(time(value)?),
            tag::REFRESH_EXPIRES_AT => credential.refresh_expires_at = Some(time(value)?),
            tag::GRANT_EXPIRES_AT => credential.grant_expires_at = Some(time(value)?),
            tag::SCOPES => scopes = Some(Vec::new()),
            tag::SCOPE => scopes.get_or_insert_default().push(text(value)?),
            tag::CAPTURE => {
                let (name, value) = pair(value)?;
                captures.insert(name, text(value)?);
            }
            tag::INPUT => {
                let (name, value) = pair(value)?;
                inputs.insert(name, secret(value)?);
            }
            _ => return Err(DAMAGED),
        }
    }
    credential.scopes = scopes.map(ScopeSet::from_iter);
    Ok(Held { credential, captures, inputs })
}

/// Without key, browser and expiry, which the row holds and the sealed text is bound to.
pub(crate) fn encode_consent(consent: &PendingConsent) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let granted = consent.granted.as_deref();
    let held = granted.map(|granted| encode_held(&granted.held)).transpose()?;
    let account = granted.and_then(|granted| granted.account.as_ref()).map(serde_json::to_vec).transpose();
    let account = account.map_err(|_| StoreError::Invalid { what: "the account" })?;
    encode(|out| {
        held.iter().for_each(|held| out.field(tag::GRANTED, &[held]));
        account.iter().for_each(|account| out.field(tag::ACCOUNT, &[account]));
        out.field(tag::METHOD, &[consent.method.as_bytes()]);
        consent.inputs.iter().for_each(|(name, value)| out.pair(tag::INPUT, name, value.expose()));
        consent.pending.iter().for_each(|(name, value)| out.pair(tag::PENDING, name, value.expose()));
        consent.requested.iter().for_each(|scope| out.field(tag::SCOPE, &[scope.as_bytes()]));
        consent.return_to.iter().for_each(|url| out.field(tag::RETURN_TO, &[url.as_str().as_bytes()]));
        if consent.replace_account {
            out.field(tag::REPLACE_ACCOUNT, &[]);
        }
    })
}

pub(crate) fn decode_consent(
    plain: &[u8],
    key: ConnectionKey,
    browser: Secret,
    expires_at: Timestamp,
) -> Result<PendingConsent, StoreError> {
    let mut method = None;
    let mut inputs = Inputs::default();
    let mut pending = BTreeMap::new();
    let mut requested: Vec<&str> = Vec::new();
    let mut return_to = None;
    let mut replace_account = false;
    let mut held = None;
    let mut account = None;
    for field in Fields(plain) {
        let (tag, value) = field?;
        match tag {
            tag::METHOD => method = Some(text(value)?.to_owned()),
            tag::INPUT => {
                let (name, value) = pair(value)?;
                inputs.insert(name, secret(value)?);
            }
            tag::PENDING => {
                let (name, value) = pair(value)?;
                pending.insert(name.to_owned(), secret(value)?);
            }
            tag::SCOPE => requested.push(text(value)?),
            tag::RETURN_TO => return_to = Some(Url::parse(text(value)?).map_err(|_| DAMAGED)?),
            tag::REPLACE_ACCOUNT => replace_account = true,
            tag::GRANTED => held = Some(decode_held(value)?),
            tag::ACCOUNT => account = Some(serde_json::from_slice(value).map_err(|_| DAMAGED)?),
            _ => return Err(DAMAGED),
        }
    }
    let method = method.ok_or(DAMAGED)?;
    let requested = requested.into_iter().collect();
    Ok(PendingConsent {
        key,
        method,
        browser,
        inputs,
        pending,
        requested,
        return_to,
        replace_account,
        granted: held.map(|held| Box::new(Granted { held, account })),
        expires_at,
    })
}

/// Counts on the first pass, fills on the second.
enum Writer {
    Count(usize),
    Fill(Zeroizing<Vec<u8>>),
}

fn encode(write: impl Fn(&mut Writer)) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let mut counter = Writer::Count(0);
    write(&mut counter);
    let size = match counter {
        Writer::Count(size) if size <= MAX_PLAIN_BYTES => size,
        _ => return Err(StoreError::Invalid { what: "the secrets are too large" }),
    };
    let mut filler = Writer::Fill(Zeroizing::new(Vec::with_capacity(size)));
    write(&mut filler);
    match filler {
        Writer::Fill(out) => Ok(out),
        Writer::Count(_) => Err(StoreError::SealFailed),
    }
}

impl Writer {
    fn field(&mut self, tag: u8, parts: &[&[u8]]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        match self {
            Self::Count(size) => *size = size.saturating_add(length).saturating_add(5),
            Self::Fill(out) => {
                out.push(tag);
                out.extend_from_slice(&prefix(length));
                parts.iter().for_each(|part| out.extend_from_slice(part));
            }
        }
    }

    fn pair(&mut self, tag: u8, name: &str, value: &str) {
        self.field(tag, &[&prefix(name.len()), name.as_bytes(), value.as_bytes()]);
    }
}

/// The count was within the limit, so no length is cut here.
fn prefix(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u8, &'a [u8]), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&tag, rest) = self.0.split_first()?;
        let Some((value, rest)) = prefixed(rest) else {
            self.0 = &[];
            return Some(Err(DAMAGED));
        };
        self.0 = rest;
        Some(Ok((tag, value)))
    }
}

fn prefixed(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

fn pair(value: &[u8]) -> Result<(&str, &[u8]), StoreError> {
    let (name, value) = prefixed(value).ok_or(DAMAGED)?;
    Ok((text(name)?, value))
}

fn text(value: &[u8]) -> Result<&str, StoreError> {
    std::str::from_utf8(value).map_err(|_| DAMAGED)
}

fn secret(value: &[u8]) -> Result<Secret, StoreError> {
    text(value).map(Secret::new)
}

fn time(value: &[u8]) -> Result<Timestamp, StoreError> {
    let nanoseconds = i128::from_be_bytes(value.try_into().map_err(|_| DAMAGED)?);
    Timestamp::from_nanosecond(nanoseconds).map_err(|_| DAMAGED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held() -> Held {
        let mut held = Held {
            credential: Credential {
                access_token: Some(Secret::new("a\"\\\n\u{1f600}")),
                refresh_token: Some(Secret::new("")),
                other: [("k".to_owned(), Secret::new("v")), (String::new(), Secret::new("e"))].into(),
                issued_at: Some(Timestamp::MIN),
                access_expires_at: Some(Timestamp::MAX),
                refresh_expires_at: None,
                grant_expires_at: Some(Timestamp::from_nanosecond(-1).unwrap()),
                scopes: Some(ScopeSet::default()),
            },
            ..Held::default()
        };
        held.captures.insert("instance_url", "https://x.example");
        held.inputs.insert("username", Secret::new("u"));
        held
    }

    #[test]
    fn what_is_held_reads_back_exactly() {
        for held in [held(), Held::default()] {
            let plain = encode_held(&held).unwrap();
            assert_eq!(decode_held(&plain).unwrap(), held);
        }
    }

    #[test]
    fn the_buffer_never_grows() {
        let plain = encode_held(&held()).unwrap();
        assert_eq!(plain.len(), plain.capacity());
    }

    #[test]
    fn a_cut_or_altered_text_never_panics() {
        let plain = encode_held(&held()).unwrap();
        for length in 0..plain.len() {
            drop(decode_held(&plain[..length]));
        }
        for at in 0..plain.len() {
            for byte in [0, 0x7f, 0xff] {
                let mut bad = plain.to_vec();
                bad[at] = byte;
                drop(decode_held(&bad));
            }
        }
        assert_eq!(decode_held(&[99, 0, 0, 0, 0]), Err(DAMAGED));
        assert_eq!(decode_held(&[1, 0xff, 0xff, 0xff, 0xff]), Err(DAMAGED));
    }

    #[test]
    fn secrets_beyond_the_limit_are_refused() {
        let mut held = Held::default();
        held.credential.access_token = Some(Secret::new("x".repeat(MAX_PLAIN_BYTES)));
        assert!(matches!(encode_held(&held), Err(StoreError::Invalid { .. })));
    }
}
