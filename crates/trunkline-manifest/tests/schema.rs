//! The JSON Schema that editors use is the one of this version of the format.

#![cfg(feature = "schema")]
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use serde_json::Value;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/catalogue/manifest.schema.json");

/// `UPDATE_SCHEMA=1 cargo test -p trunkline-manifest --features schema --test schema` writes it anew.
#[test]
fn the_committed_schema_is_current() {
    let current = format!("{:#}\n", trunkline_manifest::schema());
    #[expect(
        clippy::disallowed_methods,
        reason = "a test that writes its own expectation when it is told to"
    )]
    if std::env::var("UPDATE_SCHEMA").is_ok() {
        std::fs::write(FILE, &current).unwrap();
    }
    assert_eq!(std::fs::read_to_string(FILE).unwrap(), current, "run with UPDATE_SCHEMA=1");
}

/// Every key of a manifest is a property of the schema, and nothing else may stand there.
#[test]
fn the_schema_closes_every_table() {
    fn walk(value: &Value, tables: &mut usize) {
        if let Some(object) = value.as_object() {
            if let Some(properties) = object.get("properties") {
                *tables += 1;
                assert_eq!(object.get("additionalProperties"), Some(&Value::Bool(false)), "{properties}");
            }
            object.values().for_each(|value| walk(value, tables));
        } else if let Some(items) = value.as_array() {
            items.iter().for_each(|value| walk(value, tables));
        }
    }
    let mut tables = 0;
    walk(&trunkline_manifest::schema(), &mut tables);
    assert!(tables > 15, "{tables}");
}

#[test]
fn the_schema_has_a_description_for_every_key_of_the_top() {
    let schema = trunkline_manifest::schema();
    let properties = schema["properties"].as_object().unwrap();
    assert!(properties.len() > 15);
    for (name, property) in properties {
        assert!(property.get("description").is_some(), "{name}");
    }
}
