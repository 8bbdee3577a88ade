//! What the kit has to be told about a provider.

mod facts;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use trunkline::Config;
use trunkline_core::jiff::Timestamp;
use trunkline_core::{
    Account, Actor, BuildConnector, Call, Cause, ConnectorInfo, Diagnosis, Error, Exchange, Verdict,
};

use crate::script::Sent;
use crate::service::Asked;
use crate::signing::Signing;

use facts::Facts;

/// Something that not every service has. A profile claims all of them but those that it names as lacking, with the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Ability {
    /// Access tokens are renewed.
    Renewal,
    /// A grant can be revoked at the service.
    Revocation,
    /// One cheap request proves that a grant serves.
    Probe,
    /// There is a map of the service's permissions.
    Permissions,
    /// Codes are bound to their consent by PKCE.
    Pkce,
    /// Token answers say which scopes were granted.
    GrantedScopes,
    /// It is known who the account is.
    Account,
    /// Token answers state the type of the token.
    TokenTypes,
    /// No URL of a request holds a secret.
    UrlsWithoutSecrets,
    /// Access tokens have an end.
    Expiry,
}

impl fmt::Display for Ability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Renewal => "renewal",
            Self::Revocation => "revocation",
            Self::Probe => "probe",
            Self::Permissions => "permissions",
            Self::Pkce => "PKCE",
            Self::GrantedScopes => "granted scopes",
            Self::Account => "account",
            Self::TokenTypes => "token types",
            Self::UrlsWithoutSecrets => "URLs without secrets",
            Self::Expiry => "end of access tokens",
        })
    }
}

/// A token as the hostile service makes it.
#[derive(Debug, Clone)]
pub struct Mint {
    /// A text that nobody has by chance; it has to be a part of the token.
    pub canary: String,
    /// Who it is for.
    pub account: Account,
    /// When it was made, by the service's clock.
    pub issued_at: Timestamp,
    /// How long it lives.
    pub lives: Duration,
}

/// What a token answer says, for services that say it in another form than RFC 6749.
#[derive(Clone)]
#[non_exhaustive]
pub struct TokenAnswer {
    /// The access token.
    pub access_token: String,
    /// The refresh token, if the answer has one.
    pub refresh_token: Option<String>,
    /// The type of the access token.
    pub token_type: String,
    /// How long it lives, in whole seconds; `None` where the answer does not say.
    pub expires_in: Option<Duration>,
    /// The scopes, as they were asked for or as a rule says.
    pub scope: Option<String>,
    /// Who it is for.
    pub account: Account,
    /// When it was made, by the service's clock.
    pub at: Timestamp,
}

impl TokenAnswer {
    /// By RFC 6749, 5.1.
    #[must_use]
    pub fn standard(&self) -> Value {
        let mut answer =
            serde_json::json!({ "access_token": self.access_token, "token_type": self.token_type });
        if let Some(members) = answer.as_object_mut() {
            let life = self.expires_in.map(|life| ("expires_in", Value::from(life.as_secs())));
            let refresh = self.refresh_token.clone().map(|token| ("refresh_token", Value::from(token)));
            let scope = self.scope.clone().map(|scope| ("scope", Value::from(scope)));
            members.extend(
                [life, refresh, scope].into_iter().flatten().map(|(name, value)| (name.to_owned(), value)),
            );
        }
        answer
    }
}

impl fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenAnswer({})", self.account)
    }
}

type TokenRequestReader = Arc<dyn Fn(&Sent) -> Option<Asked> + Send + Sync>;
type TokenAnswerShape = Arc<dyn Fn(&TokenAnswer) -> Value + Send + Sync>;
type TokenShape = Arc<dyn Fn(&Mint) -> String + Send + Sync>;
type Shown = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;
type Configured = Arc<dyn Fn(&str) -> Result<Config, Error> + Send + Sync>;
type Judge = fn(&Exchange<'_>, Option<&str>) -> Option<Diagnosis>;

/// What the API answers to a request whose path ends so.
#[derive(Debug, Clone)]
pub(crate) struct ApiAnswer {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    /// The JSON that has to be asked with, where that counts.
    pub(crate) asked: Option<Value>,
    pub(crate) body: String,
}

/// An answer, and what it must be taken for.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) call: Call,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) expected: Meant,
}

/// What an answer means.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(feature = "manifest"), expect(dead_code, reason = "only a manifest's answers are made"))]
pub(crate) enum Meant {
    /// This cause, and this actor where one is named.
    Cause(Cause, Option<Actor>),
    /// Whatever cause allows this conclusion.
    Verdict(Verdict),
    /// A limit, with this pause in seconds where one is told.
    Limit(Option<u64>),
}

/// The refusal of a dead token.
#[derive(Debug, Clone)]
pub(crate) struct Rejection {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// One provider as the kit sees it: its settings, how its service answers, and what it does not claim.
///
/// In the texts of settings, inputs, answers and token members, `{canary}` stands for a secret that the kit makes
/// up, `{company}` and `{user}` for the account that is signed in, and [words](Profile::word) for whatever else
/// differs between accounts.
///
/// ```
/// # use trunkline_testkit::{Ability, Profile};
/// let profile = Profile::named("acme", r#"
///         base_url = "https://api.acme.test"
///         client_id = "client-1"
///         client_secret = "{canary}"
///         redirect_uri = "https://app.example.com/connect/acme"
///     "#)
///     .answers("GET", "/me", r#"{"company":"{company}","user":"{user}"}"#)
///     .lacks(Ability::Revocation, "Acme has no revocation endpoint")
///     .fixtures("tests/fixtures");
/// # drop(profile);
/// ```
#[derive(Clone)]
pub struct Profile {
    pub(crate) provider: String,
    pub(crate) settings: String,
    pub(crate) info: Option<&'static ConnectorInfo>,
    pub(crate) judge: Option<Judge>,
    pub(crate) secrets: Vec<(String, String)>,
    pub(crate) inputs: Vec<(String, String)>,
    pub(crate) words: Vec<(String, [String; 2])>,
    pub(crate) callback_code: String,
    /// The cookie that sessions are, rather than a member of the answer.
    pub(crate) session_cookie: Option<String>,
    pub(crate) callback: Vec<(String, String)>,
    pub(crate) callback_hmac: Option<String>,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) introspection: Option<(String, String)>,
    pub(crate) account_is_told: bool,
    pub(crate) account_is_captured: bool,
    pub(crate) cases: Vec<Case>,
    pub(crate) shown: Option<Shown>,
    pub(crate) accounts: [Account; 2],
    pub(crate) methods: Vec<String>,
    pub(crate) refresh_tokens: BTreeMap<String, bool>,
    pub(crate) rotates: bool,
    pub(crate) hosts: Vec<String>,
    pub(crate) api: Vec<ApiAnswer>,
    pub(crate) api_path: String,
    pub(crate) reads_by_post: Vec<String>,
    pub(crate) rejection: Rejection,
    pub(crate) signing: Option<Signing>,
    pub(crate) token_members: Vec<(String, Value)>,
    pub(crate) access_token: Option<TokenShape>,
    pub(crate) token_request: Option<TokenRequestReader>,
    pub(crate) token_answer: Option<TokenAnswerShape>,
    pub(crate) configured: Configured,
    pub(crate) reads_otherwise: bool,
    pub(crate) lacks: BTreeMap<Ability, String>,
    pub(crate) fixtures: Option<PathBuf>,
    pub(crate) facts: Facts,
}

impl Profile {
    /// The provider whose settings are a `C`, registered as `provider`. `settings` is what an operator writes below
    /// `[connectors.…]`, without the `provider`. Naming the type links the provider's crate.
    #[must_use]
    pub fn of<C: BuildConnector>(provider: &str, settings: &str) -> Self {
        Self { info: Some(const { &C::INFO }), judge: Some(C::diagnose), ..Self::named(provider, settings) }
    }

    /// The provider registered as `provider`, which something else must link. `settings` as in [`of`](Self::of).
    #[must_use]
    pub fn named(provider: &str, settings: &str) -> Self {
        let unauthorized = r#"{"error":"invalid_token"}"#.to_owned();
        let challenge = ("www-authenticate".to_owned(), r#"Bearer error="invalid_token""#.to_owned());
        Self {
            provider: provider.to_owned(),
            settings: settings.to_owned(),
            info: None,
            judge: None,
            secrets: Vec::new(),
            inputs: Vec::new(),
            words: Vec::new(),
            callback_code: "code".to_owned(),
            session_cookie: None,
            callback: Vec::new(),
            callback_hmac: None,
            parameters: BTreeMap::new(),
            introspection: None,
            account_is_told: false,
            account_is_captured: false,
            cases: Vec::new(),
            shown: None,
            accounts: [Account::new("acme", "ada"), Account::new("globex", "bob")],
            methods: Vec::new(),
            refresh_tokens: BTreeMap::new(),
            rotates: true,
            hosts: Vec::new(),
            api: Vec::new(),
            api_path: "/trunkline-testkit".to_owned(),
            reads_by_post: Vec::new(),
            rejection: Rejection { status: 401, headers: vec![challenge], body: unauthorized },
            signing: None,
            token_members: Vec::new(),
            access_token: None,
            token_request: None,
            token_answer: None,
            configured: Arc::new(|settings| Config::from_toml(settings, "the kit's settings")),
            reads_otherwise: false,
            lacks: BTreeMap::new(),
            fixtures: None,
            facts: Facts::default(),
        }
    }

    /// The provider's name; of one that is data, its way to hold a grant as well.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.provider
    }

    /// A secret in the settings or inputs that no canary can take the place of, such as a private key: `{name}` stands
    /// for it.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What is given under this name when a connection is made; with a `{canary}` in it, it is a secret.
    #[must_use]
    pub fn input(mut self, name: &str, value: &str) -> Self {
        self.inputs.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What `{name}` stands for, where each of the two accounts has a value of its own: a subdomain, a realm.
    #[must_use]
    pub fn word(mut self, name: &str, values: [&str; 2]) -> Self {
        self.words.push((name.to_owned(), values.map(str::to_owned)));
        self
    }

    /// A further parameter of the callback, such as the realm that was chosen at consent.
    #[must_use]
    pub fn callback_param(mut self, name: &str, value: &str) -> Self {
        self.callback.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The parameter of the callback by which the service signs it with the `client_secret` of the settings: the
    /// HMAC-SHA256 of all others, sorted by name and form-encoded, in hexadecimal digits. Default: it signs none.
    #[must_use]
    pub fn callback_hmac(mut self, parameter: &str) -> Self {
        self.callback_hmac = Some(parameter.to_owned());
        self
    }

    /// The service's name for the code in the callback. Default `code`.
    #[must_use]
    pub fn callback_code(mut self, name: &str) -> Self {
        name.clone_into(&mut self.callback_code);
        self
    }

    /// The service's name for a parameter of the standard, in the authorization request.
    #[must_use]
    pub fn parameter(mut self, standard: &str, name: &str) -> Self {
        self.parameters.insert(standard.to_owned(), name.to_owned());
        self
    }

    /// What introspection (RFC 7662) answers about a living token at a path that ends so.
    #[must_use]
    pub fn introspects(mut self, path: &str, body: &str) -> Self {
        self.introspection = Some((path.to_owned(), body.to_owned()));
        self
    }

    /// Who the account is stands in the callback or in the token answer, and no request asks for it.
    #[must_use]
    pub fn account_is_told(mut self) -> Self {
        self.account_is_told = true;
        self
    }

    /// The two accounts that sign in, where the service's identifiers have a shape of their own.
    #[must_use]
    pub fn accounts(mut self, one: Account, other: Account) -> Self {
        self.accounts = [one, other];
        self
    }

    /// Tries these ways to hold a grant only. Default: all that the connector offers with these settings.
    #[must_use]
    pub fn methods<'a>(mut self, methods: impl IntoIterator<Item = &'a str>) -> Self {
        self.methods = methods.into_iter().map(str::to_owned).collect();
        self
    }

    /// Whether the service gives a refresh token to grants that are held so. Default: to those that a person consents
    /// to by a redirect.
    #[must_use]
    pub fn refresh_token(mut self, method: &str, is_given: bool) -> Self {
        self.refresh_tokens.insert(method.to_owned(), is_given);
        self
    }

    /// The service gives the same refresh token again at each renewal. Default: a new one.
    #[must_use]
    pub fn never_rotates(mut self) -> Self {
        self.rotates = false;
        self
    }

    /// An origin that credentials may go to, beside those of the URLs in the settings.
    #[must_use]
    pub fn host(mut self, origin: &str) -> Self {
        self.hosts.push(origin.to_owned());
        self
    }

    /// What the API answers a living token at a path that ends so, with status 200.
    #[must_use]
    pub fn answers(mut self, method: &'static str, path: &str, body: &str) -> Self {
        self.api.push(ApiAnswer { method, path: path.to_owned(), asked: None, body: body.to_owned() });
        self
    }

    /// A path at which a POST reads and changes nothing, such as a query.
    #[must_use]
    pub fn reads_by_post(mut self, path: &str) -> Self {
        self.reads_by_post.push(path.to_owned());
        self
    }

    /// How the API refuses a dead token; a body of JSON says so in `Content-Type`. Default: 401 with the challenge and the
    /// code `invalid_token` of RFC 6750.
    #[must_use]
    pub fn rejects(mut self, status: u16, body: &str) -> Self {
        let is_json = serde_json::from_str::<Value>(body).is_ok();
        let kind = is_json.then(|| ("content-type".to_owned(), "application/json".to_owned()));
        self.rejection = Rejection { status, headers: kind.into_iter().collect(), body: body.to_owned() };
        self
    }

    /// A further member of every token answer, in JSON; dots in the name lead into objects. A text that is a URL is one
    /// that credentials may go to.
    #[must_use]
    pub fn token_member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.token_members.push((name.to_owned(), value.into()));
        self
    }

    /// What access tokens look like, where the provider reads them. The canary has to be in it as it is.
    #[must_use]
    pub fn access_token(mut self, shape: impl Fn(&Mint) -> String + Send + Sync + 'static) -> Self {
        self.access_token = Some(Arc::new(shape));
        self
    }

    /// Reads the token requests of a service that does not go by RFC 6749; `None` for what asks for nothing.
    #[must_use]
    pub fn token_request(mut self, read: impl Fn(&Sent) -> Option<Asked> + Send + Sync + 'static) -> Self {
        self.token_request = Some(Arc::new(read));
        self
    }

    /// Writes the token answers of such a service.
    #[must_use]
    pub fn token_answer(mut self, shape: impl Fn(&TokenAnswer) -> Value + Send + Sync + 'static) -> Self {
        self.token_answer = Some(Arc::new(shape));
        self
    }

    /// Where the settings are read in another way than from TOML alone, such as for a provider that is loaded from a file.
    #[must_use]
    pub fn configured(
        mut self,
        read: impl Fn(&str) -> Result<Config, Error> + Send + Sync + 'static,
    ) -> Self {
        self.configured = Arc::new(read);
        self.reads_otherwise = true;
        self
    }

    /// The provider does not claim this, for this reason. The rules about it hold the provider to that.
    #[must_use]
    pub fn lacks(mut self, ability: Ability, why: &str) -> Self {
        self.lacks.insert(ability, why.to_owned());
        self
    }

    /// The folder of the fixtures, from the crate's own folder.
    #[must_use]
    pub fn fixtures(mut self, folder: impl Into<PathBuf>) -> Self {
        self.fixtures = Some(folder.into());
        self
    }

    /// Puts an account into a text.
    pub(crate) fn filled(&self, text: &str, account: &Account) -> String {
        let who = self.accounts.iter().position(|known| known.is_same(account)).unwrap_or(0);
        let words = self.words.iter().map(|(name, values)| (format!("{{{name}}}"), values[who].as_str()));
        let own = [("{company}".to_owned(), &*account.company), ("{user}".to_owned(), &*account.user)];
        words.chain(own).fold(text.to_owned(), |text, (name, value)| text.replace(&name, value))
    }

    /// The service's name for a parameter of the standard.
    pub(crate) fn parameter_name<'a>(&'a self, standard: &'a str) -> &'a str {
        self.parameters.get(standard).map_or(standard, String::as_str)
    }

    /// Why the provider does not claim this, if it does not.
    pub(crate) fn lack(&self, ability: Ability) -> Option<String> {
        let why = self.lacks.get(&ability)?;
        Some(format!("no {ability}: {why}"))
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("provider", &self.provider)
            .field("lacks", &self.lacks)
            .finish_non_exhaustive()
    }
}
