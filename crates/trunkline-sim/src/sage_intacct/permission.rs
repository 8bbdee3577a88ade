//! Layers 6 to 8 of the permission model: subscription, user type, permission and action; and both places where
//! permissions are kept.

use std::collections::BTreeSet;

use serde_json::Value;

use super::catalogue::ObjectType;
use super::company::{Company, PermissionType};
use super::envelope::ApiError;
use super::knobs::Knobs;
use super::record::{Record, reference_key};
use super::session::Caller;
use super::workflow::Workflow;

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
    if is_allowed(company, knobs, caller, object, action) {
        return Ok(());
    }
    let fill = [("operation", action.name()), ("object", object.path)];
    Err(ApiError::refusal(403, &knobs.permission_refusal, &fill))
}

/// The same for an action beyond those five. Each changes something.
pub(crate) fn check_workflow(
    company: &Company,
    knobs: &Knobs,
    caller: &Caller,
    object: &ObjectType,
    workflow: &Workflow,
) -> Result<(), ApiError> {
    let (module, name) = workflow.permission;
    if !company.subscriptions.contains(module) {
        return Err(ApiError::refusal(403, &knobs.subscription_refusal, &[("module", module)]));
    }
    let open = company.user(&caller.user).is_some_and(|user| {
        let rights = rights(company, knobs, user, module, name);
        under_ceiling(user, object, true) && workflow.is_open_to(|right| rights.contains(right))
    });
    if open {
        return Ok(());
    }
    let fill = [("operation", workflow.action), ("object", object.path)];
    Err(ApiError::refusal(403, &knobs.permission_refusal, &fill))
}

/// Whether subscription, ceiling and permission all let the action pass.
pub(crate) fn is_allowed(
    company: &Company,
    knobs: &Knobs,
    caller: &Caller,
    object: &ObjectType,
    action: Action,
) -> bool {
    let Some(user) = company.user(&caller.user) else { return false };
    object.permissions.iter().any(|(module, name)| {
        company.subscriptions.contains(*module)
            && under_ceiling(user, object, action.is_write())
            && (manages_users(user, module) || granted(company, knobs, user, (module, name), action))
    })
}

/// Only a business user may write to the ledgers, whichever module gives the permission; the caps of the other
/// types are finer in the service.
fn under_ceiling(user: &Record, object: &ObjectType, writes: bool) -> bool {
    let application = object.path.split('/').next().unwrap_or_default();
    let ledger = ["accounts-payable", "accounts-receivable", "general-ledger", "cash-management"];
    user.text("userType") == "business" || !ledger.contains(&application) || !writes
}

/// The one thing that administrator privileges give without a permission.
fn manages_users(user: &Record, module: &str) -> bool {
    module == "administration" && matches!(user.text("adminPrivileges"), "limited" | "full")
}

fn granted(
    company: &Company,
    knobs: &Knobs,
    user: &Record,
    (module, name): (&str, &str),
    action: Action,
) -> bool {
    let rights = rights(company, knobs, user, module, name);
    let has = |action: Action| action.rights().iter().any(|right| rights.contains(*right));
    // Every action requires List.
    has(Action::List) && has(action)
}

/// Rights on one permission: by the company's permission type, those given to the user, or the union of its
/// roles and the roles of its groups.
fn rights(company: &Company, knobs: &Knobs, user: &Record, module: &str, name: &str) -> BTreeSet<String> {
    let name = company.name_of_permission(module, name);
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
    let roles = roles(company, knobs, user);
    let by_role = company
        .rows("company-config/role-permission-assignment")
        .filter(|row| row.reference_key("role").is_some_and(|role| roles.contains(&role)))
        .filter(|row| is_meant(row.fields.get("permission")))
        .flat_map(|row| texts(row.fields.get("accessRights")));
    match company.permission_type {
        PermissionType::UserBased => direct.collect(),
        PermissionType::RoleBased => by_role.collect(),
    }
}

/// Whether the company's list of permissions has the row: those of applications it has not subscribed to are
/// left out, so that nobody can give them.
pub(crate) fn is_listed(company: &Company, object: &ObjectType, row: &Record) -> bool {
    object.path != "company-config/permission" || company.subscriptions.contains(row.text("module"))
}

/// Moves what every user holds to where the type keeps it, as the service does.
pub(crate) fn change_type(company: &mut Company, knobs: &Knobs, permission_type: PermissionType) {
    if company.permission_type == permission_type {
        return;
    }
    let permissions: Vec<_> = company.rows("company-config/permission").cloned().collect();
    let users: Vec<_> = company.rows("company-config/user").cloned().collect();
    let held = |user: &Record| -> Vec<(u64, BTreeSet<String>)> {
        let of = |row: &Record| rights(company, knobs, user, row.text("module"), row.text("name"));
        permissions.iter().map(|row| (row.key, of(row))).filter(|(_, rights)| !rights.is_empty()).collect()
    };
    let held: Vec<_> = users.iter().map(|user| (user.id.clone(), held(user))).collect();
    company.permission_type = permission_type;
    for record in
        company.tables.get_mut("company-config/user-group").into_iter().flat_map(|table| table.values_mut())
    {
        record.fields.insert("roles".into(), Vec::<Value>::new().into());
    }
    for (login, held) in held {
        let (mut roles, mut direct) = (Vec::new(), Vec::new());
        match permission_type {
            PermissionType::RoleBased => roles.extend(system_role(company, &login, &held)),
            PermissionType::UserBased => direct = held.iter().map(|held| assignment(company, held)).collect(),
        }
        if let Some(user) = company.by_id_mut("company-config/user", &login) {
            user.fields.insert("roles".into(), roles.into());
            user.fields.insert("permissionAssignments".into(), direct.into());
        }
    }
}

fn assignment(company: &Company, (key, rights): &(u64, BTreeSet<String>)) -> Value {
    let permission = company.by_key("company-config/permission", *key);
    let reference = permission.map(|row| company.reference("company-config/permission", row));
    serde_json::json!({ "permission": reference, "accessRights": rights })
}

/// The role that the service makes for each user of a company that becomes role-based.
fn system_role(company: &mut Company, login: &str, held: &[(u64, BTreeSet<String>)]) -> Option<Value> {
    let object = super::catalogue::find("company-config/role")?;
    let fields = serde_json::json!({ "roleType": "enterprise", "applyTo": "loginAndSlideIn" });
    let id = format!("::SYS::COMPANY-ROLE-FOR-{login}");
    let role = company.insert(object, Some(id), None, fields.as_object().cloned()?);
    for (permission, rights) in held {
        company.assign(role, *permission, &rights.iter().map(String::as_str).collect::<Vec<_>>());
    }
    Some(company.reference(object.path, company.by_key(object.path, role)?))
}

fn roles(company: &Company, knobs: &Knobs, user: &Record) -> BTreeSet<u64> {
    let of = |record: &Record| -> Vec<u64> {
        let role = |item: &Value| reference_key(item).or_else(|| reference_key(item.get("role")?));
        record.items("roles").iter().filter_map(role).collect()
    };
    let groups = company
        .rows("company-config/user-group-member")
        .filter(|row| row.reference_key("user") == Some(user.key))
        .filter_map(|row| company.by_key("company-config/user-group", row.reference_key("userGroup")?));
    let applies = |key: &u64| {
        let role = company.by_key("company-config/role", *key);
        let applies = role.map_or("", |role| role.text("applyTo"));
        applies != "slideInOnly" || knobs.slide_in_roles_apply
    };
    of(user).into_iter().chain(groups.flat_map(of)).filter(applies).collect()
}

fn texts(list: Option<&Value>) -> Vec<String> {
    let items = list.and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
