//! A service that keeps its own books: refresh tokens rotate, and what was spent is known.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Semaphore;
use trunkline_core::bytes::Bytes;
use trunkline_core::http::Response;
use trunkline_core::{Body, Clock, Request, RequestBody, Reuse, Transport, TransportError, async_trait};
use trunkline_tests::Family;

use super::PlayedClock;

/// What becomes of one request to the token endpoint.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    /// It is not sent.
    NotSent,
    /// It is lost on its way: nobody knows.
    LostRequest,
    /// It is lost on its way, and no answer comes.
    Unseen,
    /// The service acts, and its answer is lost.
    LostAnswer,
    /// The service acts, and its answer breaks off.
    Truncated,
    /// The service acts, and its answer waits for a permit: for ever, if none is given.
    Held(Arc<Semaphore>),
    /// The service acts, and its answer takes this long.
    Late(Duration),
    /// The service answers this, and does nothing.
    Refused(u16, Vec<(&'static str, String)>, &'static str),
}

impl Fate {
    /// An answer that never comes, as for a process that dies.
    pub(crate) fn dies() -> Self {
        Self::Held(Arc::new(Semaphore::new(0)))
    }
}

#[derive(Debug)]
struct Books {
    reuse: Reuse,
    idle: Option<Duration>,
    /// What a new access token lives; `None` when the service does not state it.
    stated_life: Option<u64>,
    families: Vec<Grant>,
    revoked: Vec<String>,
    /// Refresh tokens as they were spent.
    spent: Vec<String>,
    rejected: HashSet<String>,
    revocations_fail: usize,
    /// What every token request meets that no fate is set for.
    outage: Option<Fate>,
    /// Grants that are refused with this code though they live.
    refused: HashMap<usize, &'static str>,
    /// A new consent ends the earlier grants.
    supersedes: bool,
    /// What every call to the API is answered with, unless its token is rejected.
    api_status: u16,
    /// Everything is answered with 503.
    down: bool,
    /// When the refresh token that the next answers bring ends, after it: stated, and not moved by a use if `true`.
    refresh_ends: Option<(Duration, bool)>,
}

#[derive(Debug)]
struct Grant {
    tokens: Family,
    used_at: Vec<u64>,
    is_revoked: bool,
}

impl Grant {
    fn revoke(&mut self) {
        self.tokens.end();
        self.is_revoked = true;
    }
}

/// The grant that a token is of, `canary-a-{family}-{number}`.
fn family_of(token: &str) -> Option<usize> {
    token.rsplit('-').nth(1)?.parse().ok()
}

/// One process's line to the service: the books are everyone's, the fates and the count its own.
#[derive(Debug, Clone)]
pub(crate) struct PlayedService {
    books: Arc<Mutex<Books>>,
    clock: PlayedClock,
    fates: Arc<Mutex<VecDeque<Fate>>>,
    asked: Arc<Mutex<Vec<Duration>>>,
    called: Arc<Mutex<Vec<(Duration, String)>>>,
}

impl PlayedService {
    pub(crate) fn new(clock: PlayedClock, reuse: Reuse) -> Self {
        let books = Books {
            reuse,
            idle: None,
            stated_life: Some(3_600),
            families: Vec::new(),
            revoked: Vec::new(),
            spent: Vec::new(),
            rejected: HashSet::new(),
            revocations_fail: 0,
            outage: None,
            refused: HashMap::new(),
            supersedes: false,
            api_status: 200,
            down: false,
            refresh_ends: None,
        };
        let books = Arc::new(Mutex::new(books));
        Self { books, clock, fates: Arc::default(), asked: Arc::default(), called: Arc::default() }
    }

    pub(crate) fn line(&self) -> Self {
        Self { fates: Arc::default(), asked: Arc::default(), called: Arc::default(), ..self.clone() }
    }

    /// A refresh token that is not used for so long ends its grant.
    pub(crate) fn ends_idle(&self, after: Duration) {
        self.books().idle = Some(after);
    }

    pub(crate) fn states_life(&self, seconds: Option<u64>) {
        self.books().stated_life = seconds;
    }

    /// What becomes of the next request on this line that no fate is set for yet.
    pub(crate) fn will(&self, fate: Fate) {
        self.fates.lock().unwrap().push_back(fate);
    }

    /// How often a renewal was asked for on this line.
    pub(crate) fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// When a renewal was asked for on this line, since tokio's clock stood at the service's start.
    pub(crate) fn asked_at(&self) -> Vec<Duration> {
        self.asked.lock().unwrap().clone()
    }

    /// How often, on all lines, a refresh token reached the service.
    pub(crate) fn spent(&self) -> Vec<String> {
        self.books().spent.clone()
    }

    pub(crate) fn revoked(&self) -> Vec<String> {
        self.books().revoked.clone()
    }

    pub(crate) fn is_alive(&self, family: usize) -> bool {
        self.books().families[family].tokens.is_alive()
    }

    pub(crate) fn families(&self) -> usize {
        self.books().families.len()
    }

    /// When each renewal of a grant reached the service, on the clock's ticks.
    pub(crate) fn renewed_at(&self, family: usize) -> Vec<u64> {
        self.books().families[family].used_at.clone()
    }

    /// From now on calls with this access token are answered with 401.
    pub(crate) fn rejects(&self, access: &str) {
        self.books().rejected.insert(access.to_owned());
    }

    /// Ends a grant: neither its refresh token nor its access tokens serve any more.
    pub(crate) fn revokes(&self, family: usize) {
        self.books().families[family].revoke();
    }

    /// A new consent ends the earlier grants from now on.
    pub(crate) fn supersedes(&self) {
        self.books().supersedes = true;
    }

    /// Calls with a living token are answered so.
    pub(crate) fn answers_calls(&self, status: u16) {
        self.books().api_status = status;
    }

    /// Whether every request is answered with 503.
    pub(crate) fn is_down(&self, down: bool) {
        self.books().down = down;
    }

    /// States that refresh tokens end after this time, counted from each answer or from the first consent.
    pub(crate) fn states_refresh_end(&self, after: Duration, is_fixed: bool) {
        self.books().refresh_ends = Some((after, is_fixed));
    }

    /// When calls were made on this line, and with which token, since tokio's clock stood at the service's start.
    pub(crate) fn called(&self) -> Vec<(Duration, String)> {
        self.called.lock().unwrap().clone()
    }

    /// The next revocations are refused for a time.
    pub(crate) fn fails_revocations(&self, times: usize) {
        self.books().revocations_fail = times;
    }

    /// What becomes of all token requests from now on, on all lines; `None` ends it.
    pub(crate) fn outage(&self, fate: Option<Fate>) {
        self.books().outage = fate;
    }

    /// Refuses the renewals of this grant, which lives, with this code; `None` ends it.
    pub(crate) fn refuses(&self, family: usize, code: Option<&'static str>) {
        let refused = &mut self.books().refused;
        match code {
            Some(code) => drop(refused.insert(family, code)),
            None => drop(refused.remove(&family)),
        }
    }

    /// Ends a grant, as its user does in the service's settings.
    pub(crate) fn ends(&self, family: usize) {
        self.books().families[family].tokens.end();
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    /// The grant of the tenant that came first, second, …
    fn answer(&self, form: &str) -> (u16, String) {
        let now = self.clock.coarse().as_millis();
        let mut books = self.books();
        let (family, number) = match value(form, "refresh_token") {
            None => {
                if books.supersedes {
                    books.families.iter_mut().for_each(Grant::revoke);
                }
                let tokens = Family::new(books.reuse);
                books.families.push(Grant { tokens, used_at: vec![now], is_revoked: false });
                (books.families.len() - 1, 0)
            }
            Some(token) => {
                books.spent.push(token.to_owned());
                let mut parts = token.rsplitn(3, '-').map(str::parse::<u64>);
                let (Some(Ok(number)), Some(Ok(family))) = (parts.next(), parts.next()) else {
                    return (400, r#"{"error":"invalid_grant"}"#.to_owned());
                };
                let family = usize::try_from(family).unwrap();
                if let Some(code) = books.refused.get(&family) {
                    return (400, format!(r#"{{"error":"{code}"}}"#));
                }
                let idle = books.idle.unwrap_or(Duration::MAX).as_millis();
                let grant = &mut books.families[family];
                if u128::from(now - grant.used_at.last().unwrap()) > idle {
                    grant.tokens.end();
                }
                let Some(next) = grant.tokens.spend(number, now) else {
                    return (400, r#"{"error":"invalid_grant"}"#.to_owned());
                };
                grant.used_at.push(now);
                (family, next)
            }
        };
        let life = books.stated_life.map_or(String::new(), |life| format!(r#","expires_in":{life}"#));
        let ends = books.refresh_ends.map_or(String::new(), |(after, is_fixed)| {
            let passed = if is_fixed { now - books.families[family].used_at[0] } else { 0 };
            format!(r#","refresh_token_expires_in":{}"#, after.as_secs().saturating_sub(passed / 1_000))
        });
        let body = format!(
            r#"{{"access_token":"canary-a-{family}-{number}","refresh_token":"canary-r-{family}-{number}","token_type":"Bearer"{life}{ends}}}"#
        );
        (200, body)
    }

    fn revoke(&self, form: &str) -> u16 {
        let token = value(form, "token").unwrap().to_owned();
        let mut books = self.books();
        if let Some(left) = books.revocations_fail.checked_sub(1) {
            books.revocations_fail = left;
            return 503;
        }
        let mut parts = token.rsplitn(3, '-').skip(1).map(str::parse::<usize>);
        if let Some(Ok(family)) = parts.next() {
            books.families[family].tokens.end();
        }
        books.revoked.push(token);
        200
    }

    fn call(&self, authorization: &str) -> (u16, String) {
        let token = authorization.trim_start_matches("Bearer ");
        self.called.lock().unwrap().push((self.clock.elapsed(), token.to_owned()));
        let books = self.books();
        let family = family_of(token).and_then(|family| books.families.get(family));
        match books.rejected.contains(token) || family.is_some_and(|family| family.is_revoked) {
            true => (401, String::new()),
            false if books.api_status == 200 => (200, "ada".to_owned()),
            false => (books.api_status, String::new()),
        }
    }
}

fn value<'a>(form: &'a str, name: &str) -> Option<&'a str> {
    form.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|pair| pair.1)
}

fn response(status: u16, headers: Vec<(&'static str, String)>, body: String) -> Response<Body> {
    let mut response = Response::builder().status(status).header("content-type", "application/json");
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Body::from(Bytes::from(body))).unwrap()
}

#[async_trait]
impl Transport for PlayedService {
    async fn send(&self, request: Request) -> Result<Response<Body>, TransportError> {
        let form = match &request.body {
            RequestBody::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            _ => String::new(),
        };
        if self.books().down {
            let path = request.url.path().to_owned();
            match path.as_str() {
                "/token" => self.asked.lock().unwrap().push(self.clock.elapsed()),
                _ => self.called.lock().unwrap().push((self.clock.elapsed(), path)),
            }
            return Ok(response(503, Vec::new(), String::new()));
        }
        match request.url.path() {
            "/revoke" => {
                return Ok(response(self.revoke(&form), Vec::new(), String::new()));
            }
            "/token" => {}
            _ => {
                let authorization = request.headers["authorization"].to_str().unwrap();
                let (status, body) = self.call(authorization);
                return Ok(response(status, Vec::new(), body));
            }
        }
        let unknown = |what: &str| Err(TransportError::Unknown(what.to_owned()));
        if form.contains("grant_type=refresh_token") {
            self.asked.lock().unwrap().push(self.clock.elapsed());
        }
        let fate = self.fates.lock().unwrap().pop_front().or_else(|| self.books().outage.clone());
        match &fate {
            Some(Fate::NotSent) => return Err(TransportError::NotSent("no route".to_owned())),
            Some(Fate::LostRequest) => return unknown("reset"),
            Some(Fate::Unseen) => std::future::pending().await,
            Some(Fate::Refused(status, headers, body)) => {
                return Ok(response(*status, headers.clone(), (*body).to_owned()));
            }
            _ => {}
        }
        let (status, mut body) = self.answer(&form);
        match fate {
            Some(Fate::LostAnswer) => return unknown("reset"),
            Some(Fate::Truncated) => body.truncate(body.len() / 2),
            Some(Fate::Held(gate)) => gate.acquire().await.unwrap().forget(),
            Some(Fate::Late(by)) => tokio::time::sleep(by).await,
            _ => {}
        }
        Ok(response(status, Vec::new(), body))
    }
}
