//! A map of two permissions.

use trunkline_core::http::Method;
use trunkline_core::permission::{
    Action, Certainty, Kind, LeastRole, Need, Operation, Outgoing, Permission, PermissionMap, Reason, Rights,
    Unknown, UnknownOperation, Verdict,
};
use trunkline_core::{Account, Cause, Cx, Diagnosis, Error, Request, Session, async_trait};

use crate::flaw::Flaw;

#[derive(Debug)]
pub(crate) struct Map(Flaw);

/// What was read: the names of the permissions that the user has.
struct Names(Vec<String>);

const OPERATIONS: [Operation; 2] =
    [Operation::constant(Action::READ, "invoice"), Operation::constant(Action::CREATE, "invoice")];

impl Map {
    pub(crate) fn of(flaw: Flaw) -> Option<&'static dyn PermissionMap> {
        const HEALTHY: &Map = &Map(Flaw::Healthy);
        const TWICE: &Map = &Map(Flaw::ListsAnOperationTwice);
        const ALLOWS: &Map = &Map(Flaw::AllowsWhatWasRefused);
        const SMALL: &Map = &Map(Flaw::GrantsTooSmallARole);
        const GUESSES: &Map = &Map(Flaw::JudgesWithoutRights);
        const YES: &Map = &Map(Flaw::JudgesEverythingAllowed);
        const SHRUGS: &Map = &Map(Flaw::NeverDeniesWhatWasRefused);
        const ASTRAY: &Map = &Map(Flaw::TakesAPathForAnother);
        const FORGETS: &Map = &Map(Flaw::ForgetsAnOperation);
        const EMPTY: &Map = &Map(Flaw::DeniesForNoReason);
        Some(match flaw {
            Flaw::ListsAnOperationTwice => TWICE,
            Flaw::AllowsWhatWasRefused => ALLOWS,
            Flaw::GrantsTooSmallARole => SMALL,
            Flaw::JudgesWithoutRights => GUESSES,
            Flaw::DeniesForNoReason => EMPTY,
            Flaw::JudgesEverythingAllowed => YES,
            Flaw::NeverDeniesWhatWasRefused => SHRUGS,
            Flaw::TakesAPathForAnother => ASTRAY,
            Flaw::ForgetsAnOperation => FORGETS,
            _ => HEALTHY,
        })
    }

    fn lacks(&self, operation: &Operation) -> Verdict {
        match self.0 {
            Flaw::DeniesForNoReason => Verdict::Denied { missing: Vec::new() },
            _ => Verdict::denied(permission(operation)),
        }
    }
}

fn permission(operation: &Operation) -> Permission {
    Permission {
        kind: Kind::Action,
        name: format!("invoices: {}", operation.action()).into(),
        set_at: "Team > Role".into(),
        set_by: "the owner".into(),
    }
}

#[async_trait]
impl PermissionMap for Map {
    fn operations<'a>(&self, request: &Outgoing<'a>) -> Result<Vec<Operation>, Unknown> {
        match (request.method, request.path.starts_with("/invoices")) {
            (&Method::GET, true) => Ok(vec![OPERATIONS[0].clone()]),
            (&Method::POST, true) if self.0 == Flaw::TakesAPathForAnother => Ok(vec![OPERATIONS[0].clone()]),
            (&Method::POST, true) => Ok(vec![OPERATIONS[1].clone()]),
            _ => Err(Unknown::new(Reason::NotMapped, "the path is not of an object")),
        }
    }

    fn known(&self) -> Vec<Operation> {
        let mut known = OPERATIONS.to_vec();
        if self.0 == Flaw::ListsAnOperationTwice {
            known.push(OPERATIONS[0].clone());
        }
        if self.0 == Flaw::ForgetsAnOperation {
            known.pop();
        }
        known
    }

    fn need(&self, operation: &Operation) -> Result<Need, UnknownOperation> {
        if !OPERATIONS.contains(operation) {
            return Err(UnknownOperation::among(operation, &OPERATIONS));
        }
        let any_of = vec![vec![permission(operation)]];
        Ok(Need { scopes: Vec::new(), any_of, certainty: Certainty::Documented })
    }

    async fn read(&self, cx: &Cx, session: &Session, _: &Account, _: &[Operation]) -> Result<Rights, Error> {
        let request = Request::new(Method::GET, session.endpoint().join("/rights")?);
        let body = session.send(request).await?.into_body().collect(64 * 1024).await;
        let body = body.map_err(|_| Error::of(Cause::ResponseInvalid))?;
        let names = serde_json::from_slice(&body).map_err(|_| Error::of(Cause::ResponseInvalid))?;
        Ok(Rights::new(Names(names), cx.clock().wall()))
    }

    fn covers(&self, rights: &Rights, _: &Operation) -> bool {
        rights.get::<Names>().is_some()
    }

    fn judge(&self, rights: &Rights, operation: &Operation) -> Verdict {
        match rights.get::<Names>() {
            Some(_) if self.0 == Flaw::JudgesEverythingAllowed => Verdict::Allowed,
            Some(Names(names)) if names.iter().any(|name| *name == permission(operation).name) => {
                Verdict::Allowed
            }
            None if self.0 != Flaw::JudgesWithoutRights => {
                Verdict::unknown(Reason::NotReadable, "the rights were not read")
            }
            _ => self.lacks(operation),
        }
    }

    fn refused(&self, operation: &Operation, diagnosis: &Diagnosis, _: Option<&Rights>) -> Verdict {
        match diagnosis.cause() {
            Cause::PermissionMissing if self.0 == Flaw::AllowsWhatWasRefused => Verdict::Allowed,
            Cause::PermissionMissing if self.0 == Flaw::NeverDeniesWhatWasRefused => {
                Verdict::unknown(Reason::DependsOnRecord, "it may be anything")
            }
            Cause::PermissionMissing => self.lacks(operation),
            _ => Verdict::unknown(Reason::DependsOnRecord, "the refusal is about something else"),
        }
    }

    fn least_role(
        &self,
        name: &str,
        operations: &[Operation],
        _: Option<&Rights>,
    ) -> Result<LeastRole, UnknownOperation> {
        for operation in operations {
            self.need(operation)?;
        }
        let few = if self.0 == Flaw::GrantsTooSmallARole { 0 } else { operations.len() };
        let permissions: Vec<_> = operations.iter().take(few).map(permission).collect();
        let steps = vec!["Open Team > Role.".to_owned()];
        Ok(LeastRole { name: name.to_owned(), permissions, steps, machine: None })
    }
}
