//! What is known about one operation before it is called.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The four kinds of permission, as users know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// What the user is: role, profile, user type.
    Role,
    /// Which objects or records the user reaches.
    Object,
    /// What the user may do with an object that is reached.
    Action,
    /// What holds for everybody at the company: subscriptions, policies, who may call at all.
    Company,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Role => "role",
            Self::Object => "object",
            Self::Action => "action",
            Self::Company => "company",
        })
    }
}

/// One permission of the service. Its texts are for people, in the service's own words.
///
/// A map that takes a part of them from the service cleans it first, as
/// [`ServiceText`](crate::ServiceText) does.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Permission {
    /// Of which kind.
    pub kind: Kind,
    /// Its name in the service, such as `accountsPayable.bills: add`.
    pub name: Cow<'static, str>,
    /// Where it is set: the way through the service's menus.
    pub set_at: Cow<'static, str>,
    /// Who can set it.
    pub set_by: Cow<'static, str>,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}), set in {}, by {}", self.name, self.kind, self.set_at, self.set_by)
    }
}

/// Why a verdict is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The service does not let this user read the rights, or they were not read for this object.
    NotReadable,
    /// The map does not know what the operation needs.
    NotMapped,
    /// Documentation leaves open what the operation needs, or what a user of this kind may do at most.
    NotDocumented,
    /// It depends on the record, or on what is in the request.
    DependsOnRecord,
}

/// Why a verdict is unknown, and a sentence about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Unknown {
    /// The class.
    pub reason: Reason,
    /// One clause for a person, without a full stop.
    pub detail: Cow<'static, str>,
}

impl Unknown {
    /// Puts both together.
    #[must_use]
    pub fn new(reason: Reason, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

/// What is known about one operation before it is called.
///
/// It is about permissions. An operation that is allowed may still fail by a rule of the business, or since
/// the rights changed after they were read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Every permission that is known to be needed is there.
    Allowed,
    /// The service would refuse.
    Denied {
        /// What is missing, never empty: of the outermost layer that refuses, since what lies behind it
        /// may look different once it is open.
        missing: Vec<Permission>,
    },
    /// It cannot be known, or not before the call.
    Unknown(Unknown),
}

impl Verdict {
    /// Denied for want of one permission.
    #[must_use]
    pub fn denied(missing: Permission) -> Self {
        Self::Denied { missing: vec![missing] }
    }

    /// Unknown for this reason.
    #[must_use]
    pub fn unknown(reason: Reason, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Unknown(Unknown::new(reason, detail))
    }

    /// Whether the operation is known to pass.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed)
    }

    /// Whether the operation is known to be refused.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Denied { .. })
    }
}
