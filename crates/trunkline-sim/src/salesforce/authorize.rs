//! `GET /services/oauth2/authorize`: the checks, and what a person's answer leads to.

use url::Url;

use super::gates;
use super::host::Host;
use super::simulator::ConsentRefused;
use super::state::{Code, Who, World};
use crate::exchange::{Call, Reply, escape, form_value};
use crate::{random, redirect_uri};

/// A consent request that passed every check that may not redirect.
#[derive(Debug)]
pub(crate) struct Consent {
    client: String,
    redirect_uri: Url,
    redirect_text: String,
    state: Option<String>,
    challenge: Option<String>,
    scopes: Vec<String>,
    /// An error that is sent back by redirect.
    defect: Option<(String, String)>,
}

impl Consent {
    pub(crate) fn parse(world: &World, query: &str) -> Result<Self, ConsentRefused> {
        let parameter = |name: &str| form_value(query.as_bytes(), name);
        let client = parameter("client_id").unwrap_or_default();
        let app = world.app(&client).ok_or(ConsentRefused::UnknownClient)?;
        let redirect_text = parameter("redirect_uri").unwrap_or_default();
        let redirect_uri = redirect_uri::registered(&app.redirect_uris, &redirect_text, false)
            .ok_or(ConsentRefused::UnregisteredRedirectUri)?;

        let challenge = parameter("code_challenge");
        // S256 is the only method, so clients leave the name out.
        let method = parameter("code_challenge_method").is_none_or(|method| method == "S256");
        let scopes = gates::scopes(app, parameter("scope").as_deref());
        let defect = |error: &str, description: &str| Some((error.to_owned(), description.to_owned()));
        let defect = if parameter("response_type").as_deref() != Some("code") {
            defect("unsupported_response_type", "response type not supported")
        } else if !app.web_server {
            defect("oauth_flow_disabled", "this flow is not enabled for the app")
        } else if !method || challenge.as_ref().is_some_and(|text| text.len() != 43) {
            defect("invalid_request", "invalid code challenge")
        } else if challenge.is_none() && app.pkce_required {
            defect("invalid_request", "missing required code challenge")
        } else {
            scopes.as_ref().err().map(|error| (error.error.clone(), error.description.clone()))
        };
        let scopes = scopes.unwrap_or_default();
        Ok(Self { client, redirect_uri, redirect_text, state: parameter("state"), challenge, scopes, defect })
    }

    /// The callback after the user signed in and pressed Allow.
    ///
    /// An app that is blocked or not installed, or a user who is not approved for it, never gets there: the
    /// browser stays on an error page.
    pub(crate) fn approve(&self, world: &mut World, host: &Host, who: &Who) -> Result<Url, ConsentRefused> {
        if let Some((error, description)) = &self.defect {
            return Ok(self.error(error, Some(description)));
        }
        if !host.signs_in(world, &who.org) {
            return Err(ConsentRefused::WrongHost);
        }
        let Some(app) = world.app(&self.client).cloned() else { return Err(ConsentRefused::UnknownClient) };
        gates::pass(world, &app, who).map_err(|refusal| ConsentRefused::ErrorPage {
            error: refusal.error,
            description: refusal.description,
        })?;
        // Clients that decode a code twice are found out by its end.
        let code = format!("aPrx{}==", random::text::<48>());
        let lifetime_s = i64::try_from(world.knobs.code_lifetime_s).unwrap_or(i64::MAX);
        let entry = Code {
            who: who.clone(),
            client: self.client.clone(),
            redirect_uri: self.redirect_text.clone(),
            challenge: self.challenge.clone(),
            scopes: self.scopes.clone(),
            expires_at_s: world.clock.now_s().saturating_add(lifetime_s),
        };
        world.codes.insert(code.clone(), entry);
        let parameters = [("code", Some(code.as_str())), ("state", self.state.as_deref())];
        Ok(redirect_uri::callback(&self.redirect_uri, &parameters))
    }

    /// The callback after Deny.
    pub(crate) fn deny(&self, world: &World) -> Url {
        match &self.defect {
            Some((error, description)) => self.error(error, Some(description)),
            None => self.error(&world.knobs.denial, Some("end-user denied authorization")),
        }
    }

    fn error(&self, error: &str, description: Option<&str>) -> Url {
        let parameters =
            [("error", Some(error)), ("error_description", description), ("state", self.state.as_deref())];
        redirect_uri::callback(&self.redirect_uri, &parameters)
    }
}

/// `GET authorize`: the page, or with `auto_approve` what `_decide` says.
pub(crate) fn answer(world: &mut World, host: &Host, call: &Call, default_user: Option<&Who>) -> Reply {
    let consent = match Consent::parse(world, &call.query) {
        Ok(consent) => consent,
        Err(refused) => return error_page(&refused),
    };
    let Some(who) = default_user.filter(|_| world.knobs.auto_approve) else { return page(&call.query) };
    let decided = match call.parameter("_decide").as_deref() {
        Some("deny") => Ok(consent.deny(world)),
        Some("not_installed") => Err(ConsentRefused::ErrorPage {
            error: "invalid_client".to_owned(),
            description: "app must be installed into org".to_owned(),
        }),
        Some("blocked") => Err(ConsentRefused::ErrorPage {
            error: "OAUTH_APP_BLOCKED".to_owned(),
            description: "this app is blocked by admin".to_owned(),
        }),
        _ => consent.approve(world, host, who),
    };
    match decided {
        Ok(callback) => Reply::redirect(callback.as_str()),
        Err(refused) => error_page(&refused),
    }
}

/// What the browser shows instead of going to the callback.
pub(crate) fn error_page(refused: &ConsentRefused) -> Reply {
    match refused {
        ConsentRefused::ErrorPage { error, description } => {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("error", error).append_pair("error_description", description);
            Reply::redirect(&format!("/setup/secur/RemoteAccessErrorPage.apexp?{}", query.finish()))
        }
        other => Reply::html(400, escape(&other.to_string())),
    }
}

/// The page that [`error_page`] leads to.
pub(crate) fn remote_access_error(call: &Call) -> Reply {
    let parameter = |name: &str| escape(&call.parameter(name).unwrap_or_default());
    Reply::html(
        200,
        format!(
            "<!doctype html><html><head><title>Salesforce (simulated)</title></head><body>\
             <h1>OAUTH_APPROVAL_ERROR_GENERIC</h1><p>{}: {}</p></body></html>",
            parameter("error"),
            parameter("error_description"),
        ),
    )
}

/// The page on which a person signs in and decides; it posts to the control API.
fn page(query: &str) -> Reply {
    let query = escape(query);
    Reply::html(
        200,
        format!(
            "<!doctype html><html><head><title>Salesforce (simulated)</title></head><body>\
             <h1>Salesforce (simulated)</h1>\
             <form method=\"post\" action=\"/control/consent\">\
             <input type=\"hidden\" name=\"query\" value=\"{query}\">\
             <p><label>Username <input name=\"username\"></label></p>\
             <p><label>Password <input name=\"password\" type=\"password\"></label></p>\
             <button name=\"decision\" value=\"allow\">Allow</button> \
             <button name=\"decision\" value=\"deny\">Deny</button>\
             </form></body></html>"
        ),
    )
}

/// The form of the consent page.
pub(crate) fn consent_form(world: &mut World, host: &Host, call: &Call) -> Reply {
    let field = |name: &str| call.field(name).unwrap_or_default();
    let consent = match Consent::parse(world, &field("query")) {
        Ok(consent) => consent,
        Err(refused) => return error_page(&refused),
    };
    if field("decision") != "allow" {
        return Reply::redirect(consent.deny(world).as_str());
    }
    let who = world.by_username(&field("username"));
    let right = |who: &Who| world.user(who).is_some_and(|user| user.password == field("password"));
    let Some(who) = who.filter(right) else {
        return Reply::html(401, "The username or password is wrong");
    };
    match consent.approve(world, host, &who) {
        Ok(callback) => Reply::redirect(callback.as_str()),
        Err(refused) => error_page(&refused),
    }
}
