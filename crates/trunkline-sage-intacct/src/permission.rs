//! Sage Intacct's permissions: what a call needs, what the connected user has, and what an administrator does.
//!
//! Scopes mean nothing at Sage. The user's roles decide, under a ceiling that the user's type sets, in what the
//! company has subscribed to. Reading them needs List and View on Administration > Users. What they leave open, and
//! all for a user without that, the objects themselves are asked.

mod ask;
mod judge;
mod layer;
mod probe;
mod read;
mod refused;
mod request;
mod rights;
mod role;
mod row;
mod table;
mod user_type;

use trunkline_core::permission::{
    Certainty, LeastRole, Need, Operation, Outgoing, Permission, PermissionMap, Rights, Unknown,
    UnknownOperation, Verdict,
};
use trunkline_core::{Account, Cx, Diagnosis, Error, Session, async_trait};

use layer::Layer;
use rights::Held;

/// The map; it has no state, since all companies share one catalogue of names.
#[derive(Debug)]
pub(crate) struct SageMap;

#[async_trait]
impl PermissionMap for SageMap {
    fn operations<'a>(&self, request: &Outgoing<'a>) -> Result<Vec<Operation>, Unknown> {
        request::operations(request)
    }

    fn known(&self) -> Vec<Operation> {
        table::known()
    }

    fn need(&self, operation: &Operation) -> Result<Need, UnknownOperation> {
        if table::is_custom(operation.object()) {
            return Ok(Need { scopes: Vec::new(), any_of: Vec::new(), certainty: Certainty::Assumed });
        }
        let row =
            table::find(operation).ok_or_else(|| UnknownOperation::among(operation, &table::known()))?;
        let any_of = rights::wants(row, operation.action())
            .map(|want| -> Vec<Permission> {
                want.rights().map(|right| Layer::Permission.lacks(want.name(right), true)).collect()
            })
            .collect();
        Ok(Need { scopes: Vec::new(), any_of, certainty: row.certainty(operation.action()) })
    }

    /// Asks for the login, the user, the catalogue and the memberships, and once for each group and role: at
    /// most 64 of those. An object of which that leaves something open is asked itself, with at most two calls; so is
    /// each where users cannot be seen. One call more where the connection works in an entity, and one where
    /// everything was refused, to tell the application that is not admitted from the user who may nothing.
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
        rights.get::<Held>().is_some_and(|held| !judge::is_open(held, operation))
    }

    fn judge(&self, rights: &Rights, operation: &Operation) -> Verdict {
        judge::judge(rights.get::<Held>(), operation)
    }

    fn refused(&self, operation: &Operation, diagnosis: &Diagnosis, rights: Option<&Rights>) -> Verdict {
        let at = diagnosis.evidence().at;
        let is_later = rights.zip(at).is_some_and(|(rights, at)| rights.read_at() > at);
        refused::refused(operation, diagnosis, rights.and_then(Rights::get::<Held>), is_later)
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
