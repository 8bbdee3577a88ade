//! Rights: what an operation wants, and what a user was found to hold.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use trunkline_core::permission::{Action, Verdict};

use super::row::{Pair, Row};

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
    pub(super) perhaps: BTreeMap<SignIn, BTreeSet<String>>,
}

/// A kind of sign-in that a role may be limited to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SignIn {
    Login,
    SlideIn,
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
    /// Whether it is said that the user has none.
    pub(super) is_unrestricted: bool,
    pub(super) grants: ByPermission<Grants>,
    /// The company's catalogue: the key of each permission. `None` if it could not be read whole.
    pub(super) catalogue: Option<ByPermission<String>>,
    /// Whether a role, a group or the catalogue could not be read: then more may be held than is known.
    pub(super) partial: bool,
    /// Whether a call was found to count as this kind of sign-in.
    pub(super) counts: BTreeMap<SignIn, bool>,
}

impl Profile {
    fn grants(&self, (module, name): Pair) -> Option<&Grants> {
        self.grants.get(module)?.get(name)
    }

    /// Whether anything at all is held on a permission.
    pub(super) fn reaches(&self, permission: Pair) -> bool {
        self.grants(permission).is_some_and(|grants| {
            !grants.sure.is_empty() || grants.perhaps.keys().any(|kind| self.counts.get(kind) == Some(&true))
        })
    }

    /// The same, where every role counts of which nothing else is known.
    pub(super) fn may_reach(&self, permission: Pair) -> bool {
        self.grants(permission).is_some_and(|grants| {
            !grants.sure.is_empty() || grants.perhaps.keys().any(|kind| self.counts.get(kind) != Some(&false))
        })
    }

    /// Whether a right is held for certain.
    pub(super) fn holds(&self, permission: Pair, right: &str) -> bool {
        self.grants(permission).is_some_and(|grants| {
            grants.sure.contains(right) || self.by_sign_in(grants, right, |counts| counts == Some(true))
        })
    }

    /// Whether a right is held if every role counts of which nothing else is known.
    pub(super) fn may_hold(&self, permission: Pair, right: &str) -> bool {
        self.grants(permission).is_some_and(|grants| {
            grants.sure.contains(right) || self.by_sign_in(grants, right, |counts| counts != Some(false))
        })
    }

    /// The kinds of sign-in that alone give a right, of which it is not known whether calls count as them.
    pub(super) fn depends_on(&self, permission: Pair, right: &str) -> Vec<SignIn> {
        let Some(grants) = self.grants(permission).filter(|_| !self.holds(permission, right)) else {
            return Vec::new();
        };
        let of = |(kind, rights): (&SignIn, &BTreeSet<String>)| {
            (rights.contains(right) && !self.counts.contains_key(kind)).then_some(*kind)
        };
        grants.perhaps.iter().filter_map(of).collect()
    }

    fn by_sign_in(&self, grants: &Grants, right: &str, counts: impl Fn(Option<bool>) -> bool) -> bool {
        grants
            .perhaps
            .iter()
            .any(|(kind, rights)| rights.contains(right) && counts(self.counts.get(kind).copied()))
    }
}

/// The rights of a connection.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// The entity that the connection works in.
    pub(super) entity: Option<Entered>,
    /// `None` where users could not be read.
    pub(super) profile: Option<Box<Profile>>,
    /// The objects that were asked themselves.
    pub(super) seen: HashMap<String, Seen>,
}

/// The entity of a connection.
#[derive(Debug)]
pub(super) struct Entered {
    pub(super) id: String,
    /// Whether a call that needs no permission is refused inside it.
    pub(super) refused: bool,
}

/// What an object answered.
#[derive(Debug)]
pub(super) struct Seen {
    /// Whether it may be listed.
    pub(super) list: Verdict,
    /// What may be done to one of its records; `None` if that was not asked.
    pub(super) records: Option<Vec<Action>>,
}
