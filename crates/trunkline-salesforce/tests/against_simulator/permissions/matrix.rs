//! Every user and operation: the verdict before the call against its outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};
use trunkline_core::http::Method;
use trunkline_core::permission::{Outgoing, Report, Scopes, Verdict};

use super::super::rig::Rig;
use super::cast::{Caller, at_globex, map, operations, read, records, sign_in, users};

#[tokio::test]
async fn a_verdict_before_the_call_equals_the_outcome_of_the_call() {
    let rig = Rig::start().await;
    let control = rig.simulator.control();
    let mut users = users(&control);
    // The last one has a grant without the scope.
    users.push(at_globex("integration"));
    let (mut cases, mut unknown, mut denied, mut allowed) = (0_u32, 0_u32, 0_u32, 0_u32);
    let mut kinds: BTreeMap<String, u32> = BTreeMap::new();
    let mut unclear = BTreeSet::new();
    let mut wrong = String::new();
    for (number, user) in users.iter().enumerate() {
        let mut grant = sign_in(&rig, user).await;
        let is_narrowed = number + 1 == users.len();
        if is_narrowed {
            let family = control.families().last().unwrap().id;
            control.narrow_family(family, &["id", "refresh_token"]).unwrap();
            let account = grant.account.take();
            grant = rig.refresh(&grant).await.unwrap();
            grant.account = account;
        }
        let mut operations = operations(&rig);
        operations.extend(records(&control, user));
        let rights = read(&rig, &grant, &operations).await;
        let caller = Caller::new(&rig, &grant, user);
        // Once by what consent granted, and once by the rights alone, which know a scope that is missing.
        let scopes = Scopes { requested: None, granted: grant.credential.scopes.clone() };
        let report = Report::of(map(&rig), &rights, &scopes, &operations).unwrap();
        for row in report.rows {
            let operation = &row.operation;
            assert!(map(&rig).covers(&rights, operation));
            let passed = caller.passes(operation).await;
            let by_rights = map(&rig).judge(&rights, operation);
            cases += 1;
            for said in [&row.effective, &by_rights] {
                match said {
                    Verdict::Unknown(why) => {
                        unknown += 1;
                        unclear.insert(format!("{operation}: {why}"));
                    }
                    _ if said.is_allowed() != passed => {
                        writeln!(wrong, "{user} {operation}: {said:?}, and the call passed: {passed}")
                            .unwrap();
                    }
                    Verdict::Denied { missing } => {
                        denied += 1;
                        *kinds.entry(format!("{:?}", missing[0].kind)).or_default() += 1;
                    }
                    Verdict::Allowed => allowed += 1,
                }
            }
        }
    }
    let share = f64::from(unknown) * 100.0 / f64::from(cases * 2);
    println!(
        "{} users, {cases} cases x 2 verdicts: {allowed} allowed, {denied} denied {kinds:?}, {unknown} unknown \
         ({share:.2} %) {unclear:?}",
        users.len()
    );
    assert!(wrong.is_empty(), "{wrong}");
    assert!(users.len() >= 12 && cases > 2000 && allowed > 1000 && denied > 1000);
    assert!(share <= 5.0, "{share}");
}

/// Requests of every form that the simulator serves, and whether they change something.
fn requests(own: &str) -> Vec<(Method, String, Option<Value>)> {
    let soql = |text: &str| (Method::GET, format!("/query?q={}", text.replace(' ', "+")), None);
    let get = |path: &str| (Method::GET, path.to_owned(), None);
    let account = |mut fields: Value| {
        fields["attributes"] = json!({ "type": "Account" });
        fields
    };
    let collection = |records: Value| json!({ "allOrNone": true, "records": records });
    vec![
        get("/limits"),
        get("/sobjects"),
        get("/sobjects/Account/describe"),
        get("/sobjects/lead"),
        get("/sobjects/Invoice__c/describe"),
        soql("SELECT COUNT() FROM Contact"),
        soql("SELECT Id, Name FROM account LIMIT 1"),
        soql("SELECT Id FROM Account WHERE AnnualRevenue > 5 LIMIT 1"),
        soql("SELECT Id FROM Account WHERE Id IN (SELECT Account__c FROM Invoice__c) LIMIT 1"),
        soql("SELECT Id FROM Account WHERE NOT Id IN (SELECT AccountId FROM Opportunity WHERE Amount > 1)"),
        soql("SELECT Name, Account.Industry FROM Contact ORDER BY Account.AnnualRevenue LIMIT 1"),
        soql("SELECT Contact.Account.Name FROM Contact WHERE Email LIKE 'a%' LIMIT 1"),
        soql("SELECT Id, Probability FROM Opportunity WHERE Owner.Name != 'From Lead' LIMIT 1"),
        get("/queryAll?q=SELECT+Id+FROM+PermissionSet"),
        get("/composite/sobjects/Account?ids=001xx000003DGb2&fields=Id,Industry"),
        (
            Method::POST,
            "/composite/sobjects/Lead".to_owned(),
            Some(json!({ "ids": [], "fields": ["Email"] })),
        ),
        (
            Method::POST,
            "/composite/sobjects".to_owned(),
            Some(collection(json!([
                account(json!({ "Name": "A" })),
                account(json!({ "Name": "B", "Industry": "x" }))
            ]))),
        ),
        (
            Method::POST,
            "/composite/sobjects".to_owned(),
            Some(collection(json!([
                account(json!({ "Name": "A" })),
                { "attributes": { "type": "Lead" }, "LastName": "L", "Company": "Co" },
            ]))),
        ),
        (
            Method::PATCH,
            "/composite/sobjects".to_owned(),
            Some(collection(json!([account(json!({ "id": own, "Description": "x" }))]))),
        ),
        (Method::DELETE, format!("/composite/sobjects?ids={own}"), None),
    ]
}

#[tokio::test]
async fn a_request_passes_when_every_operation_that_it_is_does() {
    let rig = Rig::start().await;
    let control = rig.simulator.control();
    let (mut cases, mut passes, mut unknown) = (0_u32, 0_u32, 0_u32);
    let mut wrong = String::new();
    for user in users(&control) {
        let grant = sign_in(&rig, &user).await;
        let caller = Caller::new(&rig, &grant, &user);
        for (method, path, body) in requests(&caller.record("Account")) {
            let text = body.as_ref().map(Value::to_string).unwrap_or_default();
            let request = Outgoing { method: &method, path: &path, body: text.as_bytes() };
            let operations = map(&rig).operations(&request).unwrap();
            let rights = read(&rig, &grant, &operations).await;
            let verdicts: Vec<_> = operations.iter().map(|it| map(&rig).judge(&rights, it)).collect();
            // Who may not use the API at all may not ask for limits either: nothing is read for that.
            if operations.is_empty() && user == at_globex("noapi") {
                continue;
            }
            cases += 1;
            let is_denied = verdicts.iter().any(Verdict::is_denied);
            if !is_denied && verdicts.iter().any(|it| matches!(it, Verdict::Unknown(_))) {
                unknown += 1;
                continue;
            }
            let said = verdicts.iter().all(Verdict::is_allowed);
            let passed = caller.whole(method.clone(), &path, body.as_ref()).await;
            passes += u32::from(passed);
            if said != passed {
                writeln!(
                    wrong,
                    "{user} {method} {path}: {operations:?} {verdicts:?}, and it passed: {passed}"
                )
                .unwrap();
            }
        }
    }
    println!("{cases} requests of several operations: {passes} passed, {unknown} unknown");
    assert!(wrong.is_empty(), "{wrong}");
    assert!(cases > 300 && passes > 100 && cases - passes > 100 && unknown * 20 < cases);
}
