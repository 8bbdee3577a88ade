//! How the mapping is written down: rows of objects, and the actions beyond the common five.

use trunkline_core::permission::{Action, Certainty};

/// A permission of the catalogue: its module and its name.
pub(super) type Pair = (&'static str, &'static str);

/// Objects that the same permissions open.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) objects: &'static [&'static str],
    /// Any one of them opens the objects, the home module first.
    pub(super) pairs: &'static [Pair],
    /// What may be done by the common names; a service object may be read-only.
    pub(super) actions: &'static [Action],
    /// The same where a document type is named (`order-entry/document::Sales Invoice`).
    typed: &'static [Action],
    /// Actions of the service's own, with the permission and the rights that they need.
    pub(super) extras: &'static [Extra],
    pub(super) certainty: Certainty,
}

/// An action beyond the common five.
#[derive(Debug)]
pub(super) struct Extra {
    pub(super) action: &'static str,
    pub(super) permission: Pair,
    /// Every one of these is needed.
    pub(super) all: &'static [&'static str],
    /// And any one of these, if there are any.
    pub(super) any: &'static [&'static str],
    /// How well that is known; `None` for as well as the row.
    certainty: Option<Certainty>,
    /// Whether the permission is known, though which of its rights is not.
    pub(super) is_named: bool,
}

pub(super) const ALL: &[Action] =
    &[Action::LIST, Action::READ, Action::CREATE, Action::UPDATE, Action::DELETE];
pub(super) const READ: &[Action] = &[Action::LIST, Action::READ];
pub(super) const READ_AND_CREATE: &[Action] = &[Action::LIST, Action::READ, Action::CREATE];
pub(super) const READ_AND_UPDATE: &[Action] = &[Action::LIST, Action::READ, Action::UPDATE];
pub(super) const READ_AND_DELETE: &[Action] = &[Action::LIST, Action::READ, Action::DELETE];
pub(super) const NO_DELETE: &[Action] = &[Action::LIST, Action::READ, Action::CREATE, Action::UPDATE];
pub(super) const NO_UPDATE: &[Action] = &[Action::LIST, Action::READ, Action::CREATE, Action::DELETE];
pub(super) const NO_CREATE: &[Action] = &[Action::LIST, Action::READ, Action::UPDATE, Action::DELETE];

pub(super) const fn row(
    objects: &'static [&'static str],
    pairs: &'static [Pair],
    certainty: Certainty,
) -> Row {
    Row { objects, pairs, actions: ALL, typed: ALL, extras: &[], certainty }
}

impl Row {
    pub(super) const fn only(mut self, actions: &'static [Action]) -> Self {
        self.actions = actions;
        self.typed = actions;
        self
    }

    /// Without a type the object is for reading: what is written has one.
    pub(super) const fn typed(mut self) -> Self {
        self.actions = READ;
        self
    }

    pub(super) const fn and(mut self, extras: &'static [Extra]) -> Self {
        self.extras = extras;
        self
    }

    pub(super) fn extra(&self, action: &Action) -> Option<&'static Extra> {
        self.extras.iter().find(|extra| extra.action == action.as_str())
    }

    /// Whether the service has the action on this object, which has a document type or none.
    pub(super) fn has(&self, action: &Action, typed: bool) -> bool {
        let common = if typed { self.typed } else { self.actions };
        common.contains(action) || self.extra(action).is_some()
    }

    /// How well it is known what an action needs.
    pub(super) fn certainty(&self, action: &Action) -> Certainty {
        self.extra(action).and_then(|extra| extra.certainty).unwrap_or(self.certainty)
    }

    /// Whether the action needs a permission of the object itself, so that an object which may not be listed is
    /// closed to it. An approval has a permission of its own, with a List of its own.
    pub(super) fn shares_list(&self, action: &Action) -> bool {
        self.extra(action).is_none_or(|extra| self.pairs.contains(&extra.permission))
    }
}

pub(super) const fn extra(action: &'static str, permission: Pair, all: &'static [&'static str]) -> Extra {
    Extra { action, permission, all, any: &[], certainty: None, is_named: false }
}

/// Approval: List, and a level.
pub(super) const fn approval(action: &'static str, permission: Pair) -> Extra {
    const LEVELS: &[&str] = &["level1", "level2", "level3", "level4", "level5", "level6"];
    Extra { action, permission, all: &["list"], any: LEVELS, certainty: None, is_named: false }
}

impl Extra {
    pub(super) const fn graded(mut self, certainty: Certainty) -> Self {
        self.certainty = Some(certainty);
        self
    }
}

/// An action whose permission is known, and not which right of it.
pub(super) const fn named(action: &'static str, permission: Pair, all: &'static [&'static str]) -> Extra {
    Extra { is_named: true, ..assumed(action, permission, all) }
}

/// An action that the API has, and of which it is only plausible which permission opens it.
pub(super) const fn assumed(action: &'static str, permission: Pair, all: &'static [&'static str]) -> Extra {
    extra(action, permission, all).graded(Certainty::Assumed)
}
