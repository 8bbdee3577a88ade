//! Which scopes operations need.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::at::At;

/// Which scopes operations need.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Permissions {
    /// Where scopes are set at the service, in the words of its menus.
    pub(crate) set_at: String,
    /// Who can set them.
    pub(crate) set_by: String,
    /// Whether a scope is all that an operation needs. Default false: what the user may do counts as well, and is
    /// not known.
    #[serde(default)]
    pub(crate) scopes_suffice: bool,
    /// Operations, spelt `action:object`.
    pub(crate) operations: BTreeMap<String, At<OperationNeed>>,
}

/// What one operation is and needs.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct OperationNeed {
    /// The scopes that it needs, all of them.
    pub(crate) scopes: Vec<String>,
    /// The requests that are this operation, as `GET /repos/*/issues`: `*` is one segment of the path.
    #[serde(default)]
    pub(crate) requests: Vec<At<String>>,
}
