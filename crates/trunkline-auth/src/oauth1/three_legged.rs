//! A grant that a person gives at the service's own page (RFC 5849, 2).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http::{HeaderMap, Method, StatusCode};
use trunkline_core::{
    Account, AuthProvider, Begun, Call, Cause, Clock, ConsentAnswer, ConsentAsk, ConsentKind, ConsentStep,
    Credential, Cx, Diagnosis, Error, ErrorKind, Exchange, Grant, Held, Prepared, Request, Revoked, Secret,
    is_public_host,
};
use url::{Url, form_urlencoded};

use super::token_based::no_renewal;
use super::{Consumer, Signer, TOKEN_SECRET, Token, diagnose};
use crate::oauth2::{
    Client, ClientAuth, Judge, Purpose, Redactor, TIMEOUT, TokenCodec, TokenEndpoint, TokenResponse, at_port,
    check_redirect_uri, check_url, http_date_offset, path_of,
};

const OAUTH_TOKEN: &str = "oauth_token";
const OAUTH_VERIFIER: &str = "oauth_verifier";
const REDIRECT_URI: &str = "redirect_uri";

/// Temporary credentials, a page where a person approves, token credentials for the verifier that comes back.
///
/// The standard has no state: it travels in the query of the callback URL. The callback's token must be that of this
/// consent, too.
///
/// # Cancel safety
///
/// A dropped `complete` may have spent the temporary credentials: its outcome is unknown.
#[derive(Debug, Clone)]
pub struct ThreeLegged {
    signer: Signer,
    consumer: Consumer,
    temporary: TokenEndpoint,
    authorize_url: Url,
    token: TokenEndpoint,
    redirect_uri: String,
    authorize_params: Vec<(String, String)>,
}

impl ThreeLegged {
    /// Starts with what every service needs: where temporary credentials are asked for, where a person approves, and
    /// where token credentials are asked for.
    #[must_use]
    pub fn builder(
        signer: Signer,
        consumer: Consumer,
        [temporary_url, authorize_url, token_url]: [Url; 3],
        redirect_uri: impl Into<String>,
    ) -> ThreeLeggedBuilder {
        let endpoint = |url| {
            let client = Client::new(consumer.key(), None).auth(ClientAuth::Unstated);
            let mut endpoint = TokenEndpoint::new(client, url);
            endpoint.codec = TokenCodec::new().alias("access_token", OAUTH_TOKEN);
            endpoint
        };
        let (temporary, token) = (endpoint(temporary_url), endpoint(token_url));
        ThreeLeggedBuilder(Self {
            signer,
            temporary,
            authorize_url,
            token,
            redirect_uri: redirect_uri.into(),
            authorize_params: Vec::new(),
            consumer,
        })
    }

    /// Where the answer is to arrive, with the state in its query.
    fn callback_url(&self, ask: &ConsentAsk) -> Result<Secret, Error> {
        let redirect_uri = match ask.loopback_port {
            None => self.redirect_uri.clone(),
            Some(port) => at_port(&self.redirect_uri, port)?,
        };
        let mut url = Url::parse(&redirect_uri)
            .map_err(|_| Error::new(ErrorKind::ConfigInvalid, "the redirect URI is no URL"))?;
        url.query_pairs_mut().append_pair("state", ask.state.expose());
        Ok(Secret::new(url.as_str()))
    }

    /// One signed request for credentials.
    async fn ask(
        &self,
        cx: &Cx,
        endpoint: &TokenEndpoint,
        purpose: Purpose,
        token: Option<&Token>,
        further: (&str, &Secret),
    ) -> Result<TokenResponse, Error> {
        let mut request = Request::new(endpoint.method.clone(), endpoint.token_url.clone());
        request.timeout = Some(TIMEOUT);
        request.public_only = endpoint.public_only && is_public_host(&endpoint.token_url);
        self.signer.sign_with(&mut request, &self.consumer, token, &[further], cx.clock())?;
        let answer = endpoint.send(cx, purpose, request).await?;
        let offset = http_date_offset(&answer);
        let defect = match answer.status.is_success() {
            true => match endpoint.read(&answer, &endpoint.codec.times(answer.started, offset)) {
                Ok(token) => return Ok(token),
                Err(defect) => Some(defect),
            },
            false => endpoint.refusal(&answer),
        };
        let secrets = token.map(|token| [token.token.clone(), token.secret.clone()]);
        let ours = [self.consumer.secret().clone(), further.1.clone()];
        let readable = self.signer.readable(&self.consumer, token);
        let secrets: Vec<_> = secrets.into_iter().flatten().chain(ours).chain(readable).collect();
        let redactor = Redactor::new(&secrets);
        Err(endpoint.refused(cx, purpose, &answer, defect.as_ref(), &redactor))
    }

    /// The temporary credentials of this consent, and the verifier that proves that a person approved.
    fn approved(&self, answer: &ConsentAnswer) -> Result<(Token, Secret), Error> {
        let pending = |name| answer.pending.get(name).ok_or_else(|| invalid("the consent was not begun so"));
        let callback = &answer.callback;
        // RFC 9700, 4.4.2.2: as for OAuth 2.
        if callback
            .path()
            .is_some_and(|path| pending(REDIRECT_URI).map_or(true, |uri| path_of(uri.expose()) != path))
        {
            return Err(invalid("the answer arrived at another redirect URI"));
        }
        let given = |name| callback.get(name).filter(|value| !value.is_empty());
        let token = Token { token: pending(OAUTH_TOKEN)?.clone(), secret: pending(TOKEN_SECRET)?.clone() };
        let Some(verifier) = given(OAUTH_VERIFIER) else { return Err(self.denied(answer).into()) };
        match given(OAUTH_TOKEN) {
            Some(own) if *own == token.token => Ok((token, verifier.clone())),
            _ => Err(invalid("the answer is for another consent")),
        }
    }

    /// Why the browser came back without a verifier.
    fn denied(&self, answer: &ConsentAnswer) -> Diagnosis {
        let callback = &answer.callback;
        let own = answer.pending.values().chain(callback.state()).cloned();
        let redactor = Redactor::new(&own.collect::<Vec<_>>());
        let told = callback.iter().filter(|(name, _)| !["state", OAUTH_TOKEN].contains(name));
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(told.map(|(name, value)| (name, redactor.clean(value.expose()))));
        let (body, path) = (body.finish(), path_of(&self.redirect_uri));
        let exchange = Exchange {
            call: Call::Authorize,
            method: &Method::GET,
            path: &path,
            status: StatusCode::FOUND,
            headers: &HeaderMap::new(),
            body: body.as_bytes(),
        };
        let judged = self.token.judge.as_ref().and_then(|judge| judge(&exchange));
        // The standard has no word for it: nobody approved.
        judged.unwrap_or_else(|| Diagnosis::new(Cause::ConsentDenied))
    }
}

fn invalid(why: &'static str) -> Error {
    Diagnosis::new(Cause::ConsentInvalid).message(why).into()
}

/// The secret that came with a token.
fn with_secret(answer: &TokenResponse) -> Result<Token, Error> {
    let secret = answer.member("oauth_token_secret").filter(|secret| !secret.is_empty());
    let secret = secret.ok_or_else(|| {
        Error::from(
            Diagnosis::new(Cause::ResponseInvalid).message("the answer holds a token without its secret"),
        )
    })?;
    Ok(Token { token: answer.access_token().clone(), secret })
}

#[async_trait]
impl AuthProvider for ThreeLegged {
    fn method(&self) -> &'static str {
        "oauth1"
    }

    fn consent(&self) -> ConsentKind {
        ConsentKind::Redirect
    }

    fn client_identity(&self) -> Option<Secret> {
        Some(self.consumer.identity())
    }

    async fn begin(&self, cx: &Cx, ask: &ConsentAsk) -> Result<Begun, Error> {
        let callback = self.callback_url(ask)?;
        // Nothing is spent: asking once more does no harm.
        let purpose = Purpose::Mint { named: false, renewal: false };
        let answer = self.ask(cx, &self.temporary, purpose, None, ("oauth_callback", &callback)).await?;
        let dated = |diagnosis: Diagnosis| Error::from(diagnosis.during("consent", cx.clock().wall()));
        // RFC 5849, 2.1. Without it the service is one of before 1.0a, where a consent could be forged.
        let confirmed = answer.member("oauth_callback_confirmed");
        if confirmed.is_none_or(|confirmed| confirmed.expose() != "true") {
            let why = "the service did not confirm the callback";
            return Err(dated(Diagnosis::new(Cause::ResponseInvalid).message(why)));
        }
        let token = with_secret(&answer).map_err(|error| {
            error.map_diagnosis(|diagnosis| diagnosis.during("consent", cx.clock().wall()))
        })?;
        let mut url = self.authorize_url.clone();
        url.query_pairs_mut()
            .append_pair(OAUTH_TOKEN, token.token.expose())
            .extend_pairs(&self.authorize_params);
        let pending = BTreeMap::from([
            (OAUTH_TOKEN.to_owned(), token.token),
            (TOKEN_SECRET.to_owned(), token.secret),
            (REDIRECT_URI.to_owned(), callback),
        ]);
        Ok(Begun { step: ConsentStep::Redirect { url }, pending, requested: ask.scopes.clone() })
    }

    async fn complete(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Grant, Error> {
        let started = cx.clock().wall();
        let dated = |error: Error| error.map_diagnosis(|diagnosis| diagnosis.during("consent", started));
        let (temporary, verifier) = self.approved(answer).map_err(dated)?;
        let further = (OAUTH_VERIFIER, &verifier);
        let answer = self.ask(cx, &self.token, Purpose::Code, Some(&temporary), further).await?;
        let token = with_secret(&answer).map_err(dated)?;
        let account = self.token.account_hint.as_ref().and_then(|hint| hint(&answer));
        let credential = Credential {
            access_token: Some(token.token),
            other: [(TOKEN_SECRET.to_owned(), token.secret)].into(),
            issued_at: Some(started),
            ..Credential::default()
        };
        Ok(Grant { credential, captures: answer.captures().clone(), account })
    }

    async fn refresh(&self, cx: &Cx, _: &Held) -> Result<Grant, Error> {
        Err(no_renewal(cx))
    }

    /// The standard has no way.
    async fn revoke(&self, _: &Cx, _: &Held) -> Result<Revoked, Error> {
        Ok(Revoked::NotSupported)
    }

    fn prepare(&self, credential: &Credential) -> Result<Prepared, Error> {
        self.signer.prepare(credential, Some(&self.consumer))
    }

    fn sign(&self, request: &mut Request, prepared: &Prepared, clock: &dyn Clock) -> Result<(), Error> {
        self.signer.sign(request, prepared, Some(&self.consumer), clock)
    }
}

/// Collects the settings of a [`ThreeLegged`].
#[derive(Clone)]
pub struct ThreeLeggedBuilder(ThreeLegged);

impl ThreeLeggedBuilder {
    /// Sends a parameter with the authorization URL.
    #[must_use]
    pub fn authorize_param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.authorize_params.push((name.into(), value.into()));
        self
    }

    /// The method of requests for credentials. Default POST, the standard's; GET for services that document it.
    #[must_use]
    pub fn token_method(mut self, method: Method) -> Self {
        self.0.temporary.method = method.clone();
        self.0.token.method = method;
        self
    }

    /// Keeps a member of the token answer as a capture.
    #[must_use]
    pub fn capture(mut self, name: impl Into<String>) -> Self {
        self.0.token.codec = self.0.token.codec.capture(name);
        self
    }

    /// Lets requests for credentials go to the public Internet only. Default false.
    #[must_use]
    pub fn public_only(mut self, public_only: bool) -> Self {
        self.0.temporary.public_only = public_only;
        self.0.token.public_only = public_only;
        self
    }

    /// Asked first about each failed exchange; see [`Judge`].
    #[must_use]
    pub fn judge(
        mut self,
        judge: impl Fn(&Exchange<'_>) -> Option<Diagnosis> + Send + Sync + 'static,
    ) -> Self {
        self.0.token.judge = Some(Arc::new(judge));
        self
    }

    /// Reads from the token answer who we seem to be: a hint that the connector confirms.
    #[must_use]
    pub fn account_hint(
        mut self,
        hint: impl Fn(&TokenResponse) -> Option<Account> + Send + Sync + 'static,
    ) -> Self {
        self.0.token.account_hint = Some(Arc::new(hint));
        self
    }

    /// Checks all settings together.
    ///
    /// # Errors
    ///
    /// Always [`ErrorKind::ConfigInvalid`]: a URL that is neither https nor loopback, a consumer without key or secret,
    /// a parameter that would be sent twice, a callback URL that has a state of its own.
    pub fn build(self) -> Result<ThreeLegged, Error> {
        let mut built = self.0;
        built.consumer.check()?;
        for url in [&built.temporary.token_url, &built.token.token_url, &built.authorize_url] {
            check_url(url)?;
        }
        check_redirect_uri(&built.redirect_uri)?;
        let own = Url::parse(&built.redirect_uri).ok();
        let has_state = own.is_some_and(|url| url.query_pairs().any(|(name, _)| name == "state"));
        let of_url = built.authorize_url.query_pairs().map(|(name, _)| name.into_owned());
        let mut names: Vec<String> = of_url.collect();
        names.extend(built.authorize_params.iter().map(|(name, _)| name.clone()));
        names.push(OAUTH_TOKEN.to_owned());
        let is_method = [Method::GET, Method::POST].contains(&built.token.method);
        let problem = match crate::oauth2::repeated(names.iter().map(String::as_str)) {
            _ if has_state => "the redirect URI has a parameter `state`, which is ours",
            _ if !is_method => "a request for credentials is POST or GET",
            Some(_) => "a parameter of the authorization URL would be sent twice",
            None => {
                let own = built.token.judge.take();
                built.temporary.judge = Some(judged(own.clone(), Cause::ClientCredentialsInvalid));
                built.token.judge = Some(judged(own, Cause::ConsentInvalid));
                return Ok(built);
            }
        };
        Err(Error::new(ErrorKind::ConfigInvalid, problem))
    }
}

/// The service's own judge, then the extension's words. A 401 that says nothing is `unsaid`: before there is a token it
/// is the consumer's, and afterwards the consent's; a page for people is neither.
fn judged(own: Option<Judge>, unsaid: Cause) -> Judge {
    Arc::new(move |exchange| {
        let own = own.as_ref().and_then(|judge| judge(exchange));
        let is_page = exchange.body.trim_ascii_start().starts_with(b"<");
        let is_refused = exchange.status == StatusCode::UNAUTHORIZED && !is_page;
        own.or_else(|| diagnose(exchange)).or_else(|| is_refused.then(|| Diagnosis::new(unsaid)))
    })
}

impl fmt::Debug for ThreeLeggedBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ThreeLeggedBuilder").field(&self.0).finish()
    }
}
