//! `GET /oauth2/authorize`: the checks, and what a person's answer leads to.

use url::Url;

use super::company::AuthorisedClient;
use super::knobs::SupersedeAt;
use super::state::{Code, World};
use super::supersede;
use crate::exchange::{Reply, escape, form_value};
use crate::{random, redirect_uri};

/// A consent request that passed every check that may not redirect.
#[derive(Debug)]
pub(crate) struct Consent {
    pub(crate) client: String,
    redirect_uri: Url,
    redirect_text: String,
    state: Option<String>,
    challenge: Option<String>,
    offline: bool,
    /// An error that RFC 6749 sends back by redirect.
    defect: Option<&'static str>,
}

/// A consent request that must not redirect, because its client or redirect URI is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Untrusted {
    Client,
    RedirectUri,
}

impl Untrusted {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Client => "The client_id is missing or unknown",
            Self::RedirectUri => "The redirect_uri is not registered for this application",
        }
    }
}

impl Consent {
    pub(crate) fn parse(world: &World, query: &str) -> Result<Self, Untrusted> {
        let parameter = |name: &str| form_value(query.as_bytes(), name);
        let client = parameter("client_id").unwrap_or_default();
        let app = world.app(&client).ok_or(Untrusted::Client)?;
        let redirect_text = parameter("redirect_uri").unwrap_or_default();
        let redirect_uri = redirect_uri::registered(&app.redirect_uris, &redirect_text, true)
            .ok_or(Untrusted::RedirectUri)?;

        let challenge = parameter("code_challenge");
        let method = parameter("code_challenge_method");
        let defect = if parameter("response_type").as_deref() != Some("code") {
            Some("unsupported_response_type")
        } else if challenge.is_some() && method.as_deref() != Some("S256") {
            Some("invalid_request")
        } else {
            None
        };
        // Other scopes have been seen to do nothing.
        let offline =
            parameter("scope").unwrap_or_default().split_whitespace().any(|scope| scope == "offline_access");
        Ok(Self {
            client,
            redirect_uri,
            redirect_text,
            state: parameter("state"),
            challenge,
            offline,
            defect,
        })
    }

    /// The callback after Accept by this user, or with an error if the service would refuse.
    pub(crate) fn approve(&self, world: &mut World, user: &str, company: &str, now_s: i64) -> Url {
        if let Some(defect) = self.defect {
            return self.callback("error", defect);
        }
        if !self.may_approve(world, user, company) {
            return self.callback("error", "access_denied");
        }
        list_client_if_admin(world, &self.client, user, company);
        if world.knobs.supersede_at == SupersedeAt::Approval {
            supersede(world, user, company, &self.client);
        }
        let code = random::text::<24>();
        let lifetime_s = i64::try_from(world.knobs.code_lifetime_s).unwrap_or(i64::MAX);
        let entry = Code {
            company: company.to_owned(),
            user: user.to_owned(),
            client: self.client.clone(),
            redirect_uri: self.redirect_text.clone(),
            challenge: self.challenge.clone(),
            offline: self.offline,
            expires_at_s: now_s.saturating_add(lifetime_s),
        };
        world.codes.insert(code.clone(), entry);
        self.callback("code", &code)
    }

    /// The callback after Deny.
    pub(crate) fn deny(&self) -> Url {
        self.callback("error", self.defect.unwrap_or("access_denied"))
    }

    fn may_approve(&self, world: &World, user: &str, company: &str) -> bool {
        let Some(app) = world.app(&self.client) else { return false };
        world.companies.get(company).is_some_and(|company| {
            let active = company.user(user).is_some_and(|user| user.text("status") == "active");
            // A key set is fixed to production or not when it is made; the other kind fails here.
            company.active && !company.demo_expired && company.production == app.production && active
        })
    }

    fn callback(&self, name: &str, value: &str) -> Url {
        let parameters = [(name, Some(value)), ("state", self.state.as_deref())];
        redirect_uri::callback(&self.redirect_uri, &parameters)
    }
}

/// An administrator's consent lists the client for the company by itself.
fn list_client_if_admin(world: &mut World, client: &str, user: &str, company: &str) {
    let Some(company) = world.companies.get_mut(company) else { return };
    let admin =
        company.user(user).is_some_and(|user| matches!(user.text("adminPrivileges"), "limited" | "full"));
    if admin {
        company.clients.entry(client.to_owned()).or_insert(AuthorisedClient { active: true, ws_user: None });
    }
}

/// The page on which a person signs in and decides; it posts to the control API.
pub(crate) fn page(query: &str) -> Reply {
    let query = escape(query);
    Reply::html(
        200,
        format!(
            "<!doctype html><html><head><title>Sage Intacct (simulated)</title></head><body>\
             <h1>Sage Intacct (simulated)</h1>\
             <form method=\"post\" action=\"/control/consent\">\
             <input type=\"hidden\" name=\"query\" value=\"{query}\">\
             <p><label>Company ID <input name=\"company\"></label></p>\
             <p><label>User ID <input name=\"user\"></label></p>\
             <p><label>Password <input name=\"password\" type=\"password\"></label></p>\
             <button name=\"decision\" value=\"accept\">Accept</button> \
             <button name=\"decision\" value=\"deny\">Deny</button>\
             </form></body></html>"
        ),
    )
}
