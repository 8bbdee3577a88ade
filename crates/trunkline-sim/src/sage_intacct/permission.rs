//! Layers 6 to 8 of the permission model: subscription, user type, permission and action.

use std::collections::BTreeSet;

use serde_json::Value;

use super::catalogue::ObjectType;
use super::company::Company;
use super::envelope::ApiError;
use super::knobs::Knobs;
use super::record::{Record, reference_key};
use super::session::Caller;

/// What a call does to an object, in the words of a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    List,
    View,
    Add,
    Edit,
    Delete,
}

impl Action {
    /// The service's enum has pairs of names for two of the actions.
    fn rights(self) -> &'static [&'static str] {
        match self {
            Self::List => &["list"],
            Self::View => &["readonly", "view"],
            Self::Add => &["add"],
            Self::Edit => &["modify", "edit"],
            Self::Delete => &["delete"],
        }
    }

    fn name(self) -> &'static str {
        self.rights().first().copied().unwrap_or_default()
    }

    fn is_write(self) -> bool {
        matches!(self, Self::Add | Self::Edit | Self::Delete)
    }
}

/// Checks one action; the order is that of the reference's layers.
pub(crate) fn check(
    company: &Company,
    knobs: &Knobs,
    caller: &Caller,
    object: &ObjectType,
    action: Action,
) -> Result<(), ApiError> {
    let subscribed = object.permissions.iter().any(|(module, _)| company.subscriptions.contains(*module));
    if !subscribed {
        let module = object.permissions.first().map_or("", |(module, _)| module);
        return Err(ApiError::refusal(403, &knobs.subscription_refusal, &[("module", module)]));
    }
    if is_allowed(company, caller, object, action) {
        return Ok(());
    }
    let fill = [("operation", action.name()), ("object", object.path)];
    Err(ApiError::refusal(403, &knobs.permission_refusal, &fill))
}

/// Whether subscription, ceiling and permission all let the action pass.
pub(crate) fn is_allowed(company: &Company, caller: &Caller, object: &ObjectType, action: Action) -> bool {
    let Some(user) = company.user(&caller.user) else { return false };
    object.permissions.iter().any(|(module, name)| {
        company.subscriptions.contains(*module)
            && under_ceiling(user, module, action)
            && (manages_users(user, module) || granted(company, user, module, name, action))
    })
}

/// Only a business user may write to the ledgers; the caps of the other types are finer in the service.
fn under_ceiling(user: &Record, module: &str, action: Action) -> bool {
    let ledger =
        matches!(module, "accountsPayable" | "accountsReceivable" | "generalLedger" | "cashManagement");
    user.text("userType") == "business" || !ledger || !action.is_write()
}

/// The one thing that administrator privileges give without a permission.
fn manages_users(user: &Record, module: &str) -> bool {
    module == "administration" && matches!(user.text("adminPrivileges"), "limited" | "full")
}

fn granted(company: &Company, user: &Record, module: &str, name: &str, action: Action) -> bool {
    let rights = rights(company, user, module, name);
    let has = |action: Action| action.rights().iter().any(|right| rights.contains(*right));
    // Every action requires List.
    has(Action::List) && has(action)
}

/// Rights on one permission: the union of direct assignments, roles, and roles of the user's groups.
fn rights(company: &Company, user: &Record, module: &str, name: &str) -> BTreeSet<String> {
    let is_meant = |permission: Option<&Value>| {
        let record = permission
            .and_then(reference_key)
            .and_then(|key| company.by_key("company-config/permission", key));
        record.is_some_and(|record| record.text("module") == module && record.text("name") == name)
    };
    let direct = user
        .items("permissionAssignments")
        .iter()
        .filter(|item| is_meant(item.get("permission")))
        .flat_map(|item| texts(item.get("accessRights")));
    let roles = roles(company, user);
    let by_role = company
        .rows("company-config/role-permission-assignment")
        .filter(|row| row.reference_key("role").is_some_and(|role| roles.contains(&role)))
        .filter(|row| is_meant(row.fields.get("permission")))
        .flat_map(|row| texts(row.fields.get("accessRights")));
    direct.chain(by_role).collect()
}

fn roles(company: &Company, user: &Record) -> BTreeSet<u64> {
    let of = |record: &Record| -> Vec<u64> {
        let role = |item: &Value| reference_key(item).or_else(|| reference_key(item.get("role")?));
        record.items("roles").iter().filter_map(role).collect()
    };
    let groups = company
        .rows("company-config/user-group-member")
        .filter(|row| row.reference_key("user") == Some(user.key))
        .filter_map(|row| company.by_key("company-config/user-group", row.reference_key("userGroup")?));
    of(user).into_iter().chain(groups.flat_map(of)).collect()
}

fn texts(list: Option<&Value>) -> Vec<String> {
    let items = list.and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
