//! The service's side of a manifest: what it would have to say and accept for the manifest to be true.
//!
//! Whoever plays the service, such as a test, asks a [`Mirror`]: which settings an operator writes, what a tenant gives,
//! how a token request is read and an answer written, what the API says of who we are. It is data and functions of it:
//! it sends nothing, keeps nothing and knows no clock.
//!
//! There are two accounts, 0 and 1. In the texts, `{canary}` stands for a secret of 40 digits of `0-9a-f`, and
//! `{input.name}`, `{capture.name}` and `{response.path}` for the [words](Mirror::words) of an account.

mod answer;
mod api;
mod cases;
mod login;
mod oauth1;
mod request;
mod revocation;
mod words;

use std::fmt;
use std::sync::Arc;

use trunkline_core::Account;
use trunkline_core::url::Url;

use crate::format::{CaptureSource, Encoding, Format, Method, OAuth2};
use crate::manifest::Manifest;
use crate::template::{Root, Template};

pub use answer::Token;
pub use api::ApiAnswer;
pub use cases::{Answer, Case};
pub use oauth1::Signing;
pub use words::{Given, GivenInput, KeyKind};

/// The client id of the settings.
const CLIENT_ID: &str = "client-1";

/// Something that a service may not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// Access tokens are not renewed.
    Renewal,
    /// A grant cannot be revoked.
    Revocation,
    /// No request proves that a grant serves.
    Probe,
    /// There is no map of permissions.
    Permissions,
    /// Codes are not bound by PKCE.
    Pkce,
    /// Answers do not say which scopes were granted.
    GrantedScopes,
    /// The service does not say who the account is.
    Account,
    /// Answers do not state the type of the token.
    TokenTypes,
    /// URLs hold secrets.
    UrlsWithoutSecrets,
    /// Access tokens have no end.
    Expiry,
}

/// Who says which account it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountSource {
    /// A request of its own asks for it.
    Asked,
    /// The request after consent brings it.
    Captured,
    /// The callback or the token answer names it.
    Told,
    /// What the tenant gives names it.
    Given,
    /// Nobody.
    Unknown,
}

/// One way to hold a grant, from the service's side.
#[derive(Clone)]
pub struct Mirror {
    manifest: Arc<Manifest>,
    method: Method,
    words: words::Words,
}

impl Mirror {
    /// One of each way to hold a grant, the default first.
    #[must_use]
    pub fn of(manifest: &Arc<Manifest>) -> Vec<Self> {
        let methods = manifest.methods().into_iter().filter_map(Method::named);
        methods
            .map(|method| Self {
                words: words::Words::of(&manifest.format, method),
                manifest: Arc::clone(manifest),
                method,
            })
            .collect()
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Arc<Manifest> {
        &self.manifest
    }

    /// The way to hold a grant, by name.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.method.name()
    }

    fn format(&self) -> &Format {
        &self.manifest.format
    }

    /// The section of OAuth 2, where it is this way's.
    fn oauth2(&self) -> Option<&OAuth2> {
        let is_oauth2 =
            matches!(self.method, Method::AuthorizationCode | Method::DeviceCode | Method::ClientCredentials);
        self.format().oauth2.as_deref().filter(|_| is_oauth2)
    }

    fn text(&self, template: &Template, who: usize) -> String {
        self.words.text(template, who)
    }

    fn url(&self, template: &Template, who: usize) -> Option<Url> {
        Url::parse(&self.text(template, who)).ok()
    }

    /// What an operator writes for it, in TOML, but for the `provider` and where the manifest is.
    #[must_use]
    pub fn settings(&self) -> String {
        let mut lines = vec![format!("default_method = \"{}\"", self.method())];
        if self.oauth2().is_some_and(|oauth2| oauth2.client_id_input.is_none()) {
            lines.push(format!("client_id = \"{CLIENT_ID}\""));
            if self.has_secret() {
                lines.push("client_secret = \"{canary}\"".to_owned());
            }
            if self.client_key().is_some() {
                lines.push("private_key = \"{private_key}\"".to_owned());
            }
        }
        if self.signing().is_some_and(|signing| signing.client_inputs.is_none()) {
            lines.push(format!("client_id = \"{CLIENT_ID}\""));
            lines.push("client_secret = \"{canary}\"".to_owned());
        }
        if matches!(self.method, Method::AuthorizationCode | Method::OAuth1) {
            lines.push(format!("redirect_uri = \"{}\"", self.redirect_uri()));
        }
        let inputs = self.words.operators();
        lines.extend(inputs.map(|(name, value)| format!("inputs.{name} = \"{}\"", quoted(value))));
        if let Some((name, _)) = self.words.operators_key() {
            lines.push(format!("inputs.{name} = \"{{private_key}}\""));
        }
        lines.join("\n")
    }

    fn redirect_uri(&self) -> String {
        format!("https://app.example.com/connect/{}", self.manifest.name())
    }

    fn has_secret(&self) -> bool {
        use crate::format::AuthMethod::{None, PrivateKeyJwt};
        self.oauth2().is_some_and(|it| !matches!(it.token_endpoint_auth_method, None | PrivateKeyJwt))
    }

    /// The kind of the operator's key, where one proves the client or signs statements: `{private_key}` stands for it in
    /// the settings.
    #[must_use]
    pub fn operators_key(&self) -> Option<KeyKind> {
        self.words.operators_key().map(|(_, kind)| kind).or_else(|| self.client_key())
    }

    fn client_key(&self) -> Option<KeyKind> {
        let oauth2 = self.oauth2().filter(|oauth2| oauth2.client_id_input.is_none())?;
        let by_key = oauth2.token_endpoint_auth_method == crate::format::AuthMethod::PrivateKeyJwt;
        by_key.then(|| words::client_key(oauth2))
    }

    /// What a tenant gives, by name.
    #[must_use]
    pub fn inputs(&self) -> Vec<GivenInput> {
        self.words.given().to_vec()
    }

    /// What the placeholders stand for, by name and for each account.
    pub fn words(&self) -> impl Iterator<Item = (String, [String; 2])> {
        self.words.iter()
    }

    /// The two accounts as the connector names them; `None` where it names nobody, or both alike.
    #[must_use]
    pub fn accounts(&self) -> Option<[Account; 2]> {
        let identity = self.format().identity.as_ref()?;
        let part = |part: Option<&crate::at::At<Template>>, who| {
            part.map(|template| self.text(template, who)).unwrap_or_default()
        };
        let account =
            |who| Account::new(part(identity.company.as_ref(), who), part(identity.user.as_ref(), who));
        let [one, other] = [account(0), account(1)];
        (!one.is_same(&other)).then_some([one, other])
    }

    /// Who says which account it is.
    #[must_use]
    pub fn account_source(&self) -> AccountSource {
        let Some(identity) = self.format().identity.as_ref().filter(|_| self.accounts().is_some()) else {
            return AccountSource::Unknown;
        };
        let parts = [&identity.company, &identity.user];
        let expressions = || parts.iter().filter_map(|part| part.as_ref()).flat_map(|it| it.expressions());
        let is_captured = |(root, name): (Root, &str)| {
            let capture = self.format().captures.get(name).filter(|_| root == Root::Capture);
            capture.is_some_and(|capture| *capture.from == CaptureSource::Request)
        };
        match () {
            () if expressions().any(|(root, _)| root == Root::Response) => AccountSource::Asked,
            () if expressions().any(is_captured) => AccountSource::Captured,
            () if expressions().any(|(root, _)| root == Root::Capture) => AccountSource::Told,
            () => AccountSource::Given,
        }
    }

    /// Every URL that something is sent to, or that a person is sent to, for both accounts.
    #[must_use]
    pub fn urls(&self) -> Vec<Url> {
        let format = self.format();
        let api = [&format.api.base_url].into_iter().chain(&format.api.further_urls);
        let identity = format.identity.iter().filter_map(|identity| identity.url.as_ref());
        let probe = format.probe.iter().map(|probe| &probe.url);
        let after = format.after_consent.iter().map(|after| &after.url);
        let mut templates: Vec<&Template> =
            api.chain(identity).chain(probe).chain(after).map(|url| &**url).collect();
        if let Some(oauth2) = self.oauth2() {
            let optional =
                [&oauth2.refresh_endpoint, &oauth2.revocation_endpoint, &oauth2.introspection_endpoint];
            let people = [&oauth2.authorization_endpoint, &oauth2.device_authorization_endpoint];
            templates.extend(optional.into_iter().chain(people).flatten().map(|it| &**it));
            templates.push(&oauth2.token_endpoint);
        }
        templates.extend(self.minting_endpoint());
        templates.extend(self.oauth1_urls());
        templates.into_iter().flat_map(|url| [0, 1].map(|who| self.url(url, who))).flatten().collect()
    }

    /// Where a login or a statement is sent.
    fn minting_endpoint(&self) -> Option<&Template> {
        match self.method {
            Method::SessionLogin => self.format().session_login.as_ref().map(|login| &*login.login_endpoint),
            Method::JwtBearer => self.format().jwt_bearer.as_ref().map(|jwt| &*jwt.token_endpoint),
            _ => None,
        }
    }

    /// The service's name for a parameter of the standard, in the authorization request.
    #[must_use]
    pub fn parameter<'a>(&'a self, standard: &'a str) -> &'a str {
        let renamed = self.oauth2().and_then(|oauth2| oauth2.parameter_names.get(standard));
        renamed.map_or(standard, |name| name.as_str())
    }

    /// The service's names for parameters of the standard.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        let renamed = self.oauth2().into_iter().flat_map(|oauth2| &oauth2.parameter_names);
        renamed.map(|(standard, name)| (standard.as_str(), name.as_str()))
    }

    /// The name of the code in the callback.
    #[must_use]
    pub fn callback_code(&self) -> &str {
        let named = self.oauth2().and_then(|oauth2| oauth2.callback_code.as_ref());
        named.map_or("code", |name| name.as_str())
    }

    /// The parameter of the callback that signs the others with the client secret.
    #[must_use]
    pub fn callback_hmac(&self) -> Option<&str> {
        let oauth2 = self.oauth2().filter(|_| self.method == Method::AuthorizationCode)?;
        oauth2.callback_hmac.as_ref().map(|name| name.as_str())
    }

    /// What the service does not have, and why.
    #[must_use]
    pub fn lacks(&self) -> Vec<(Lack, &'static str)> {
        let format = self.format();
        let is_key = matches!(self.method, Method::ApiKey | Method::Basic);
        let revokes = self.oauth2().is_some_and(|oauth2| oauth2.revocation_endpoint.is_some());
        let asks = format.probe.is_some() || format.identity.as_ref().is_some_and(|it| it.url.is_some());
        let mut lacks = Vec::new();
        let mut lack = |is_lacking: bool, what: Lack, why: &'static str| {
            if is_lacking {
                lacks.push((what, why));
            }
        };
        lack(is_key, Lack::Renewal, "a key has no end, and nothing renews it");
        lack(is_key, Lack::Revocation, "a key is deleted at the service itself");
        let signs = self.method.signs();
        lack(signs, Lack::Renewal, "a token of OAuth 1.0a has nothing to renew it with");
        lack(signs, Lack::Revocation, "OAuth 1.0a has no way to revoke a token");
        lack(signs, Lack::Expiry, "OAuth 1.0a says of no token when it ends");
        lack(signs, Lack::Pkce, "the exchange is signed with the secret of the temporary credentials");
        lack(signs, Lack::GrantedScopes, "OAuth 1.0a has no scopes");
        lack(signs, Lack::TokenTypes, "tokens of OAuth 1.0a have no types");
        let is_unknown = !is_key && !signs && !revokes;
        lack(is_unknown, Lack::Revocation, "the manifest has no revocation endpoint");
        lack(!asks, Lack::Probe, "the manifest has neither a probe nor an identity that is asked for");
        lack(format.permissions.is_none(), Lack::Permissions, "the manifest lists no operations");
        let by_code = self.oauth2().filter(|_| self.method == Method::AuthorizationCode);
        lack(by_code.is_some_and(|it| !it.pkce), Lack::Pkce, "the manifest says `pkce = false`");
        lack(is_key, Lack::GrantedScopes, "a key has no scopes");
        lack(is_key, Lack::TokenTypes, "a key is given as it is");
        let is_login = self.method == Method::SessionLogin;
        lack(is_login && !self.names("scope"), Lack::GrantedScopes, "a session has no scopes");
        lack(is_login && !self.names("token_type"), Lack::TokenTypes, "the answer to a login states no type");
        match self.account_source() {
            AccountSource::Unknown => {
                lack(true, Lack::Account, "the manifest says nothing that tells accounts apart")
            }
            AccountSource::Given => {
                lack(true, Lack::Account, "the inputs name the account, and no answer does")
            }
            AccountSource::Asked | AccountSource::Captured | AccountSource::Told => {}
        }
        let in_query = self.oauth2().is_some_and(|it| it.token_request_encoding == Encoding::Query);
        lack(in_query, Lack::UrlsWithoutSecrets, "the service takes token requests in the query alone");
        lack(self.carries_query(), Lack::UrlsWithoutSecrets, "the service takes credentials in the query");
        lacks
    }

    /// Whether calls carry a part of the credential in the query.
    fn carries_query(&self) -> bool {
        let format = self.format();
        let injection = match self.method {
            Method::AuthorizationCode | Method::DeviceCode | Method::ClientCredentials => {
                format.oauth2.as_ref().and_then(|it| it.injection.as_ref())
            }
            Method::ApiKey => format.api_key.as_ref().map(|it| &it.injection),
            Method::SessionLogin => format.session_login.as_ref().and_then(|it| it.injection.as_ref()),
            Method::JwtBearer => format.jwt_bearer.as_ref().and_then(|it| it.injection.as_ref()),
            Method::Basic | Method::OAuth1 | Method::OAuth1Token => None,
        };
        injection.is_some_and(|injection| !injection.query.is_empty())
    }
}

impl fmt::Debug for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mirror({}, {})", self.manifest.name(), self.method())
    }
}

/// A text between the quotes of TOML.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
