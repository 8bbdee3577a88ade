//! The smallest role for a set of operations.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use trunkline_core::permission::{Certainty, LeastRole, MachineForm, Operation, UnknownOperation};

use super::layer::{Layer, ROLE};
use super::rights::{Held, wants};
use super::row::Pair;
use super::table;

pub(super) fn least(
    name: &str,
    operations: &[Operation],
    held: Option<&Held>,
) -> Result<LeastRole, UnknownOperation> {
    let mut rights: BTreeMap<Pair, BTreeSet<&'static str>> = BTreeMap::new();
    let mut assumed = Vec::new();
    let mut custom = Vec::new();
    for operation in operations {
        if table::is_custom(operation.object()) {
            custom.push(operation.to_string());
            continue;
        }
        let row =
            table::find(operation).ok_or_else(|| UnknownOperation::among(operation, &table::known()))?;
        if row.certainty(operation.action()) == Certainty::Assumed {
            assumed.push(operation.to_string());
        }
        // The home module's permission: the others open the same objects.
        if let Some(want) = wants(row, operation.action()).next() {
            rights.entry(want.permission).or_default().extend(want.rights());
        }
    }
    let permissions = rights.iter().flat_map(|((module, permission), rights)| {
        rights
            .iter()
            .map(move |right| Layer::Permission.lacks(format!("{module}.{permission}: {right}"), true))
    });
    Ok(LeastRole {
        name: name.to_owned(),
        permissions: permissions.collect(),
        steps: steps(name, &rights, &assumed, &custom),
        machine: held.and_then(|held| machine(name, &rights, held)),
    })
}

fn steps(
    name: &str,
    rights: &BTreeMap<Pair, BTreeSet<&'static str>>,
    assumed: &[String],
    custom: &[String],
) -> Vec<String> {
    let mut steps = vec![format!("Create a role named \"{name}\".")];
    steps.extend(rights.iter().map(|((module, permission), rights)| {
        let rights = rights.iter().map(|right| spoken(right)).collect::<Vec<_>>().join(", ");
        format!(
            "Give it, in {}, the permission {} ({module}.{permission}): {rights}.",
            spoken(module),
            spoken(permission)
        )
    }));
    if !assumed.is_empty() {
        steps.push(format!(
            "Confirm in the list of permissions which one these need, since Sage does not document it: {}.",
            assumed.join(", ")
        ));
    }
    if !custom.is_empty() {
        steps.push(format!("Give it the custom application's permissions for: {}.", custom.join(", ")));
    }
    steps.push(
        "Assign the role to the user of the connection, who must be of type business to post.".to_owned(),
    );
    steps.push(format!(
        "The permission type is in Company > Setup > Configuration > Company > Global settings. Rights are kept in {ROLE}."
    ));
    steps
}

/// The words of the pages for a name of the API: `apTerms` is "Ap Terms".
fn spoken(name: &str) -> String {
    match name {
        "readonly" => return "View".to_owned(),
        "modify" => return "Edit".to_owned(),
        _ => {}
    }
    let mut words = String::with_capacity(name.len() + 4);
    for (index, letter) in name.chars().enumerate() {
        if index == 0 {
            words.extend(letter.to_uppercase());
        } else {
            if letter.is_uppercase() {
                words.push(' ');
            }
            words.push(letter);
        }
    }
    words
}

/// The role as the API takes it. Permissions are named by their keys, which differ between companies.
fn machine(name: &str, rights: &BTreeMap<Pair, BTreeSet<&'static str>>, held: &Held) -> Option<MachineForm> {
    let catalogue = held.profile.as_ref()?.catalogue.as_ref()?;
    let assignments = rights.iter().map(|((module, permission), rights)| {
        let key = catalogue.get(*module)?.get(*permission)?;
        Some(json!({ "permission": { "key": key }, "accessRights": rights }))
    });
    let body = json!({
        "id": name,
        "description": name,
        "roleType": "enterprise",
        "applyTo": "loginAndSlideIn",
        "rolePermissionAssignments": assignments.collect::<Option<Vec<_>>>()?,
    });
    Some(MachineForm {
        takes: "POST /objects/company-config/role".into(),
        media_type: "application/json".into(),
        text: body.to_string(),
    })
}
