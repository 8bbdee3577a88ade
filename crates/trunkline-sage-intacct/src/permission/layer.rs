//! The layers that a call passes, outermost first, and what to call what is missing in each.

use std::borrow::Cow;

use trunkline_core::Cause;
use trunkline_core::permission::{Kind, Permission};

/// A call passes only if every layer lets it through. In the order in which Sage is taken to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    /// The company is active.
    Company,
    /// It has subscribed to Web Services.
    WebServices,
    /// It authorises the sender.
    Sender,
    /// It authorises the client application.
    Client,
    /// The user is active, may use Web Services, and calls from an address that is let in.
    User,
    /// The company has subscribed to the application.
    Module,
    /// The user's type permits it at most.
    UserType,
    /// The user holds the permission with the right, itself, by a role, or by a group's role.
    Permission,
    /// The user may work in the entity.
    Entity,
    /// No switch of the application forbids it.
    Feature,
}

impl Layer {
    /// The layer that a refusal comes from. `None` for a cause that is no refusal of a permission.
    pub(super) fn of(cause: Cause) -> Option<Self> {
        Some(match cause {
            Cause::CompanyInactive | Cause::CompanyExpired => Self::Company,
            Cause::SenderNotAuthorized => Self::Sender,
            Cause::ClientNotAuthorized => Self::Client,
            Cause::IpAddressDenied => Self::User,
            Cause::ModuleNotSubscribed => Self::Module,
            Cause::PermissionMissing => Self::Permission,
            Cause::EntityForbidden => Self::Entity,
            Cause::FeatureDenied => Self::Feature,
            _ => return None,
        })
    }

    /// What is missing here, called `name`. `held` tells whether the user reaches the object at all.
    pub(super) fn lacks(self, name: impl Into<Cow<'static, str>>, held: bool) -> Permission {
        let (kind, set_at, set_by) = match self {
            Self::Company => (Kind::Company, SECURITY, ADMINISTRATOR),
            Self::WebServices | Self::Module => (Kind::Company, SUBSCRIPTIONS, ADMINISTRATOR),
            Self::Sender => (Kind::Company, SENDERS, ADMINISTRATOR),
            Self::Client => (Kind::Company, CLIENTS, ADMINISTRATOR),
            Self::User => (Kind::Company, IP_FILTER, ADMINISTRATOR),
            Self::UserType => (Kind::Role, "the user type in the user's record", ADMINISTRATOR),
            Self::Permission if held => (Kind::Action, ROLE, ADMINISTRATOR),
            Self::Permission => (Kind::Object, ROLE, ADMINISTRATOR),
            Self::Entity => (Kind::Object, "the user's entity restrictions", ADMINISTRATOR),
            Self::Feature => (
                Kind::Company,
                "the application's configuration, or Global Transaction Security",
                ADMINISTRATOR,
            ),
        };
        Permission { kind, name: name.into(), set_at: set_at.into(), set_by: set_by.into() }
    }

    /// A user without any permission: it is a role that is missing.
    pub(super) fn role(name: String) -> Permission {
        Permission { kind: Kind::Role, ..Self::Permission.lacks(name, false) }
    }

    /// A subscription to an application, in the spelling of the catalogue of permissions.
    pub(super) fn module(module: &str) -> Permission {
        Self::Module.lacks(format!("the application {module}"), false)
    }

    /// Another type than the one that the user has.
    pub(super) fn user_type(user_type: &str) -> Permission {
        let name = format!("a user type that permits it, such as business, in place of {user_type}");
        Self::UserType.lacks(name, false)
    }

    pub(super) fn entity(id: &str) -> Permission {
        Self::Entity.lacks(format!("the entity {id}"), false)
    }

    /// An entity that the company does not have is no restriction of the user.
    pub(super) fn no_entity(id: &str) -> Permission {
        Permission {
            kind: Kind::Object,
            name: format!("an entity {id}, which the company does not have").into(),
            set_at: "the entity ID that the connection works in".into(),
            set_by: "the application's operator".into(),
        }
    }

    /// A company that is given up is Sage's to bring back.
    pub(super) fn expired() -> Permission {
        Permission {
            kind: Kind::Company,
            name: "a demo company that has not expired".into(),
            set_at: "Sage Intacct".into(),
            set_by: "Sage".into(),
        }
    }
}

const ADMINISTRATOR: &str = "an administrator of the company";
const SUBSCRIPTIONS: &str = "Company > Admin > Subscriptions";
const SECURITY: &str = "Company > Setup > Company > Edit > Security";
const SENDERS: &str = "Company > Setup > Company > Edit > Security > Web Services authorizations";
const CLIENTS: &str = "Company > Setup > Company > Edit > Security > Authorized Client Applications";
const IP_FILTER: &str = "the IP filter in Company > Setup > Company > Edit > Security";
/// Both permission types: which one a company has is in its global settings.
pub(super) const ROLE: &str = "the permissions of a role that the user has, or, where permissions are user-based, Company > \
     Lists > Users > Permissions";
