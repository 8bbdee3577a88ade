//! Plays an answer to whoever has to judge it: an answer of an API to the connector, one of a token endpoint to
//! the grant that asked.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use trunkline_auth::oauth2::{self, AuthorizationCode, Client, ClientCredentials};
use trunkline_core::bytes::Bytes;
use trunkline_core::http::Response;
use trunkline_core::jiff::Timestamp;
use trunkline_core::settings::{self, Value};
use trunkline_core::url::Url;
use trunkline_core::{
    AuthProvider, Body, Call, Callback, Clock, Connector, ConsentAnswer, ConsentAsk, Credential, Cx,
    Diagnosis, Error, Held, Inputs, Request, ScopeSet, Secret, Ticks, Transport, TransportError, async_trait,
};

use crate::table::Row;

/// When every answer came: a minute after the date that the rows with a date bear.
pub(crate) const NOW: Timestamp = Timestamp::constant(1_795_514_460, 0);

/// What is to be judged, and by whom.
pub(crate) enum Judge {
    /// A connector that is linked.
    Connector(Arc<dyn Connector>),
    /// The standards alone, as `provider = "oauth2"` is wired.
    Standards,
}

impl Judge {
    /// The one called `name`, if it is linked.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "oauth2" => Some(Self::Standards),
            "sage_intacct" => {
                let pairs = [
                    ("provider", name),
                    ("client_id", "0a1b.app.sage.com"),
                    ("client_secret", "s3cr3t"),
                    ("redirect_uri", "https://app.example.com/connect/callback"),
                ];
                let table = pairs.map(|(name, value)| (name.to_owned(), Value::text(value)));
                let built = settings::read(table.into_iter().collect()).ok()?.build(name);
                Some(Self::Connector(built.unwrap()))
            }
            "salesforce" => {
                let pairs = [
                    ("provider", name),
                    ("client_id", "3MVG9client"),
                    ("client_secret", "s3cr3t"),
                    ("private_key", RSA_KEY.as_str()),
                    // Where every way to hold a grant is let in.
                    ("login_url", "https://acme.my.salesforce.com"),
                    ("redirect_uri", "https://app.example.com/connect/callback"),
                ];
                let table = pairs.map(|(name, value)| (name.to_owned(), Value::text(value)));
                let built = settings::read(table.into_iter().collect()).ok()?.build(name);
                Some(Self::Connector(built.unwrap()))
            }
            _ => None,
        }
    }

    /// What the answer of `row` is taken for; nothing, if it is a success.
    pub(crate) async fn judge(&self, row: &Row) -> Option<Diagnosis> {
        if row.call == Call::Api {
            let own = match self {
                Self::Connector(connector) => connector.diagnose(&row.exchange()),
                Self::Standards => None,
            };
            let is_failure = row.status.is_client_error() || row.status.is_server_error();
            return own.or_else(|| is_failure.then(|| oauth2::diagnose(&row.exchange(), NOW)));
        }
        let error = ask(&*self.auth(&row.grant), row).await.err()?;
        Some(error.diagnosis().unwrap_or_else(|| panic!("{}: {error:?}", row.id)).clone())
    }

    fn auth(&self, grant: &str) -> Arc<dyn AuthProvider> {
        let url = |path: &str| format!("https://service.example/{path}").parse::<Url>().unwrap();
        let client = || Client::new("client", Some(Secret::new("s3cr3t-of-client")));
        match (self, grant) {
            (Self::Connector(connector), grant) => connector.auth(Some(grant)).unwrap(),
            (Self::Standards, "client_credentials") => {
                Arc::new(ClientCredentials::builder(client(), url("token")).build().unwrap())
            }
            (Self::Standards, _) => {
                let redirect = "https://app.example.com/connect/callback";
                let builder = AuthorizationCode::builder(client(), url("authorize"), url("token"), redirect);
                Arc::new(builder.revoke_url(url("revoke")).build().unwrap())
            }
        }
    }
}

/// A key of one's own, as PEM: made once, since that takes a while.
static RSA_KEY: LazyLock<String> = LazyLock::new(|| {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let text = STANDARD.encode(der.as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
});

/// Has the grant send its request; the answer is the row's.
async fn ask(auth: &dyn AuthProvider, row: &Row) -> Result<(), Error> {
    let cx = Cx::new("answers", Arc::new(Answers::of(row)), Arc::new(Still));
    let mut inputs = Inputs::default();
    inputs.insert("username", Secret::new("integration@acme"));
    let credential = Credential {
        access_token: Some(Secret::new("held-access-token")),
        refresh_token: Some(Secret::new("held-refresh-token")),
        ..Credential::default()
    };
    let held = Held { credential, inputs: inputs.clone(), ..Held::default() };
    match row.call {
        Call::Refresh => auth.refresh(&cx, &held).await.map(drop),
        Call::Revoke => auth.revoke(&cx, &held).await.map(drop),
        _ => {
            let (state, scopes) = (Secret::new("st4te"), ScopeSet::default());
            let ask = ConsentAsk { state, scopes, inputs: inputs.clone(), loopback_port: None };
            let (callback, pending, requested) = match auth.begin(&cx, &ask).await {
                Ok(begun) => (callback(row)?, begun.pending, begun.requested),
                // Nobody is asked.
                Err(_) => (Callback::default(), BTreeMap::new(), ask.scopes),
            };
            auth.complete(&cx, &ConsentAnswer { callback, inputs, pending, requested }).await.map(drop)
        }
    }
}

/// What the browser brings: the row's answer, or a code to be exchanged.
fn callback(row: &Row) -> Result<Callback, Error> {
    match row.call {
        Call::Authorize => Callback::from_query(&String::from_utf8_lossy(&row.body)),
        _ => Callback::from_query("code=c0de&state=st4te"),
    }
}

/// Gives one answer, as often as it is asked for.
#[derive(Debug)]
struct Answers {
    status: u16,
    headers: trunkline_core::http::HeaderMap,
    body: Bytes,
}

impl Answers {
    fn of(row: &Row) -> Self {
        let body = Bytes::from(row.body.clone());
        Self { status: row.status.as_u16(), headers: row.headers.clone(), body }
    }
}

#[async_trait]
impl Transport for Answers {
    async fn send(&self, _: Request) -> Result<Response<Body>, TransportError> {
        let mut response =
            Response::builder().status(self.status).body(Body::from(self.body.clone())).unwrap();
        *response.headers_mut() = self.headers.clone();
        Ok(response)
    }
}

#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn wall(&self) -> Timestamp {
        NOW
    }

    fn coarse(&self) -> Ticks {
        Ticks::from_millis(0)
    }
}
