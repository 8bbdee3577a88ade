//! The layers that a call passes, outermost first, and what to call what is missing in each.

use trunkline_core::Cause;
use trunkline_core::permission::{Kind, Permission};

/// A call passes only if every layer lets it through. In the order in which Sage is taken to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    /// The company is active.
    Company,
    /// It has subscribed to Web Services.
    #[expect(dead_code, reason = "no refusal tells it from that of the client")]
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
    pub(super) fn lacks(self, name: String, held: bool) -> Permission {
        let (kind, set_at, set_by) = match self {
            Self::Company => (Kind::Company, "Sage Intacct", "Sage"),
            Self::WebServices | Self::Module => (Kind::Company, SUBSCRIPTIONS, ADMINISTRATOR),
            Self::Sender => (Kind::Company, SENDERS, ADMINISTRATOR),
            Self::Client => (Kind::Company, CLIENTS, ADMINISTRATOR),
            Self::User => (
                Kind::Company,
                "the user's record, and Company > Setup > Company > Edit > Security",
                ADMINISTRATOR,
            ),
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
}

const ADMINISTRATOR: &str = "an administrator of the company";
const SUBSCRIPTIONS: &str = "Company > Admin > Subscriptions";
const SENDERS: &str = "Company > Setup > Company > Edit > Security > Web Services authorizations";
const CLIENTS: &str = "Company > Setup > Company > Edit > Security > Authorized Client Applications";
/// Both permission types: which one a company has is in its global settings.
pub(super) const ROLE: &str = "the permissions of a role that the user has, or, where permissions are user-based, Company > \
     Lists > Users > Permissions";
