//! What the standard service knows, and how it answers.

use std::collections::HashMap;

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use url::Url;

use crate::exchange::{Call, Reply};
use crate::random;

pub(super) const CLIENT_ID: &str = "client-1";
const USER: &str = "ada";

/// Where everything stands below the origin. The issuer has a path, as those of many tenants do.
const ISSUER_PATH: &str = "/tenant1";
const METADATA: &str = "/.well-known/oauth-authorization-server/tenant1";

#[derive(Debug)]
pub(super) struct Service {
    origin: String,
    client_secret: String,
    codes: HashMap<String, Code>,
    grants: Vec<Grant>,
    pub(super) hidden: bool,
    pub(super) log: Vec<String>,
}

#[derive(Debug)]
struct Code {
    redirect_uri: String,
    challenge: String,
    scope: String,
}

/// One consent, and the tokens it lives by.
#[derive(Debug)]
struct Grant {
    access: String,
    refresh: String,
    spent: Vec<String>,
    scope: String,
    /// `None` for the application's own.
    user: Option<&'static str>,
}

impl Service {
    pub(super) fn new(origin: String) -> Self {
        let client_secret = random::text::<24>();
        Self {
            origin,
            client_secret,
            codes: HashMap::new(),
            grants: Vec::new(),
            hidden: false,
            log: Vec::new(),
        }
    }

    pub(super) fn issuer(&self) -> String {
        format!("{}{ISSUER_PATH}", self.origin)
    }

    pub(super) fn client_secret(&self) -> &str {
        &self.client_secret
    }

    pub(super) fn expire_access_tokens(&mut self) {
        for grant in &mut self.grants {
            grant.access.clear();
        }
    }

    pub(super) fn revoke_grants(&mut self) {
        self.grants.clear();
    }

    pub(super) fn approve(&mut self, authorize: &Url) -> Option<Url> {
        let query: HashMap<_, _> = authorize.query_pairs().into_owned().collect();
        let of = |name: &str| query.get(name).cloned();
        let known = of("client_id")? == CLIENT_ID && of("response_type")? == "code";
        if !known || of("code_challenge_method")? != "S256" {
            return None;
        }
        let code = random::text::<24>();
        let redirect_uri = of("redirect_uri")?;
        let mut back = Url::parse(&redirect_uri).ok()?;
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &of("state")?)
            .append_pair("iss", &self.issuer());
        let (challenge, scope) = (of("code_challenge")?, of("scope").unwrap_or_default());
        self.codes.insert(code, Code { redirect_uri, challenge, scope });
        Some(back)
    }

    pub(super) fn answer(&mut self, call: &Call) -> Reply {
        let form: HashMap<String, String> = form_urlencoded::parse(&call.body).into_owned().collect();
        let what = form.get("grant_type").map_or(String::new(), |grant| format!(" {grant}"));
        self.log.push(format!("{} {}{what}", call.method, call.path));
        match (&call.method, call.path.as_str()) {
            (&Method::GET, METADATA) if self.hidden => Reply::empty(503),
            (&Method::GET, METADATA) => Reply::json(200, &self.metadata()),
            (&Method::GET, "/authorize") => self.authorize(call),
            (&Method::POST, "/token" | "/revoke" | "/introspect") if !self.is_client(call) => {
                Reply::json(401, &json!({ "error": "invalid_client" }))
                    .with_header("www-authenticate", r#"Basic realm="clients""#)
            }
            (&Method::POST, "/token") => self.token(&form),
            (&Method::POST, "/revoke") => self.revoke(&form),
            (&Method::POST, "/introspect") => self.introspect(&form),
            (&Method::GET, "/userinfo") => self.userinfo(call),
            (&Method::GET, "/api/hello") => self.hello(call),
            _ => Reply::html(404, "<h1>Not found</h1>"),
        }
    }

    /// RFC 6749, 4.1.1. What cannot be trusted is not sent back to anybody.
    fn authorize(&mut self, call: &Call) -> Reply {
        let asked = Url::parse(&format!("{}{}?{}", self.origin, call.path, call.query)).ok();
        match asked.and_then(|asked| self.approve(&asked)) {
            Some(back) => Reply::redirect(back.as_str()),
            None => refused("invalid_request"),
        }
    }

    fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.origin);
        json!({
            "issuer": self.issuer(),
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "revocation_endpoint": at("/revoke"),
            "introspection_endpoint": at("/introspect"),
            "userinfo_endpoint": at("/userinfo"),
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
        })
    }

    /// RFC 6749, 2.3.1: by HTTP Basic. Both halves are plain ASCII without escapes here.
    fn is_client(&self, call: &Call) -> bool {
        let expected = STANDARD.encode(format!("{CLIENT_ID}:{}", self.client_secret));
        call.header("authorization") == Some(&format!("Basic {expected}"))
    }

    fn token(&mut self, form: &HashMap<String, String>) -> Reply {
        let of = |name: &str| form.get(name).map_or("", String::as_str);
        match of("grant_type") {
            "authorization_code" => match self.codes.remove(of("code")) {
                Some(code)
                    if code.redirect_uri == of("redirect_uri")
                        && code.challenge == random::sha256(of("code_verifier").as_bytes()) =>
                {
                    self.grants.push(Grant::new(Some(USER), code.scope));
                    self.grants.last().map_or_else(|| Reply::empty(500), Grant::reply)
                }
                _ => refused("invalid_grant"),
            },
            "refresh_token" => self.renew(of("refresh_token")),
            "client_credentials" => {
                self.grants.push(Grant::new(None, of("scope").to_owned()));
                self.grants.last().map_or_else(|| Reply::empty(500), Grant::reply)
            }
            _ => refused("unsupported_grant_type"),
        }
    }

    fn renew(&mut self, token: &str) -> Reply {
        // RFC 9700, 4.14.2: a token that comes twice was stolen, or so it looks.
        self.grants.retain(|grant| !grant.spent.iter().any(|spent| spent == token));
        match self.grants.iter_mut().find(|grant| grant.user.is_some() && grant.refresh == token) {
            Some(grant) => {
                grant.rotate();
                grant.reply()
            }
            None => refused("invalid_grant"),
        }
    }

    fn revoke(&mut self, form: &HashMap<String, String>) -> Reply {
        let token = form.get("token").map_or("", String::as_str);
        self.grants.retain(|grant| grant.refresh != token && grant.access != token);
        Reply::empty(200)
    }

    fn introspect(&self, form: &HashMap<String, String>) -> Reply {
        let body = match self.of_access(form.get("token").map_or("", String::as_str)) {
            Some(grant) => json!({
                "active": true, "sub": grant.user.unwrap_or(CLIENT_ID), "client_id": CLIENT_ID, "scope": grant.scope,
            }),
            None => json!({ "active": false }),
        };
        Reply::json(200, &body)
    }

    fn userinfo(&self, call: &Call) -> Reply {
        match self.bearer(call) {
            Some(grant) => Reply::json(200, &json!({ "sub": grant.user, "name": "Ada" })),
            None => unauthorized(),
        }
    }

    fn hello(&self, call: &Call) -> Reply {
        match self.bearer(call) {
            Some(grant) if grant.scope.split(' ').any(|scope| scope == "hello") => {
                Reply::json(200, &json!({ "hello": grant.user.unwrap_or(CLIENT_ID) }))
            }
            Some(_) => Reply::json(403, &json!({ "error": "insufficient_scope" }))
                .with_header("www-authenticate", r#"Bearer error="insufficient_scope", scope="hello""#),
            None => unauthorized(),
        }
    }

    fn bearer(&self, call: &Call) -> Option<&Grant> {
        self.of_access(call.header("authorization")?.strip_prefix("Bearer ")?)
    }

    fn of_access(&self, token: &str) -> Option<&Grant> {
        self.grants.iter().find(|grant| !token.is_empty() && grant.access == token)
    }
}

impl Grant {
    fn new(user: Option<&'static str>, scope: String) -> Self {
        let mut grant =
            Self { access: String::new(), refresh: String::new(), spent: Vec::new(), scope, user };
        grant.rotate();
        grant.spent.clear();
        grant
    }

    fn rotate(&mut self) {
        let refresh = std::mem::replace(&mut self.refresh, random::text::<24>());
        self.spent.push(refresh);
        self.access = random::text::<24>();
    }

    fn reply(&self) -> Reply {
        let mut body = json!({
            "access_token": self.access, "token_type": "Bearer", "expires_in": 3600, "scope": self.scope,
        });
        if self.user.is_some() {
            body["refresh_token"] = json!(self.refresh);
        }
        Reply::json(200, &body).with_header("cache-control", "no-store")
    }
}

fn refused(code: &str) -> Reply {
    Reply::json(400, &json!({ "error": code }))
}

fn unauthorized() -> Reply {
    Reply::empty(401).with_header("www-authenticate", r#"Bearer realm="api", error="invalid_token""#)
}
