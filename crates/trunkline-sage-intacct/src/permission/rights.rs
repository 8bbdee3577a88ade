//! Rights: what an operation wants, and what a user was found to hold.

use std::collections::{BTreeSet, HashMap};

use trunkline_core::permission::{Action, Operation, Verdict};

use super::table::{Pair, Row};

/// One name for each right: Sage's list has two for View and for Edit.
pub(super) fn normal(right: &str) -> &str {
    match right {
        "view" => "readonly",
        "edit" => "modify",
        other => other,
    }
}

/// What one permission must hold for an operation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Want {
    pub(super) permission: Pair,
    all: &'static [&'static str],
    any: &'static [&'static str],
}

impl Want {
    /// The rights to give: all that are needed, and the first of those of which one is.
    pub(super) fn rights(self) -> impl Iterator<Item = &'static str> {
        self.all.iter().chain(self.any.first()).copied()
    }

    /// `accountsPayable.bills: add`.
    pub(super) fn name(self, right: &str) -> String {
        let (module, name) = self.permission;
        format!("{module}.{name}: {right}")
    }

    /// What is not among the rights that are held.
    pub(super) fn missing(self, held: impl Fn(&str) -> bool) -> Vec<&'static str> {
        let level = self.any.first().filter(|_| !self.any.iter().any(|right| held(right)));
        self.all.iter().filter(|right| !held(right)).chain(level).copied().collect()
    }
}

/// The alternatives for an action on the objects of a row, the home module first.
pub(super) fn wants(row: &'static Row, action: &Action) -> impl Iterator<Item = Want> {
    let extra = row.extra(action);
    // Every action requires List.
    let all: &'static [&'static str] = match action.as_str() {
        "read" => &["list", "readonly"],
        "create" => &["list", "add"],
        "update" => &["list", "modify"],
        "delete" => &["list", "delete"],
        _ => &["list"],
    };
    let common = row.pairs.iter().filter(move |_| extra.is_none());
    let common = common.map(move |permission| Want { permission: *permission, all, any: &[] });
    extra
        .map(|extra| Want { permission: extra.permission, all: extra.all, any: extra.any })
        .into_iter()
        .chain(common)
}

/// Rights on one permission, normalised.
#[derive(Debug, Default, Clone)]
pub(super) struct Grants {
    pub(super) sure: BTreeSet<String>,
    /// By roles that apply to one kind of sign-in: whether a call counts as that is not documented.
    pub(super) perhaps: BTreeSet<String>,
}

/// Module, then permission.
pub(super) type ByPermission<T> = HashMap<String, HashMap<String, T>>;

/// What was read of a user who may see users.
#[derive(Debug, Default)]
pub(super) struct Profile {
    pub(super) user_type: String,
    /// Whether the user has privileges of an administrator.
    pub(super) administrates: bool,
    /// The entities that the user is restricted to; `None` for a user without restriction.
    pub(super) entities: Option<BTreeSet<String>>,
    pub(super) grants: ByPermission<Grants>,
    /// The company's catalogue: the key of each permission. `None` if it could not be read whole.
    pub(super) catalogue: Option<ByPermission<String>>,
    /// Whether a role, a group or the catalogue could not be read: then more may be held than is known.
    pub(super) partial: bool,
}

/// The rights of a connection.
#[derive(Debug)]
pub(super) struct Held {
    /// The entity that the connection works in.
    pub(super) entity: Option<String>,
    pub(super) source: Source,
}

impl Held {
    /// Whether there is nothing more to read for it.
    pub(super) fn covers(&self, operation: &Operation) -> bool {
        match &self.source {
            Source::Profile(_) => true,
            Source::Probe(lists) => lists.contains_key(operation.object()),
        }
    }
}

#[derive(Debug)]
pub(super) enum Source {
    /// Users, roles and permissions could be read.
    Profile(Box<Profile>),
    /// They could not: for each object, whether it may be listed.
    Probe(HashMap<String, Verdict>),
}
