//! Texts that live as long as the program.
//!
//! The contract names methods, inputs and titles by `&'static str`, since connectors in code know theirs when they
//! are compiled. A manifest's are known when it is read. Each different text is kept once, so that reading the same
//! manifests again and again keeps no more. Texts that nobody mounts are not kept, but for the inputs of logins.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use trunkline_core::ConnectorInfo;

/// The same text, for ever.
pub(crate) fn intern(text: &str) -> &'static str {
    static TEXTS: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    let texts = texts.get_or_insert_default();
    match texts.get(text) {
        Some(known) => known,
        None => {
            let kept: &'static str = Box::leak(text.into());
            texts.insert(kept);
            kept
        }
    }
}

/// The same list, for ever.
pub(crate) fn slice(texts: &[&'static str]) -> &'static [&'static str] {
    static LISTS: Mutex<Vec<&'static [&'static str]>> = Mutex::new(Vec::new());
    let mut lists = LISTS.lock().unwrap_or_else(PoisonError::into_inner);
    // There are few: a list of methods is one of the orders of six names.
    if let Some(known) = lists.iter().find(|known| **known == texts) {
        return known;
    }
    let kept: &'static [&'static str] = Box::leak(texts.into());
    lists.push(kept);
    kept
}

/// The same facts, for ever.
pub(crate) fn info(info: ConnectorInfo) -> &'static ConnectorInfo {
    static FACTS: Mutex<BTreeMap<[&str; 3], &'static ConnectorInfo>> = Mutex::new(BTreeMap::new());
    let mut facts = FACTS.lock().unwrap_or_else(PoisonError::into_inner);
    let key = [info.title, info.docs, intern(&info.methods.join(","))];
    facts.entry(key).or_insert_with(|| Box::leak(Box::new(info)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_kept_once() {
        let (one, two) = (intern("equal-texts"), intern(&String::from("equal-texts")));
        assert!(std::ptr::eq(one, two));
    }
}
