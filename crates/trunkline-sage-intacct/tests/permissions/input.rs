//! What nobody would ask, and what nobody would answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use trunkline_core::http::{Response, StatusCode};
use trunkline_core::permission::{Certainty, Kind, Operation, Reason, Verdict};
use trunkline_core::{Account, Body, Cause, Request, Transport, TransportError, async_trait};
use trunkline_sim::sage_intacct::Control;

use crate::common::Rig;
use crate::{BILL, COMPANY, VENDOR, call, map, missing, read, session_in, sign_in, verdict};

#[tokio::test]
async fn an_operation_that_sage_does_not_have_offers_the_nearest() {
    let rig = Rig::start("authorization_code", |config| config).await;
    for (asked, near) in [
        ("create:accounts-payable/bil", Some("create:accounts-payable/bill")),
        ("aprove:accounts-payable/bill", Some("approve:accounts-payable/bill")),
        ("revers:accounts-receivable/paymnt", Some("reverse:accounts-receivable/payment")),
        ("list:company-config/departmnt", Some("list:company-config/department")),
        ("list:unicorns/unicorn", None),
        // An action that other objects have, and a document without its type.
        ("update:accounts-receivable/payment", None),
        ("create:order-entry/document", None),
    ] {
        let operation: Operation = asked.parse().unwrap();
        let error = map(&rig).need(&operation).unwrap_err();
        let found = error.nearest.as_ref().map(ToString::to_string);
        if near.is_some() {
            assert_eq!(found.as_deref(), near, "{asked}");
        }
        assert_ne!(found.as_deref(), Some(asked));
        assert!(map(&rig).least_role("Role", &[operation], None).is_err(), "{asked}");
    }
    assert!(map(&rig).need(&Operation::delete("company-config/permission")).is_err());
    // With its type, a document can be made.
    assert!(map(&rig).need(&Operation::create("order-entry/document::Sales Invoice")).is_ok());
}

#[tokio::test]
async fn an_operation_that_is_not_known_is_neither_asked_nor_judged() {
    let rig = Rig::start("authorization_code", |config| config).await;
    let grant = sign_in(&rig, "clerk").await;
    let operations = [Operation::list("unicorns/unicorn"), Operation::list("")];
    rig.simulator.control().clear_requests();
    let rights = read(&rig, &grant, "clerk", &operations).await;
    // The one for the user, and the one that tells whether the application is let in at all.
    assert_eq!(rig.simulator.control().requests().len(), 2);
    for operation in &operations {
        assert!(
            matches!(map(&rig).judge(&rights, operation), Verdict::Unknown(why) if why.reason == Reason::NotMapped)
        );
        assert!(map(&rig).covers(&rights, operation));
    }
}

#[tokio::test]
async fn a_role_with_no_permissions_is_denied_everything() {
    let rig = Rig::start("authorization_code", |config| config).await;
    // Who may not see that the role is empty, and who may.
    let (kind, name) = missing(verdict(&rig, "norights", &Operation::create(BILL)).await);
    assert_eq!((kind, name.as_str()), (Kind::Object, "accountsPayable.bills: list"));
    rig.simulator.control().change_role("limited", COMPANY, "Empty").unwrap();
    let (kind, name) = missing(verdict(&rig, "limited", &Operation::create(BILL)).await);
    assert_eq!((kind, name.as_str()), (Kind::Role, "a role with accountsPayable.bills: list, add"));
    let grant = sign_in(&rig, "limited").await;
    let known: Vec<_> = map(&rig)
        .known()
        .into_iter()
        .filter(|operation| map(&rig).need(operation).unwrap().certainty > Certainty::Assumed)
        .filter(|operation| !operation.object().starts_with("company-config/"))
        .collect();
    let rights = read(&rig, &grant, "limited", &known).await;
    let open: Vec<_> = known.iter().filter(|it| map(&rig).judge(&rights, it).is_allowed()).collect();
    assert!(open.is_empty() && known.len() > 300, "{open:?} of {}", known.len());
}

/// A network that locks the user before the request of this number.
#[derive(Debug)]
struct Locking {
    inner: Arc<dyn Transport>,
    control: Control,
    left: AtomicUsize,
}

#[async_trait]
impl Transport for Locking {
    async fn send(&self, request: Request) -> Result<Response<Body>, TransportError> {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 0 {
            self.control.lock_user("employee", COMPANY).unwrap();
        }
        self.inner.send(request).await
    }
}

#[tokio::test]
async fn a_user_who_is_locked_out_half_way_is_no_user_without_rights() {
    let rig = Rig::start("authorization_code", |config| config).await;
    let control = rig.simulator.control();
    let grant = sign_in(&rig, "employee").await;
    let operations = [Operation::read("company-config/department"), Operation::list("tax/tax-detail")];
    control.clear_requests();
    let account = Account::new(COMPANY, "employee");
    let session = session_in(&rig, &grant, Some("E100"), None);
    map(&rig).read(&rig.cx, &session, &account, &operations).await.unwrap();
    let calls = control.requests().len();
    assert!(calls > 8);
    for after in 0..calls {
        let control = rig.simulator.control();
        control.unlock_user("employee", COMPANY).unwrap();
        let locking = Locking { inner: Arc::clone(&rig.transport), control, left: AtomicUsize::new(after) };
        let session = session_in(&rig, &grant, Some("E100"), Some(Arc::new(locking)));
        let error = map(&rig).read(&rig.cx, &session, &account, &operations).await.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::AccessTokenRejected), "after {after} of {calls}");
    }
}

/// A network that answers the request of this number with something else.
#[derive(Debug)]
struct Twisting {
    inner: Arc<dyn Transport>,
    left: AtomicUsize,
    answer: &'static str,
}

#[async_trait]
impl Transport for Twisting {
    async fn send(&self, request: Request) -> Result<Response<Body>, TransportError> {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 0 {
            return Ok(Response::new(
                trunkline_core::bytes::Bytes::from_static(self.answer.as_bytes()).into(),
            ));
        }
        self.inner.send(request).await
    }
}

#[tokio::test]
async fn an_answer_of_another_form_makes_no_verdict_wrong() {
    let rig = Rig::start("authorization_code", |config| config).await;
    let client = reqwest::Client::new();
    let twists = [
        "",
        "[]",
        "{}",
        "<html></html>",
        r#"{"ia::result":null}"#,
        r#"{"ia::result":{}}"#,
        r#"{"ia::result":[{}]}"#,
        r#"{"ia::result":[{"key":7,"module":"quantum","name":"leap"}],"ia::meta":{"next":null}}"#,
        r#"{"ia::result":[{"key":"../../1","userGroup.key":"a/b"}]}"#,
        r#"{"ia::result":{"userType":"business","roles":"all","rolePermissionAssignments":{}}}"#,
        r#"{"ia::result":{"ia::error":{"code":"permissionDenied"}}}"#,
    ];
    let operations: Vec<Operation> = ["list", "read", "create", "update", "delete"]
        .iter()
        .flat_map(|action| {
            [VENDOR, "company-config/department", "general-ledger/journal-entry"]
                .map(|it| format!("{action}:{it}"))
        })
        .map(|text| text.parse().unwrap())
        .collect();
    let (mut read, mut failed, mut known) = (0, 0, 0);
    for user in ["grouped", "employee", "clerk"] {
        let grant = sign_in(&rig, user).await;
        let token = grant.credential.access_token.clone().unwrap();
        let mut open = Vec::new();
        for operation in &operations {
            open.push(call(&rig, &client, token.expose(), operation).await != StatusCode::FORBIDDEN);
        }
        rig.simulator.control().clear_requests();
        let account = Account::new(COMPANY, user);
        let whole = session_in(&rig, &grant, None, None);
        map(&rig).read(&rig.cx, &whole, &account, &operations).await.unwrap();
        for after in 0..rig.simulator.control().requests().len() {
            // A catalogue of one row, where the catalogue is asked for: to any other question it is an answer.
            let is_catalogue = after == 2 && user != "clerk";
            for answer in twists.into_iter().filter(|twist| is_catalogue || !twist.contains("quantum")) {
                let inner = Arc::clone(&rig.transport);
                let twisting = Twisting { inner, left: AtomicUsize::new(after), answer };
                let session = session_in(&rig, &grant, None, Some(Arc::new(twisting)));
                let Ok(rights) = map(&rig).read(&rig.cx, &session, &account, &operations).await else {
                    failed += 1;
                    continue;
                };
                read += 1;
                for (operation, open) in operations.iter().zip(&open) {
                    let said = map(&rig).judge(&rights, operation);
                    known += usize::from(!matches!(said, Verdict::Unknown(_)));
                    let wrong = (said.is_allowed() && !open) || (said.is_denied() && *open);
                    assert!(!wrong, "{user}, {after}: {answer}: {operation}: {said:?}");
                }
            }
        }
    }
    assert!(read > 30 && failed > 100 && known > 300, "{read} {failed} {known}");
}

#[tokio::test]
async fn a_catalogue_with_names_that_are_not_known_takes_nothing_from_those_that_are() {
    let rig = Rig::start("authorization_code", |config| config).await;
    let control = rig.simulator.control();
    for (module, name) in
        [("quantumLedger", "entanglements"), ("accountsPayable", "smart\u{7}Vendors"), ("", "")]
    {
        control.add_permission(COMPANY, module, name);
        control.set_permissions(COMPANY, "Auditor", (module, name), &["list", "add", "teleport"]).unwrap();
    }
    control.rename_permission(COMPANY, ("accountsPayable", "vendors"), "suppliers").unwrap();
    let grant = sign_in(&rig, "useradmin").await;
    let entry = Operation::create("general-ledger/journal-entry");
    let vendor = [
        Operation::list(VENDOR),
        Operation::update(VENDOR),
        Operation::delete(VENDOR),
        Operation::create(VENDOR),
    ];
    // What is known is judged as before.
    let rights = read(&rig, &grant, "useradmin", &[]).await;
    assert_eq!(map(&rig).judge(&rights, &entry), Verdict::Allowed);
    // A name of ours that the catalogue lacks may be the wrong name: nothing is denied for it, and the object is asked.
    for operation in &vendor {
        let said = map(&rig).judge(&rights, operation);
        assert!(
            matches!(&said, Verdict::Unknown(why) if why.detail.contains("accountsPayable.vendors")),
            "{said:?}"
        );
        assert!(!map(&rig).covers(&rights, operation));
    }
    let rights = read(&rig, &grant, "useradmin", &vendor).await;
    let said: Vec<_> = vendor.iter().map(|operation| map(&rig).judge(&rights, operation)).collect();
    assert!(said[0].is_allowed() && said[1].is_allowed());
    assert!(said[2..].iter().all(|said| matches!(said, Verdict::Unknown(_))), "{said:?}");
    // The role cannot be written for the API with a permission that is not there, and its steps can.
    let role = map(&rig).least_role("Vendors", &vendor, Some(&rights)).unwrap();
    assert!(role.machine.is_none() && role.steps.iter().any(|step| step.contains("accountsPayable.vendors")));
}
