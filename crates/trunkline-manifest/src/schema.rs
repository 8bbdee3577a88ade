//! The JSON Schema of the format, for editors.

/// Says that a type is written as a text.
macro_rules! is_text {
    ($type:ty, $description:literal) => {
        impl schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": $description })
            }
        }
    };
}

pub(crate) use is_text;

/// The schema of a manifest, as JSON Schema 2020-12. `catalogue/manifest.schema.json` in the crate's folder holds the
/// same.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(crate::format::Format).to_value();
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), "A Trunkline provider manifest".into());
    }
    schema
}
