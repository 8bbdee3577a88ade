//! What users may do: describe and the calls agree, whoever asks.
#![allow(clippy::unwrap_used, reason = "test code, which the lint spares only inside test functions")]

mod common;

use std::time::Duration;

use common::salesforce::{ACME, Harness, at_acme, refusal};
use common::{Tokens, text};
use reqwest::Method;
use serde_json::{Value, json};
use trunkline_sim::salesforce::{Shared, Sharing};

const USERS: [&str; 8] =
    ["integration", "admin", "reader", "sales", "clerk", "analyst", "norights", "lapsed"];

/// Objects, and what a record of them needs.
fn objects() -> [(&'static str, Value); 5] {
    [
        ("Account", json!({ "Name": "A" })),
        ("Contact", json!({ "LastName": "C" })),
        ("Opportunity", json!({ "Name": "O", "StageName": "Prospecting", "CloseDate": "2026-12-31" })),
        ("Lead", json!({ "LastName": "L", "Company": "Co" })),
        ("Invoice__c", json!({ "Name": "I" })),
    ]
}

fn flag(description: &Value, name: &str) -> bool {
    description[name].as_bool().unwrap_or_default()
}

#[tokio::test]
async fn describe_foretells_the_outcome_of_every_call() {
    let harness = Harness::start().await;
    let (mut foretold, mut allowed) = (0, 0);
    for user in USERS {
        let tokens = harness.connect_as(user).await;
        for (object, body) in objects() {
            let (status, description) = harness.get(&tokens, &format!("sobjects/{object}/describe")).await;
            // A record of the user's own, so that sharing takes nothing away.
            let id = harness.control().add_record(&at_acme(user), object, body.clone()).unwrap();
            let path = format!("sobjects/{object}/{id}");
            let readable = status == 200;

            let query = harness.query(&tokens, &format!("SELECT Id FROM {object} LIMIT 1")).await;
            let expected = if readable { (200, String::new()) } else { (400, "INVALID_TYPE".to_owned()) };
            assert_eq!(refusal(&query), expected, "{user} {object}");
            let read = harness.get(&tokens, &path).await;
            assert_eq!(read.0 == 200, readable, "{user} reads {object}");
            let mut outcomes = Vec::new();
            let create = harness.send(Method::POST, &tokens, &format!("sobjects/{object}"), &body).await;
            outcomes.push(("createable", create));
            outcomes.push(("updateable", harness.send(Method::PATCH, &tokens, &path, &body).await));
            outcomes.push(("deletable", harness.send(Method::DELETE, &tokens, &path, &Value::Null).await));
            for (name, outcome) in outcomes {
                let (passed, refused) = (outcome.0.is_success(), refusal(&outcome));
                assert_eq!(passed, flag(&description, name), "{user} {object} {name}: {refused:?}");
                if !passed {
                    let expected =
                        if readable { (400, "INSUFFICIENT_ACCESS_OR_READONLY") } else { (404, "NOT_FOUND") };
                    assert_eq!((refused.0, refused.1.as_str()), expected, "{user} {object} {name}");
                }
                foretold += 1;
                allowed += u32::from(passed);
            }
            fields_agree(&harness, &tokens, user, object, &description).await;
        }
    }
    assert_eq!(foretold, 8 * 5 * 3);
    assert!(allowed > 40 && allowed < 100, "{allowed} of {foretold}: both outcomes are common");
}

/// Every field that another user sees is readable, writable and refused as describe says.
async fn fields_agree(harness: &Harness, tokens: &Tokens, user: &str, object: &str, description: &Value) {
    let all: &[(&str, &[&str])] = &[
        ("Account", &["Industry", "AnnualRevenue", "Description", "Customer_Key__c"]),
        ("Contact", &["Email", "Title"]),
        ("Opportunity", &["Amount", "Probability"]),
        ("Lead", &["Email"]),
        ("Invoice__c", &["Paid__c", "Amount__c"]),
    ];
    let named = |name: &str| {
        let fields = description["fields"].as_array()?;
        fields.iter().find(|field| field["name"] == name).cloned()
    };
    let id = harness.control().add_record(&at_acme(user), object, objects_body(object)).unwrap();
    let path = format!("sobjects/{object}/{id}");
    for name in all.iter().filter(|(of, _)| *of == object).flat_map(|(_, names)| *names) {
        let field = named(name);
        let query = harness.query(tokens, &format!("SELECT {name} FROM {object} LIMIT 1")).await;
        let code = match (&field, description.get("name")) {
            (Some(_), _) => "",
            (None, Some(_)) => "INVALID_FIELD",
            (None, None) => "INVALID_TYPE",
        };
        assert_eq!(refusal(&query).1, code, "{user} {object}.{name}");
        let (_, record) = harness.get(tokens, &path).await;
        assert_eq!(record.get(name).is_some(), field.is_some(), "{user} {object}.{name}");
        if !flag(description, "updateable") {
            continue;
        }
        let outcome = harness.send(Method::PATCH, tokens, &path, &json!({ (*name): null })).await;
        let expected = match field {
            Some(field) if flag(&field, "updateable") => (204, String::new()),
            Some(_) => (400, "INVALID_FIELD_FOR_INSERT_UPDATE".to_owned()),
            None => (400, "INVALID_FIELD".to_owned()),
        };
        assert_eq!(refusal(&outcome), expected, "{user} {object}.{name}");
    }
}

fn objects_body(object: &str) -> Value {
    objects().into_iter().find(|(name, _)| *name == object).unwrap().1
}

#[tokio::test]
async fn global_describe_and_user_entity_access_say_the_same() {
    let harness = Harness::start().await;
    for user in USERS {
        let tokens = harness.connect_as(user).await;
        let (_, global) = harness.get(&tokens, "sobjects").await;
        let described = global["sobjects"].as_array().unwrap();
        let (_, me) = harness
            .query(&tokens, &format!("SELECT Id FROM User WHERE Username = '{}'", at_acme(user)))
            .await;
        let me = text(&me["records"][0], "Id");
        let soql = format!(
            "SELECT EntityDefinitionId, IsReadable, IsCreatable, IsEditable, IsDeletable FROM \
             UserEntityAccess WHERE UserId = '{me}' AND EntityDefinitionId IN ('Account', 'Lead', 'Invoice__c')"
        );
        let (_, access) = harness.query(&tokens, &soql).await;
        assert_eq!(access["totalSize"], 3, "{user}");
        for row in access["records"].as_array().unwrap() {
            let found = described.iter().find(|object| object["name"] == row["EntityDefinitionId"]);
            assert_eq!(flag(row, "IsReadable"), found.is_some(), "{user} {row}");
            let found = found.cloned().unwrap_or_default();
            for (mine, theirs) in
                [("IsCreatable", "createable"), ("IsEditable", "updateable"), ("IsDeletable", "deletable")]
            {
                assert_eq!(flag(row, mine), flag(&found, theirs), "{user} {row}");
            }
        }
        let fields = format!(
            "SELECT IsAccessible, IsUpdatable FROM UserFieldAccess WHERE UserId = '{me}' AND \
             FieldDefinitionId = 'Account.Industry'"
        );
        let (_, field) = harness.query(&tokens, &fields).await;
        let (_, description) = harness.get(&tokens, "sobjects/Account/describe").await;
        let described = description["fields"]
            .as_array()
            .and_then(|fields| fields.iter().find(|field| field["name"] == "Industry").cloned());
        assert_eq!(flag(&field["records"][0], "IsAccessible"), described.is_some(), "{user}");
        let described = described.unwrap_or_default();
        assert_eq!(flag(&field["records"][0], "IsUpdatable"), flag(&described, "updateable"), "{user}");
    }
}

#[tokio::test]
async fn records_of_others_are_as_they_are_shared() {
    let harness = Harness::start().await;
    let sales = harness.connect_as("sales").await;
    let record = |object: &str| {
        harness.control().add_record(harness.sim.username(), object, objects_body(object)).unwrap()
    };
    let outcomes = async |object: &str, id: &str| {
        let path = format!("sobjects/{object}/{id}");
        let read = harness.get(&sales, &path).await.0.as_u16();
        let edit = harness.send(Method::PATCH, &sales, &path, &json!({})).await;
        let delete = harness.send(Method::DELETE, &sales, &path, &Value::Null).await;
        let soql = format!(
            "SELECT RecordId, HasReadAccess, HasEditAccess, HasDeleteAccess FROM UserRecordAccess WHERE \
             RecordId = '{id}'"
        );
        let (_, foretold) = harness.query(&sales, &soql).await;
        let foretold = foretold["records"][0].clone();
        if delete.0 != 204 {
            assert_eq!(flag(&foretold, "HasReadAccess"), read == 200);
            assert_eq!(flag(&foretold, "HasEditAccess"), edit.0 == 204);
            assert!(!flag(&foretold, "HasDeleteAccess"));
        }
        (read, refusal(&edit), refusal(&delete))
    };
    let (done, hidden) = ((204, String::new()), (404, "NOT_FOUND".to_owned()));
    let refused = (403, "INSUFFICIENT_ACCESS".to_owned());

    assert_eq!(outcomes("Opportunity", &record("Opportunity")).await, (404, hidden.clone(), hidden.clone()));
    assert_eq!(outcomes("Contact", &record("Contact")).await, (200, refused.clone(), refused.clone()));
    let shared = record("Opportunity");
    harness.control().share(&shared, &at_acme("sales"), Some(Shared::Read)).unwrap();
    assert_eq!(outcomes("Opportunity", &shared).await, (200, refused.clone(), refused.clone()));
    harness.control().share(&shared, &at_acme("sales"), Some(Shared::Edit)).unwrap();
    assert_eq!(outcomes("Opportunity", &shared).await, (200, done.clone(), refused.clone()));
    let transfer = json!({ "OwnerId": harness.sim.user_id() });
    let path = format!("sobjects/Opportunity/{shared}");
    assert_eq!(refusal(&harness.send(Method::PATCH, &sales, &path, &transfer).await), refused);
    harness.control().share(&shared, &at_acme("sales"), None).unwrap();
    assert_eq!(outcomes("Opportunity", &shared).await.0, 404);
    harness.control().set_sharing(ACME, "Opportunity", Sharing::ReadWrite).unwrap();
    assert_eq!(outcomes("Opportunity", &shared).await, (200, done.clone(), refused.clone()));
    harness
        .control()
        .set_object_permissions(ACME, "Sales", "Opportunity", &["read", "edit", "delete", "modify_all"])
        .unwrap();
    assert_eq!(outcomes("Opportunity", &shared).await, (200, done.clone(), done.clone()));
    let (_, body) = harness.query(&sales, "SELECT COUNT() FROM Contact").await;
    assert_eq!(body["totalSize"], 11, "with the one above");
}

#[tokio::test]
async fn a_query_finds_what_its_user_may_see() {
    let harness = Harness::start().await;
    for (user, opportunities) in [("integration", 5), ("sales", 5), ("admin", 10), ("analyst", 10)] {
        let tokens = harness.connect_as(user).await;
        let (_, body) = harness.query(&tokens, "SELECT OwnerId FROM Opportunity").await;
        assert_eq!(body["totalSize"], opportunities, "{user}");
        let (_, related) = harness
            .query(&tokens, "SELECT COUNT() FROM Account WHERE Id IN (SELECT AccountId FROM Opportunity)")
            .await;
        assert_eq!(related["totalSize"] == 1, user != "analyst", "{user}");
    }
}

#[tokio::test]
async fn a_reference_to_a_record_that_is_not_visible_is_refused() {
    let harness = Harness::start().await;
    harness.control().set_sharing(ACME, "Account", Sharing::Private).unwrap();
    let account =
        harness.control().add_record(harness.sim.username(), "Account", json!({ "Name": "A" })).unwrap();
    let sales = harness.connect_as("sales").await;

    let body = json!({ "LastName": "C", "AccountId": account });
    let outcome = harness.send(Method::POST, &sales, "sobjects/Contact", &body).await;

    assert_eq!(refusal(&outcome), (400, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY".to_owned()));
}

#[tokio::test]
async fn setup_is_read_and_written_by_those_who_may() {
    let harness = Harness::start().await;
    let soql = "SELECT SobjectType, PermissionsRead FROM ObjectPermissions WHERE ParentId IN (SELECT \
                PermissionSetId FROM PermissionSetAssignment WHERE Assignee.Username = 'sales@acme.example')";
    let read = async |user: &str| harness.query(&harness.connect_as(user).await, soql).await;

    assert_eq!(refusal(&read("integration").await), (400, "INVALID_TYPE".to_owned()));
    for user in ["admin", "analyst"] {
        assert_eq!(read(user).await.1["totalSize"], 4, "{user}");
    }
    let analyst = harness.connect_as("analyst").await;
    let body = json!({ "Name": "Mine", "Label": "Mine" });
    let outcome = harness.send(Method::POST, &analyst, "sobjects/PermissionSet", &body).await;
    assert_eq!(refusal(&outcome), (400, "INSUFFICIENT_ACCESS_OR_READONLY".to_owned()));
}

#[tokio::test]
async fn a_permission_set_made_through_the_api_gives_what_it_says() {
    let harness = Harness::start().await;
    let admin = harness.connect_as("admin").await;
    let user = harness.control().add_user(ACME, "new@acme.example", "Minimum Access").unwrap();
    let tokens = harness.connect_as("new").await;
    let create = async || harness.send(Method::POST, &tokens, "sobjects/Lead", &objects_body("Lead")).await;
    assert_eq!(refusal(&create().await), (404, "NOT_FOUND".to_owned()));

    let set = harness.create(&admin, "PermissionSet", &json!({ "Name": "Leads", "Label": "Leads" })).await;
    let rights = json!({
        "ParentId": set, "SobjectType": "Lead", "PermissionsCreate": true, "PermissionsDelete": true,
    });
    let rights = harness.create(&admin, "ObjectPermissions", &rights).await;
    let assignment = json!({ "AssigneeId": user, "PermissionSetId": set });
    let assignment = harness.create(&admin, "PermissionSetAssignment", &assignment).await;

    assert_eq!(create().await.0, 404, "creating needs reading");
    let path = format!("sobjects/ObjectPermissions/{rights}");
    assert_eq!(harness.send(Method::PATCH, &admin, &path, &json!({ "PermissionsRead": true })).await.0, 204);
    assert_eq!(create().await.0, 201);
    let (_, description) = harness.get(&tokens, "sobjects/Lead/describe").await;
    assert!(flag(&description, "createable") && !flag(&description, "updateable"));
    assert!(!flag(&description, "deletable"), "deleting needs editing");
    let names: Vec<_> = description["fields"].as_array().unwrap().iter().map(|it| text(it, "name")).collect();
    assert!(names.contains(&"Company".to_owned()) && !names.contains(&"Email".to_owned()));
    let field =
        json!({ "ParentId": set, "SobjectType": "Lead", "Field": "Lead.Email", "PermissionsEdit": true });
    harness.create(&admin, "FieldPermissions", &field).await;
    let body = json!({ "LastName": "L", "Company": "Co", "Email": "a@example.com" });
    harness.create(&tokens, "Lead", &body).await;

    let expiry = json!({ "ExpirationDate": "2026-01-01T00:00:00.000+0000" });
    let path = format!("sobjects/PermissionSetAssignment/{assignment}");
    assert_eq!(harness.send(Method::PATCH, &admin, &path, &expiry).await.0, 204);
    assert_eq!(create().await.0, 404, "expired");
    harness.control().assign("new@acme.example", "Leads").unwrap();
    assert_eq!(create().await.0, 201);
    harness.control().unassign("new@acme.example", "Leads").unwrap();
    assert_eq!(create().await.0, 404);
}

#[tokio::test]
async fn a_describe_of_two_thousand_fields_comes_whole() {
    let harness = Harness::start().await;
    harness.control().add_object(ACME, "Wide__c").unwrap();
    for number in 0..2000 {
        harness.control().add_field(ACME, "Wide__c", &format!("Field_{number}__c"), "string").unwrap();
    }
    harness.control().set_object_permissions(ACME, "Integration", "Wide__c", &["read", "create"]).unwrap();
    let last = "Wide__c.Field_1999__c";
    harness.control().set_field_permissions(ACME, "Integration", last, &["read"]).unwrap();

    let integration = harness.connect().await;
    let admin_like = harness.control();
    admin_like.set_system_permission(ACME, "Read Only", "PermissionsViewAllData", true).unwrap();
    let (_, description) = harness.get(&integration, "sobjects/Wide__c/describe").await;

    let fields = description["fields"].as_array().unwrap();
    assert_eq!(fields.last().unwrap()["name"], "Field_1999__c");
    assert_eq!(fields.len(), 10, "eight of every object's, the name, and the one field that is granted");
    let reader = harness.connect_as("reader").await;
    assert_eq!(harness.get(&reader, "sobjects/Wide__c/describe").await.0, 200, "View All Data reads it");
    harness.control().advance_clock(Duration::from_secs(1));
    assert!(admin_like.add_field("nowhere", "Wide__c", "x", "string").is_err());
}

#[tokio::test]
async fn a_permission_set_is_deployed_from_its_file_or_not_at_all() {
    let harness = Harness::start().await;
    let member = |name: &str, value: &str| format!("<{name}>{value}</{name}>");
    let object = |rights: [bool; 4]| {
        let [create, delete, edit, read] = rights.map(|right| right.to_string());
        let members = [
            member("allowCreate", &create),
            member("allowDelete", &delete),
            member("allowEdit", &edit),
            member("allowRead", &read),
            member("modifyAllRecords", "false"),
            member("object", "Lead"),
            member("viewAllRecords", "false"),
        ];
        member("objectPermissions", &members.concat())
    };
    let field = |name: &str, read: &str| {
        let members = [member("editable", "true"), member("field", name), member("readable", read)];
        member("fieldPermissions", &members.concat())
    };
    let file = |parts: &[String]| {
        let parts = parts.concat();
        format!("<PermissionSet xmlns=\"http://soap.sforce.com/2006/04/metadata\">{parts}</PermissionSet>")
    };
    let label = member("label", "Leads &amp; more");
    let api = member("userPermissions", &(member("enabled", "true") + &member("name", "ApiEnabled")));
    let deploy = |xml: &str| harness.control().deploy_permission_set(ACME, "Leads", xml);

    for (xml, why) in [
        ("<x".to_owned(), "unclosed"),
        ("<PermissionSet/>".to_owned(), "no PermissionSet"),
        (file(&[]), "label"),
        (file(&[label.clone(), member("surprise", "")]), "Element surprise invalid"),
        (file(&[label.clone(), object([true, false, false, false])]), "depends on allowRead"),
        (file(&[label.clone(), object([false, true, false, true])]), "depends on allowEdit"),
        (file(&[label.clone(), object([false; 4]).replace("Lead", "Unicorn")]), "no object named Unicorn"),
        (file(&[label.clone(), field("Lead.Company", "true")]), "has no field permissions"),
        (file(&[label.clone(), field("Lead.Email", "false")]), "depends on readable"),
        (file(&[label.clone(), api.replace("ApiEnabled", "Fly")]), "Unknown user permission: Fly"),
    ] {
        let refused = deploy(&xml).map(drop).map_err(|error| error.to_string());
        assert!(
            refused.as_ref().is_err_and(|text| text.contains(why)) || why == "unclosed" && refused.is_err(),
            "{xml}: {refused:?}"
        );
    }
    assert!(harness.control().assign(&at_acme("norights"), "Leads").is_err(), "nothing was left of them");
    for name in ["", "Two Words", "_x", "x_", "x__y", "1x"] {
        let refused =
            harness.control().deploy_permission_set(ACME, name, &file(std::slice::from_ref(&label)));
        assert!(refused.is_err(), "{name}");
    }

    let tokens = harness.connect_as("norights").await;
    let create = json!({ "LastName": "L", "Company": "Co", "Email": "a@b.c" });
    let status = async || harness.send(Method::POST, &tokens, "sobjects/Lead", &create).await.0.as_u16();
    let id = deploy(&file(&[
        label.clone(),
        object([true, false, false, true]),
        field("Lead.Email", "true"),
        api.clone(),
    ]));
    harness.control().assign(&at_acme("norights"), "Leads").unwrap();
    assert_eq!(status().await, 201);
    // A further deployment takes away what its file does not give.
    assert_eq!(deploy(&file(&[label, object([true, false, false, true]), api])), id);
    assert_eq!(status().await, 400);

    let body = json!({ "org": ACME, "name": "Leads", "xml": "<x" });
    let url = harness.sim.control_url().join("deploy-permission-set").unwrap();
    let answer = harness.http.post(url).body(body.to_string()).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 400);
}
