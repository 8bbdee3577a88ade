//! One connection from consent to revocation, written down.

use std::fmt;

use trunkline_core::http::Method;
use trunkline_core::url::form_urlencoded;
use trunkline_core::{ConsentKind, Grant, Request};

use crate::profile::{Ability, Profile};
use crate::rule::{Failure, quiet};
use crate::service::Received;
use crate::stage::{Connected, Fruit, Op, Stage};

/// Parameters and members whose values prove something, although nobody made a canary of them.
const PROOFS: [&str; 4] = ["assertion", "client_assertion", "id_token", "code_verifier"];

/// What a connection does in its life, step by step. No secret is in it.
#[derive(Debug, Clone)]
pub struct Walk {
    /// The steps, in their order.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its name: `consent`, `exchange`, `capture`, `identify`, `call`, `probe`, `renewal`, `revocation`.
    pub name: &'static str,
    /// The requests that were sent for it, and their answers.
    pub exchanges: Vec<Exchanged>,
    /// What became of it.
    pub end: End,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It was done, and this came of it.
    Done(String),
    /// There is no such step, for this reason.
    Skipped(String),
    /// It failed, and nothing follows it.
    Failed(String),
}

/// A request and its answer, secrets taken out.
#[derive(Debug, Clone)]
pub struct Exchanged {
    /// The method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// The status of the answer.
    pub status: u16,
    /// Its body.
    pub answer: String,
}

impl Walk {
    /// Takes the first account of a profile through its first way to hold a grant. Blocks until it is done.
    ///
    /// # Errors
    ///
    /// No connector comes of the profile's settings: why.
    ///
    /// # Panics
    ///
    /// No runtime can be started.
    pub fn of(profile: &Profile) -> Result<Self, String> {
        quiet().block_on(async {
            let stage = Stage::new(profile).map_err(|Failure(why)| why)?;
            stage.service.keeps_answers();
            let mut walk = Walker { stage: &stage, steps: Vec::new(), seen: 0 };
            if let Err(Failure(why)) = walk.goes().await {
                let why = stage.leaks.redact(&why);
                walk.ends("end", End::Failed(why));
            }
            Ok(Self { steps: walk.steps })
        })
    }

    /// Why it did not come to its end, if it did not.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.steps.iter().find_map(|step| match &step.end {
            End::Failed(why) => Some(why.as_str()),
            _ => None,
        })
    }
}

struct Walker<'s> {
    stage: &'s Stage,
    steps: Vec<Step>,
    /// How many requests were written down.
    seen: usize,
}

impl Walker<'_> {
    async fn goes(&mut self) -> Result<(), Failure> {
        let stage = self.stage;
        let method = *stage.methods()?.first().ok_or("there is no way to hold a grant")?;
        let auth = stage.auth(method)?;
        stage.service.gives_refresh_token(stage.gives_refresh_token(method)?);
        let consent = stage.consent(&*auth, 0).await?;
        let end = match (consent.url(), auth.consent()) {
            (Some(url), _) => End::Done(format!("a person is sent to {}", self.shown_url(url.as_str()))),
            (None, ConsentKind::Device) => End::Done("a person enters a code at the service".to_owned()),
            (None, ConsentKind::Unattended) => End::Skipped("nobody is asked".to_owned()),
            (None, _) => {
                let names: Vec<_> = auth.inputs().iter().map(|input| input.name).collect();
                End::Done(format!("a form asks for {}", names.join(", ")))
            }
        };
        self.ends("consent", end);
        stage.learn().await?;
        let grant = match auth.complete(&stage.token_cx(), &consent.answer).await {
            Ok(grant) => grant,
            Err(error) => return self.fails("exchange", &error.to_string()),
        };
        let told = of_grant(&grant);
        self.ends("exchange", End::Done(told));
        let connected = stage.use_grant(auth, grant, consent.answer.inputs).await?;
        if connected.first.is_some() {
            self.ends("capture", End::Done(of_captures(&connected.grant)));
        }
        self.op("identify", method, &connected, Op::Identify).await?;
        self.call(&connected).await?;
        self.op("probe", method, &connected, Op::Probe).await?;
        let renewed = self.op("renewal", method, &connected, Op::Refresh).await?;
        let connected = match renewed {
            Some(grant) => stage.use_grant(connected.auth.clone(), grant, connected.inputs.clone()).await?,
            None => connected,
        };
        self.op("revocation", method, &connected, Op::Revoke).await?;
        Ok(())
    }

    /// A call of the provider, as far as it is claimed; answers the grant that came of it.
    async fn op(
        &mut self,
        name: &'static str,
        method: &str,
        connected: &Connected,
        op: Op,
    ) -> Result<Option<Grant>, Failure> {
        if let Some(why) = op.ability().and_then(|ability: Ability| self.stage.profile.lack(ability)) {
            self.ends(name, End::Skipped(why));
            return Ok(None);
        }
        let attempt = self.stage.attempt_with(method, connected, op, None).await?;
        let (told, grant) = match attempt.result {
            Ok(Fruit::Grant(grant)) => (of_grant(&grant), Some(*grant)),
            Ok(Fruit::Captured) => (String::new(), None),
            Ok(Fruit::Account(account)) if account.is_same(&trunkline_core::Account::default()) => {
                ("nobody says who we are".to_owned(), None)
            }
            Ok(Fruit::Account(account)) => (format!("the account is {account}"), None),
            Ok(Fruit::Probe(probe)) => (format!("{probe:?}").to_lowercase(), None),
            Ok(Fruit::Revoked(revoked)) => (format!("{revoked:?}").to_lowercase(), None),
            Err(error) => return self.fails(name, &error.to_string()).map(|()| None),
        };
        self.ends(name, End::Done(told));
        Ok(grant)
    }

    /// A call of an application.
    async fn call(&mut self, connected: &Connected) -> Result<(), Failure> {
        let path = &self.stage.profile.api_path;
        let url = connected.session.endpoint().join(path).map_err(|error| error.to_string())?;
        match connected.session.send(Request::new(Method::GET, url)).await {
            Ok(answer) => self.ends("call", End::Done(format!("answered with {}", answer.status().as_u16()))),
            Err(error) => return self.fails("call", &error.to_string()),
        }
        Ok(())
    }

    fn fails(&mut self, name: &'static str, why: &str) -> Result<(), Failure> {
        self.ends(name, End::Failed(self.stage.leaks.redact(why)));
        Err(Failure(format!("{name} failed")))
    }

    fn ends(&mut self, name: &'static str, end: End) {
        let received = self.stage.service.received_after(self.seen);
        self.seen += received.len();
        let exchanges = received.iter().map(|received| self.shown(received)).collect();
        // What a failed step says is said once.
        let is_over = matches!(self.steps.last(), Some(Step { end: End::Failed(_), .. }));
        if !is_over {
            self.steps.push(Step { name, exchanges, end });
        }
    }

    fn shown(&self, received: &Received) -> Exchanged {
        let sent = &received.sent;
        let leaks = &self.stage.leaks;
        let headers = sent.headers.iter().map(|(name, value)| {
            let value = leaks.redact(&String::from_utf8_lossy(value.as_bytes()));
            (name.to_string(), without_signature(&value))
        });
        let (status, answer) = received.answer.clone().unwrap_or_default();
        Exchanged {
            method: sent.method.clone(),
            url: self.shown_url(sent.url.as_str()),
            headers: headers.collect(),
            body: without_proofs(&leaks.redact(&sent.body)),
            status,
            answer: without_proofs(&leaks.redact(&answer)),
        }
    }

    fn shown_url(&self, url: &str) -> String {
        self.stage.leaks.redact(url)
    }
}

/// A text in JSON or as a form, the values of proofs taken out.
fn without_proofs(text: &str) -> String {
    if let Ok(mut json) = serde_json::from_str::<serde_json::Value>(text) {
        hide(&mut json);
        return json.to_string();
    }
    let is_proof = |name: &str| PROOFS.contains(&name);
    if !form_urlencoded::parse(text.as_bytes()).any(|(name, _)| is_proof(&name)) {
        return text.to_owned();
    }
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if is_proof(name) => format!("{name}=<{name}>"),
        _ => pair.to_owned(),
    };
    text.split('&').map(pair).collect::<Vec<_>>().join("&")
}

/// A header, the signature of OAuth 1.0a taken out.
fn without_signature(value: &str) -> String {
    const SIGNATURE: &str = "oauth_signature=\"";
    let Some((before, rest)) = value.split_once(SIGNATURE) else { return value.to_owned() };
    let after = rest.split_once('"').map_or("", |(_, after)| after);
    format!("{before}{SIGNATURE}<oauth_signature>\"{after}")
}

fn hide(json: &mut serde_json::Value) {
    match json {
        serde_json::Value::Object(members) => {
            members.iter_mut().for_each(|(name, value)| match PROOFS.contains(&name.as_str()) {
                true => *value = format!("<{name}>").into(),
                false => hide(value),
            })
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(hide),
        _ => {}
    }
}

/// What a grant is, without what it is made of.
fn of_grant(grant: &Grant) -> String {
    let credential = &grant.credential;
    let mut told = Vec::new();
    match (credential.access_expires_at, credential.issued_at) {
        (Some(end), Some(start)) => {
            told.push(format!("an access token for {} s", end.duration_since(start).as_secs()));
        }
        _ => told.push("a credential without an end".to_owned()),
    }
    told.extend(credential.refresh_token.as_ref().map(|_| "a refresh token".to_owned()));
    let scopes = credential.scopes.as_ref().filter(|scopes| !scopes.is_empty());
    told.extend(scopes.map(|scopes| format!("scopes {}", scopes.join(' '))));
    told.extend(Some(of_captures(grant)).filter(|captures| !captures.is_empty()));
    told.join("; ")
}

fn of_captures(grant: &Grant) -> String {
    let captures: Vec<_> = grant.captures.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    captures.join(", ")
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(what) => f.write_str(what),
            Self::Skipped(why) => write!(f, "none: {why}"),
            Self::Failed(why) => write!(f, "FAILED: {why}"),
        }
    }
}
