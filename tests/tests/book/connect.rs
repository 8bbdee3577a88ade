//! `docs/guides/connect.md`.
#![expect(dead_code, reason = "it is compiled, not run")]

use trunkline::{
    Actor, BrowserSession, Callback, Config, Connection, ConsentRequest, Diagnosis, Error, KeyRing, Language,
    SqliteStore, Texts, Trunkline,
};

async fn once() -> Result<Trunkline, Error> {
    let trunkline = Trunkline::builder()
        .config(Config::from_file("trunkline.toml")?)
        .store(SqliteStore::open("trunkline.db").await?)
        .keys(KeyRing::from_env("TRUNKLINE_KEY")?)
        .build()
        .await?;
    Ok(trunkline)
}

async fn consent(request: ConsentRequest, browser: BrowserSession) -> Result<(), Error> {
    let step = request.begin(&browser).await?;
    for other in request.at_risk().await? {
        println!("{}", other.advice());
    }
    drop(step);
    Ok(())
}

async fn callback(trunkline: Trunkline, query: &str, browser: BrowserSession) -> Result<Connection, Error> {
    let done = trunkline.tenant("acme").complete(Callback::from_query(query)?, &browser).await?;
    Ok(done.connection)
}

async fn calls(connection: Connection) -> Result<(), Error> {
    let vendors = connection.get("/objects/accounts-payable/vendor").send().await?;
    drop(vendors);
    Ok(())
}

fn explain(error: &Error) {
    if let Some(diagnosis) = error.diagnosis() {
        println!("{}: {} acts: {}", diagnosis.cause(), diagnosis.actor(), diagnosis.remedy());
    }
}

fn languages(diagnosis: Diagnosis) -> Vec<String> {
    let german = Language::new().advice("grant_revoked", Actor::CustomerUser, ["Verbinden Sie sich erneut."]);
    let texts = Texts::new().language("de", german);
    let steps = texts.steps("de-CH", &diagnosis);
    steps
}
