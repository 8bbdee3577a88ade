//! The main job, offline: a connection to Sage Intacct from the first consent to its end.
//!
//! `cargo run --example quickstart`
//!
//! The service is a simulator on loopback that speaks real HTTP. With a client id of your own, and
//! without `base_url`, the same program talks to Sage Intacct.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use trunkline::{
    BrowserSession, Callback, Config, Connect, Connection, ConsentRequest, ConsentStep, Error, KeyRing,
    Operation, SqliteStore, Trunkline,
};
use trunkline_sim::sage_intacct::SageIntacct;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let service = SageIntacct::start().await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("trunkline.db");
    let key: [u8; 32] = *b"a key for a demonstration only!!";
    let trunkline = open(&service, &file, key).await?;
    println!("Sage Intacct, simulated, listens on {}", service.url());

    println!("\n1. A name that is not configured");
    if let Err(error) = trunkline.tenant("acme").connect("sage_intact").await {
        println!("   {error}\n   hint: {}", error.hint_text().unwrap_or("none".into()));
    }

    println!("\n2. connect, for the first time");
    let Connect::NeedsConsent(request) = trunkline.tenant("acme").connect("sage_intacct").await? else {
        return Err("nobody has consented yet".into());
    };
    let sage = consent(&service, &trunkline, &request).await?;
    println!("   connected as {}", sage.account().await?.ok_or("no account")?);

    println!("\n3. connect, from now on");
    let Connect::Ready(sage) = trunkline.tenant("acme").connect("sage_intacct").await? else {
        return Err("the consent was just given".into());
    };
    println!("   Ready: {} of tenant {}, label {}", sage.connector(), sage.tenant(), sage.label());

    println!("\n4. What it may do is known before the call");
    may_create_bills(&service, &sage).await?;

    println!("\n5. Work");
    list_vendors(&sage).await?;
    create_bill(&sage).await?;

    println!("\n6. The access token expires");
    let before = sage.access_token().await?.generation();
    service.control().advance_clock(Duration::from_secs(13 * 60 * 60));
    let status = sage.get("/objects/accounts-payable/vendor").send().await?.status();
    let after = sage.access_token().await?.generation();
    println!(
        "   13 hours later the next call answers {status}; credential generation {before} became {after}"
    );

    println!("\n7. The process ends, another opens the same file");
    trunkline.shutdown(Duration::from_secs(5)).await?;
    drop((sage, trunkline));
    let trunkline = open(&service, &file, key).await?;
    let Connect::Ready(sage) = trunkline.tenant("acme").connect("sage_intacct").await? else {
        return Err("the grant was stored".into());
    };
    let status = sage.get("/objects/accounts-payable/vendor").send().await?.status();
    println!("   Ready without a new consent; a call answers {status}");

    println!("\n8. The customer's administrator revokes the grant at the service");
    service.control().revoke_grants(service.user_id(), service.company_id());
    match sage.get("/objects/accounts-payable/vendor").send().await {
        Ok(response) => println!("   {}", response.status()),
        Err(error) => explain(&error),
    }

    println!("\n9. Consent repairs the connection in place; a second one for the same user ends it");
    let Connect::NeedsConsent(request) = trunkline.tenant("acme").connect("sage_intacct").await? else {
        return Err("the grant was revoked".into());
    };
    let repaired = consent(&service, &trunkline, &request).await?;
    println!("   same connection: {}", repaired.id() == sage.id());
    let second = trunkline.tenant("acme").connect("sage_intacct").label("second").await?;
    let Connect::NeedsConsent(request) = second else {
        return Err("nobody has consented to this one".into());
    };
    for other in request.at_risk().await? {
        println!("   before: {}", other.advice());
    }
    let second = consent(&service, &trunkline, &request).await?;
    // A look in the background finds it out; a call that comes first is told the same.
    match repaired.get("/objects/accounts-payable/vendor").send().await {
        Ok(response) => println!("   {}", response.status()),
        Err(error) => explain(&error),
    }

    println!("\n10. disconnect ends a connection");
    println!("   the older one: {:?}", repaired.disconnect().await?);
    println!("   the newer one: {:?}", second.disconnect().await?);
    if let Connect::NeedsConsent(request) = trunkline.tenant("acme").connect("sage_intacct").await? {
        println!("   connect now: NeedsConsent ({})", request.diagnosis().ok_or("no diagnosis")?);
    }
    Ok(())
}

/// What an application does once, when it starts.
async fn open(service: &SageIntacct, file: &Path, key: [u8; 32]) -> Outcome<Trunkline> {
    let settings = format!(
        r#"
        [connectors.sage_intacct]
        provider = "sage_intacct"
        client_id = "{}"
        client_secret = "{}"
        redirect_uri = "https://app.example.com/connect/callback"
        base_url = "{}"
        "#,
        service.client_id(),
        service.client_secret(),
        service.url(),
    );
    let trunkline = Trunkline::builder()
        .config(Config::from_toml(&settings, "quickstart")?)
        .store(SqliteStore::open(file).await?)
        .keys(KeyRing::new(key))
        .build()
        .await?;
    Ok(trunkline)
}

/// Shows the step, lets a person approve it at the service, and takes the callback.
async fn consent(
    service: &SageIntacct,
    trunkline: &Trunkline,
    request: &ConsentRequest,
) -> Outcome<Connection> {
    let browser = BrowserSession::random()?;
    let ConsentStep::Redirect { url } = request.begin(&browser).await? else {
        return Err("Sage Intacct asks by redirect".into());
    };
    println!("   NeedsConsent: send the browser to {}{}?…", url.origin().ascii_serialization(), url.path());
    let callback = service.approve(&url).await?;
    println!("   approved; the browser comes back to {}?code=…&state=…", callback.path());
    Ok(trunkline.complete(Callback::from_url(&callback)?, &browser).await?.connection)
}

/// Requires what the integration needs. The user's role lacks it, an administrator widens the role, and then it is
/// there.
async fn may_create_bills(service: &SageIntacct, sage: &Connection) -> Outcome<()> {
    const BILLS: (&str, &str) = ("accountsPayable", "bills");
    let needed = [Operation::list("accounts-payable/bill"), Operation::create("accounts-payable/bill")];
    let (control, company) = (service.control(), service.company_id());
    control.set_permissions(company, "Integration", BILLS, &["list", "readonly"])?;
    if let Err(error) = sage.require(&needed).await {
        println!("   {error}\n   {}", error.hint_text().unwrap_or("no hint".into()));
    }
    for step in sage.least_role("Acme bills", &needed).await?.steps {
        println!("   - {step}");
    }
    control.set_permissions(company, "Integration", BILLS, &["list", "readonly", "add"])?;
    sage.forget_permissions();
    sage.require(&needed).await?;
    println!("   the administrator widened the role: allowed");
    Ok(())
}

/// Reads all vendors, a page at a time.
async fn list_vendors(sage: &Connection) -> Outcome<()> {
    let mut start = Some(1);
    let mut pages = Vec::new();
    while let Some(first) = start {
        let query = json!({
            "object": "accounts-payable/vendor", "fields": ["key", "id", "name"], "start": first, "size": 100,
        });
        let page: Value =
            sage.post("/services/core/query").json(&query).send().await?.error_for_status()?.json().await?;
        pages.push(page["ia::result"].as_array().map_or(0, Vec::len).to_string());
        start = page["ia::meta"]["next"].as_u64();
    }
    println!("   vendors, page by page: {}", pages.join(" + "));
    Ok(())
}

async fn create_bill(sage: &Connection) -> Outcome<()> {
    let bill = json!({
        "vendor": {"id": "V-0007"}, "dueDate": "2026-12-31",
        "lines": [{"glAccount": {"id": "6000"}, "txnAmount": "10.10"}],
    });
    let response = sage
        .post("/objects/accounts-payable/bill")
        .header("Idempotency-Key", "quickstart-1")
        .json(&bill)
        .send()
        .await?
        .error_for_status()?;
    let status = response.status();
    let created: Value = response.json().await?;
    println!("   bill created: {status}, key {}", created["ia::result"]["key"]);
    Ok(())
}

/// What a typed failure tells.
fn explain(error: &Error) {
    println!("   {error}");
    if let Some(diagnosis) = error.diagnosis() {
        println!("   who acts: {}", diagnosis.actor());
        println!("   what to do: {}", diagnosis.remedy());
        if let Some(label) = diagnosis.evidence().successor.as_ref().and_then(|other| other.label.as_ref()) {
            println!("   the newer connection: {label}");
        }
    }
}
