//! The smallest role that satisfies a requirement.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

use super::Permission;

/// What an administrator creates so that a user may do certain operations, and as little else as the
/// service's permissions can tell apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeastRole {
    /// The role's name.
    pub name: String,
    /// What it holds.
    pub permissions: Vec<Permission>,
    /// What the administrator does, in the words of the service's menus.
    pub steps: Vec<String>,
    /// The same for the service's API or tools, where it can be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<MachineForm>,
}

/// A role in the form that the service's API or tools take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MachineForm {
    /// What takes it, such as `POST /objects/company-config/role`.
    pub takes: Cow<'static, str>,
    /// Its media type.
    pub media_type: Cow<'static, str>,
    /// The text itself.
    pub text: String,
}

impl fmt::Display for LeastRole {
    /// The steps, numbered, one a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in (1..).zip(&self.steps) {
            writeln!(f, "{number}. {step}")?;
        }
        Ok(())
    }
}
