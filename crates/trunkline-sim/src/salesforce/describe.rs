//! What objects and fields there are for a user; the rest does not exist.

use serde_json::{Value, json};

use super::query::Reader;
use super::rights::FieldRights;
use super::schema::{Access, Field, ObjectType};

/// `GET sobjects`.
pub(crate) fn global(reader: &Reader<'_>) -> Value {
    let visible = reader.org.schema.values().filter(|object| reader.rights.object(object).read);
    let sobjects: Vec<_> = visible.map(|object| summary(reader, object)).collect();
    json!({ "encoding": "UTF-8", "maxBatchSize": 200, "sobjects": sobjects })
}

/// `GET sobjects/{object}/describe`.
pub(crate) fn object(reader: &Reader<'_>, object: &ObjectType) -> Value {
    let mut description = summary(reader, object);
    let fields: Vec<_> = object
        .fields
        .iter()
        .map(|field| (field, reader.rights.field(object, field)))
        .filter(|(_, rights)| rights.read)
        .map(|(field, rights)| describe_field(field, rights))
        .collect();
    description["fields"] = fields.into();
    description["childRelationships"] = json!([]);
    description["recordTypeInfos"] = json!([]);
    description
}

/// What the global description says of each object.
pub(crate) fn summary(reader: &Reader<'_>, object: &ObjectType) -> Value {
    let rights = reader.rights.object(object);
    let base = format!("/services/data/v{}/sobjects/{}", reader.version, object.name);
    let label = object.name.trim_end_matches("__c").replace('_', " ");
    json!({
        "name": object.name, "label": label, "labelPlural": format!("{label}s"),
        "keyPrefix": (!object.key_prefix.is_empty()).then_some(&object.key_prefix),
        "custom": object.is_custom(), "customSetting": false, "deprecatedAndHidden": false,
        "queryable": true, "retrieveable": object.access != Access::Computed,
        "createable": rights.create, "updateable": rights.edit, "deletable": rights.delete,
        "undeletable": rights.delete && object.access == Access::Granted,
        "searchable": object.access == Access::Granted, "layoutable": object.access == Access::Granted,
        "mergeable": false, "replicateable": object.access != Access::Computed,
        "triggerable": object.access == Access::Granted,
        "urls": {
            "sobject": base, "describe": format!("{base}/describe"),
            "rowTemplate": format!("{base}/{{ID}}"),
        },
    })
}

fn describe_field(field: &Field, rights: FieldRights) -> Value {
    let numeric = matches!(field.kind.as_str(), "int" | "double" | "currency");
    let long = field.kind == "textarea";
    let length = match field.kind.as_str() {
        "id" | "reference" => 18,
        "textarea" => 32_000,
        "string" | "picklist" | "email" | "phone" | "url" => 255,
        _ => 0,
    };
    let (target, relation) = field.reference.clone().unzip();
    json!({
        "name": field.name, "label": field.name.trim_end_matches("__c").replace('_', " "),
        "type": field.kind, "length": length, "custom": field.is_custom(),
        "createable": rights.create, "updateable": rights.update,
        "permissionable": field.is_permissionable(), "nillable": !field.required && !field.system,
        "defaultedOnCreate": field.system || field.name == "OwnerId" || field.kind == "boolean",
        "calculated": false, "autoNumber": false, "filterable": !long, "sortable": !long,
        "groupable": !long && !numeric, "aggregatable": !long, "externalId": field.external_id,
        "idLookup": field.external_id || field.kind == "id", "unique": false,
        "nameField": field.name == "Name", "referenceTo": target.into_iter().collect::<Vec<_>>(),
        "relationshipName": relation, "picklistValues": [], "deprecatedAndHidden": false,
        "precision": if numeric { 18 } else { 0 }, "scale": if field.kind == "int" { 0 } else { 2 },
    })
}
