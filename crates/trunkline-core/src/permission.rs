//! Permissions, known before the call: what an integration needs, and what the connected user may do.
//!
//! An [`Operation`] is an action on an object, in the service's own names. A [`PermissionMap`] knows one
//! service: which operations a request is, what each needs, and what the rights of a connection say about
//! it. The answer is a [`Verdict`]: allowed, denied with the permissions that are missing, or honestly
//! unknown, since reading permissions is itself a permission. A [`Report`] sets the four columns side by
//! side (required, requested, granted, effective), and its [`Difference`] is what somebody has to do.
//!
//! ```
//! use trunkline_core::permission::Operation;
//!
//! let operation: Operation = "create:accounts-payable/bill".parse()?;
//! assert_eq!(operation, Operation::create("accounts-payable/bill"));
//! # Ok::<(), trunkline_core::Error>(())
//! ```

mod map;
mod operation;
mod report;
mod role;
#[cfg(test)]
mod tests;
mod verdict;

pub use map::{Certainty, Need, Outgoing, PermissionMap, Rights};
pub use operation::{Action, MAX_OPERATION_BYTES, Operation, UnknownOperation};
pub use report::{Difference, Lack, Report, Row, Scopes};
pub use role::{LeastRole, MachineForm};
pub use verdict::{Kind, Permission, Reason, Unknown, Verdict};

#[cfg(feature = "mock")]
pub use map::MockPermissionMap;
