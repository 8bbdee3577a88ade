//! An axum application with the two routes that a connection needs: start, and callback.
//!
//! `cargo run --example axum_app` serves <http://127.0.0.1:3000> until it is stopped, against a
//! simulated Sage Intacct. With `-- --walk` it takes a free port, walks through its own routes as a
//! browser would, and ends.

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header::{COOKIE, LOCATION, REFERRER_POLICY, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use trunkline::{
    BrowserSession, Callback, Config, Connect, ConsentStep, Error, KeyRing, MemoryStore, Trunkline,
};
use trunkline_sim::sage_intacct::SageIntacct;
use url::Url;

/// The tenant comes from the application's own sign-in; this one has a single customer.
const TENANT: &str = "acme";
/// The application's own session cookie. It is set at sign-in, unguessable, HttpOnly and SameSite=Lax.
const COOKIE_NAME: &str = "session";

fn app(trunkline: Trunkline) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/connect", get(start))
        .route("/connect/second", get(second))
        .route("/connect/callback", get(callback))
        .route("/status", get(status))
        .route("/vendors", get(vendors))
        .with_state(trunkline)
}

/// Gives the browser a session, as the application's sign-in would.
async fn home() -> Result<Response, Failure> {
    // A stand-in for the application's session: 128 random bits.
    let session = format!("{:032x}", rand_u128()?);
    let cookie = format!("{COOKIE_NAME}={session}; HttpOnly; SameSite=Lax; Path=/");
    Ok(([(SET_COOKIE, cookie)], "signed in; go to /connect").into_response())
}

/// Sends the browser to the service, or says that there is nothing to do.
async fn start(State(trunkline): State<Trunkline>, headers: HeaderMap) -> Result<Response, Failure> {
    start_as(&trunkline, &headers, "default").await
}

/// As `start`, for a second connection. Some services keep one grant per user: who that concerns is told first.
async fn second(
    State(trunkline): State<Trunkline>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let connect = trunkline.tenant(TENANT).connect("sage_intacct").label("second").await?;
    if let (Connect::NeedsConsent(request), None) = (&connect, &query) {
        let warnings: Vec<_> =
            request.at_risk().await?.iter().map(|other| other.advice().to_string()).collect();
        if !warnings.is_empty() {
            return Ok(format!("{}\nGo on: /connect/second?sure", warnings.join("\n")).into_response());
        }
    }
    start_as(&trunkline, &headers, "second").await
}

/// Says how the tenant's connections stand, and what is to be done about those that do not serve.
async fn status(State(trunkline): State<Trunkline>) -> Result<Response, Failure> {
    let mut page = String::new();
    for record in trunkline.tenant(TENANT).connections(None, 100).await? {
        let status = record.status();
        page += &format!("{}: {}\n", record.key.label(), status.state());
        if let Some(why) = status.diagnosis() {
            page += &format!("  {why}\n  {} acts: {}\n", why.actor(), why.remedy());
        }
    }
    Ok(page.into_response())
}

async fn start_as(trunkline: &Trunkline, headers: &HeaderMap, label: &str) -> Result<Response, Failure> {
    match trunkline.tenant(TENANT).connect("sage_intacct").label(label).await? {
        Connect::NeedsConsent(request) => match request.begin(&browser(headers)?).await? {
            ConsentStep::Redirect { url } => Ok(see_other(url.as_str())),
            step => Err(Failure(StatusCode::NOT_IMPLEMENTED, format!("{step:?}"))),
        },
        Connect::Suspended(diagnosis) => Err(Failure(StatusCode::CONFLICT, diagnosis.remedy().to_string())),
        _ => Ok("connected already".into_response()),
    }
}

/// Takes what the service sent back. The redirect at the end takes the code out of the address bar.
async fn callback(
    State(trunkline): State<Trunkline>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let callback = Callback::from_query(query.as_deref().unwrap_or(""))?;
    trunkline.tenant(TENANT).complete(callback, &browser(&headers)?).await?;
    Ok(see_other("/vendors"))
}

/// Uses the connection.
async fn vendors(State(trunkline): State<Trunkline>) -> Result<Response, Failure> {
    let Connect::Ready(sage) = trunkline.tenant(TENANT).connect("sage_intacct").await? else {
        return Ok(see_other("/connect"));
    };
    let vendors = sage.get("/objects/accounts-payable/vendor").send().await?.error_for_status()?;
    Ok(vendors.text().await?.into_response())
}

/// The browser session is what ties a consent to the person who began it.
fn browser(headers: &HeaderMap) -> Result<BrowserSession, Failure> {
    let cookies = headers.get(COOKIE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let session = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("session="));
    let session =
        session.ok_or_else(|| Failure(StatusCode::UNAUTHORIZED, "sign in first, at /".to_owned()))?;
    Ok(BrowserSession::new(session)?)
}

fn see_other(location: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, location), (REFERRER_POLICY, "no-referrer")]).into_response()
}

/// A failure as plain text: what the service wrote is never shown as HTML.
struct Failure(StatusCode, String);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let remedy = error.hint_text().unwrap_or_default().into_owned();
        Self(StatusCode::BAD_GATEWAY, format!("{error}\n{remedy}"))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        // The code may still stand in the address bar.
        (self.0, [(REFERRER_POLICY, "no-referrer")], self.1).into_response()
    }
}

fn rand_u128() -> Result<u128, Failure> {
    use std::hash::{BuildHasher, RandomState};
    // Two keyed hashes of the standard library: enough for a demonstration's session, no more.
    let half = || u128::from(RandomState::new().hash_one(0));
    Ok(half() << 64 | half())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let walk = std::env::args().any(|argument| argument == "--walk");
    let port = if walk { 0 } else { 3000 };
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await?;
    let url: Url = format!("http://{}/", listener.local_addr()?).parse()?;

    let service = SageIntacct::start().await?;
    let trunkline = hub(&service, &url).await?;
    println!("listening on {url}");
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    let server =
        axum::serve(listener, app(trunkline.clone())).with_graceful_shutdown(interrupted).into_future();
    if walk {
        tokio::select! {
            ended = server => ended?,
            walked = walk_through(&service, &url) => walked?,
        }
    } else {
        server.await?;
    }
    // A renewal under way is stored before the process ends.
    Ok(trunkline.shutdown(Duration::from_secs(5)).await?)
}

/// The hub of an application at `url`.
async fn hub(service: &SageIntacct, url: &Url) -> Result<Trunkline, Error> {
    let settings = format!(
        r#"
        [connectors.sage_intacct]
        provider = "sage_intacct"
        client_id = "{}"
        client_secret = "{}"
        redirect_uri = "{url}connect/callback"
        base_url = "{}"
        "#,
        service.client_id(),
        service.client_secret(),
        service.url(),
    );
    Trunkline::builder()
        .config(Config::from_toml(&settings, "axum_app")?)
        .store(MemoryStore::new())
        .keys(KeyRing::new(*b"a key for a demonstration only!!"))
        .build()
        .await
}

/// What a person with a browser does.
async fn walk_through(service: &SageIntacct, app: &Url) -> Result<(), Box<dyn std::error::Error>> {
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let signed_in = browser.get(app.clone()).send().await?;
    let cookie =
        signed_in.headers()[SET_COOKIE.as_str()].to_str()?.split(';').next().unwrap_or("").to_owned();
    let go = |url: Url| browser.get(url).header(COOKIE, cookie.clone()).send();

    let started = go(app.join("connect")?).await?;
    let consent: Url = started.headers()[LOCATION].to_str()?.parse()?;
    println!("GET /connect -> {} to {}", started.status(), consent.path());

    let back = service.approve(&consent).await?;
    let taken = go(back).await?;
    println!("GET /connect/callback -> {} to {}", taken.status(), taken.headers()[LOCATION].to_str()?);

    let vendors = go(app.join("vendors")?).await?;
    println!("GET /vendors -> {}, {} bytes", vendors.status(), vendors.bytes().await?.len());

    // The customer's administrator revokes the grant: the next call says so, and a new consent repairs it.
    service.control().revoke_grants(service.user_id(), service.company_id());
    let lost = go(app.join("vendors")?).await?;
    println!("GET /vendors -> {}:\n{}", lost.status(), lost.text().await?);
    let started = go(app.join("connect")?).await?;
    let consent: Url = started.headers()[LOCATION].to_str()?.parse()?;
    go(service.approve(&consent).await?).await?;

    let warned = go(app.join("connect/second")?).await?;
    println!("GET /connect/second -> {}:\n{}", warned.status(), warned.text().await?);
    let started = go(app.join("connect/second?sure")?).await?;
    let consent: Url = started.headers()[LOCATION].to_str()?.parse()?;
    go(service.approve(&consent).await?).await?;
    // The second consent ended the first connection: its next call, or the look in the background, finds it out.
    drop(go(app.join("vendors")?).await?);
    println!("GET /status ->\n{}", go(app.join("status")?).await?.text().await?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn c_9700_04_the_callback_leads_away_from_the_code_and_tells_no_referrer() {
        let service = SageIntacct::start().await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let trunkline = hub(&service, &url).await.unwrap();
        let mut server = tokio::task::JoinSet::new();
        server.spawn(axum::serve(listener, app(trunkline)).into_future());
        let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let cookie = "session=a-session-of-this-test";
        let go = async |url: Url| browser.get(url).header(COOKIE, cookie).send().await.unwrap();

        let started = go(url.join("connect").unwrap()).await;
        let consent: Url = started.headers()[LOCATION].to_str().unwrap().parse().unwrap();
        let forged = go(url.join("connect/callback?code=x&state=forged").unwrap()).await;
        let taken = go(service.approve(&consent).await.unwrap()).await;

        assert_eq!(
            (taken.status(), &taken.headers()[LOCATION]),
            (StatusCode::SEE_OTHER, &"/vendors".parse().unwrap())
        );
        for answer in [&taken, &forged] {
            assert_eq!(answer.headers()[REFERRER_POLICY], "no-referrer", "{}", answer.status());
        }
        assert_eq!(
            forged.headers()["content-type"],
            "text/plain; charset=utf-8",
            "nothing of others is loaded"
        );
    }
}
