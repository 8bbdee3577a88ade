//! The guide describes every key, and what it shows is sound.

#![cfg(feature = "schema")]
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::BTreeSet;

use serde_json::Value;
use trunkline_manifest::Manifest;

const GUIDE: &str = include_str!("../../../docs/guides/write-a-manifest.md");

/// Every name of a property, and every word that a key can take.
fn names(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            if let Some(properties) = object.get("properties").and_then(Value::as_object) {
                found.extend(properties.keys().cloned());
            }
            found.extend(object.get("const").and_then(Value::as_str).map(str::to_owned));
            for word in object.get("enum").and_then(Value::as_array).into_iter().flatten() {
                found.extend(word.as_str().map(str::to_owned));
            }
            object.values().for_each(|value| names(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        _ => {}
    }
}

#[test]
fn the_guide_describes_every_key_and_every_word() {
    let mut found = BTreeSet::new();
    names(&trunkline_manifest::schema(), &mut found);
    assert!(found.len() > 80, "{found:?}");
    // In the guide a key stands as code, alone, in a path or in a little table.
    let words: BTreeSet<&str> = GUIDE
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .collect();
    let is_there = |name: &str| words.contains(name) || GUIDE.contains(&format!("`{name}`"));
    let missing: Vec<_> = found.iter().filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_manifest_that_the_guide_shows_is_sound() {
    let start = GUIDE.find("```toml\n").unwrap() + "```toml\n".len();
    let text = &GUIDE[start..start + GUIDE[start..].find("```").unwrap()];
    assert_eq!(Manifest::parse("acme.toml", text).unwrap().name(), "acme");
}
