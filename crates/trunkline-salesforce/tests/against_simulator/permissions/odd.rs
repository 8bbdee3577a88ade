//! Names that nobody knows, answers that make no sense, and descriptions without end.

use serde_json::{Value, json};
use trunkline_core::Cause;
use trunkline_core::permission::{Certainty, Kind, Reason, Verdict};
use trunkline_sim::salesforce::{Fixture, Matcher};

use super::super::rig::Rig;
use super::cast::{ORG, at_globex, map, missing, operation, read, reason, sign_in, try_read, verdict};

#[tokio::test]
async fn what_salesforce_does_not_have_is_refused_with_the_nearest_that_it_has() {
    let rig = Rig::start().await;
    for (asked, near) in [
        ("create:Acount", Some("create:Account")),
        ("update:Acount.Industry", Some("update:Account.Industry")),
        ("lst:Account", Some("list:Account")),
        ("updat:Contact/003xx000003DGb2", Some("update:Contact/003xx000003DGb2AAG")),
        ("delete:Account.Industry", Some("update:Account.Industry")),
        ("create:Account/001xx000003DGb2", Some("read:Account/001xx000003DGb2AAG")),
        ("update:Account/003xx000003DGb2", Some("update:Contact/003xx000003DGb2AAG")),
        ("delete:User", None),
        ("merge:Account", None),
        ("update:Contact.Account.Name", None),
        ("create:Acc ount", Some("create:Account")),
    ] {
        let error = map(&rig).need(&operation(asked)).unwrap_err();
        assert_eq!(error.nearest.map(|near| near.to_string()).as_deref(), near, "{asked}");
    }
    // An org may have any other object: that is Salesforce's to say.
    for (asked, certainty) in [
        ("create:account", Certainty::Documented),
        ("list:Invoice__c.Paid__c", Certainty::Documented),
        ("create:Task", Certainty::Named),
        ("list:ServiceResource", Certainty::Assumed),
        ("list:AccountFeed", Certainty::Assumed),
    ] {
        let need = map(&rig).need(&operation(asked)).unwrap();
        assert_eq!((need.certainty, need.scopes[0].name.as_ref()), (certainty, "api"), "{asked}");
    }
}

#[tokio::test]
async fn names_that_nobody_knows_are_unknown_and_hidden_ones_denied() {
    let rig = Rig::start().await;
    let control = rig.simulator.control();
    let sales = sign_in(&rig, &at_globex("sales")).await;
    for text in ["list:Unicorn", "update:Unicorn.Horn", "create:Horn__mdt"] {
        assert_eq!(reason(&verdict(&rig, &sales, text).await), Reason::NotMapped, "{text}");
    }
    // A typo of a field is answered with the field.
    let typo = verdict(&rig, &sales, "list:Account.Industri").await;
    assert!(matches!(&typo, Verdict::Unknown(why) if why.detail.contains("Industry is meant")), "{typo:?}");
    assert_eq!(reason(&verdict(&rig, &sales, "list:Account.Shoe").await), Reason::NotMapped);
    // A custom field may be hidden, whatever it is called.
    control.add_field(ORG, "Account", "Quite_Secret_Margin__c", "currency").unwrap();
    let hidden = verdict(&rig, &sales, "list:Account.Quite_Secret_Margin__c").await;
    assert_eq!(missing(&hidden), [(Kind::Action, "Account.Quite_Secret_Margin__c: Read Access")]);
    // Nobody writes what Salesforce writes.
    let admin = sign_in(&rig, &at_globex("admin")).await;
    assert_eq!(reason(&verdict(&rig, &admin, "update:Account.CreatedDate").await), Reason::NotMapped);
}

#[tokio::test]
async fn what_is_refused_for_another_reason_than_rights_is_an_error_and_no_verdict() {
    let rig = Rig::start().await;
    let control = rig.simulator.control();
    let user = at_globex("sales");
    let grant = sign_in(&rig, &user).await;
    let operations = [operation("list:Account"), operation("list:Contact")];
    let cause =
        async || try_read(&rig, &grant, &operations).await.map(drop).map_err(|error| error.cause().unwrap());
    assert_eq!(cause().await, Ok(()));
    // Half-way: the first object was described, and then the session ended.
    for (row, expected) in [
        ("R01", Cause::AccessTokenExpired),
        ("R05", Cause::RateLimited),
        ("R20", Cause::ServiceUnavailable),
        ("R21", Cause::EdgeFailure),
        ("R24", Cause::ConfigurationInvalid),
        ("R25", Cause::AuthenticationRequired),
    ] {
        control.inject(Fixture::named(row, Matcher::path("/Contact/describe")).unwrap());
        assert_eq!(cause().await, Err(expected), "{row}");
    }
    // A page where a description should be, and one that is cut.
    for body in ["<html></html>", "[]"] {
        let mut fixture = Fixture::json(Matcher::path("/Contact/describe"), 200, &Value::Null);
        body.clone_into(&mut fixture.body);
        control.inject(fixture);
        assert_eq!(cause().await, Err(Cause::ResponseInvalid), "{body}");
    }
    control.user(&user, |policy| policy.frozen = true).unwrap();
    assert_eq!(
        cause().await,
        Err(Cause::AccessTokenExpired),
        "and the renewal tells that the user is frozen"
    );
    control.user(&user, |policy| policy.frozen = false).unwrap();
    assert_eq!(cause().await, Ok(()));
    // No API at the org: known, and the same for every object, so that the second is not asked for.
    control.org(ORG, |org| org.api_enabled = false).unwrap();
    control.clear_requests();
    let rights = read(&rig, &grant, &operations).await;
    assert_eq!(control.requests().len(), 1);
    for operation in &operations {
        assert!(map(&rig).covers(&rights, operation));
        assert_eq!(missing(&map(&rig).judge(&rights, operation))[0].0, Kind::Role);
    }
}

#[tokio::test]
async fn a_feature_that_is_missing_denies_its_object_and_no_other() {
    let rig = Rig::start().await;
    let grant = sign_in(&rig, &at_globex("integration")).await;
    rig.simulator.control().inject(Fixture::named("R26", Matcher::path("/Quote/describe")).unwrap());
    let operations = [operation("list:Quote"), operation("list:Account")];
    let rights = read(&rig, &grant, &operations).await;
    let denied = map(&rig).judge(&rights, &operations[0]);
    assert_eq!(missing(&denied), [(Kind::Company, "the feature or licence for Quote")]);
    assert_eq!(map(&rig).judge(&rights, &operations[1]), Verdict::Allowed);
}

#[tokio::test]
async fn a_description_of_2000_fields_is_read_and_one_without_end_is_not() {
    let rig = Rig::start().await;
    let control = rig.simulator.control();
    for number in 0..2000 {
        control.add_field(ORG, "Invoice__c", &format!("Field_{number}__c"), "string").unwrap();
    }
    // Whoever modifies all data sees every object; fields need field permissions all the same.
    for number in [0, 999, 1999] {
        let field = format!("Invoice__c.Field_{number}__c");
        control.set_field_permissions(ORG, "Integration", &field, &["read", "edit"]).unwrap();
    }
    let grant = sign_in(&rig, &at_globex("integration")).await;
    let shown = operation("update:Invoice__c.Field_1999__c");
    let start = rig.cx.clock().wall();
    let rights = read(&rig, &grant, std::slice::from_ref(&shown)).await;
    println!(
        "an object of 2,000 fields, three of them shown, is described and read in {:?}",
        rig.cx.clock().wall().duration_since(start)
    );
    assert_eq!(map(&rig).judge(&rights, &shown), Verdict::Allowed);

    // All of them, with the lists of values that make a description long.
    let values: Vec<_> =
        (0..20).map(|number| json!({ "label": format!("Value {number}"), "value": "v" })).collect();
    let field = |number: usize| {
        json!({ "name": format!("Field_{number}__c"), "createable": true,
        "updateable": number.is_multiple_of(2), "permissionable": true, "picklistValues": values })
    };
    let whole = |fields: usize| {
        json!({ "name": "Invoice__c", "queryable": true, "retrieveable": true, "createable": true,
        "updateable": true, "deletable": true, "fields": (0..fields).map(field).collect::<Vec<_>>() })
    };
    let long = Fixture::json(Matcher::path("/Invoice__c/describe"), 200, &whole(2000));
    let bytes = long.body.len();
    control.inject(long);
    let start = rig.cx.clock().wall();
    let rights = read(&rig, &grant, std::slice::from_ref(&shown)).await;
    println!(
        "a description of 2,000 fields, {bytes} bytes, is read in {:?}",
        rig.cx.clock().wall().duration_since(start)
    );
    assert_eq!(
        missing(&map(&rig).judge(&rights, &shown)),
        [(Kind::Action, "Invoice__c.Field_1999__c: Edit Access")]
    );
    assert_eq!(map(&rig).judge(&rights, &operation("update:Invoice__c.Field_1998__c")), Verdict::Allowed);

    for body in [whole(10_001).to_string(), format!("{{\"name\":\"{}\"}}", "x".repeat(17 * 1024 * 1024))] {
        let mut endless = Fixture::json(Matcher::path("/Invoice__c/describe"), 200, &Value::Null);
        endless.body = body;
        control.inject(endless);
        let rights = read(&rig, &grant, std::slice::from_ref(&shown)).await;
        assert_eq!(reason(&map(&rig).judge(&rights, &shown)), Reason::NotReadable);
    }
}
