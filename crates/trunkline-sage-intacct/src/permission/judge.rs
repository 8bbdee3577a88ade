//! From rights to a verdict.

use trunkline_core::permission::{Certainty, Operation, Reason, Verdict};

use super::layer::Layer;
use super::rights::{Held, Profile, Source, Want, wants};
use super::table;
use super::user_type::{Ceiling, ceiling};

/// What the company, the user's type and the user's permissions say, in the order of the layers, and then the
/// entity. What comes before them was passed when the rights were read.
pub(super) fn judge(held: Option<&Held>, operation: &Operation) -> Verdict {
    let Some(held) = held else {
        return Verdict::unknown(Reason::NotReadable, "the rights are not those of Sage Intacct");
    };
    if table::is_custom(operation.object()) {
        return Verdict::unknown(Reason::NotMapped, "permissions of custom applications have free names");
    }
    let Some(row) = table::find(operation) else {
        return Verdict::unknown(Reason::NotMapped, "the operation is not known");
    };
    let profile = match &held.source {
        Source::Probe(lists) => return probed(lists.get(operation.object()), operation),
        Source::Profile(profile) => profile,
    };
    if row.certainty == Certainty::Assumed {
        return Verdict::unknown(Reason::NotDocumented, "Sage does not say which permission this needs");
    }
    // An object is open by any one of its permissions: the one that got furthest is what to mend.
    // Where two got equally far, one that may be open counts: what is perhaps permitted is not denied.
    let mut best: Option<((Layer, bool), Verdict)> = None;
    for want in wants(row, operation.action()) {
        let (layer, verdict) = held_by(profile, want, operation);
        if verdict.is_allowed() {
            return inside(held.entity.as_deref(), profile, operation);
        }
        let rank = (layer, !verdict.is_denied());
        if best.as_ref().is_none_or(|(furthest, _)| rank > *furthest) {
            best = Some((rank, verdict));
        }
    }
    best.map_or(Verdict::Allowed, |(_, verdict)| verdict)
}

/// Every action requires List, so that an object which may not be listed is closed altogether.
fn probed(list: Option<&Verdict>, operation: &Operation) -> Verdict {
    match list {
        Some(denied @ Verdict::Denied { .. }) => denied.clone(),
        Some(Verdict::Allowed) if operation.action().as_str() == "list" => Verdict::Allowed,
        Some(Verdict::Allowed) => Verdict::unknown(
            Reason::NotReadable,
            "the user may list this, and may not see what else is permitted",
        ),
        Some(unknown) => unknown.clone(),
        None => Verdict::unknown(Reason::NotReadable, "this object was not asked for"),
    }
}

/// Layers 6 to 8, for one permission that would do; with the layer that was reached.
fn held_by(profile: &Profile, want: Want, operation: &Operation) -> (Layer, Verdict) {
    let (module, name) = want.permission;
    if let Some(catalogue) = &profile.catalogue {
        // Nobody can hold a permission that the company's catalogue does not have.
        let Some(names) = catalogue.get(module) else {
            return (
                Layer::Module,
                Verdict::denied(Layer::Module.lacks(format!("the application {module}"), false)),
            );
        };
        if !names.contains_key(name) {
            let text = format!("the company's catalogue has no permission {module}.{name}");
            return (Layer::Module, Verdict::unknown(Reason::NotDocumented, text));
        }
    }
    let ceiling = ceiling(&profile.user_type, operation);
    if ceiling == Ceiling::Closed {
        let name =
            format!("a user type that permits it, such as business, in place of {}", profile.user_type);
        return (Layer::UserType, Verdict::denied(Layer::UserType.lacks(name, false)));
    }
    let grants = profile.grants.get(module).and_then(|names| names.get(name));
    let sure = |right: &str| grants.is_some_and(|grants| grants.sure.contains(right));
    let missing = want.missing(sure);
    let verdict = if missing.is_empty() && ceiling == Ceiling::Open {
        Verdict::Allowed
    } else if missing.is_empty() {
        let text = format!("Sage does not say whether a user of type {} may do this", profile.user_type);
        Verdict::unknown(Reason::NotDocumented, text)
    } else {
        refused(profile, want, &missing)
    };
    (Layer::Permission, verdict)
}

fn refused(profile: &Profile, want: Want, missing: &[&str]) -> Verdict {
    let (module, name) = want.permission;
    let grants = profile.grants.get(module).and_then(|names| names.get(name));
    let perhaps = |right: &str| {
        grants.is_some_and(|grants| grants.sure.contains(right) || grants.perhaps.contains(right))
    };
    if want.missing(perhaps).is_empty() {
        let text = "a role that applies to one kind of sign-in gives it; Sage does not say whether that includes calls";
        return Verdict::unknown(Reason::NotDocumented, text);
    }
    if profile.partial {
        return Verdict::unknown(Reason::NotReadable, "not all of the user's roles and groups could be read");
    }
    if profile.administrates && module == "administration" {
        let text = "Sage does not say what the privileges of an administrator permit without a permission";
        return Verdict::unknown(Reason::NotDocumented, text);
    }
    if profile.grants.is_empty() {
        let rights = missing.join(", ");
        return Verdict::denied(Layer::role(format!("a role with {module}.{name}: {rights}")));
    }
    let reaches = grants.is_some_and(|grants| !grants.sure.is_empty());
    let missing = missing.iter().map(|right| Layer::Permission.lacks(want.name(right), reaches));
    Verdict::Denied { missing: missing.collect() }
}

/// Layer 9, and what lies in the record.
fn inside(entity: Option<&str>, profile: &Profile, operation: &Operation) -> Verdict {
    if let (Some(entity), Some(allowed)) = (entity, &profile.entities)
        && !allowed.contains(entity)
    {
        return Verdict::denied(Layer::Entity.lacks(format!("the entity {entity}"), false));
    }
    if operation.object().contains("::") {
        let text = "a document type may have permissions of its own";
        return Verdict::unknown(Reason::DependsOnRecord, text);
    }
    Verdict::Allowed
}
