//! An application that connects through a third party's connector, found by its name.

mod acme;

use std::error::Error;

use acme_connector as _;
use trunkline::{
    BrowserSession, Callback, Config, Connect, ConsentStep, Inputs, KeyRing, MemoryStore, Registry, Secret,
    Trunkline,
};

const SETTINGS: &str = r#"
[connectors.acme]
provider = "acme"
base_url = "https://api.acme.example"
"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let registration = Registry::global().find("acme")?;
    println!("{} from {}", registration.info.title, registration.crate_name);
    for wrong in [SETTINGS.replace("base_url", "base_urll"), SETTINGS.replace(r#""acme""#, r#""acne""#)] {
        let error = Config::from_toml(&wrong, "settings").err().ok_or("wrong settings were accepted")?;
        println!("refused: {error}; {}", error.hint_text().unwrap_or("no hint".into()));
    }

    let trunkline = Trunkline::builder()
        .config(Config::from_toml(SETTINGS, "settings")?)
        .store(MemoryStore::new())
        .keys(KeyRing::generate()?.0)
        .transport(acme::Acme)
        .token_transport(acme::Acme)
        .build()
        .await?;
    let tenant = trunkline.tenant("customer");
    let browser = BrowserSession::random()?;

    let Connect::NeedsConsent(request) = tenant.connect("acme").await? else {
        return Err("no consent".into());
    };
    let ConsentStep::Form { state, inputs } = request.begin(&browser).await? else {
        return Err("no form".into());
    };
    println!("asked for {:?}", inputs.iter().map(|input| input.name).collect::<Vec<_>>());
    let mut given = Inputs::default();
    given.insert("api_key", Secret::new(acme::KEY));
    trunkline.complete(Callback::from_form(&state, &given), &browser).await?;

    let Connect::Ready(connection) = tenant.connect("acme").await? else { return Err("not ready".into()) };
    let account = connection.account().await?.ok_or("the account is not known")?;
    println!("connected as {account}");
    let response = connection.get("/invoices").send().await?;
    println!("invoices: {}", response.status());
    Ok(())
}
