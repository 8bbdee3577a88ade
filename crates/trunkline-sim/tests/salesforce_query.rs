//! Queries.
#![allow(clippy::unwrap_used, reason = "test code, which the lint spares only inside test functions")]

mod common;

use common::salesforce::{Harness, refusal};
use common::{Tokens, answer, text};
use reqwest::Method;
use serde_json::{Value, json};

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn a_query_is_paged_and_a_page_can_be_asked_for_again() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    let next = async |url: &str, tokens: &Tokens| {
        answer(harness.http.get(harness.login(url)).bearer_auth(&tokens.access)).await
    };

    let request =
        harness.data(Method::GET, &tokens, "query/").header("sforce-query-options", "batchSize=1000");
    let (_, first) = answer(request.query(&[("q", "SELECT Id FROM Account ORDER BY Name DESC")])).await;

    assert_eq!((&first["totalSize"], &first["done"]), (&json!(2300), &json!(false)));
    let mut seen: Vec<Value> = first["records"].as_array().unwrap().clone();
    assert_eq!(seen.len(), 1000);
    let url = text(&first, "nextRecordsUrl");
    let (_, second) = next(&url, &tokens).await;
    assert_eq!(next(&url, &tokens).await.1, second);
    seen.extend(second["records"].as_array().unwrap().clone());
    assert_eq!((seen.len(), &second["done"]), (2300, &json!(true)));
    seen.sort_by_key(|record| text(record, "Id"));
    seen.dedup();
    assert_eq!(seen.len(), 2300);
    let other = harness.connect_as("reader").await;
    assert_eq!(refusal(&next(&url, &other).await), refused(400, "INVALID_QUERY_LOCATOR"));
    let beyond = url.replace("-1000", "-9999");
    assert_eq!(refusal(&next(&beyond, &tokens).await), refused(400, "INVALID_QUERY_LOCATOR"));
}

#[tokio::test]
async fn conditions_select_as_they_say() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    let found = async |condition: &str| {
        let (status, body) =
            harness.query(&tokens, &format!("SELECT Id FROM Account WHERE {condition}")).await;
        assert_eq!(status, 200, "{condition}: {body}");
        body["totalSize"].as_u64().unwrap()
    };

    for (condition, expected) in [
        ("Name = 'account 0007'", 1),
        ("Name LIKE 'Account 000_'", 9),
        ("Name LIKE 'Account 000_' AND Industry = 'Energy'", 3),
        ("(Name = 'Account 0001' OR Name = 'Account 0002') AND NOT Industry = 'Energy'", 1),
        ("AnnualRevenue >= 2299000", 2),
        ("AnnualRevenue < 3000 AND AnnualRevenue != 1000", 1),
        ("Name IN ('Account 0001', 'Account 0002', 'Nobody')", 2),
        ("Name NOT IN ('Account 0001')", 2299),
        ("ParentId = null", 2300),
        ("CreatedDate > 2020-01-01T00:00:00Z AND IsDeleted = false", 2300),
        ("Id IN (SELECT AccountId FROM Contact WHERE LastName LIKE 'Berg%')", 1),
        ("Owner.Username = 'integration@acme.example'", 2300),
        ("Name = 'It\\'s not there'", 0),
    ] {
        assert_eq!(found(condition).await, expected, "{condition}");
    }
    let (_, body) = harness
        .query(
            &tokens,
            "SELECT Id, Account.Owner.Name, Account.Name FROM Contact ORDER BY LastName LIMIT 1 OFFSET 2",
        )
        .await;
    let account = &body["records"][0]["Account"];
    assert_eq!(
        (&account["Name"], &account["Owner"]["Name"]),
        (&json!("Account 0001"), &json!("integration acme"))
    );
    assert_eq!(account["attributes"]["type"], "Account");
    assert_eq!(harness.query(&tokens, "SELECT COUNT() FROM Contact").await.1["totalSize"], 10);
}

#[tokio::test]
async fn what_a_query_cannot_mean_is_refused() {
    let harness = Harness::start().await;
    let tokens = harness.connect().await;
    let deep = format!("SELECT Id FROM Account WHERE {}Name = 'a'{}", "(".repeat(50), ")".repeat(50));
    for (soql, code) in [
        ("", "MALFORMED_QUERY"),
        ("SELECT FROM Account", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name = 'open", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account LIMIT many", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account; DROP", "MALFORMED_QUERY"),
        (deep.as_str(), "MALFORMED_QUERY"),
        ("SELECT Nonsense FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Name = 3", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD"),
        ("SELECT Nobody.Name FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM Nonsense__c", "INVALID_TYPE"),
        ("SELECT UserId FROM UserRecordAccess", "MALFORMED_QUERY"),
    ] {
        assert_eq!(refusal(&harness.query(&tokens, soql).await), refused(400, code), "{soql}");
    }
}
