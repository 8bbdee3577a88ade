//! From rights to a verdict.

use trunkline_core::permission::{Action, Certainty, Operation, Permission, Reason, Verdict};

use super::layer::Layer;
use super::rights::{Held, Profile, Want, wants};
use super::row::{Pair, Row};
use super::table;
use super::user_type::{Ceiling, ceiling};

/// What the company, the user's type and the user's permissions say, in the order of the layers, then the
/// entity, and then what the object itself answered. What comes before them was passed when the rights were read.
pub(super) fn judge(held: Option<&Held>, operation: &Operation) -> Verdict {
    let Some(held) = held else {
        return Verdict::unknown(Reason::NotReadable, "the rights are not those of Sage Intacct");
    };
    let verdict = match table::find(operation) {
        Some(row) => match &held.profile {
            Some(profile) => by_profile(profile, row, operation),
            None => Verdict::unknown(Reason::NotReadable, "the user may not see what is permitted"),
        },
        None if table::is_custom(operation.object()) => {
            Verdict::unknown(Reason::NotMapped, "permissions of custom applications have free names")
        }
        None => return Verdict::unknown(Reason::NotMapped, "the operation is not known"),
    };
    if verdict.is_denied() {
        return verdict;
    }
    if let Some(closed) = outside(held) {
        return Verdict::denied(closed);
    }
    by_answer(held, operation, verdict)
}

/// Whether asking an object again could tell more of an operation.
pub(super) fn is_open(held: &Held, operation: &Operation) -> bool {
    if !shares_list(operation) || !matches!(judge(Some(held), operation), Verdict::Unknown(_)) {
        return false;
    }
    match held.seen.get(operation.object()) {
        None => true,
        Some(seen) => seen.list.is_allowed() && seen.records.is_none() && is_told(operation.action()),
    }
}

/// Whether the service tells of an action what the caller may do to a record.
pub(super) fn is_told(action: &Action) -> bool {
    [Action::READ, Action::UPDATE, Action::DELETE].contains(action)
}

/// Whether an object that may not be listed is closed to an operation.
fn shares_list(operation: &Operation) -> bool {
    match table::find(operation) {
        Some(row) => row.shares_list(operation.action()),
        None => table::is_custom(operation.object()),
    }
}

/// What the object answered, against a verdict that does not deny. An answer is better than a conclusion.
fn by_answer(held: &Held, operation: &Operation, verdict: Verdict) -> Verdict {
    let Some(seen) = held.seen.get(operation.object()) else { return verdict };
    if seen.list.is_denied() && shares_list(operation) {
        return seen.list.clone();
    }
    if verdict.is_allowed() {
        return verdict;
    }
    let action = operation.action();
    let done = seen.records.as_ref().is_some_and(|records| records.contains(action));
    match &seen.list {
        Verdict::Allowed if *action == Action::LIST || done => Verdict::Allowed,
        Verdict::Allowed if held.profile.is_none() => Verdict::unknown(
            Reason::NotReadable,
            "the user may list this, and may not see what else is permitted",
        ),
        list @ Verdict::Unknown(_) if held.profile.is_none() => list.clone(),
        _ => verdict,
    }
}

/// Layers 6 to 8.
fn by_profile(profile: &Profile, row: &'static Row, operation: &Operation) -> Verdict {
    if let Some(extra) = row.extra(operation.action()).filter(|extra| extra.is_named) {
        return by_name(profile, extra.permission, row, operation);
    }
    if row.certainty(operation.action()) == Certainty::Assumed {
        // Whatever it is, a record that cannot be reached cannot be dealt with.
        if row.certainty > Certainty::Assumed && row.shares_list(operation.action()) {
            let list = Operation::list(operation.object().to_owned());
            if let denied @ Verdict::Denied { .. } = by_profile(profile, row, &list) {
                return denied;
            }
        }
        return Verdict::unknown(Reason::NotDocumented, "Sage does not say which permission this needs");
    }
    // An object is open by any one of its permissions: the one that got furthest is what to mend.
    // Where two got equally far, one that may be open counts: what is perhaps permitted is not denied.
    let mut best: Option<((Layer, bool), Verdict)> = None;
    for want in wants(row, operation.action()) {
        let (layer, verdict) = held_by(profile, want, operation);
        if verdict.is_allowed() && operation.object().contains("::") {
            let text = "a document type may have permissions of its own";
            return Verdict::unknown(Reason::DependsOnRecord, text);
        }
        if verdict.is_allowed() {
            return verdict;
        }
        let rank = (layer, !verdict.is_denied());
        if best.as_ref().is_none_or(|(furthest, _)| rank > *furthest) {
            best = Some((rank, verdict));
        }
    }
    best.map_or(Verdict::Allowed, |(_, verdict)| verdict)
}

/// For an action of which the permission is known alone: whoever holds nothing of it is refused.
fn by_name(profile: &Profile, permission: Pair, row: &'static Row, operation: &Operation) -> Verdict {
    let judged = wants(row, operation.action()).map(|want| held_by(profile, want, operation)).next();
    match judged {
        Some((layer, denied @ Verdict::Denied { .. }))
            if layer < Layer::Permission || !profile.may_reach(permission) =>
        {
            denied
        }
        _ => {
            let (module, name) = permission;
            let text = format!("Sage does not say which right of {module}.{name} this needs");
            Verdict::unknown(Reason::NotDocumented, text)
        }
    }
}

/// The layers for one permission that would do; with the layer that was reached.
fn held_by(profile: &Profile, want: Want, operation: &Operation) -> (Layer, Verdict) {
    let (module, name) = want.permission;
    if let Some(catalogue) = &profile.catalogue {
        // Nobody can hold a permission that the company's catalogue does not have.
        let Some(names) = catalogue.get(module) else {
            return (Layer::Module, Verdict::denied(Layer::module(module)));
        };
        if !names.contains_key(name) {
            let text = format!("the company's catalogue has no permission {module}.{name}");
            return (Layer::Module, Verdict::unknown(Reason::NotDocumented, text));
        }
    }
    let ceiling = ceiling(&profile.user_type, operation);
    if ceiling == Ceiling::Closed {
        return (Layer::UserType, Verdict::denied(Layer::user_type(&profile.user_type)));
    }
    let missing = want.missing(|right| profile.holds(want.permission, right));
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
    if want.missing(|right| profile.may_hold(want.permission, right)).is_empty() {
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
    let reaches = profile.reaches(want.permission);
    let missing = missing.iter().map(|right| Layer::Permission.lacks(want.name(right), reaches));
    Verdict::Denied { missing: missing.collect() }
}

/// Layer 9: the entity that the connection works in, if it is closed to the user.
pub(super) fn outside(held: &Held) -> Option<Permission> {
    let entity = held.entity.as_ref()?;
    let profile = held.profile.as_ref();
    let allowed = profile.and_then(|profile| profile.entities.as_ref());
    let kept_out = allowed.is_some_and(|allowed| !allowed.contains(&entity.id));
    (kept_out || entity.refused).then(|| {
        if profile.is_some_and(|profile| profile.is_unrestricted) {
            // Nothing is closed to this user, so that it is not there.
            Layer::no_entity(&entity.id)
        } else {
            Layer::entity(&entity.id)
        }
    })
}

/// What a refusal for want of a permission shows to be missing, where it is not the entity that refuses. `listed`
/// tells whether the object was found to be open to listing.
pub(super) fn lacking(profile: Option<&Profile>, listed: bool, operation: &Operation) -> Verdict {
    let action = operation.action();
    let Some(row) = table::find(operation) else {
        let name = format!("a permission of the custom application: {operation}");
        return Verdict::denied(Layer::Permission.lacks(name, false));
    };
    let known = row.certainty(action) > Certainty::Assumed;
    let profile = profile.filter(|_| known);
    if let Some(profile) = profile {
        if let denied @ Verdict::Denied { .. } = by_profile(profile, row, operation) {
            return denied;
        }
        let has = |want: Want| want.missing(|right| profile.holds(want.permission, right)).is_empty();
        // All is held that could be given: it is the ceiling that refuses.
        if profile.user_type != "business" && wants(row, action).any(has) {
            return Verdict::denied(Layer::user_type(&profile.user_type));
        }
    }
    let Some(want) = wants(row, action).next() else {
        return Verdict::unknown(Reason::NotMapped, "Sage does not say which permission this needs");
    };
    if !known {
        let rights = want.rights().collect::<Vec<_>>().join(", ");
        let (module, name) = want.permission;
        let name = format!("a permission for {operation}, perhaps {module}.{name}: {rights}");
        return Verdict::denied(Layer::Permission.lacks(name, true));
    }
    let listed = listed && row.shares_list(action);
    let held = |right: &str| {
        (listed && right == "list") || profile.is_some_and(|profile| profile.holds(want.permission, right))
    };
    let mut missing = want.missing(held);
    if missing.is_empty() {
        missing = want.rights().collect();
    }
    // Whoever lacks List does not reach the object.
    let missing = missing.into_iter().map(|right| Layer::Permission.lacks(want.name(right), right != "list"));
    Verdict::Denied { missing: missing.collect() }
}
