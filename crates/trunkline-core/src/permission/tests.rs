//! The four columns, over a map of two operations.

use http::Method;
use jiff::Timestamp;

use super::*;
use crate::{Account, Cx, Diagnosis, Error, ErrorKind, ScopeSet, Session, async_trait};

const LIST: Operation = Operation::constant(Action::LIST, "bill");
const POST: Operation = Operation::constant(Action::CREATE, "bill");
const FILE: Operation = Operation::constant(Action::CREATE, "file");

/// Whoever holds `rights` of type `Vec<Operation>` may do those.
#[derive(Debug)]
struct Map;

fn permission(name: &'static str, kind: Kind) -> Permission {
    Permission { kind, name: name.into(), set_at: "Setup > Roles".into(), set_by: "an administrator".into() }
}

#[async_trait]
impl PermissionMap for Map {
    fn operations<'a>(&self, request: &Outgoing<'a>) -> Result<Vec<Operation>, Unknown> {
        Ok(if request.method == Method::GET { vec![LIST] } else { vec![POST] })
    }

    fn known(&self) -> Vec<Operation> {
        vec![LIST, POST, FILE]
    }

    fn need(&self, operation: &Operation) -> Result<Need, UnknownOperation> {
        if !self.known().contains(operation) {
            return Err(UnknownOperation::among(operation, &self.known()));
        }
        let scopes = if *operation == FILE { vec![permission("files", Kind::Company)] } else { Vec::new() };
        let any_of = vec![vec![permission("bills", Kind::Object)]];
        Ok(Need { scopes, any_of, certainty: Certainty::Documented })
    }

    fn has_scope(&self, granted: &ScopeSet, scope: &str) -> bool {
        granted.contains(scope) || granted.contains("everything")
    }

    async fn read(&self, cx: &Cx, _: &Session, _: &Account, all: &[Operation]) -> Result<Rights, Error> {
        Ok(Rights::new(all.to_vec(), cx.clock().wall()))
    }

    fn covers(&self, rights: &Rights, operation: &Operation) -> bool {
        rights.get::<Vec<Operation>>().is_some_and(|held| held.contains(operation))
    }

    fn refused(&self, _: &Operation, _: &Diagnosis, _: Option<&Rights>) -> Verdict {
        Verdict::denied(permission("bills", Kind::Object))
    }

    fn judge(&self, rights: &Rights, operation: &Operation) -> Verdict {
        match rights.get::<Vec<Operation>>() {
            None => Verdict::unknown(Reason::NotReadable, "rights of another map"),
            Some(held) if held.contains(operation) => Verdict::Allowed,
            Some(_) => Verdict::denied(permission("bills", Kind::Object)),
        }
    }

    fn least_role(
        &self,
        name: &str,
        _: &[Operation],
        _: Option<&Rights>,
    ) -> Result<LeastRole, UnknownOperation> {
        let (permissions, steps) = (vec![permission("bills", Kind::Object)], vec!["Save.".to_owned()]);
        Ok(LeastRole { name: name.to_owned(), permissions, steps, machine: None })
    }
}

fn check(held: &[Operation], scopes: &Scopes, asked: &[Operation]) -> Report {
    Report::of(&Map, &Rights::new(held.to_vec(), Timestamp::UNIX_EPOCH), scopes, asked).unwrap()
}

fn granted(requested: &str, granted: &str) -> Scopes {
    Scopes { requested: Some(ScopeSet::parse(requested, ' ')), granted: Some(ScopeSet::parse(granted, ' ')) }
}

#[test]
fn a_denied_operation_says_what_is_missing_where_it_is_set_and_by_whom() {
    let report = check(&[LIST], &Scopes::default(), &[LIST, POST]);
    assert!(!report.is_allowed());
    let difference = report.difference();
    assert_eq!(difference.missing.len(), 1);
    assert_eq!(
        difference.to_string(),
        "missing bills (object), set in Setup > Roles, by an administrator; needed to create:bill"
    );
    let error = report.require().unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::PermissionDenied, "the connection may not create:bill")
    );
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.downcast_ref::<Difference>(), Some(&difference));
}

#[test]
fn a_permission_that_several_operations_lack_is_told_once() {
    let text = check(&[], &Scopes::default(), &[LIST, POST]).difference().to_string();
    assert_eq!(text.lines().count(), 1);
    assert!(text.ends_with("needed to list:bill, create:bill"), "{text}");
}

#[test]
fn an_unknown_operation_is_no_denial() {
    let report =
        Report::of(&Map, &Rights::new((), Timestamp::UNIX_EPOCH), &Scopes::default(), &[POST]).unwrap();
    assert!(!report.is_allowed() && report.difference().missing.is_empty());
    assert_eq!(report.to_string(), "unknown  create:bill: rights of another map\n");
    assert!(report.require().is_ok());
}

#[test]
fn a_scope_that_was_not_granted_denies_whatever_the_rights_are() {
    let row = |scopes| check(&[FILE], &scopes, &[FILE]).rows.remove(0);
    let narrowed = row(granted("files", ""));
    assert_eq!((narrowed.requested, narrowed.granted), (Some(true), Some(false)));
    assert_eq!(narrowed.effective, Verdict::denied(permission("files", Kind::Company)));
    let whole = row(granted("files", "files"));
    assert_eq!((whole.granted, whole.effective), (Some(true), Verdict::Allowed));
    // A service that does not say what it granted contradicts nothing.
    let silent = row(Scopes::default());
    assert_eq!((silent.granted, silent.effective), (None, Verdict::Allowed));
    let lack = check(&[FILE], &granted("", ""), &[FILE]).difference().missing.remove(0);
    assert!(lack.not_requested);
}

#[test]
fn a_scope_that_stands_for_others_is_the_map_s_to_know() {
    let row = check(&[FILE], &granted("everything", "everything"), &[FILE]).rows.remove(0);
    assert_eq!((row.requested, row.granted, row.effective), (Some(true), Some(true), Verdict::Allowed));
}

#[test]
fn an_operation_that_needs_no_scope_is_not_compared_with_scopes() {
    let row = check(&[POST], &granted("", ""), &[POST]).rows.remove(0);
    assert_eq!((row.requested, row.granted, row.effective), (None, None, Verdict::Allowed));
}

#[test]
fn a_report_of_an_operation_that_the_service_lacks_offers_the_nearest() {
    let asked = Operation::create("bil");
    let error =
        Report::of(&Map, &Rights::new((), Timestamp::UNIX_EPOCH), &Scopes::default(), &[asked]).unwrap_err();
    assert_eq!(error.nearest, Some(POST));
}

#[test]
fn a_report_is_data_for_a_program() {
    let json = serde_json::to_value(check(&[], &Scopes::default(), &[POST])).unwrap();
    let row = &json["rows"][0];
    assert_eq!(row["operation"], "create:bill");
    assert_eq!(row["effective"]["verdict"], "denied");
    assert_eq!(row["effective"]["missing"][0]["kind"], "object");
}

#[test]
fn rights_are_not_printed() {
    let rights = Rights::new(vec![Operation::list("a-secret-object")], Timestamp::UNIX_EPOCH);
    assert!(!format!("{rights:?}").contains("secret"));
}
