//! What stands between a call and its record, outermost first, and what to call what is missing: in the words
//! of Setup.

use trunkline_core::Cause;
use trunkline_core::permission::{Action, Kind, Permission};

const ADMINISTRATOR: &str = "an administrator of the org";

/// The scope without which the REST API answers 401. `full` holds it.
pub(super) const SCOPE_API: &str = "api";
pub(super) const SCOPE_FULL: &str = "full";

fn permission(kind: Kind, name: impl Into<std::borrow::Cow<'static, str>>, set_at: String) -> Permission {
    Permission { kind, name: name.into(), set_at: set_at.into(), set_by: ADMINISTRATOR.into() }
}

/// Named by the scope alone: that is what is compared with the scopes of a grant.
pub(super) fn api_scope() -> Permission {
    Permission {
        kind: Kind::Company,
        name: SCOPE_API.into(),
        set_at: "the app's Selected OAuth Scopes: Manage user data via APIs (api), with a new consent".into(),
        set_by: "whoever manages the app".into(),
    }
}

/// A system permission of a profile or permission set: how Setup calls it, and how the Metadata API does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct System {
    pub(super) label: &'static str,
    pub(super) name: &'static str,
}

pub(super) const API_ENABLED: System = System { label: "API Enabled", name: "ApiEnabled" };
pub(super) const ACTIVITIES: System = System { label: "Access Activities", name: "ActivitiesAccess" };
pub(super) const EDIT_TASKS: System = System { label: "Edit Tasks", name: "EditTask" };
pub(super) const EDIT_EVENTS: System = System { label: "Edit Events", name: "EditEvent" };
pub(super) const MANAGE_USERS: System = System { label: "Manage Users", name: "ManageUsers" };
pub(super) const VIEW_SETUP: System = System { label: "View Setup and Configuration", name: "ViewSetup" };
pub(super) const PERMISSION_SETS: System =
    System { label: "Manage Profiles and Permission Sets", name: "ManageProfilesPermissionsets" };
pub(super) const ASSIGN: System = System { label: "Assign Permission Sets", name: "AssignPermissionSets" };

impl System {
    pub(super) fn permission(self) -> Permission {
        let System { label, name } = self;
        let edition =
            if self == API_ENABLED { "; an org whose edition has no API asks Salesforce for it" } else { "" };
        permission(
            Kind::Role,
            format!("{label} ({name})"),
            format!(
                "Setup > Permission Sets > a set of the user > System Permissions, or the user's profile{edition}"
            ),
        )
    }
}

/// One of the object permissions that a user has by profile and permission sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Right {
    Read,
    Create,
    Edit,
    Delete,
}

impl Right {
    /// What an action needs, with what that depends on: create and edit need read, delete needs edit.
    pub(super) fn of(action: &Action) -> Option<&'static [Self]> {
        Some(match action.as_str() {
            "list" | "read" => &[Self::Read],
            "create" => &[Self::Read, Self::Create],
            "update" => &[Self::Read, Self::Edit],
            "delete" => &[Self::Read, Self::Edit, Self::Delete],
            _ => return None,
        })
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Read => "Read",
            Self::Create => "Create",
            Self::Edit => "Edit",
            Self::Delete => "Delete",
        }
    }

    /// The object permission.
    pub(super) fn on(self, object: &str) -> Permission {
        self.on_perhaps(object, "")
    }

    /// The object permission, with the reserve under which it is the one that is missing.
    pub(super) fn on_perhaps(self, object: &str, reserve: &'static str) -> Permission {
        let kind = if self == Self::Read { Kind::Object } else { Kind::Action };
        permission(
            kind,
            format!("{object}: {}", self.word()),
            format!(
                "Setup > Permission Sets > a set of the user > Object Settings > {object} > Object Permissions, or \
                 the user's profile{reserve}"
            ),
        )
    }
}

/// Field-level security: `edit` for Edit Access, else Read Access.
pub(super) fn field(object: &str, field: &str, edit: bool) -> Permission {
    let access = if edit { "Edit Access" } else { "Read Access" };
    permission(
        Kind::Action,
        format!("{object}.{field}: {access}"),
        format!(
            "Setup > Permission Sets > a set of the user > Object Settings > {object} > Field Permissions, or \
             Field-Level Security of the user's profile"
        ),
    )
}

/// What sharing gives on one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Share {
    Read,
    Edit,
    Delete,
}

impl Share {
    /// `None` for an action that is about no record.
    pub(super) fn of(action: &Action) -> Option<Self> {
        Some(match action.as_str() {
            "read" => Self::Read,
            "update" => Self::Edit,
            "delete" => Self::Delete,
            _ => return None,
        })
    }

    /// Access to `record`, which is an id or says which one.
    pub(super) fn to(self, record: &str) -> Permission {
        let level = match self {
            Self::Read => "Read",
            Self::Edit => "Edit",
            Self::Delete => "Delete",
        };
        Permission {
            kind: Kind::Object,
            name: format!("{level} access to {record}").into(),
            set_at: "the record's owner and Sharing button, and Setup > Sharing Settings: organization-wide \
                     defaults and sharing rules"
                .into(),
            set_by: "the record's owner or an administrator of the org".into(),
        }
    }
}

/// A feature or licence that the org or the user lacks.
pub(super) fn feature(name: &str) -> Permission {
    permission(
        Kind::Company,
        format!("the feature or licence for {name}"),
        "Setup, where the feature that Salesforce names is enabled, and Company Information for licences"
            .to_owned(),
    )
}

/// What is missing where the refusal itself says which layer it comes from, and no object matters.
pub(super) fn of_cause(cause: Cause) -> Option<Permission> {
    let (kind, name, set_at) = match cause {
        Cause::ScopeMissing => return Some(api_scope()),
        Cause::ClientNotAuthorized => (
            Kind::Company,
            "the application, installed and approved for the user",
            "Setup > Connected Apps OAuth Usage, and Permitted Users in the application's policies",
        ),
        Cause::IpAddressDenied => (
            Kind::Company,
            "the address or time that the call comes from",
            "Login IP Ranges and Login Hours of the user's profile, and IP Relaxation in the application's policies",
        ),
        Cause::UserDisabled => (Kind::Role, "an active user who is not frozen", "Setup > Users"),
        Cause::CompanyInactive => {
            let mut org = permission(Kind::Company, "an active org", "Salesforce".to_owned());
            org.set_by = "Salesforce".into();
            return Some(org);
        }
        _ => return None,
    };
    Some(permission(kind, name, set_at.to_owned()))
}
