//! What the authorization server knows: codes, grants, tokens, and what was spent.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use trunkline_core::jiff::{SignedDuration, Timestamp};
use trunkline_core::{Account, Reuse, Ticks};

use super::Reply;
use crate::leak::LeakDetector;
use crate::profile::{Mint, Profile, TokenAnswer};

/// An authorization code.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) code: String,
    pub(super) redirect_uri: Option<String>,
    pub(super) challenge: Option<String>,
    pub(super) method: Option<String>,
    pub(super) scope: Option<String>,
    pub(super) is_spent: bool,
}

/// A code that a person enters.
#[derive(Debug)]
pub(super) struct Device {
    device_code: String,
    user_code: String,
    scope: Option<String>,
    is_entered: bool,
    is_spent: bool,
}

/// What one consent gave.
#[derive(Debug)]
pub(super) struct Grant {
    account: Account,
    scope: Option<String>,
    /// The refresh token that serves now.
    current: Option<String>,
    /// Every refresh token that came, when it was first spent, and how often it came.
    pub(super) spent: Vec<(String, Ticks, usize)>,
    pub(super) is_alive: bool,
}

/// A text that opens the API.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) token: String,
    pub(super) grant: Option<usize>,
    pub(super) account: Account,
}

#[derive(Debug)]
pub(super) struct Books {
    pub(super) signed_in: Account,
    /// The secret that signs callbacks.
    pub(super) signs_with: Option<String>,
    pub(super) rotates: bool,
    pub(super) omits_refresh_token: bool,
    pub(super) gives_refresh_token: bool,
    pub(super) reuse: Reuse,
    pub(super) lives: Option<Duration>,
    pub(super) granted: Option<String>,
    pub(super) token_type: String,
    pub(super) members: BTreeMap<String, Value>,
    /// A text that answers do not hold, and what they hold in its place.
    pub(super) lie: Option<(String, String)>,
    /// Answers to the reading of rights: method, end of the path, body.
    pub(super) rights: Vec<(String, String, String)>,
    pub(super) skew: SignedDuration,
    pub(super) codes: Vec<Code>,
    pub(super) shows_codes: bool,
    pub(super) devices: Vec<Device>,
    pub(super) grants: Vec<Grant>,
    pub(super) live: Vec<Live>,
    pub(super) revoked: usize,
    pub(super) misfits: Vec<&'static str>,
}

impl Books {
    pub(super) fn new(signed_in: Account, rotates: bool) -> Self {
        Self {
            signed_in,
            signs_with: None,
            rotates,
            omits_refresh_token: false,
            gives_refresh_token: true,
            reuse: Reuse::KillsFamily,
            lives: Some(Duration::from_secs(3_600)),
            granted: None,
            token_type: "Bearer".to_owned(),
            members: BTreeMap::new(),
            lie: None,
            rights: Vec::new(),
            skew: SignedDuration::ZERO,
            codes: Vec::new(),
            shows_codes: false,
            devices: Vec::new(),
            grants: Vec::new(),
            live: Vec::new(),
            revoked: 0,
            misfits: Vec::new(),
        }
    }

    /// Takes a code: once, from where it was sent to, by whoever has the verifier. Answers the scopes that it is for.
    #[expect(clippy::option_option, reason = "a code that is not taken differs from one without scopes")]
    pub(super) fn take_code(
        &mut self,
        given: &str,
        redirect_uri: Option<&str>,
        verifier: Option<&str>,
    ) -> Option<Option<String>> {
        let code = self.codes.iter_mut().find(|code| code.code == given && !code.is_spent)?;
        code.is_spent = true;
        let digest = verifier
            .map(|verifier| URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes())));
        let is_plain = code.challenge.is_some() && code.method.as_deref() != Some("S256");
        if is_plain || digest != code.challenge {
            self.misfits.push("PKCE");
            return None;
        }
        if redirect_uri != code.redirect_uri.as_deref() {
            self.misfits.push("redirect_uri");
            return None;
        }
        Some(code.scope.clone())
    }

    /// Shows a code, for the page at `origin` (RFC 8628, 3.2).
    pub(super) fn show_code(&mut self, leaks: &LeakDetector, scope: Option<String>, origin: &str) -> Reply {
        let device_code = leaks.canary("device code");
        let user_code = format!("KIT-{:04}", self.devices.len());
        let told = json!({
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": format!("{origin}/device"),
            "expires_in": 600,
            "interval": 5,
        });
        self.devices.push(Device { device_code, user_code, scope, is_entered: false, is_spent: false });
        Reply::json(200, &told.to_string())
    }

    /// A person enters a code, and approves.
    pub(super) fn enter(&mut self, user_code: &str) {
        let device = self.devices.iter_mut().find(|device| device.user_code == user_code);
        device.into_iter().for_each(|device| device.is_entered = true);
    }

    /// Takes a device code, once, when its user code was entered: answers the scopes, or the refusal.
    pub(super) fn take_device(&mut self, given: &str) -> Result<Option<String>, Reply> {
        let device = self.devices.iter_mut().find(|device| device.device_code == given && !device.is_spent);
        let device = device.ok_or_else(|| Reply::error("invalid_grant"))?;
        if !device.is_entered {
            return Err(Reply::error("authorization_pending"));
        }
        device.is_spent = true;
        Ok(device.scope.clone())
    }

    /// A new grant for whoever is signed in.
    pub(super) fn grant(
        &mut self,
        profile: &Profile,
        leaks: &LeakDetector,
        scope: Option<String>,
        gives_refresh_token: bool,
        now: Timestamp,
    ) -> Reply {
        let current = gives_refresh_token.then(|| leaks.canary("refresh token"));
        let account = self.signed_in.clone();
        self.grants.push(Grant { account, scope, current, spent: Vec::new(), is_alive: true });
        self.mint(profile, leaks, self.grants.len() - 1, true, now)
    }

    pub(super) fn renew(
        &mut self,
        profile: &Profile,
        leaks: &LeakDetector,
        token: &str,
        at: Ticks,
        now: Timestamp,
    ) -> Reply {
        let known = |grant: &Grant| {
            grant.current.as_deref() == Some(token) || grant.spent.iter().any(|(spent, ..)| spent == token)
        };
        let Some(number) = self.grants.iter().position(known) else { return Reply::error("invalid_grant") };
        let (reuse, rotates) = (self.reuse, self.rotates);
        let grant = &mut self.grants[number];
        let is_current = grant.current.as_deref() == Some(token);
        let is_last_spent = grant.spent.last().is_some_and(|(spent, ..)| spent == token);
        let first = match grant.spent.iter_mut().find(|(spent, ..)| spent == token) {
            Some((_, first, times)) => {
                // A token that never rotates is meant to come again.
                *times += usize::from(!is_current);
                *first
            }
            None => {
                grant.spent.push((token.to_owned(), at, 1));
                at
            }
        };
        if !is_current {
            match reuse {
                Reuse::Grace { window } if is_last_spent && at.since(first) <= window => {}
                Reuse::KillsFamily => {
                    grant.is_alive = false;
                    return Reply::error("invalid_grant");
                }
                _ => return Reply::error("invalid_grant"),
            }
        }
        if !grant.is_alive {
            return Reply::error("invalid_grant");
        }
        if is_current && rotates {
            grant.current = Some(leaks.canary("refresh token"));
        }
        let tells = rotates || !self.omits_refresh_token;
        self.mint(profile, leaks, number, tells, now)
    }

    pub(super) fn revoke(&mut self, token: &str) -> Reply {
        let of_refresh = self.grants.iter().position(|grant| {
            grant.current.as_deref() == Some(token) || grant.spent.iter().any(|(spent, ..)| spent == token)
        });
        let of_access = || self.live.iter().find(|live| live.token == token).and_then(|live| live.grant);
        if let Some(number) = of_refresh.or_else(of_access) {
            self.grants[number].is_alive = false;
            self.revoked += 1;
        }
        Reply::json(200, "")
    }

    /// Lets a token of OAuth 1.0a through that somebody made in the service's settings, for whoever is signed in.
    pub(super) fn holds(&mut self, token: &str) {
        let account = self.signed_in.clone();
        self.live.push(Live { token: token.to_owned(), grant: None, account });
    }

    /// Gives such a token to whoever is signed in: answers what else the answer says.
    pub(super) fn issue(&mut self, profile: &Profile, token: &str) -> Vec<(String, String)> {
        let account = self.signed_in.clone();
        let grant =
            Grant { account: account.clone(), scope: None, current: None, spent: Vec::new(), is_alive: true };
        self.grants.push(grant);
        let number = self.grants.len() - 1;
        let own =
            profile.token_members.iter().map(|(name, value)| (name, filled_value(profile, value, &account)));
        let own: BTreeMap<_, _> = own.map(|(name, value)| (name.clone(), value)).collect();
        self.live.push(Live { token: token.to_owned(), grant: Some(number), account });
        // What a rule sets comes in the place of the service's own.
        let told = own.into_iter().chain(self.members.clone()).collect::<BTreeMap<_, _>>();
        let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        told.into_iter().map(|(name, value)| (name, self.said(text(value)))).collect()
    }

    /// Whose living token this is.
    pub(super) fn owner(&self, token: &str) -> Option<Account> {
        self.owner_by(|live| live.token == token)
    }

    /// Whose living token the first one is that fits.
    pub(super) fn owner_by(&self, fits: impl Fn(&Live) -> bool) -> Option<Account> {
        let live = self.live.iter().find(|live| fits(live));
        live.filter(|live| live.grant.is_none_or(|grant| self.grants[grant].is_alive))
            .map(|live| live.account.clone())
    }

    /// What the callback brings besides the protocol's own.
    pub(super) fn callback(&self, profile: &Profile) -> Vec<(String, String)> {
        let text = |text: &String| self.said(profile.filled(text, &self.signed_in));
        profile.callback.iter().map(|(name, it)| (name.clone(), text(it))).collect()
    }

    /// A text, or the lie about it.
    fn said(&self, honest: String) -> String {
        let lie = self.lie.as_ref().filter(|(about, _)| *about == honest);
        lie.map(|(_, told)| told.clone()).unwrap_or(honest)
    }

    /// What an answer says, once the lie is put into it: each text or number in JSON that is what the lie is about.
    pub(super) fn told(&self, body: String) -> String {
        let Some((honest, told)) = &self.lie else { return body };
        let Ok(mut answer) = serde_json::from_str::<Value>(&body) else { return body };
        swap(&mut answer, honest, told);
        answer.to_string()
    }

    pub(super) fn end_all(&mut self) {
        self.grants.iter_mut().for_each(|grant| grant.is_alive = false);
    }

    /// A token answer for a grant.
    fn mint(
        &mut self,
        profile: &Profile,
        leaks: &LeakDetector,
        number: usize,
        tells_refresh_token: bool,
        now: Timestamp,
    ) -> Reply {
        let grant = &self.grants[number];
        let lives = self.lives.unwrap_or(Duration::from_secs(3_600));
        let mint = Mint {
            canary: leaks.canary("access token"),
            account: grant.account.clone(),
            issued_at: now,
            lives,
        };
        let access = profile.access_token.as_ref().map_or_else(|| mint.canary.clone(), |shape| shape(&mint));
        let answer = TokenAnswer {
            access_token: access.clone(),
            refresh_token: grant.current.clone().filter(|_| tells_refresh_token),
            token_type: self.token_type.clone(),
            expires_in: self.lives,
            scope: self.granted.clone().or_else(|| grant.scope.clone()),
            account: grant.account.clone(),
            at: now,
        };
        let mut told =
            profile.token_answer.as_ref().map_or_else(|| answer.standard(), |shape| shape(&answer));
        for (name, value) in &profile.token_members {
            put(&mut told, name, filled_value(profile, value, &grant.account));
        }
        for (name, value) in &self.members {
            put(&mut told, name, value.clone());
        }
        let account = grant.account.clone();
        let mut reply = Reply::json(200, &told.to_string());
        if let Some(cookie) = &profile.session_cookie {
            let line = format!("{cookie}={access}; Path=/; Secure; HttpOnly");
            reply.headers.push(("set-cookie".to_owned(), line));
        }
        self.live.push(Live { token: access, grant: Some(number), account });
        reply
    }
}

fn filled_value(profile: &Profile, value: &Value, account: &Account) -> Value {
    match value {
        Value::String(text) => json!(profile.filled(text, account)),
        other => other.clone(),
    }
}

/// Puts a member into an answer that is an object; dots in its name lead into objects.
fn put(answer: &mut Value, name: &str, value: Value) {
    let Value::Object(members) = answer else { return };
    match name.split_once('.') {
        None => {
            members.insert(name.to_owned(), value);
        }
        Some((outer, inner)) => put(members.entry(outer).or_insert_with(|| json!({})), inner, value),
    }
}

fn swap(answer: &mut Value, honest: &str, told: &str) {
    match answer {
        Value::String(text) if text == honest => *answer = json!(told),
        Value::Number(number) if number.to_string() == honest => *answer = json!(told),
        Value::Array(items) => items.iter_mut().for_each(|item| swap(item, honest, told)),
        Value::Object(members) => members.values_mut().for_each(|member| swap(member, honest, told)),
        _ => {}
    }
}
