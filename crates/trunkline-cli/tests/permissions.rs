//! `trunkline permissions`.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::{World, fields};

const BILLS: (&str, &str) = ("accountsPayable", "bills");
const LIST: &str = "list:accounts-payable/bill";
const CREATE: &str = "create:accounts-payable/bill";

/// A connection whose user may list bills and not make them.
async fn reading() -> World {
    let world = World::new().await;
    world.connect(&[]).await;
    let company = world.service.company_id();
    world.service.control().set_permissions(company, "Integration", BILLS, &["list", "readonly"]).unwrap();
    world
}

const CHECK: [&str; 7] = ["permissions", "acme", "sage_intacct", "--require", LIST, "--require", CREATE];

#[tokio::test]
async fn four_columns_are_shown_and_what_is_missing_and_the_code_tells_that_somebody_has_to_act() {
    let world = reading().await;
    let ran = world.run(&CHECK).await;
    assert_eq!(ran.code, 4, "{ran:?}");
    let lines: Vec<Vec<&str>> = ran.out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["OPERATION", "REQUIRED", "REQUESTED", "GRANTED", "EFFECTIVE"]);
    assert_eq!((lines[1][0], *lines[1].last().unwrap()), (LIST, "allowed"));
    assert_eq!((lines[2][0], *lines[2].last().unwrap()), (CREATE, "denied"));
    assert!(ran.out.contains("missing accountsPayable.bills: add (action), set in "), "{}", ran.out);

    let mut json = CHECK.to_vec();
    json.push("--json");
    let ran = world.run(&json).await;
    let report = ran.json();
    assert_eq!((ran.code, fields(&report)), (4, vec!["read_at", "rows"]));
    assert_eq!(report["rows"][1]["effective"]["missing"][0]["name"], "accountsPayable.bills: add");

    let company = world.service.company_id();
    world.service.control().set_permissions(company, "Integration", BILLS, &["list", "add"]).unwrap();
    assert_eq!(world.run(&CHECK).await.code, 0);
}

#[tokio::test]
async fn without_a_requirement_all_that_is_known_is_shown() {
    let world = reading().await;
    let ran = world.run(&["permissions", "acme", "sage_intacct", "--json"]).await;
    let rows = ran.json()["rows"].as_array().unwrap().len();
    let known = world.run(&["permissions", "operations", "sage_intacct"]).await.out.lines().count();
    assert_eq!((ran.code, rows), (4, known));
    let bills = world.run(&["permissions", "operations", "sage_intacct", "payable/BILL", "--json"]).await;
    assert!(bills.lines().iter().any(|line| line == CREATE), "{bills:?}");
    assert!(bills.lines().len() < known);
}

#[tokio::test]
async fn the_least_role_is_written_with_the_companys_keys_where_the_connection_is_asked() {
    let world = reading().await;
    let role = ["permissions", "role", "sage_intacct", "--require", CREATE, "--name", "Bills"];
    let ran = world.run(&role).await;
    assert!(ran.code == 0 && ran.out.contains("1. Create a role named \"Bills\"."), "{ran:?}");
    let bare = world.run(&[&role[..], &["--machine"]].concat()).await;
    bare.assert_error(1, "keys of the company's own", "--of TENANT");

    let of = world.run(&[&role[..], &["--of", "acme", "--machine"]].concat()).await;
    let body: serde_json::Value = serde_json::from_str(&of.out).unwrap();
    assert_eq!((of.code, &body["id"]), (0, &"Bills".into()));
    assert_eq!(body["rolePermissionAssignments"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_asked_is_an_error_with_a_hint() {
    let world = reading().await;
    let near =
        world.run(&["permissions", "acme", "sage_intacct", "--require", "create:accounts-payable/bil"]);
    near.await.assert_error(
        2,
        "the service has no operation",
        "Did you mean `create:accounts-payable/bill`?",
    );
    let other = world.run(&["permissions", "operations", "sage_intact"]).await;
    other.assert_error(2, "no connector `sage_intact` is configured", "Did you mean `sage_intacct`?");
    let nobody = world.run(&["permissions", "globex", "sage_intacct", "--require", LIST]).await;
    nobody.assert_error(5, "tenant globex has no connection", "--tenant globex");
    let spelt = world.run(&["permissions", "acme", "sage_intacct", "--require", "bills"]).await;
    assert!(spelt.code == 2 && spelt.err.contains("action:object"), "{spelt:?}");
    let ignored = world.run(&["permissions", "acme", "role", "sage_intacct", "--require", LIST]).await;
    assert_eq!(ignored.code, 2, "nothing is silently left out: {ignored:?}");
    let role = ["permissions", "role", "sage_intacct", "--require", LIST];
    for more in [&["--name", ""][..], &["--machine", "--json"]] {
        assert_eq!(world.run(&[&role[..], more].concat()).await.code, 2, "{more:?}");
    }
    let mapless = "[connectors.any]\nprovider = \"oauth2\"\nclient_id = \"a\"\nredirect_uri = \"http://127.0.0.1/cb\"\n\
        base_url = \"http://127.0.0.1:1\"\nauthorization_endpoint = \"http://127.0.0.1:1/a\"\ntoken_endpoint = \"http://127.0.0.1:1/t\"\n";
    world.write("any.toml", mapless.as_bytes());
    let ran = world.run(&["permissions", "operations", "any", "--config", "any.toml"]).await;
    assert!(ran.code == 1 && ran.err.contains("knows no permissions"), "{ran:?}");
    let alone = world.run(&["permissions", "acme"]).await;
    assert_eq!(alone.code, 2, "{alone:?}");

    world.service.control().revoke_grants(world.service.user_id(), world.service.company_id());
    let lost = world.run(&CHECK).await;
    assert_eq!(lost.code, 3, "{lost:?}");
}
