//! Workflow actions, and the gates that stand before and behind permissions.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod common;

use common::{Harness, Tokens, answer};
use serde_json::{Value, json};

const COMPANY: &str = "acme-corp";

async fn take(harness: &Harness, tokens: &Tokens, path: &str, body: &Value) -> (u16, Value) {
    let (status, body) = answer(harness.post(tokens, &format!("workflows/{path}")).json(body)).await;
    (status.as_u16(), body)
}

async fn first_key(harness: &Harness, tokens: &Tokens, object: &str) -> String {
    let (_, list) = harness.get(tokens, &format!("objects/{object}")).await;
    list["ia::result"][0]["key"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_bill_goes_through_its_states_and_no_other_way() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    let key = first_key(&harness, &tokens, "accounts-payable/bill").await;
    let body = json!({ "key": key });
    // A seeded bill is posted.
    for (action, status, state) in [
        ("approve", 422, None),
        ("reverse", 200, Some("reversed")),
        ("reverse", 422, None),
        ("submit", 422, None),
    ] {
        let path = format!("accounts-payable/bill/{action}");
        let (found, answer) = take(&harness, &tokens, &path, &body).await;
        assert_eq!(found, status, "{action}: {answer}");
        if let Some(state) = state {
            assert_eq!(answer["ia::result"]["state"], state);
            assert_eq!(answer["ia::result"]["key"], key);
        }
    }
}

#[tokio::test]
async fn a_workflow_asks_for_its_own_permission_and_needs_list_beside_the_level() {
    let harness = Harness::start().await;
    let control = harness.sim.control();
    let tokens = harness.connect_as("approver").await;
    let missing = json!({ "key": "999999" });
    for (path, status) in [
        ("accounts-payable/bill/approve", 404),
        ("accounts-payable/bill/reverse", 404),
        ("accounts-payable/bill/submit", 403),
        ("accounts-payable/vendor/approve", 403),
        // Level without List.
        ("purchasing/document/approve", 403),
        ("accounts-payable/bill/reclassify", 400),
    ] {
        assert_eq!(take(&harness, &tokens, path, &missing).await.0, status, "{path}");
    }
    control.set_user_type("approver", COMPANY, "employee").unwrap();
    assert_eq!(take(&harness, &tokens, "accounts-payable/bill/approve", &missing).await.0, 403);
    control.set_user_type("approver", COMPANY, "business").unwrap();
    control.unsubscribe(COMPANY, "accountsPayable");
    let (status, body) = take(&harness, &tokens, "accounts-payable/bill/approve", &missing).await;
    assert_eq!(status, 403);
    assert!(body.to_string().contains("module is not subscribed"), "{body}");
}

#[tokio::test]
async fn an_address_that_is_not_admitted_and_an_override_that_is_off_are_refused() {
    let harness = Harness::start().await;
    let control = harness.sim.control();
    let tokens = harness.connect().await;
    let invoice = json!({
        "customer": { "id": "C-0001" },
        "lines": [{ "glAccount": { "id": "4000" }, "txnAmount": "1.00" }],
    });
    let post = async || {
        let path = "objects/accounts-receivable/invoice";
        let (status, body) = answer(harness.post(&tokens, path).json(&invoice)).await;
        (status.as_u16(), body.to_string())
    };
    assert_eq!(post().await.0, 201);
    control.set_account_override(COMPANY, false);
    let (status, body) = post().await;
    assert!(status == 422 && body.contains("AR-0279"), "{status} {body}");
    control.set_account_override(COMPANY, true);
    control.set_address_admitted(COMPANY, false);
    let (status, body) = post().await;
    assert!(status == 403 && body.contains("IP address denied"), "{status} {body}");
}

#[tokio::test]
async fn a_permission_that_is_called_otherwise_opens_what_it_did_and_a_new_one_opens_nothing() {
    let harness = Harness::start().await;
    let control = harness.sim.control();
    let tokens = harness.connect_as("clerk").await;
    let vendors = async || harness.get(&tokens, "objects/accounts-payable/vendor").await.0.as_u16();
    assert_eq!(vendors().await, 200);
    control.rename_permission(COMPANY, ("accountsPayable", "vendors"), "suppliers").unwrap();
    assert_eq!(vendors().await, 200);
    control.add_permission(COMPANY, "accountsPayable", "vendors");
    control.set_permissions(COMPANY, "AP Clerk", ("accountsPayable", "suppliers"), &[]).unwrap();
    control.set_permissions(COMPANY, "AP Clerk", ("accountsPayable", "vendors"), &["list"]).unwrap();
    assert_eq!(vendors().await, 403);
}
