//! Objects, queries, permissions and limits.

mod common;

use common::{Harness, answer};
use serde_json::{Value, json};

fn has_api_error(body: &Value) -> bool {
    body["ia::result"]["ia::error"]["supportId"].is_string()
}

#[tokio::test]
async fn a_list_pages_by_hundred_and_shows_handles_only() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;

    let (_, first) = harness.get(&tokens, "objects/accounts-payable/vendor").await;
    let (_, last) = harness.get(&tokens, "objects/accounts-payable/vendor?start=201").await;

    let row = first["ia::result"][0].as_object().unwrap();
    assert_eq!(row.keys().collect::<Vec<_>>(), ["href", "id", "key"]);
    assert_eq!(first["ia::meta"]["totalCount"], 250, "{}", first["ia::meta"]);
    assert_eq!(first["ia::meta"]["next"], 101);
    assert_eq!(last["ia::result"].as_array().unwrap().len(), 50);
    assert_eq!(last["ia::meta"]["next"], Value::Null);
}

#[tokio::test]
async fn a_query_filters_orders_pages_and_answers_flat_rows() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;

    let (status, body) = harness
        .query(
            &tokens,
            &json!({
                "object": "accounts-payable/bill", "fields": ["id", "billNumber", "vendor.id"],
                "filters": [{"$eq":{"vendor.id":"V-0001"}}, {"$gt":{"billNumber":"B-002"}}, {"$eq":{"billNumber":"B-001"}}],
                "filterExpression": "(1 and 2) or 3", "orderBy": [{"billNumber":"desc"}], "start": 2, "size": 2,
            }),
        )
        .await;

    assert_eq!(status, 200, "{body}");
    let rows = body["ia::result"].as_array().unwrap();
    let numbers: Vec<_> = rows.iter().map(|row| row["billNumber"].as_str().unwrap()).collect();
    assert_eq!(numbers, ["B-004", "B-003"]);
    assert_eq!(rows[0]["vendor.id"], "V-0001");
    assert_eq!(body["ia::meta"], json!({"totalCount":4,"start":2,"pageSize":2,"next":4,"previous":1}));
}

#[tokio::test]
async fn a_bill_can_be_created_read_changed_and_deleted() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    let bill = json!({
        "vendor": {"id": "V-0007"}, "dueDate": "2026-12-31",
        "lines": [{"glAccount": {"id": "6000"}, "txnAmount": "10.10"}, {"glAccount": {"id": "6000"}, "txnAmount": "5"}],
    });

    let (created, body) = answer(harness.post(&tokens, "objects/accounts-payable/bill").json(&bill)).await;
    let path = format!("objects/accounts-payable/bill/{}", body["ia::result"]["key"].as_str().unwrap());
    let (_, read) = harness.get(&tokens, &path).await;
    let change = json!({"description": "paper"});
    let request = harness.http.patch(harness.api(&path)).bearer_auth(&tokens.access).json(&change);
    let (changed, _) = answer(request).await;
    let (deleted, _) = answer(harness.http.delete(harness.api(&path)).bearer_auth(&tokens.access)).await;
    let (gone, _) = harness.get(&tokens, &path).await;

    assert_eq!([created, changed, deleted, gone].map(|status| status.as_u16()), [201, 200, 204, 404]);
    assert!(body["ia::result"]["href"].is_string() && body["ia::meta"].is_object(), "{body}");
    assert_eq!(read["ia::result"]["totalTxnAmount"], "15.10", "{read}");
    assert_eq!(read["ia::result"]["lines"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn every_listed_object_answers_a_list_and_a_query() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;

    for object in [
        "accounts-payable/vendor",
        "accounts-payable/bill",
        "accounts-receivable/customer",
        "accounts-receivable/invoice",
        "general-ledger/account",
        "general-ledger/journal-entry",
        "company-config/department",
        "company-config/location",
        "company-config/employee",
        "company-config/user",
        "company-config/role",
        "company-config/role-permission-assignment",
        "company-config/permission",
    ] {
        let (listed, _) = harness.get(&tokens, &format!("objects/{object}")).await;
        let (queried, _) = harness.query(&tokens, &json!({"object": object, "fields": ["id"]})).await;
        assert_eq!((listed.as_u16(), queried.as_u16()), (200, 200), "{object}");
    }
}

#[tokio::test]
async fn every_listed_object_can_be_created_read_changed_and_deleted() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    let lines = |accounts: [(&str, &str); 2]| {
        let line =
            |(account, kind)| json!({"glAccount": {"id": account}, "txnAmount": "1.00", "txnType": kind});
        json!(accounts.map(line))
    };

    for (object, body) in [
        ("accounts-payable/vendor", json!({"name": "N"})),
        ("accounts-receivable/customer", json!({"name": "N"})),
        (
            "accounts-receivable/invoice",
            json!({"customer": {"id": "C-0001"}, "lines": lines([("4000", "debit"), ("4000", "debit")])}),
        ),
        ("general-ledger/account", json!({"id": "9000", "name": "N"})),
        (
            "general-ledger/journal-entry",
            json!({"glJournal": {"id": "GJ"}, "lines": lines([("6000", "debit"), ("1000", "credit")])}),
        ),
        ("company-config/department", json!({"id": "N", "name": "N"})),
        ("company-config/location", json!({"id": "N", "name": "N"})),
        ("company-config/employee", json!({"name": "N"})),
        ("company-config/user", json!({"id": "n", "userType": "business", "roles": [{"id": "Empty"}]})),
        ("company-config/role", json!({"id": "N"})),
    ] {
        let (created, answered) =
            answer(harness.post(&tokens, &format!("objects/{object}")).json(&body)).await;
        let key = answered["ia::result"]["key"].as_str().unwrap_or_else(|| panic!("{object}: {answered}"));
        let path = format!("objects/{object}/{key}");
        let patch = harness.http.patch(harness.api(&path)).bearer_auth(&tokens.access);
        let (changed, _) = answer(patch.json(&json!({"description": "changed"}))).await;
        let (_, read) = harness.get(&tokens, &path).await;
        let (deleted, _) = answer(harness.http.delete(harness.api(&path)).bearer_auth(&tokens.access)).await;
        let (gone, _) = harness.get(&tokens, &path).await;

        let statuses = [created, changed, deleted, gone].map(|status| status.as_u16());
        assert_eq!(statuses, [201, 200, 204, 404], "{object}");
        assert_eq!(read["ia::result"]["description"], "changed", "{object}");
    }
}

#[tokio::test]
async fn a_changed_role_permission_assignment_acts_on_the_next_call() {
    let harness = Harness::start().await;
    let (tokens, clerk) = (harness.connect().await, harness.connect_as("clerk").await);
    let query = json!({
        "object": "company-config/role-permission-assignment", "fields": ["key", "role.id", "permission.id"],
        "filters": [{"$eq": {"role.id": "AP Clerk"}}], "orderBy": [{"key": "asc"}],
    });
    let (_, found) = harness.query(&tokens, &query).await;

    for row in found["ia::result"].as_array().unwrap() {
        let path =
            format!("objects/company-config/role-permission-assignment/{}", row["key"].as_str().unwrap());
        let patch = harness.http.patch(harness.api(&path)).bearer_auth(&tokens.access);
        assert_eq!(answer(patch.json(&json!({"accessRights": []}))).await.0, 200);
    }

    assert_eq!(harness.get(&clerk, "objects/accounts-payable/vendor").await.0, 403);
}

#[tokio::test]
async fn a_bill_without_a_known_vendor_is_refused() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    let lines = json!([{"txnAmount": "1"}]);

    for (bill, status) in [
        (json!({"lines": lines}), 422),
        (json!({"vendor": {"id": "nobody"}, "lines": lines}), 400),
        (json!({"vendor": {"id": "V-0001"}}), 422),
        (json!({}), 400),
    ] {
        let request = harness.post(&tokens, "objects/accounts-payable/bill").json(&bill);
        let (answered, body) = answer(request).await;
        assert_eq!(answered, status, "{bill} {body}");
    }
}

#[tokio::test]
async fn permissions_gate_every_action() {
    let harness = Harness::start().await;
    let vendor = json!({"name": "New"});
    for (user, list, add) in [
        ("integration", 200, 201),
        ("clerk", 200, 201),
        ("reader", 200, 403),
        // The prerequisite: Add without List is nothing.
        ("addonly", 403, 403),
        ("norights", 403, 403),
        // The ceiling of the user type, whatever the role holds.
        ("employee", 200, 403),
        // Administrator privileges give no object permission.
        ("admin", 403, 403),
    ] {
        let tokens = harness.connect_as(user).await;

        let (listed, body) = harness.get(&tokens, "objects/accounts-payable/vendor").await;
        let (added, refused) =
            answer(harness.post(&tokens, "objects/accounts-payable/vendor").json(&vendor)).await;

        assert_eq!((listed.as_u16(), added.as_u16()), (list, add), "{user}: {refused}");
        assert!(list == 200 || has_api_error(&body), "{user}: {body}");
    }
}

#[tokio::test]
async fn a_changed_role_acts_on_the_next_call() {
    let harness = Harness::start().await;
    let tokens = harness.connect_as("norights").await;
    let control = harness.sim.control();
    let listed = async || harness.get(&tokens, "objects/accounts-payable/vendor").await.0.as_u16();

    let before = listed().await;
    control.set_permissions("acme-corp", "Empty", ("accountsPayable", "vendors"), &["list"]).unwrap();
    let granted = listed().await;
    control.unsubscribe("acme-corp", "accountsPayable");
    let unsubscribed = listed().await;

    assert_eq!([before, granted, unsubscribed], [403, 200, 403]);
}

#[tokio::test]
async fn company_gates_close_every_call() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    let control = harness.sim.control();
    let status = async || harness.get(&tokens, "services/core/session/id").await.0.as_u16();

    control.maintenance(true);
    let maintenance = status().await;
    control.maintenance(false);
    control.deauthorise_client("acme-corp", harness.sim.client_id());
    let client = status().await;
    control.deauthorise_sender("acme-corp");
    let sender = status().await;

    assert_eq!([maintenance, client, sender], [503, 403, 400]);
}

#[tokio::test]
async fn only_the_right_entity_header_scopes_a_call() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    let count = async |header: &str, value: &str| {
        let request = harness.http.get(harness.api("objects/accounts-payable/vendor"));
        let (status, body) = answer(request.bearer_auth(&tokens.access).header(header, value)).await;
        (status.as_u16(), body["ia::meta"]["totalCount"].as_u64())
    };

    assert_eq!(count("X-IA-API-Param-Entity", "E100").await, (200, Some(253)));
    assert_eq!(count("X-IA-API-ParamEntity", "E100").await, (200, Some(250)));
    assert_eq!(count("Sage-Param-Entity", "nowhere").await, (200, Some(250)));
    assert_eq!(count("X-IA-API-Param-Entity", "nowhere").await.0, 403);
}

#[tokio::test]
async fn a_user_of_one_entity_sees_no_other() {
    let harness = Harness::start().await;
    let tokens = harness.connect_as("e100only").await;

    let (_, own) = harness.get(&tokens, "objects/accounts-payable/vendor").await;
    let request =
        harness.http.get(harness.api("objects/accounts-payable/vendor")).bearer_auth(&tokens.access);
    let (other, _) = answer(request.header("X-IA-API-Param-Entity", "E200")).await;

    assert_eq!(own["ia::meta"]["totalCount"], 253);
    assert_eq!(other, 403);
}

#[tokio::test]
async fn an_idempotency_key_repeats_the_answer_and_refuses_another_body() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    let create = async |name: &str| {
        let request =
            harness.post(&tokens, "objects/accounts-payable/vendor").header("Idempotency-Key", "k1");
        let response = request.json(&json!({"name": name})).send().await.unwrap();
        let cached = response.headers().contains_key("x-ia-idempotency-cached-date");
        (
            response.status().as_u16(),
            cached,
            response.json::<Value>().await.unwrap()["ia::result"]["key"].clone(),
        )
    };

    let first = create("One").await;
    let second = create("One").await;
    let clash = create("Two").await;

    assert_eq!((first.0, first.1, second.0, second.1), (201, false, 201, true));
    assert_eq!(first.2, second.2);
    assert_eq!(clash.0, 409);
}

#[tokio::test]
async fn calls_over_the_concurrency_limit_are_refused_with_throttle_headers() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    harness.sim.control().knobs(|knobs| knobs.application_concurrency = Some(0));

    let response = harness
        .http
        .get(harness.api("services/core/session/id"))
        .bearer_auth(&tokens.access)
        .send()
        .await
        .unwrap();

    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["x-ia-throttle-limit-remaining"], "-1");
    assert_eq!(response.headers()["x-ia-throttle-limit-retryafter"], "60");
    assert_eq!(response.headers()["x-ia-throttle-limit-retry-after"], "60");
    assert_eq!(response.json::<Value>().await.unwrap()["ia::error"]["code"], "GW-0010");
}

#[tokio::test]
async fn places_in_flight_are_given_back() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;

    for _ in 0..20 {
        assert_eq!(harness.get(&tokens, "services/core/session/id").await.0, 200);
    }
}

#[tokio::test]
async fn a_mixed_batch_is_207_and_an_atomic_one_keeps_nothing() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    let batch = json!([{"id": "NEW-1", "name": "One"}, {"id": "NEW-2"}]);
    let post = || harness.post(&tokens, "objects/accounts-payable/vendor").json(&batch);

    let (status, atomic) = answer(post().header("X-IA-API-Param-Transaction", "true")).await;
    let (_, loose) = answer(post()).await;

    assert_eq!(status, 207);
    assert_eq!(atomic["ia::result"][0]["ia::error"]["code"], "unprocessed", "{atomic}");
    assert_eq!(loose["ia::result"][0]["ia::status"], 201, "{loose}");
    assert_eq!(loose["ia::meta"]["totalError"], 1);
}

#[tokio::test]
async fn composite_stops_at_the_first_failure() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    let steps = json!([
        {"method": "POST", "path": "/objects/accounts-payable/vendor", "body": {"name": "A"}, "resultReference": "a"},
        {"method": "GET", "path": "/objects/accounts-payable/vendor/@{a.key}"},
        {"method": "GET", "path": "/objects/accounts-payable/vendor/0"},
        {"method": "GET", "path": "/objects/accounts-payable/vendor"},
    ]);

    let (_, body) = answer(harness.post(&tokens, "services/core/composite").json(&steps)).await;

    let statuses: Vec<_> =
        body["ia::result"].as_array().unwrap().iter().map(|entry| entry["ia::status"].clone()).collect();
    assert_eq!(statuses, [201, 200, 404], "{body}");
}

#[tokio::test]
async fn a_request_inside_a_composite_may_name_its_own_entity() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    let step = |entity: &str| {
        json!({
            "method": "GET", "path": "/objects/accounts-payable/vendor?size=1",
            "headers": {"X-IA-API-Param-Entity": entity},
        })
    };
    let steps = json!([step("E100"), step(""), step("nowhere")]);

    let (_, body) = answer(harness.post(&tokens, "services/core/composite").json(&steps)).await;

    let entries = body["ia::result"].as_array().unwrap();
    assert_eq!(entries[0]["ia::meta"]["totalCount"], 253, "{body}");
    assert_eq!(entries[1]["ia::meta"]["totalCount"], 250, "{body}");
    assert_eq!(entries[2]["ia::status"], 403, "{body}");
}

#[tokio::test]
async fn only_paths_of_this_version_and_of_known_services_are_served() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    let get = async |path: &str| {
        let url = harness.sim.url().join(path).unwrap();
        let (status, body) = answer(harness.http.get(url).bearer_auth(&tokens.access)).await;
        (status.as_u16(), body["ia::result"]["ia::error"]["message"].as_str().unwrap_or_default().to_owned())
    };

    for (path, status, message) in [
        ("/ia/api/v1objects/accounts-payable/vendor", 400, "Version is not supported"),
        ("/ia/api/v1-beta2/oauth2/token", 400, "Version is not supported"),
        ("/ia/api/v10/services/core/session/id", 400, "Version is not supported"),
        ("/ia/api/v1/services/core/unheard-of", 400, "Malformed URL"),
        ("/ia/api/v1/services/core/query", 405, "The method is not allowed here"),
        ("/ia/api/v1/services/core/session/id/", 200, ""),
        ("/ia/api/v1/objects/accounts-payable/vendor/", 200, ""),
    ] {
        assert_eq!(get(path).await, (status, message.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn allowed_operations_state_what_the_caller_may_do() {
    let harness = Harness::start().await;
    let tokens = harness.connect_as("clerk").await;
    let (_, list) = harness.get(&tokens, "objects/accounts-payable/vendor").await;
    let body = json!({"object": "accounts-payable/vendor", "keys": [list["ia::result"][0]["key"]]});

    let (_, allowed) =
        answer(harness.post(&tokens, "services/core/allowed-operations/list").json(&body)).await;

    assert_eq!(allowed["ia::result"][0]["operations"], json!(["canView", "canEdit"]), "{allowed}");
}

#[tokio::test]
async fn hostile_input_gets_the_services_own_errors() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;

    for (path, body) in [
        ("services/core/query", "{"),
        ("services/core/query", "[[[[]]]]"),
        ("services/core/query", r#"{"object":"accounts-payable/vendor","fields":["id"],"start":0}"#),
        ("services/core/query", r#"{"object":"accounts-payable/vendor","fields":["id"],"filters":[7]}"#),
        (
            "services/core/query",
            r#"{"object":"accounts-payable/vendor","fields":["id"],"includePrivate":true}"#,
        ),
        ("services/core/composite", "{}"),
        ("services/core/allowed-operations/list", "null"),
        ("objects/accounts-payable/vendor", "\u{0}"),
        ("objects/%FF/%00", "{}"),
        ("objects/accounts-payable", "{}"),
        ("", "{}"),
    ] {
        let (status, answer) = answer(harness.post(&tokens, path).body(body)).await;
        assert!(status.is_client_error(), "{path} {body}: {status}");
        assert!(has_api_error(&answer), "{path} {body}: {answer}");
    }
    let (large, _) =
        answer(harness.post(&tokens, "services/core/query").body(" ".repeat(5 * 1024 * 1024))).await;
    assert_eq!(large, 413);
}

#[tokio::test]
async fn the_control_api_works_over_http() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    let control = |route: &str| harness.sim.control_url().join(route).unwrap();
    let post = async |route: &str, body: Value| answer(harness.http.post(control(route)).json(&body)).await;

    let url = harness.authorize_url("offline_access");
    let (_, approved) = post("approve", json!({"authorize_url": url, "user": "clerk"})).await;
    let (_, knobs) =
        answer(harness.http.patch(control("knobs")).json(&json!({"expired_answer": "api400"}))).await;
    let (misspelt, _) = answer(harness.http.patch(control("knobs")).json(&json!({"expird": 1}))).await;
    let (advanced, _) = post("advance-clock", json!({"seconds": 43_200})).await;
    let (expired, _) = harness.get(&tokens, "services/core/session/id").await;

    assert!(approved["callback"].as_str().unwrap().contains("code="), "{approved}");
    assert_eq!(knobs["expires_in_s"], 43_200, "{knobs}");
    assert_eq!([misspelt, advanced, expired].map(|status| status.as_u16()), [400, 200, 400]);
}
