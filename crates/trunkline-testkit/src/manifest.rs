//! Profiles of providers that are written as data: what the kit has to be told is derived from the manifest.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize as _;
use trunkline::Config;
use trunkline_core::{Call, Error, ErrorKind, Verdict, printable};
use trunkline_manifest::mirror::{self, AccountSource, Answer, Given, KeyKind, Lack, Mirror, Token};
use trunkline_manifest::{Manifest, ManifestConfig};

use crate::profile::{Ability, ApiAnswer, Case, Meant, Profile, Rejection, TokenAnswer};
use crate::script::Sent;
use crate::service::Asked;
use crate::signing::Signing;
use crate::stage::CONNECTOR;

impl Profile {
    /// The profiles of a manifest, one of each way to hold a grant, the default first. Nothing has to be written by hand:
    /// the settings, the service's answers and what the service does not have follow from the manifest.
    ///
    /// ```
    /// use trunkline_testkit::{Profile, Report};
    ///
    /// let manifest = trunkline_manifest::Catalogue::builtin().find("github").expect("it is there");
    /// for profile in Profile::of_manifest(&manifest) {
    ///     let report = Report::of(&profile);
    ///     assert_eq!(report.broken().collect::<Vec<_>>(), [""; 0], "{report}");
    /// }
    /// ```
    #[must_use]
    pub fn of_manifest(manifest: &Arc<Manifest>) -> Vec<Self> {
        Mirror::of(manifest).into_iter().map(of).collect()
    }

    /// The same of a manifest's file. A folder beside it whose name ends in `.fixtures` rather than `.toml` holds answers
    /// that were seen; they are diagnosed besides those that are made.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`]: the manifest is not sound.
    pub fn of_manifest_file(file: impl AsRef<Path>) -> Result<Vec<Self>, Error> {
        let file = file.as_ref();
        let fixtures = file.with_extension("fixtures");
        let profiles = Self::of_manifest(&Manifest::load(file)?).into_iter();
        Ok(match fixtures.is_dir() {
            true => profiles.map(|profile| profile.fixtures(&fixtures)).collect(),
            false => profiles.collect(),
        })
    }
}

fn of(mirror: Mirror) -> Profile {
    let name = format!("{} ({})", mirror.manifest().name(), mirror.method());
    let mut profile = Profile::named(&name, &mirror.settings()).methods([mirror.method()]);
    let manifest = Arc::clone(mirror.manifest());
    let shown = Arc::clone(&manifest);
    profile = profile.configured(move |file| Config::new().connector(CONNECTOR, settings(file, &manifest)?));
    profile.shown = Some(Arc::new(move |file| {
        settings(file, &shown).ok().map(|config| format!("{config:?}\n{config:#?}"))
    }));
    profile.words.extend(mirror.words());
    profile =
        mirror.inputs().into_iter().fold(profile, |profile, input| given(profile, &input.name, input.value));
    if let Some(kind) = mirror.operators_key() {
        profile = profile.secret("private_key", private_key(kind));
    }
    if let Some([one, other]) = mirror.accounts() {
        profile = profile.accounts(one, other);
    }
    profile.account_is_told = mirror.account_source() == AccountSource::Told;
    profile.account_is_captured = mirror.account_source() == AccountSource::Captured;
    for (standard, name) in mirror.parameters() {
        profile = profile.parameter(standard, name);
    }
    profile = profile.callback_code(mirror.callback_code()).scope_separator(mirror.scope_separator());
    profile.callback = mirror.callback();
    profile.callback_hmac = mirror.callback_hmac().map(str::to_owned);
    profile.session_cookie = mirror.session_cookie().map(str::to_owned);
    for (name, text) in mirror.members() {
        profile = profile.token_member(&name, text);
    }
    profile.hosts = mirror.urls().iter().map(ToString::to_string).collect();
    for answer in mirror.api() {
        let [one, other] = answer.paths;
        for path in if one == other { vec![one] } else { vec![one, other] } {
            if answer.method == "POST" {
                profile = profile.reads_by_post(&path);
            }
            let (method, asked, body) = (answer.method, answer.asked.clone(), answer.body.clone());
            profile.api.push(ApiAnswer { method, path, asked, body });
        }
    }
    if let Some(([one, _], body)) = mirror.introspection() {
        profile = profile.reads_by_post(&one).introspects(&one, &body);
    }
    if let Some(own) = mirror.signing() {
        profile = profile.signed(signing(&own)).refresh_token(mirror.method(), false);
    }
    let refusal = mirror.rejection();
    profile.cases = cases(&mirror, &refusal);
    profile.rejection = Rejection { status: refusal.status, headers: refusal.headers, body: refusal.body };
    for (lack, why) in mirror.lacks() {
        profile = profile.lacks(ability(lack), why);
    }
    let reads = mirror.clone();
    let accounts = profile.accounts.clone();
    profile.token_request(move |sent| asked(&reads, sent)).token_answer(move |answer| {
        let who = accounts.iter().position(|known| known.is_same(&answer.account)).unwrap_or(0);
        mirror.token_answer(&token(answer), who)
    })
}

/// How requests are signed.
fn signing(own: &mirror::Signing) -> Signing {
    let mut signing = Signing::new(own.method);
    if let Some([one, other]) = &own.realms {
        signing = signing.realms([one, other]);
    }
    if let Some([token, secret]) = &own.token_inputs {
        signing = signing.token_inputs([token, secret]);
    }
    if let Some([id, secret]) = &own.client_inputs {
        signing = signing.client_inputs([id, secret]);
    }
    signing
}

/// The settings of a manifest that was read before, from what an operator would write.
fn settings(file: &str, manifest: &Arc<Manifest>) -> Result<ManifestConfig, Error> {
    let invalid = |why: String| Error::new(ErrorKind::ConfigInvalid, why);
    // The parser's own words quote the file, which holds secrets.
    let file: toml::Table = file.parse().map_err(|_| invalid("the kit's settings are no TOML".to_owned()))?;
    let own = file.get("connectors").and_then(|connectors| connectors.get(CONNECTOR));
    let mut own = own.and_then(toml::Value::as_table).cloned().unwrap_or_default();
    own.remove("provider");
    let config = ManifestConfig::deserialize(own);
    let mut config = config.map_err(|error| invalid(printable(error.message())))?;
    config.manifest = Some(Arc::clone(manifest));
    Ok(config)
}

/// What a tenant gives.
fn given(profile: Profile, name: &str, value: Given) -> Profile {
    let word = format!("input.{name}");
    match value {
        Given::Plain(_) => profile.input(name, &format!("{{{word}}}")),
        Given::Secret(text) => profile.input(name, &text),
        Given::PrivateKey(kind) => {
            profile.secret("private_key", private_key(kind)).input(name, "{private_key}")
        }
        Given::Shaped([one, other]) => {
            let names = [format!("{word}.first"), format!("{word}.second")];
            profile
                .secret(&names[0], &one)
                .secret(&names[1], &other)
                .word(&word, [&format!("{{{}}}", names[0]), &format!("{{{}}}", names[1])])
                .input(name, &format!("{{{word}}}"))
        }
    }
}

/// A private key as PEM, made once: it takes a while, and each rule needs one.
fn private_key(kind: KeyKind) -> &'static str {
    static KEYS: [OnceLock<String>; 2] = [const { OnceLock::new() }; 2];
    let pem = |der: &[u8]| {
        let text = STANDARD.encode(der);
        format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
    };
    match kind {
        KeyKind::Rsa => KEYS[0].get_or_init(|| {
            let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key is made");
            let der: Pkcs8V1Der<'_> = pair.as_der().expect("a key has a form");
            pem(der.as_ref())
        }),
        KeyKind::P256 => KEYS[1].get_or_init(|| {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key is made");
            pem(pair.to_pkcs8v1().expect("a key has a form").as_ref())
        }),
    }
}

fn asked(mirror: &Mirror, sent: &Sent) -> Option<Asked> {
    // What the service would refuse asks for nothing.
    let params = mirror.token_request(&sent.method, &sent.url, &sent.headers, &sent.body).ok()?;
    if mirror.signing().is_some() {
        return Asked::signed(params);
    }
    Asked::of_params(params, mirror.method() == "device_code")
}

fn token(answer: &TokenAnswer) -> Token {
    Token {
        access_token: answer.access_token.clone(),
        refresh_token: answer.refresh_token.clone(),
        token_type: answer.token_type.clone(),
        expires_in_s: answer.expires_in.map(|life| life.as_secs()),
        scope: answer.scope.clone(),
        at: answer.at,
    }
}

/// Answers to be diagnosed: what the matchers say, and what every service says at some time.
fn cases(mirror: &Mirror, refusal: &Answer) -> Vec<Case> {
    let case = |name: &str, answer: Answer, expected: Meant| Case {
        name: name.to_owned(),
        call: answer.call,
        status: answer.status,
        headers: answer.headers,
        body: answer.body,
        expected,
    };
    let plain = |call: Call, status: u16, body: &str| Answer {
        call,
        status,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_owned(),
    };
    let mut cases = Vec::new();
    for own in mirror.cases() {
        let meant = Meant::Cause(own.cause, own.actor);
        cases.push(match own.answer {
            Ok(answer) => case(&own.name, answer, meant),
            Err(why) => case(&format!("{}: {why}", own.name), plain(Call::Api, 418, ""), meant),
        });
    }
    for (answer, pause) in mirror.limits() {
        cases.push(case("rate_limit", answer, Meant::Limit(pause)));
    }
    let renews = !mirror.lacks().iter().any(|(lack, _)| *lack == Lack::Renewal);
    if renews {
        cases.push(case("a dead token", refusal.clone(), Meant::Verdict(Verdict::RenewAccessToken)));
        let gone = plain(Call::Refresh, 400, r#"{"error":"invalid_grant"}"#);
        cases.push(case("a dead grant", gone, Meant::Verdict(Verdict::GrantDead)));
        let outage = plain(Call::Refresh, 503, "");
        cases.push(case("an outage at a renewal", outage, Meant::Verdict(Verdict::Transient)));
    }
    cases.push(case("an outage", plain(Call::Api, 503, ""), Meant::Verdict(Verdict::Transient)));
    cases
}

fn ability(lack: Lack) -> Ability {
    match lack {
        Lack::Renewal => Ability::Renewal,
        Lack::Revocation => Ability::Revocation,
        Lack::Probe => Ability::Probe,
        Lack::Permissions => Ability::Permissions,
        Lack::Pkce => Ability::Pkce,
        Lack::GrantedScopes => Ability::GrantedScopes,
        Lack::TokenTypes => Ability::TokenTypes,
        Lack::UrlsWithoutSecrets => Ability::UrlsWithoutSecrets,
        Lack::Account => Ability::Account,
        Lack::Expiry => Ability::Expiry,
    }
}
