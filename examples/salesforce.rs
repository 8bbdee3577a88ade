//! Salesforce, offline: a connection that knows what it may do, and an org that is followed where it moves.
//!
//! `cargo run --example salesforce`
//!
//! The service is a simulator on loopback, each of its hosts at an address of its own. With a consumer key of your
//! own, and without `login_url`, the same program talks to Salesforce.

use serde_json::{Value, json};
use trunkline::permission::Report;
use trunkline::{
    BrowserSession, Callback, Config, Connect, Connection, ConsentRequest, ConsentStep, KeyRing, MemoryStore,
    Operation, Trunkline,
};
use trunkline_sim::salesforce::{Hosts, Salesforce};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The user who connects.
const USER: &str = "connector@acme.example";

#[tokio::main]
async fn main() -> Outcome<()> {
    let service = Salesforce::builder().hosts(Hosts::Separate).start().await?;
    service.control().add_profile("acme", "Minimum Access")?;
    service.control().set_system_permission("acme", "Minimum Access", "PermissionsApiEnabled", true)?;
    service.control().add_user("acme", USER, "Minimum Access")?;
    let trunkline = open(&service).await?;
    let needed =
        [Operation::list("Account"), Operation::create("Invoice__c"), Operation::update("Account.Industry")];

    println!("1. connect asks at consent for the scopes that the work needs");
    let connect = trunkline.tenant("acme").connect("salesforce").require(needed.clone()).await?;
    let Connect::NeedsConsent(request) = connect else { return Err("nobody has consented yet".into()) };
    let salesforce = consent(&service, &trunkline, &request).await?;
    println!("   connected as {}", salesforce.account().await?.ok_or("no account")?);

    println!("\n2. What it may do, before any call");
    show(&salesforce.check(&needed).await?);

    println!("\n3. What an administrator deploys: the least permission set");
    let role = salesforce.least_role("Acme Invoices", &needed).await?;
    for step in &role.steps {
        println!("   - {step}");
    }
    let machine = role.machine.ok_or("no permission set")?;
    println!("   or {}: {} lines", machine.takes, machine.text.lines().count());
    deploy(&service, &machine.text).await?;

    println!("\n4. The same requirement, once it is assigned");
    salesforce.forget_permissions();
    salesforce.require(&needed).await?;
    show(&salesforce.check(&needed).await?);

    println!("\n5. Work");
    let invoice = json!({ "Name": "INV-1" });
    let created = salesforce.post("/sobjects/Invoice__c").json(&invoice).send().await?.error_for_status()?;
    println!("   an invoice: {}", created.status());
    println!("   accounts, page by page: {}", pages(&service, &salesforce).await?);

    println!("\n6. The session ends while the org moves to another address");
    service.control().rename_my_domain(service.org_id())?;
    service.control().end_sessions(USER)?;
    println!("   the next call answers {}", salesforce.get("/limits").send().await?.status());

    println!("\n7. A refused call says which permission is missing");
    let refused = salesforce.delete("/sobjects/Account/001xx000003DGb2AAG").send().await?;
    let diagnosis = refused.diagnosis().ok_or("it was not refused")?;
    println!("   {}: {diagnosis}", refused.status());
    for step in diagnosis.remedy().steps() {
        println!("   - {step}");
    }
    Ok(())
}

async fn open(service: &Salesforce) -> Outcome<Trunkline> {
    let settings = format!(
        r#"
        [connectors.salesforce]
        provider = "salesforce"
        client_id = "{}"
        client_secret = "{}"
        redirect_uri = "https://app.example.com/connect/callback"
        login_url = "{}"
        "#,
        service.client_id(),
        service.client_secret(),
        service.url(),
    );
    Ok(Trunkline::builder()
        .config(Config::from_toml(&settings, "example")?)
        .store(MemoryStore::default())
        .keys(KeyRing::new(*b"a key for a demonstration only!!"))
        .build()
        .await?)
}

async fn consent(
    service: &Salesforce,
    trunkline: &Trunkline,
    request: &ConsentRequest,
) -> Outcome<Connection> {
    let browser = BrowserSession::random()?;
    let ConsentStep::Redirect { url } = request.begin(&browser).await? else {
        return Err("Salesforce asks by redirect".into());
    };
    let scope = url.query_pairs().find(|(name, _)| name == "scope").map(|(_, scope)| scope.into_owned());
    println!("   NeedsConsent, for the scopes: {}", scope.unwrap_or_default());
    let callback = service.approve_as(&url, USER).await?;
    Ok(trunkline.complete(Callback::from_url(&callback)?, &browser).await?.connection)
}

fn show(report: &Report) {
    for line in report.to_string().lines() {
        println!("   {line}");
    }
}

/// What an administrator does with the file, here by the simulator's control API.
async fn deploy(service: &Salesforce, permission_set: &str) -> Outcome<()> {
    service.control().deploy_permission_set("acme", "Acme_Invoices", permission_set)?;
    service.control().assign(USER, "Acme_Invoices")?;
    Ok(())
}

/// Reads all accounts, a page at a time.
async fn pages(service: &Salesforce, salesforce: &Connection) -> Outcome<String> {
    let host = service.my_domain_url(service.org_id()).ok_or("no such org")?;
    let query = [("q", "SELECT Id FROM Account")];
    let mut page: Value =
        salesforce.get("/query").query(query).send().await?.error_for_status()?.json().await?;
    let mut counts = Vec::new();
    loop {
        counts.push(page["records"].as_array().map_or(0, Vec::len).to_string());
        let Some(next) = page["nextRecordsUrl"].as_str() else { return Ok(counts.join(" + ")) };
        page = salesforce.get(host.join(next)?).send().await?.error_for_status()?.json().await?;
    }
}
