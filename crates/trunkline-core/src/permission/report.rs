//! The check of a requirement: four columns per operation, and the difference between them.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Need, Operation, Permission, PermissionMap, Rights, Unknown, UnknownOperation, Verdict};
use crate::{Error, ErrorKind, ScopeSet};

/// The scopes of a connection, where its service has scopes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes {
    /// Asked for at consent; `None` if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<ScopeSet>,
    /// Granted, as the service said last; `None` if it did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted: Option<ScopeSet>,
}

/// The four columns of one operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Which operation.
    pub operation: Operation,
    /// Required: what it needs.
    pub required: Need,
    /// Requested: whether consent asked for every scope that it needs. `None` where it needs none, or it is
    /// not known.
    pub requested: Option<bool>,
    /// Granted: whether the service granted them. `None` as above.
    pub granted: Option<bool>,
    /// Effective: what this user may do, all columns taken together.
    pub effective: Verdict,
}

impl Row {
    /// The columns of one operation; `judge` is asked for what the rights say, where the scopes say nothing
    /// against it.
    ///
    /// # Errors
    ///
    /// The service has no such operation.
    pub fn of(
        map: &dyn PermissionMap,
        scopes: &Scopes,
        operation: &Operation,
        judge: impl FnOnce() -> Verdict,
    ) -> Result<Self, UnknownOperation> {
        let required = map.need(operation)?;
        let has = |set: &Option<ScopeSet>| {
            let set = set.as_ref().filter(|_| !required.scopes.is_empty())?;
            Some(required.scopes.iter().all(|scope| map.has_scope(set, &scope.name)))
        };
        let (requested, granted) = (has(&scopes.requested), has(&scopes.granted));
        let effective = match &scopes.granted {
            // A token without the scope is stopped before the user's rights are looked at.
            Some(set) if granted == Some(false) => {
                let lacks = |scope: &&Permission| !map.has_scope(set, &scope.name);
                Verdict::Denied { missing: required.scopes.iter().filter(lacks).cloned().collect() }
            }
            _ => judge(),
        };
        Ok(Self { operation: operation.clone(), required, requested, granted, effective })
    }

    /// What it lacks; `None` unless it is denied.
    #[must_use]
    pub fn lack(&self) -> Option<Lack> {
        let Verdict::Denied { missing } = &self.effective else { return None };
        let not_requested = self.requested == Some(false);
        Some(Lack { operation: self.operation.clone(), not_requested, missing: missing.clone() })
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[must_use]
pub struct Report {
    /// When the rights were read.
    pub read_at: Timestamp,
    /// One row an operation, in the order that was asked.
    pub rows: Vec<Row>,
}

impl Report {
    /// Judges `operations` by the rights of a connection and its scopes. Asks nobody.
    ///
    /// # Errors
    ///
    /// The service has no such operation.
    pub fn of(
        map: &dyn PermissionMap,
        rights: &Rights,
        scopes: &Scopes,
        operations: &[Operation],
    ) -> Result<Self, UnknownOperation> {
        let row = |operation| Row::of(map, scopes, operation, || map.judge(rights, operation));
        Ok(Self { read_at: rights.read_at(), rows: operations.iter().map(row).collect::<Result<_, _>>()? })
    }

    /// Whether every operation is known to pass.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.rows.iter().all(|row| row.effective.is_allowed())
    }

    /// What stands between the requirement and what is effective.
    #[must_use]
    pub fn difference(&self) -> Difference {
        let mut difference = Difference::default();
        for row in &self.rows {
            difference.missing.extend(row.lack());
            if let Verdict::Unknown(why) = &row.effective {
                difference.unknown.push((row.operation.clone(), why.clone()));
            }
        }
        difference
    }

    /// The report, unless an operation is denied. Unknown passes: whether it is a warning is the caller's
    /// to decide.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::PermissionDenied`] with the [`Difference`] as its source.
    pub fn require(self) -> Result<Self, Error> {
        let difference = self.difference();
        let Some(first) = difference.missing.first() else { return Ok(self) };
        let others = difference.missing.len() - 1;
        let more = if others == 0 { String::new() } else { format!(" and {others} more") };
        let message = format!("the connection may not {}{more}", first.operation);
        let hint = first.missing.iter().map(Permission::to_string).collect::<Vec<_>>().join("; ");
        Err(Error::new(ErrorKind::PermissionDenied, message)
            .hint(format!("Missing: {hint}."))
            .caused_by(difference))
    }
}

impl fmt::Display for Report {
    /// One line an operation, with what is missing beneath it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            match &row.effective {
                Verdict::Allowed => writeln!(f, "allowed  {}", row.operation)?,
                Verdict::Denied { missing } => {
                    writeln!(f, "denied   {}", row.operation)?;
                    missing
                        .iter()
                        .try_for_each(|permission| writeln!(f, "         missing: {permission}"))?;
                }
                Verdict::Unknown(why) => writeln!(f, "unknown  {}: {why}", row.operation)?,
            }
        }
        Ok(())
    }
}

/// What an operation that is denied lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lack {
    /// Which operation.
    pub operation: Operation,
    /// Whether consent did not ask for a scope that it needs: then a new consent may bring it.
    #[serde(default)]
    pub not_requested: bool,
    /// The permissions that are missing.
    pub missing: Vec<Permission>,
}

/// What stands between a requirement and what is effective.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The operations that are denied.
    pub missing: Vec<Lack>,
    /// The operations of which nothing can be said.
    pub unknown: Vec<(Operation, Unknown)>,
}

impl Difference {
    /// Whether every operation is known to pass.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.unknown.is_empty()
    }
}

impl fmt::Display for Difference {
    /// What is to be done, each permission once, with the operations that wait for it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told: Vec<&Permission> = Vec::new();
        let mut separator = "";
        for permission in self.missing.iter().flat_map(|lack| &lack.missing) {
            if told.contains(&permission) {
                continue;
            }
            told.push(permission);
            let waiting: Vec<_> = self
                .missing
                .iter()
                .filter(|lack| lack.missing.contains(permission))
                .map(|lack| lack.operation.to_string())
                .collect();
            write!(f, "{separator}missing {permission}; needed to {}", waiting.join(", "))?;
            separator = "\n";
        }
        for (operation, why) in &self.unknown {
            write!(f, "{separator}unknown {operation}: {why}")?;
            separator = "\n";
        }
        Ok(())
    }
}

impl std::error::Error for Difference {}
