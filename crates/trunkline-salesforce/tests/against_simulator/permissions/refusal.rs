//! Refusals at call time, mapped back to what is missing.

use serde_json::{Value, json};
use trunkline_core::http::Method;
use trunkline_core::permission::{Kind, Reason, Verdict};
use trunkline_core::{Cause, Diagnosis};
use trunkline_sim::salesforce::{Fixture, Matcher};

use super::super::rig::Rig;
use super::cast::{Caller, ORG, at_globex, map, missing, operation, read, sign_in};

#[tokio::test]
async fn rights_that_change_after_they_were_read_are_told_by_the_refusal() {
    let rig = Rig::start().await;
    let control = rig.simulator.control();
    let user = at_globex("sales");
    let grant = sign_in(&rig, &user).await;
    let caller = Caller::new(&rig, &grant, &user);
    let create = operation("create:Contact");
    let field = operation("update:Contact.Title");
    let operations = [create.clone(), field.clone(), operation("delete:Contact")];
    let rights = read(&rig, &grant, &operations).await;
    assert_eq!(map(&rig).judge(&rights, &create), Verdict::Allowed);
    assert!(caller.passes(&create).await);

    control.set_object_permissions(ORG, "Sales", "Contact", &["read", "edit"]).unwrap();
    control.set_field_permissions(ORG, "Sales", "Contact.Title", &["read"]).unwrap();
    for (operation, method, path, body, name) in [
        (
            &create,
            Method::POST,
            "/sobjects/Contact".to_owned(),
            json!({ "LastName": "C" }),
            "Contact: Create",
        ),
        (
            &field,
            Method::PATCH,
            format!("/sobjects/Contact/{}", caller.record("Contact")),
            json!({ "Title": "Dr" }),
            "Contact.Title: Edit Access",
        ),
        (
            &operations[2],
            Method::DELETE,
            format!("/sobjects/Contact/{}", caller.record("Contact")),
            Value::Null,
            "Contact: Delete",
        ),
    ] {
        let diagnosis = rig.send(&grant, method, &path, Some(&body)).await.unwrap_err();
        let told = map(&rig).refused(operation, &diagnosis, Some(&rights));
        assert_eq!(missing(&told), [(Kind::Action, name)], "{operation}");
        let again = read(&rig, &grant, &operations).await;
        assert_eq!(missing(&map(&rig).judge(&again, operation)), [(Kind::Action, name)]);
        assert_eq!(map(&rig).refused(operation, &diagnosis, Some(&again)), told);
    }
}

#[tokio::test]
async fn a_refusal_is_told_apart_by_its_layer() {
    let rig = Rig::start().await;
    let grant = sign_in(&rig, &at_globex("integration")).await;
    let update = operation("update:Account");
    let id = rig
        .simulator
        .control()
        .add_record(&at_globex("integration"), "Account", json!({ "Name": "A" }))
        .unwrap();
    let rights = read(&rig, &grant, std::slice::from_ref(&update)).await;
    let path = format!("/sobjects/Account/{id}");
    let record = "Edit access to the record";
    for (row, with_rights, without) in [
        ("R03", Ok((Kind::Company, "api")), Ok((Kind::Company, "api"))),
        ("R07", Ok((Kind::Role, "API Enabled (ApiEnabled)")), Ok((Kind::Role, "API Enabled (ApiEnabled)"))),
        ("R08", Ok((Kind::Role, "API Enabled (ApiEnabled)")), Ok((Kind::Role, "API Enabled (ApiEnabled)"))),
        // The object's permission is there, so that it is the record.
        ("R09", Ok((Kind::Object, record)), Err(Reason::DependsOnRecord)),
        (
            "R11",
            Ok((Kind::Object, "Read access to the record that the request refers to")),
            Ok((Kind::Object, "Read access to the record that the request refers to")),
        ),
        (
            "R12",
            Ok((Kind::Action, "Account.Industry: Read Access")),
            Ok((Kind::Action, "Account.Industry: Read Access")),
        ),
        ("R13", Err(Reason::DependsOnRecord), Err(Reason::DependsOnRecord)),
        ("R15", Err(Reason::DependsOnRecord), Err(Reason::DependsOnRecord)),
        ("R17", Err(Reason::DependsOnRecord), Err(Reason::DependsOnRecord)),
        ("R18", Err(Reason::DependsOnRecord), Err(Reason::DependsOnRecord)),
        ("R20", Err(Reason::DependsOnRecord), Err(Reason::DependsOnRecord)),
        (
            "R26",
            Ok((Kind::Company, "the feature or licence for Account")),
            Ok((Kind::Company, "the feature or licence for Account")),
        ),
    ] {
        rig.simulator.control().inject(Fixture::named(row, Matcher::path("/sobjects/Account/001")).unwrap());
        let diagnosis = rig.send(&grant, Method::PATCH, &path, Some(&json!({}))).await.unwrap_err();
        for (rights, expected) in [(Some(&rights), with_rights), (None, without)] {
            match (map(&rig).refused(&update, &diagnosis, rights), expected) {
                (told @ Verdict::Denied { .. }, Ok(expected)) => {
                    assert_eq!(missing(&told), [expected], "{row}")
                }
                (Verdict::Unknown(why), Err(expected)) => assert_eq!(why.reason, expected, "{row}"),
                other => panic!("{row}: {other:?}"),
            }
        }
    }
    // What is hidden looks as if it were not there.
    let account = operation("list:Account");
    let contact = operation("list:Contact");
    let seen = read(&rig, &grant, std::slice::from_ref(&contact)).await;
    for (code, text, operation, expected) in [
        (
            "INVALID_TYPE",
            "sObject type 'Case' is not supported.",
            operation("list:Case"),
            Ok((Kind::Object, "Case: Read")),
        ),
        (
            "INVALID_TYPE",
            "sObject type 'Case' is not supported.",
            account.clone(),
            Err(Reason::DependsOnRecord),
        ),
        (
            "INVALID_TYPE",
            "sObject type 'Unicorn' is not supported.",
            operation("list:Unicorn"),
            Err(Reason::NotMapped),
        ),
        (
            "INVALID_FIELD",
            "WHERE Name = 'x' ^ No such column 'Rating' on entity 'Account'. If you",
            account.clone(),
            Ok((Kind::Action, "Account.Rating: Read Access")),
        ),
        (
            "INVALID_FIELD",
            "No such column 'Rating' on entity 'Account'.",
            contact.clone(),
            Err(Reason::DependsOnRecord),
        ),
        (
            "INVALID_FIELD",
            "Didn't understand relationship 'Account' in field path.",
            contact.clone(),
            Ok((Kind::Object, "Account: Read")),
        ),
        (
            "INVALID_FIELD",
            "Didn't understand relationship 'ReportsTo' in field path.",
            contact.clone(),
            Ok((Kind::Action, "Contact.ReportsToId: Read Access")),
        ),
        (
            "NOT_FOUND",
            "Provided external ID field does not exist or is not accessible: Rating",
            operation("read:Account"),
            Ok((Kind::Action, "Account.Rating: Read Access")),
        ),
    ] {
        let body = json!([{ "errorCode": code, "message": text }]);
        let status = if code == "NOT_FOUND" { 404 } else { 400 };
        rig.simulator.control().inject(Fixture::json(Matcher::path("/sobjects/Account/001"), status, &body));
        let diagnosis = rig.send(&grant, Method::GET, &path, None).await.unwrap_err();
        match (map(&rig).refused(&operation, &diagnosis, Some(&seen)), expected) {
            (told @ Verdict::Denied { .. }, Ok(expected)) => assert_eq!(missing(&told), [expected], "{text}"),
            (Verdict::Unknown(why), Err(expected)) => assert_eq!(why.reason, expected, "{text}"),
            other => panic!("{operation} {text}: {other:?}"),
        }
    }
    // A client that is not let in at all, which a renewal tells.
    let diagnosis = Diagnosis::new(Cause::ClientNotAuthorized);
    assert_eq!(missing(&map(&rig).refused(&update, &diagnosis, None))[0].0, Kind::Company);
}
