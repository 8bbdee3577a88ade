//! A map of permissions that everybody holds.

use async_trait::async_trait;
use trunkline_core::permission::{
    Action, Certainty, Kind, LeastRole, Need, Operation, Outgoing, Permission, PermissionMap, Rights,
    Unknown, UnknownOperation, Verdict,
};
use trunkline_core::{Account, Cx, Diagnosis, Error, Session};

const ALL: [Action; 5] = [Action::LIST, Action::READ, Action::CREATE, Action::UPDATE, Action::DELETE];
const OBJECTS: [&str; 2] = ["accounts-payable/bill", "accounts-receivable/invoice"];

/// Ten operations, as an integration may need them.
pub(crate) fn ten() -> [Operation; 10] {
    std::array::from_fn(|at| Operation::new(ALL[at % 5].clone(), OBJECTS[at / 5]))
}

#[derive(Debug)]
pub(crate) struct OpenMap;

#[async_trait]
impl PermissionMap for OpenMap {
    fn operations<'a>(&self, _: &Outgoing<'a>) -> Result<Vec<Operation>, Unknown> {
        Ok(Vec::new())
    }

    fn known(&self) -> Vec<Operation> {
        ten().to_vec()
    }

    fn need(&self, operation: &Operation) -> Result<Need, UnknownOperation> {
        let permission = Permission {
            kind: Kind::Object,
            name: operation.to_string().into(),
            set_at: "Roles".into(),
            set_by: "an administrator".into(),
        };
        let any_of = vec![vec![permission]];
        Ok(Need { scopes: Vec::new(), any_of, certainty: Certainty::Documented })
    }

    async fn read(&self, cx: &Cx, _: &Session, _: &Account, _: &[Operation]) -> Result<Rights, Error> {
        Ok(Rights::new((), cx.clock().wall()))
    }

    fn covers(&self, _: &Rights, _: &Operation) -> bool {
        true
    }

    fn judge(&self, _: &Rights, _: &Operation) -> Verdict {
        Verdict::Allowed
    }

    fn refused(&self, _: &Operation, _: &Diagnosis, _: Option<&Rights>) -> Verdict {
        Verdict::Allowed
    }

    fn least_role(
        &self,
        name: &str,
        _: &[Operation],
        _: Option<&Rights>,
    ) -> Result<LeastRole, UnknownOperation> {
        Ok(LeastRole { name: name.to_owned(), permissions: Vec::new(), steps: Vec::new(), machine: None })
    }
}
