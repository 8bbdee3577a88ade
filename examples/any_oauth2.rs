//! Any standard OAuth 2 service without a line of code for it: the settings name its issuer, and the rest is
//! discovered.
//!
//! `cargo run --example any_oauth2`

use trunkline::{BrowserSession, Callback, Config, Connect, ConsentStep, KeyRing, MemoryStore, Trunkline};
use trunkline_sim::standard::Standard;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A service on loopback; with a client of your own, it is your service.
    let service = Standard::start().await?;
    let settings = format!(
        r#"
        [connectors.acme]
        provider = "oauth2"
        issuer = "{}"
        client_id = "{}"
        client_secret = "{}"
        redirect_uri = "https://app.example.com/connect/acme"
        base_url = "{}"
        scopes = ["openid"]
        "#,
        service.issuer(),
        service.client_id(),
        service.client_secret(),
        service.api_url(),
    );
    let trunkline = Trunkline::builder()
        .config(Config::from_toml(&settings, "any_oauth2")?)
        .store(MemoryStore::new())
        .keys(KeyRing::insecure_development())
        .build()
        .await?;

    let Connect::NeedsConsent(request) = trunkline.tenant("globex").connect("acme").await? else {
        return Err("nobody has consented yet".into());
    };
    let browser = BrowserSession::random()?;
    let ConsentStep::Redirect { url } = request.begin(&browser).await? else {
        return Err("a code is asked for by redirect".into());
    };
    println!("discovered at {}: send the browser to {}?…", service.issuer(), url.path());
    let back = service.approve(&url).ok_or("the service refuses the request")?;
    let connection = trunkline.complete(Callback::from_url(&back)?, &browser).await?.connection;
    println!("connected as {}", connection.account().await?.ok_or("no account")?);

    println!("\nThe service answers a call whose scope was never asked for:");
    let response = connection.get("/hello").send().await?;
    let diagnosis = response.diagnosis().ok_or("a refusal has a diagnosis")?;
    println!("   {}: {diagnosis}\n   what to do: {}", response.status(), diagnosis.remedy());

    println!("\nAccess tokens are declared over, and the next call renews:");
    service.expire_access_tokens();
    let response = connection.get("/hello").send().await?;
    let generation = connection.access_token().await?.generation();
    println!("   {}; credential generation is {generation}", response.status());

    println!("\ndisconnect: {:?}", connection.disconnect().await?);
    for line in service.log() {
        println!("   the service saw: {line}");
    }
    Ok(trunkline.shutdown(std::time::Duration::from_secs(5)).await?)
}
