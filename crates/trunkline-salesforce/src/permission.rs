//! Salesforce's permissions: what a call needs, what the connected user has, and what an administrator does.
//!
//! A call passes the token's scope `api`, the user's system permission API Enabled, the object permission, and
//! then field-level security or the record's sharing. What the user may do with an object and its fields is what
//! Salesforce describes to that user, which needs no permission beyond those; who gave it, and why not, would need
//! View Setup and Configuration, which integrations lack. Operations are `list`, `read`, `create`, `update` and
//! `delete`, on an object (`update:Account`), a field (`update:Account.Industry`) or a record
//! (`update:Account/001xx000003DGb2AAG`).

mod ask;
mod judge;
mod layer;
mod need;
mod objects;
mod read;
mod refused;
mod request;
mod rights;
mod role;
mod soql;
mod subject;

use trunkline_core::permission::{
    LeastRole, Need, Operation, Outgoing, PermissionMap, Rights, Unknown, UnknownOperation, Verdict,
};
use trunkline_core::{Account, Cx, Diagnosis, Error, ScopeSet, Session, async_trait};

use rights::Held;
use subject::{Part, Subject};

/// The map; it has no state, since what differs between orgs is described by them.
#[derive(Debug)]
pub(crate) struct SalesforceMap;

#[async_trait]
impl PermissionMap for SalesforceMap {
    fn operations<'a>(&self, request: &Outgoing<'a>) -> Result<Vec<Operation>, Unknown> {
        request::operations(request)
    }

    /// Those on the standard objects that are known by name, without their fields.
    fn known(&self) -> Vec<Operation> {
        objects::known()
    }

    /// An object that is not known by name is taken as it is, unless its name is like one that is.
    fn need(&self, operation: &Operation) -> Result<Need, UnknownOperation> {
        need::need(operation)
    }

    /// `full` holds every scope but those that bring a refresh token.
    fn has_scope(&self, granted: &ScopeSet, scope: &str) -> bool {
        granted.contains(scope) || (scope == layer::SCOPE_API && granted.contains(layer::SCOPE_FULL))
    }

    /// Asks for the description of each object, once, those that relationships lead to among them, and with one
    /// query for 200 records that operations name.
    async fn read(
        &self,
        cx: &Cx,
        session: &Session,
        account: &Account,
        operations: &[Operation],
    ) -> Result<Rights, Error> {
        let at = cx.clock().wall();
        Ok(Rights::new(read::read(cx, session, account, operations).await?, at))
    }

    fn covers(&self, rights: &Rights, operation: &Operation) -> bool {
        let Some(held) = rights.get::<Held>() else { return false };
        // There is nothing to read for what Salesforce has no name of.
        let Some(subject) = Subject::of(operation) else { return true };
        let has_record = match &subject.part {
            Part::Record(id) => held.records.contains_key(id),
            Part::Whole | Part::Field(_) => true,
        };
        held.gate.is_some() || (has_record && judge::lacks(held, &subject).is_none())
    }

    fn judge(&self, rights: &Rights, operation: &Operation) -> Verdict {
        judge::judge(rights.get::<Held>(), operation)
    }

    fn refused(&self, operation: &Operation, diagnosis: &Diagnosis, rights: Option<&Rights>) -> Verdict {
        refused::refused(operation, diagnosis, rights.and_then(Rights::get::<Held>))
    }

    fn least_role(
        &self,
        name: &str,
        operations: &[Operation],
        rights: Option<&Rights>,
    ) -> Result<LeastRole, UnknownOperation> {
        role::least(name, operations, rights.and_then(Rights::get::<Held>))
    }
}
