//! The adversary: an authorization server and an API, in process, that follow a provider's own settings.

mod books;
mod fault;
mod form;
mod line;
mod oauth1;
mod signature;

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use trunkline_core::jiff::{SignedDuration, Timestamp};
use trunkline_core::url::Url;
use trunkline_core::{Account, Clock as _, Reuse};

use crate::clock::VirtualClock;
use crate::leak::LeakDetector;
use crate::profile::{ApiAnswer, Profile};
use crate::script::{Sent, lock};

use books::Books;
pub use fault::Fault;
pub use form::Asked;
use form::Params;
pub use line::ServiceLine;
use oauth1::{Protocol, Signatures};

/// Which of a hub's two transports a request came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// The one for token endpoints.
    Token,
    /// The one for APIs.
    Api,
}

/// A request as it reached the service, or was to.
#[derive(Debug, Clone)]
pub struct Received {
    /// By which line.
    pub line: Line,
    /// What it was.
    pub sent: Sent,
    /// The status and body of the service's own answer, where answers are kept.
    pub(crate) answer: Option<(u16, String)>,
}

impl Received {
    /// What a parameter of the request says, in whatever form it is written.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<String> {
        Params::of(&self.sent).get(name).map(str::to_owned)
    }
}

/// A hostile service. It keeps its own books: refresh tokens rotate, what was spent is known, and codes are bound to their
/// consent. Requests meet the [faults](Fault) that a test sets, and are served after that. Clones are the same service.
///
/// ```
/// use trunkline_testkit::{Fault, HostileService, LeakDetector, Line, Profile, VirtualClock};
///
/// let profile = Profile::named("acme", "").answers("GET", "/me", r#"{"user":"{user}"}"#);
/// let service = HostileService::new(&profile, VirtualClock::new(), LeakDetector::new());
/// service.will(Line::Token, Fault::LostAnswer);
/// service.rotates(false);
/// // `service.line(Line::Token)` goes to the hub's `token_transport`, the other one to its `transport`.
/// ```
#[derive(Clone)]
pub struct HostileService(Arc<Shared>);

struct Shared {
    profile: Profile,
    clock: VirtualClock,
    leaks: LeakDetector,
    books: Mutex<Books>,
    signatures: Mutex<Signatures>,
    faults: Mutex<[VecDeque<Fault>; 2]>,
    received: Mutex<Vec<Received>>,
    keeps_answers: AtomicBool,
    /// Bytes of endless bodies that were read.
    swallowed: Arc<AtomicU64>,
}

impl HostileService {
    /// A service that answers as the profile says.
    #[must_use]
    pub fn new(profile: &Profile, clock: VirtualClock, leaks: LeakDetector) -> Self {
        let books = Books::new(profile.accounts[0].clone(), profile.rotates);
        Self(Arc::new(Shared {
            profile: profile.clone(),
            clock,
            leaks,
            books: Mutex::new(books),
            signatures: Mutex::default(),
            faults: Mutex::default(),
            received: Mutex::default(),
            keeps_answers: AtomicBool::new(false),
            swallowed: Arc::default(),
        }))
    }

    /// A way to the service, for a hub or a provider's calls.
    #[must_use]
    pub fn line(&self, line: Line) -> ServiceLine {
        ServiceLine::new(self.clone(), line)
    }

    /// What becomes of the next request on this line that no fault is set for yet.
    pub fn will(&self, line: Line, fault: Fault) {
        lock(&self.0.faults)[line as usize].push_back(fault);
    }

    /// Forgets faults that nothing met.
    pub fn recovers(&self) {
        *lock(&self.0.faults) = Default::default();
    }

    /// Signs a person in at the service's page and lets them approve what `url` asks for.
    ///
    /// Answers with the query that the browser brings back. A URL that asks for nothing that can be approved gives an
    /// error of the service.
    #[must_use]
    pub fn approves(&self, url: &Url) -> String {
        if self.0.profile.signing.is_some() {
            return self.approves_temporary(url);
        }
        let asked = Params::of_query(url.query().unwrap_or_default());
        let profile = &self.0.profile;
        let said = |standard: &str| asked.get(profile.parameter_name(standard)).map(str::to_owned);
        let code = self.0.leaks.canary("code");
        let mut books = self.books();
        books.codes.push(books::Code {
            code: code.clone(),
            redirect_uri: said("redirect_uri"),
            challenge: said("code_challenge"),
            method: said("code_challenge_method"),
            scope: said("scope"),
            is_spent: false,
        });
        let mut pairs = vec![(profile.callback_code.clone(), code)];
        pairs.extend(books.callback(profile));
        pairs.push(("state".to_owned(), said("state").unwrap_or_default()));
        drop(books);
        self.signed(pairs)
    }

    /// The query of a callback with these parameters, signed where the service signs them.
    pub(crate) fn signed(&self, mut pairs: Vec<(String, String)>) -> String {
        if let (Some(parameter), Some(secret)) = (&self.0.profile.callback_hmac, &self.books().signs_with) {
            pairs = signature::signed(pairs, parameter, secret);
        }
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    /// Signs callbacks with this secret from now on, where the profile [says](Profile::callback_hmac) that they are.
    pub fn signs_with(&self, secret: &str) {
        self.books().signs_with = Some(secret.to_owned());
    }

    /// Whether a request that names neither grant nor token is one for a code (RFC 8628).
    pub fn shows_codes(&self, shows: bool) {
        self.books().shows_codes = shows;
    }

    /// Lets a person enter a code that was shown, and approve.
    pub fn enters(&self, user_code: &str) {
        self.books().enter(user_code);
    }

    /// This account signs in from now on: 0 or 1, the order of the profile.
    pub fn signs_in(&self, account: usize) {
        self.books().signed_in = self.0.profile.accounts[account.min(1)].clone();
    }

    /// Whether a renewal brings a new refresh token.
    pub fn rotates(&self, rotates: bool) {
        self.books().rotates = rotates;
    }

    /// Whether the answer to a renewal that does not rotate leaves the refresh token out.
    pub fn omits_refresh_token(&self, omits: bool) {
        self.books().omits_refresh_token = omits;
    }

    /// Whether a refresh token is given with new grants.
    pub fn gives_refresh_token(&self, gives: bool) {
        self.books().gives_refresh_token = gives;
    }

    /// What happens to a grant whose spent refresh token comes again.
    pub fn on_reuse(&self, reuse: Reuse) {
        self.books().reuse = reuse;
    }

    /// How long access tokens live from now on, in whole seconds, or in the unit of [`Profile::lives_in`]; `None` leaves it
    /// out of the answers.
    pub fn lives(&self, life: Option<Duration>) {
        self.books().lives = life;
    }

    /// Which scopes its answers say were granted, whatever was asked for; `None` says those that were asked for.
    pub fn grants(&self, scope: Option<&str>) {
        self.books().granted = scope.map(str::to_owned);
    }

    /// Says the type of tokens in its answers.
    pub fn token_type(&self, name: &str) {
        self.books().token_type = name.to_owned();
    }

    /// Puts a member into each token answer, in the place of one of that name.
    pub fn answers_member(&self, name: &str, value: impl Into<serde_json::Value>) {
        self.books().members.insert(name.to_owned(), value.into());
    }

    /// Answers that member as usual again.
    pub fn forgets_member(&self, name: &str) {
        self.books().members.remove(name);
    }

    /// Wherever a callback or an answer holds `honest`, it holds `told` from now on.
    pub(crate) fn lies_about(&self, honest: &str, told: &str) {
        self.books().lie = Some((honest.to_owned(), told.to_owned()));
    }

    /// Answers these requests so, before all others: a method, the end of a path, and a body each.
    pub(crate) fn answers_rights(&self, rights: &[(String, String, String)]) {
        self.books().rights = rights.to_vec();
    }

    /// Lies no more.
    pub(crate) fn is_honest(&self) {
        self.books().lie = None;
    }

    /// Whose access token, or key, this is.
    #[must_use]
    pub fn owner(&self, token: &str) -> Option<Account> {
        self.books().live.iter().find(|live| live.token == token).map(|live| live.account.clone())
    }

    /// Whose token a request carries.
    #[must_use]
    pub fn owner_of(&self, sent: &Sent) -> Option<Account> {
        self.bearer(sent)
    }

    /// How far the service's clock is ahead of ours, or behind.
    pub fn clock_is_off(&self, by: SignedDuration) {
        self.books().skew = by;
    }

    /// Ends every grant, as users do in the service's own settings.
    pub fn revokes_all(&self) {
        self.books().end_all();
    }

    /// No access token that was given so far serves any more; refresh tokens do.
    pub fn rejects_access_tokens(&self) {
        self.books().live.clear();
    }

    /// Lets requests through that carry this text, such as an API key.
    pub fn accepts(&self, key: &str) {
        let mut books = self.books();
        let account = books.signed_in.clone();
        books.live.push(books::Live { token: key.to_owned(), grant: None, account });
    }

    /// Everything that reached the service or was to, in order.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        lock(&self.0.received).clone()
    }

    /// Keeps what it answers from now on.
    pub(crate) fn keeps_answers(&self) {
        self.0.keeps_answers.store(true, Ordering::SeqCst);
    }

    /// How many requests there were.
    pub(crate) fn received_count(&self) -> usize {
        lock(&self.0.received).len()
    }

    /// The requests that came after so many others.
    pub(crate) fn received_after(&self, count: usize) -> Vec<Received> {
        lock(&self.0.received).iter().skip(count).cloned().collect()
    }

    /// How many requests there were on a line.
    #[must_use]
    pub fn count(&self, line: Line) -> usize {
        lock(&self.0.received).iter().filter(|received| received.line == line).count()
    }

    /// How often each refresh token came, in the order of their first time.
    #[must_use]
    pub fn spent(&self) -> Vec<usize> {
        self.books().grants.iter().flat_map(|grant| grant.spent.iter().map(|(_, _, times)| *times)).collect()
    }

    /// How often a refresh token came that was spent before.
    #[must_use]
    pub fn reused(&self) -> usize {
        self.spent().into_iter().map(|times| times.saturating_sub(1)).sum()
    }

    /// How many grants still live.
    #[must_use]
    pub fn alive(&self) -> usize {
        self.books().grants.iter().filter(|grant| grant.is_alive).count()
    }

    /// How many grants were revoked by request.
    #[must_use]
    pub fn revoked(&self) -> usize {
        self.books().revoked
    }

    /// How many codes were exchanged.
    #[must_use]
    pub fn exchanged(&self) -> usize {
        self.books().codes.iter().filter(|code| code.is_spent).count()
    }

    /// What the exchange of a code did not fit, if anything: its redirect URI, or its PKCE.
    #[must_use]
    pub fn misfits(&self) -> Vec<&'static str> {
        self.books().misfits.clone()
    }

    /// How many bytes of endless bodies were read so far.
    #[must_use]
    pub fn swallowed(&self) -> u64 {
        self.0.swallowed.load(Ordering::SeqCst)
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        lock(&self.0.books)
    }

    /// The service's clock.
    fn now(&self) -> Timestamp {
        let skew = self.books().skew;
        self.0.clock.wall().checked_add(skew).unwrap_or(Timestamp::MAX)
    }

    /// What the service does and answers where no fault is in the way.
    fn serve(&self, line: Line, sent: &Sent) -> Reply {
        if let Some(signing) = &self.0.profile.signing
            && let Err(problem) = self.verify(signing, line, sent)
        {
            return Reply::problem(problem);
        }
        let reply = match line {
            Line::Token => self.tokens(sent),
            Line::Api => self.api(sent),
        };
        Reply { body: self.books().told(reply.body), ..reply }
    }

    fn tokens(&self, sent: &Sent) -> Reply {
        let now = self.now();
        let (profile, leaks) = (&self.0.profile, &self.0.leaks);
        let asked = match &profile.token_request {
            Some(read) => read(sent),
            None if profile.signing.is_some() => Protocol::of(sent).and_then(|it| Asked::signed(it.pairs())),
            None => Asked::of(&Params::of(sent), self.books().shows_codes),
        };
        if let Some(reply) = asked.as_ref().and_then(|asked| self.credentials(asked)) {
            return reply;
        }
        let mut books = self.books();
        match asked {
            Some(Asked::Renew { refresh_token }) => {
                books.renew(profile, leaks, &refresh_token, self.0.clock.coarse(), now)
            }
            Some(Asked::Exchange { code, redirect_uri, verifier }) => {
                match books.take_code(&code, redirect_uri.as_deref(), verifier.as_deref()) {
                    Some(scope) => {
                        let gives = books.gives_refresh_token;
                        books.grant(profile, leaks, scope, gives, now)
                    }
                    None => Reply::error("invalid_grant"),
                }
            }
            Some(Asked::Mint { scope }) => {
                let gives = books.gives_refresh_token;
                books.grant(profile, leaks, scope, gives, now)
            }
            Some(Asked::Device { scope }) => {
                books.show_code(leaks, scope, &sent.url.origin().ascii_serialization())
            }
            Some(Asked::Poll { device_code }) => match books.take_device(&device_code) {
                Ok(scope) => {
                    let gives = books.gives_refresh_token;
                    books.grant(profile, leaks, scope, gives, now)
                }
                Err(refusal) => refusal,
            },
            Some(Asked::Revoke { token }) => books.revoke(&token),
            Some(Asked::Temporary { .. } | Asked::Verified { .. }) | None => {
                Reply::json(400, r#"{"error":"invalid_request"}"#)
            }
        }
    }

    fn api(&self, sent: &Sent) -> Reply {
        let profile = &self.0.profile;
        let introspection = profile.introspection.as_ref().filter(|_| self.is_introspection(sent));
        let Some(account) = self.bearer(sent) else {
            if introspection.is_some() {
                return Reply::json(200, r#"{"active":false}"#);
            }
            let rejection = &profile.rejection;
            let (headers, body) = (rejection.headers.clone(), rejection.body.clone());
            return Reply { status: rejection.status, headers, body };
        };
        if let Some((_, body)) = introspection {
            return Reply::json(200, &profile.filled(body, &account));
        }
        let path = sent.url.path();
        let of_rights = self.books().rights.iter().find_map(|(method, end, body)| {
            let fits = *method == sent.method && path.ends_with(&profile.filled(end, &account));
            fits.then(|| profile.filled(body, &account))
        });
        if let Some(body) = of_rights {
            return Reply::json(200, &body);
        }
        let fits = |known: &&ApiAnswer| {
            let asked = || serde_json::from_str(&sent.body).ok();
            known.method == sent.method
                && path.ends_with(&profile.filled(&known.path, &account))
                && known.asked.as_ref().is_none_or(|wanted| asked().as_ref() == Some(wanted))
        };
        let known = profile.api.iter().find(fits);
        match known {
            Some(known) => {
                let secret = self.0.leaks.canary("secret of an API answer");
                Reply::json(200, &profile.filled(&known.body, &account).replace("{canary}", &secret))
            }
            None if path.contains(&profile.api_path) => Reply::json(200, "{}"),
            None => Reply::json(404, r#"{"error":"not_found"}"#),
        }
    }

    /// Whether a request asks what a token is.
    fn is_introspection(&self, sent: &Sent) -> bool {
        let profile = &self.0.profile;
        let is_there = |path: &str| {
            let paths = profile.accounts.iter().map(|account| profile.filled(path, account));
            paths.into_iter().any(|path| sent.url.path().ends_with(&path))
        };
        profile.introspection.as_ref().is_some_and(|(path, _)| sent.method == "POST" && is_there(path))
    }

    /// Whose token a request carries: in any header, as it is or in base64, or in the query; or whose it asks about.
    fn bearer(&self, sent: &Sent) -> Option<Account> {
        if self.0.profile.signing.is_some() {
            // Whether it is signed with the token's secret was looked at before.
            let protocol = Protocol::of(sent)?;
            return self.books().owner(protocol.get("oauth_token")?);
        }
        let asked_about =
            self.is_introspection(sent).then(|| Params::of(sent).get("token").map(str::to_owned));
        let headers = sent.headers.values().filter_map(|value| value.to_str().ok());
        let carried: Vec<String> = headers
            .flat_map(|value| [value.to_owned(), form::decoded(value)])
            .chain(sent.url.query_pairs().map(|(_, value)| value.into_owned()))
            .chain(asked_about.flatten())
            .collect();
        self.books().owner_by(|live| carried.iter().any(|text| text.contains(&live.token)))
    }
}

impl fmt::Debug for HostileService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostileService({})", self.0.profile.provider)
    }
}

/// What the service answers.
#[derive(Debug, Clone)]
struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Reply {
    fn json(status: u16, body: &str) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self { status, headers, body: body.to_owned() }
    }

    /// An answer of OAuth 1.0a.
    fn form<N: AsRef<str>>(status: u16, pairs: impl IntoIterator<Item = (N, String)>) -> Self {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let kind = ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned());
        Self { status, headers: vec![kind], body }
    }

    /// A refusal in the words of the extension "OAuth Problem Reporting" (wiki.oauth.net).
    fn problem(problem: &str) -> Self {
        let mut reply = Self::form(401, [("oauth_problem", problem.to_owned())]);
        reply.headers.push(("www-authenticate".to_owned(), format!("OAuth oauth_problem=\"{problem}\"")));
        reply
    }

    /// A refusal of RFC 6749, 5.2.
    fn error(code: &str) -> Self {
        Self::json(400, &format!(r#"{{"error":"{code}","error_description":"refused by the kit"}}"#))
    }
}
