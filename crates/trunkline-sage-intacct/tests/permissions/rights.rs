//! What is read, with how many questions, and what is said of it.

use trunkline_core::permission::{Kind, Operation, Reason, Verdict};
use trunkline_core::{Account, Cause};

use crate::common::Rig;
use crate::{BILL, COMPANY, VENDOR, map, missing, read, sign_in, verdict};

#[tokio::test]
async fn a_denial_names_the_outermost_layer_that_refuses() {
    let rig = Rig::start("authorization_code", |config| config).await;
    let post = Operation::create(BILL);
    let edit = Operation::update(VENDOR);
    let (kind, name) = missing(verdict(&rig, "useradmin", &post).await);
    assert_eq!(
        (kind, name.as_str()),
        (Kind::Object, "accountsPayable.bills: list accountsPayable.bills: add")
    );
    let (kind, name) = missing(verdict(&rig, "useradmin", &Operation::delete(VENDOR)).await);
    assert_eq!((kind, name.as_str()), (Kind::Action, "accountsPayable.vendors: delete"));
    // The two spellings of View and Edit are one right.
    assert_eq!(verdict(&rig, "useradmin", &edit).await, Verdict::Allowed);
    // The type is asked before the permission: the one without it is refused for its type.
    assert_eq!(missing(verdict(&rig, "manager", &post).await).0, Kind::Role);
    // And the subscription before both.
    rig.simulator.control().unsubscribe(COMPANY, "accountsPayable");
    for user in ["useradmin", "manager"] {
        let (kind, name) = missing(verdict(&rig, user, &post).await);
        assert_eq!((kind, name.as_str()), (Kind::Company, "the application accountsPayable"), "{user}");
    }
}

#[tokio::test]
async fn rights_of_a_group_count() {
    let rig = Rig::start("authorization_code", |config| config).await;
    assert_eq!(verdict(&rig, "grouped", &Operation::create(BILL)).await, Verdict::Allowed);
}

#[tokio::test]
async fn whether_a_call_counts_as_slide_in_is_learnt_from_one_object_and_holds_for_all() {
    const INVOICE: &str = "accounts-receivable/invoice";
    let rig = Rig::start("authorization_code", |config| config).await;
    let control = rig.simulator.control();
    // A second permission that only the role for slide-in gives.
    let term = ("accountsReceivable", "arTerms");
    control.set_permissions(COMPANY, "Slide-In", term, &["list", "add"]).unwrap();
    let grant = sign_in(&rig, "slidein").await;
    let operations = [Operation::create(INVOICE), Operation::create("accounts-receivable/term")];
    for applies in [true, false] {
        control.knobs(|knobs| knobs.slide_in_roles_apply = applies);
        let unasked = read(&rig, &grant, "slidein", &[]).await;
        control.clear_requests();
        let rights = read(&rig, &grant, "slidein", &operations).await;
        let asked = |path: &str| control.requests().iter().filter(|it| it.path.ends_with(path)).count();
        // User, catalogue, memberships, and the first object alone.
        assert_eq!(asked("/services/core/query"), 4);
        for operation in &operations {
            assert!(
                matches!(map(&rig).judge(&unasked, operation), Verdict::Unknown(why) if why.reason == Reason::NotDocumented)
            );
            let said = map(&rig).judge(&rights, operation);
            assert_eq!((said.is_allowed(), said.is_denied()), (applies, !applies), "{operation}: {said:?}");
        }
    }
}

#[tokio::test]
async fn what_rights_leave_open_is_asked_of_the_object_with_two_calls_at_most() {
    let rig = Rig::start("authorization_code", |config| config).await;
    let control = rig.simulator.control();
    let grant = sign_in(&rig, "employee").await;
    let department = "company-config/department";
    let all = [
        Operation::list(department),
        Operation::read(department),
        Operation::create(department),
        Operation::update(department),
        Operation::delete(department),
    ];
    let asked = async |operations: &[Operation]| {
        control.clear_requests();
        let rights = read(&rig, &grant, "employee", operations).await;
        let paths: Vec<_> = control.requests().into_iter().map(|request| request.path).collect();
        (rights, paths)
    };
    let (profile, base) = asked(&[]).await;
    assert!(all.iter().all(|operation| !map(&rig).covers(&profile, operation)));
    // Vendors are documented for this type: nothing is left to ask.
    assert!(map(&rig).covers(&profile, &Operation::list(VENDOR)));
    let (rights, paths) = asked(&all).await;
    assert_eq!(
        paths[base.len()..],
        ["/ia/api/v1/services/core/query", "/ia/api/v1/services/core/allowed-operations/list"]
    );
    for operation in &all {
        // Only the try would tell of creating: it stays unknown, and there is nothing more to ask.
        let said = map(&rig).judge(&rights, operation);
        assert_eq!(said.is_allowed(), operation.action().as_str() != "create", "{operation}: {said:?}");
        assert!(map(&rig).covers(&rights, operation));
    }
    // Asked for creating alone, its records are not asked about: that is still open for who changes one.
    let (rights, paths) = asked(&all[2..3]).await;
    assert_eq!(paths.len(), base.len() + 1);
    assert!(map(&rig).covers(&rights, &all[2]) && map(&rig).covers(&rights, &all[0]));
    assert!(!map(&rig).covers(&rights, &all[3]));
    // Rights that leave nothing open cost nothing more, however many objects are asked for.
    let grant = sign_in(&rig, "useradmin").await;
    let lists = [department, "company-config/location", "company-config/class", VENDOR];
    let known: Vec<_> =
        map(&rig).known().into_iter().filter(|operation| lists.contains(&operation.object())).collect();
    control.clear_requests();
    let rights = read(&rig, &grant, "useradmin", &known).await;
    assert_eq!(control.requests().len(), base.len());
    assert!(known.iter().all(|operation| map(&rig).covers(&rights, operation)));
}

#[tokio::test]
async fn a_document_type_is_asked_itself_since_it_may_have_permissions_of_its_own() {
    const QUOTES: &str = "order-entry/document::Sales Quote";
    let rig = Rig::start("authorization_code", |config| config).await;
    let grant = sign_in(&rig, "integration").await;
    let operations = [Operation::list(QUOTES), Operation::create(QUOTES)];
    let rights = read(&rig, &grant, "integration", &[]).await;
    for operation in &operations {
        let said = map(&rig).judge(&rights, operation);
        assert!(matches!(said, Verdict::Unknown(why) if why.reason == Reason::DependsOnRecord));
        assert!(!map(&rig).covers(&rights, operation));
    }
    let rights = read(&rig, &grant, "integration", &operations).await;
    assert_eq!(map(&rig).judge(&rights, &operations[0]), Verdict::Allowed);
    assert!(matches!(map(&rig).judge(&rights, &operations[1]), Verdict::Unknown(_)));
    // The answer about one type is none about another.
    assert!(!map(&rig).covers(&rights, &Operation::list("order-entry/document::Sales Invoice")));
    let grant = sign_in(&rig, "useradmin").await;
    let rights = read(&rig, &grant, "useradmin", &operations).await;
    assert!(operations.iter().all(|operation| map(&rig).judge(&rights, operation).is_denied()));
}

#[tokio::test]
async fn a_refused_list_closes_what_needs_the_same_permission_and_not_an_approval() {
    let rig = Rig::start("authorization_code", |config| config).await;
    let control = rig.simulator.control();
    // May approve bills, and neither list them nor see users.
    control
        .set_permissions(COMPANY, "Empty", ("accountsPayable", "approveBills"), &["list", "level1"])
        .unwrap();
    let grant = sign_in(&rig, "norights").await;
    let operations: Vec<_> = map(&rig).known().into_iter().filter(|it| it.object() == BILL).collect();
    let rights = read(&rig, &grant, "norights", &operations).await;
    for operation in &operations {
        let said = map(&rig).judge(&rights, operation);
        let approval = ["approve", "decline"].contains(&operation.action().as_str());
        assert_eq!((said.is_denied(), said.is_allowed()), (!approval, false), "{operation}: {said:?}");
    }
}

#[tokio::test]
async fn a_user_who_may_not_see_users_is_told_by_one_query_an_object_that_changes_nothing() {
    let rig = Rig::start("authorization_code", |config| config).await;
    let grant = sign_in(&rig, "clerk").await;
    rig.simulator.control().clear_requests();
    let account = "general-ledger/account";
    let operations =
        [Operation::list(BILL), Operation::create(BILL), Operation::read(account), Operation::list(account)];
    let rights = read(&rig, &grant, "clerk", &operations).await;
    // The one that asked for the user was refused; then one for each object.
    let paths: Vec<_> = rig.simulator.control().requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/ia/api/v1/services/core/query"; 3]);
    assert_eq!(map(&rig).judge(&rights, &operations[0]), Verdict::Allowed);
    assert!(
        matches!(map(&rig).judge(&rights, &operations[1]), Verdict::Unknown(why) if why.reason == Reason::NotReadable)
    );
    for operation in &operations[2..] {
        assert_eq!(missing(map(&rig).judge(&rights, operation)).1, "generalLedger.accounts: list");
    }
}

#[tokio::test]
async fn what_is_refused_for_every_object_alike_is_an_error_and_no_verdict() {
    let rig = Rig::start("authorization_code", |config| config).await;
    let grant = sign_in(&rig, "clerk").await;
    let control = rig.simulator.control();
    let account = Account::new(COMPANY, "clerk");
    let cause = async || {
        let session = rig.session(&grant);
        let read = map(&rig).read(&rig.cx, &session, &account, &[Operation::list(BILL)]).await;
        read.map(|_| ()).map_err(|error| error.cause().unwrap())
    };
    assert_eq!(cause().await, Ok(()));
    control.maintenance(true);
    assert_eq!(cause().await, Err(Cause::ServiceUnavailable));
    control.maintenance(false);
    control.lock_user("clerk", COMPANY).unwrap();
    assert_eq!(cause().await, Err(Cause::AccessTokenRejected));
    control.unlock_user("clerk", COMPANY).unwrap();
    control.set_company_active(COMPANY, false);
    assert_eq!(cause().await, Err(Cause::CompanyInactive));
}

#[tokio::test]
async fn warm_verdicts_never_ask_the_service() {
    let rig = Rig::start("authorization_code", |config| config).await;
    let grant = sign_in(&rig, "integration").await;
    let operations: Vec<_> = map(&rig).known().into_iter().step_by(40).take(10).collect();
    let rights = read(&rig, &grant, "integration", &operations).await;
    let asked = rig.simulator.control().requests().len();
    assert!(operations.iter().any(|operation| map(&rig).judge(&rights, operation).is_allowed()));
    assert_eq!(rig.simulator.control().requests().len(), asked);
}
