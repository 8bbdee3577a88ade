//! What a verdict names, and what it costs.

use serde_json::json;
use trunkline_core::permission::{Kind, Operation, Reason, Report, Scopes, Verdict};
use trunkline_core::{Account, Grant, ScopeSet};
use trunkline_sim::salesforce::Shared;

use super::super::rig::Rig;
use super::cast::{at_globex, map, missing, operation, read, reason, sign_in, users, verdict};

#[tokio::test]
async fn a_denial_names_the_outermost_layer_that_refuses() {
    let rig = Rig::start().await;
    let control = rig.simulator.control();
    users(&control);
    let sales = sign_in(&rig, &at_globex("sales")).await;
    for (text, expected) in [
        ("delete:Account", vec![(Kind::Action, "Account: Delete")]),
        ("delete:Lead", vec![(Kind::Action, "Lead: Edit"), (Kind::Action, "Lead: Delete")]),
        ("create:Case", vec![(Kind::Object, "Case: Read"), (Kind::Action, "Case: Create")]),
        ("list:Invoice__c", vec![(Kind::Object, "Invoice__c: Read")]),
        ("update:account.industry", vec![(Kind::Action, "Account.Industry: Edit Access")]),
        ("list:Account.AnnualRevenue", vec![(Kind::Action, "Account.AnnualRevenue: Read Access")]),
        // Which field it is does not matter where the object is closed.
        ("update:Lead.Email", vec![(Kind::Action, "Lead: Edit")]),
        ("list:PermissionSet", vec![(Kind::Role, "View Setup and Configuration (ViewSetup)")]),
        ("create:User", vec![(Kind::Role, "Manage Users (ManageUsers)")]),
    ] {
        assert_eq!(missing(&verdict(&rig, &sales, text).await), expected, "{text}");
    }
    let verdict_of = verdict(&rig, &sales, "list:Invoice__c").await;
    let Verdict::Denied { missing: lacks } = &verdict_of else { panic!() };
    assert!(lacks[0].set_at.contains("Object Settings > Invoice__c"), "{}", lacks[0].set_at);

    let Verdict::Denied { missing: lacks } = &verdict(&rig, &sales, "create:Quote").await else { panic!() };
    assert!(lacks.len() == 2 && lacks[0].set_at.ends_with("the licence that the object needs"), "{lacks:?}");

    // The API comes before the object, and the scope before the API.
    let noapi = sign_in(&rig, &at_globex("noapi")).await;
    let denied = verdict(&rig, &noapi, "list:Account").await;
    assert_eq!(missing(&denied), [(Kind::Role, "API Enabled (ApiEnabled)")]);
    let family = control.families().last().unwrap().id;
    control.narrow_family(family, &["id", "refresh_token"]).unwrap();
    let narrowed = Grant { account: noapi.account.clone(), ..rig.refresh(&noapi).await.unwrap() };
    let denied = verdict(&rig, &narrowed, "list:Account").await;
    assert_eq!(missing(&denied), [(Kind::Company, "api")]);
}

#[tokio::test]
async fn a_record_is_judged_by_its_sharing_with_one_query_for_all() {
    let rig = Rig::start().await;
    let control = rig.simulator.control();
    let user = at_globex("sales");
    let grant = sign_in(&rig, &user).await;
    let add = |share| {
        let body = json!({ "Name": "O", "StageName": "Prospecting", "CloseDate": "2026-12-31" });
        let id = control.add_record(&at_globex("integration"), "Opportunity", body).unwrap();
        control.share(&id, &user, share).unwrap();
        id
    };
    let (hidden, shown, edited) = (add(None), add(Some(Shared::Read)), add(Some(Shared::Edit)));
    let on = |action: &str, id: &str| operation(&format!("{action}:Opportunity/{id}"));
    let operations = [
        on("read", &hidden),
        on("update", &hidden),
        on("read", &shown),
        on("update", &shown),
        on("update", &edited[..15]),
        on("delete", &edited),
    ];
    control.clear_requests();
    let rights = read(&rig, &grant, &operations).await;
    let paths: Vec<_> = control.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/services/data/v65.0/sobjects/Opportunity/describe", "/services/data/v65.0/query"]);
    let judge = |number: usize| map(&rig).judge(&rights, &operations[number]);
    let lacks = |level: &str, id: &str| format!("{level} access to {id}");
    for (number, expected) in [
        (0, Some(lacks("Read", &hidden))),
        (1, Some(lacks("Read", &hidden))),
        (2, None),
        (3, Some(lacks("Edit", &shown))),
        (4, None),
        (5, Some(lacks("Delete", &edited))),
    ] {
        match expected {
            None => assert_eq!(judge(number), Verdict::Allowed, "{}", operations[number]),
            Some(name) => assert_eq!(missing(&judge(number)), [(Kind::Object, name.as_str())]),
        }
    }
    let other = on("read", "006xx000003DGb2AAG");
    assert!(!map(&rig).covers(&rights, &other));
    assert_eq!(reason(&map(&rig).judge(&rights, &other)), Reason::NotReadable);
}

#[tokio::test]
async fn no_more_calls_than_objects_are_made_and_none_by_a_verdict() {
    let rig = Rig::start().await;
    let control = rig.simulator.control();
    let grant = sign_in(&rig, &at_globex("integration")).await;
    let texts = [
        "list:Account",
        "update:Account.Industry",
        "delete:account",
        "create:Contact",
        "list:Contact.Account.Name",
        "list:Contact.Account.Owner.Name",
        "create:Case",
    ];
    let operations: Vec<Operation> = texts.iter().map(|text| operation(text)).collect();
    control.clear_requests();
    let rights = read(&rig, &grant, &operations).await;
    let requests = control.requests();
    let mut asked: Vec<_> = requests.iter().map(|request| request.path.rsplit('/').nth(1).unwrap()).collect();
    assert!(requests.iter().all(|request| request.method == "GET"));
    asked.sort_unstable();
    assert_eq!(asked, ["Account", "Case", "Contact", "User"], "each once, related ones too");

    let rounds = 1000_i128;
    for (what, operations) in
        [("on an object or field", &operations[..4]), ("through relationships, or denied", &operations[4..])]
    {
        let start = rig.cx.clock().wall();
        for operation in (0..rounds).flat_map(|_| operations) {
            assert!(map(&rig).covers(&rights, operation));
            std::hint::black_box(map(&rig).judge(&rights, operation));
        }
        let took = rig.cx.clock().wall().duration_since(start).as_nanos();
        println!(
            "a warm verdict {what} takes {} ns in this build",
            took / (rounds * operations.len() as i128)
        );
    }
    assert_eq!(control.requests().len(), 4, "a verdict asks nobody");
    assert!(!map(&rig).covers(&rights, &operation("list:Opportunity")));
    assert_eq!(reason(&map(&rig).judge(&rights, &operation("list:Opportunity"))), Reason::NotReadable);
}

#[tokio::test]
async fn the_scope_full_holds_api_and_no_other_does() {
    let rig = Rig::start().await;
    let grant = sign_in(&rig, &at_globex("integration")).await;
    let list = operation("list:Account");
    let rights = read(&rig, &grant, std::slice::from_ref(&list)).await;
    let row = |scopes: &str| {
        let set = Some(ScopeSet::parse(scopes, ' '));
        let scopes = Scopes { requested: set.clone(), granted: set };
        Report::of(map(&rig), &rights, &scopes, std::slice::from_ref(&list)).unwrap().rows.remove(0)
    };
    for (scopes, held) in
        [("full refresh_token", true), ("id api", true), ("id web refresh_token", false), ("", false)]
    {
        let row = row(scopes);
        assert_eq!((row.requested, row.granted), (Some(held), Some(held)), "{scopes}");
        assert_eq!(row.effective.is_allowed(), held, "{scopes}");
    }
    let account = Account::new("", "");
    let operations = [operation("read:Account/001xx000003DGb2")];
    let rights = map(&rig).read(&rig.cx, &rig.session(&grant), &account, &operations).await.unwrap();
    assert!(map(&rig).covers(&rights, &operations[0]), "the user's id is known by the token answer too");
}
