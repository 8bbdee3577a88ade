//! The consent by redirect, and the client that asks.

use std::collections::HashSet;

use trunkline_core::url::{Url, form_urlencoded};
use trunkline_core::{AuthProvider, Callback, Cause, ConsentKind, is_secure};

use super::Played;
use crate::profile::Ability;
use crate::rule::{Failure, Verdict};
use crate::service::Line;
use crate::stage::{Consent, Op, Stage, ensure};

/// The ways to hold a grant that send a person to a page, or why there is none.
fn by_redirect(stage: &Stage) -> Result<Result<Vec<&'static str>, Verdict>, Failure> {
    let methods = stage.methods_by(ConsentKind::Redirect)?;
    match methods.is_empty() {
        true => Ok(Err(Verdict::Inapplicable(format!(
            "nobody is sent to a page of the service: {}",
            stage.methods()?.join(", ")
        )))),
        false => Ok(Ok(methods)),
    }
}

fn value(url: &Url, name: &str) -> Vec<String> {
    url.query_pairs().filter(|(known, _)| known == name).map(|(_, value)| value.into_owned()).collect()
}

/// Where a callback is to arrive that carries the state, as OAuth 1.0a has it.
fn without_state(mut callback: Url) -> String {
    let others: Vec<_> = callback.query_pairs().into_owned().filter(|(name, _)| name != "state").collect();
    match others.is_empty() {
        true => callback.set_query(None),
        false => drop(callback.query_pairs_mut().clear().extend_pairs(others)),
    }
    callback.into()
}

fn url_of(consent: &Consent) -> Result<&Url, Failure> {
    consent.url().ok_or_else(|| "a consent by redirect has no URL".into())
}

pub(super) async fn consent_url_carries_the_state(stage: &Stage) -> Played {
    let methods = match by_redirect(stage)? {
        Ok(methods) => methods,
        Err(why) => return Ok(why),
    };
    for method in methods {
        let auth = stage.auth(method)?;
        for _ in 0..2 {
            let consent = stage.consent(&*auth, 0).await?;
            let url = url_of(&consent)?;
            let told = stage.service.callback_of(url);
            let state = value(told.as_ref().unwrap_or(url), stage.profile.parameter_name("state"));
            ensure!(
                stage,
                state == [consent.ask.state.expose()],
                "{method}: the URL has another state, or several"
            );
            ensure!(stage, is_secure(url), "{method}: the page is not https");
            ensure!(stage, url.fragment().is_none(), "{method}: the URL has a fragment");
            let names: Vec<_> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
            let unique: HashSet<_> = names.iter().collect();
            ensure!(stage, unique.len() == names.len(), "{method}: a parameter is repeated: {names:?}");
        }
    }
    Ok(Verdict::Held)
}

pub(super) async fn pkce_binds_the_code(stage: &Stage) -> Played {
    if let Some(why) = stage.profile.lack(Ability::Pkce) {
        return Ok(Verdict::Inapplicable(why));
    }
    let methods = match by_redirect(stage)? {
        Ok(methods) => methods,
        Err(why) => return Ok(why),
    };
    for method in methods {
        let auth = stage.auth(method)?;
        let mut challenges = HashSet::new();
        for _ in 0..2 {
            let consent = stage.consent(&*auth, 0).await?;
            let url = url_of(&consent)?;
            let challenge = value(url, "code_challenge");
            ensure!(stage, challenge.len() == 1, "{method}: the URL has no challenge");
            let by = value(url, "code_challenge_method");
            ensure!(stage, by == ["S256"], "{method}: the challenge's method is {by:?}");
            ensure!(
                stage,
                challenges.insert(challenge[0].clone()),
                "{method}: two consents have one challenge"
            );
            for secret in consent.answer.pending.values() {
                let is_verifier = Url::parse(secret.expose()).is_err() && secret.expose().len() >= 43;
                let shown = is_verifier && url.as_str().contains(secret.expose());
                ensure!(stage, !shown, "{method}: the verifier is in the URL");
            }
            stage.learn().await?;
            let completed = auth.complete(&stage.token_cx(), &consent.answer).await;
            let misfits = stage.service.misfits();
            ensure!(stage, !misfits.contains(&"PKCE"), "{method}: the verifier does not fit the challenge");
            ensure!(stage, completed.is_ok(), "{method}: {completed:?}");
        }
        // A consent that lost its verifier must not silently lose its protection.
        let mut consent = stage.consent(&*auth, 0).await?;
        consent.answer.pending.retain(|_, value| Url::parse(value.expose()).is_ok());
        let before = stage.service.count(Line::Token);
        let completed = auth.complete(&stage.token_cx(), &consent.answer).await;
        ensure!(stage, completed.is_err(), "{method}: without the verifier a grant comes to be");
        let sent = stage.service.count(Line::Token) - before;
        ensure!(stage, sent == 0, "{method}: without the verifier the code is sent all the same");
    }
    Ok(Verdict::Held)
}

pub(super) async fn redirect_uri_is_the_same_in_both_steps(stage: &Stage) -> Played {
    let methods = match by_redirect(stage)? {
        Ok(methods) => methods,
        Err(why) => return Ok(why),
    };
    let configured = stage.setting("redirect_uri");
    for method in methods {
        let auth = stage.auth(method)?;
        let consent = stage.consent(&*auth, 0).await?;
        let sent = match stage.service.callback_of(url_of(&consent)?) {
            Some(told) => vec![without_state(told)],
            None => value(url_of(&consent)?, stage.profile.parameter_name("redirect_uri")),
        };
        if let Some(configured) = &configured {
            ensure!(
                stage,
                sent == [configured.clone()],
                "{method}: the redirect URI is not the configured one, byte for byte: {sent:?}"
            );
        }
        stage.learn().await?;
        let completed = auth.complete(&stage.token_cx(), &consent.answer).await;
        let fits = !stage.service.misfits().contains(&"redirect_uri");
        ensure!(
            stage,
            fits,
            "{method}: the code is exchanged with another redirect URI than it was asked for with"
        );
        ensure!(stage, completed.is_ok(), "{method}: {completed:?}");
    }
    Ok(Verdict::Held)
}

pub(super) async fn refused_consent_spends_nothing(stage: &Stage) -> Played {
    let methods = match by_redirect(stage)? {
        Ok(methods) => methods,
        Err(why) => return Ok(why),
    };
    for method in methods {
        let auth = stage.auth(method)?;
        let refusals = [
            ("error=access_denied", Some(Cause::ConsentDenied)),
            ("error=server_error", None),
            ("error=temporarily_unavailable&error_description=later", None),
            ("error=trunkline_testkit", None),
            ("", Some(Cause::ConsentInvalid)),
            ("code=", Some(Cause::ConsentInvalid)),
        ];
        // The standard has no word for a refusal: nobody approved.
        let unverified = [
            ("denied=trunkline-testkit", Some(Cause::ConsentDenied)),
            ("", Some(Cause::ConsentDenied)),
            ("oauth_verifier=", Some(Cause::ConsentDenied)),
            ("oauth_verifier=a-verifier", Some(Cause::ConsentInvalid)),
            ("oauth_token=of-another-consent&oauth_verifier=a-verifier", Some(Cause::ConsentInvalid)),
        ];
        let signs = stage.profile.signing.is_some();
        for (query, expected) in if signs { &unverified[..] } else { &refusals[..] } {
            let callback = |consent: &Consent| Callback::from_query(&signed(stage, query, consent));
            let cause = spends_nothing(stage, &*auth, query, callback).await?;
            let fits = expected.is_none_or(|expected| cause == Some(expected));
            ensure!(stage, fits, "{method}: a callback with {query:?} is {cause:?}");
        }
        // An answer at another redirect URI is one that somebody else's service sent there (RFC 9700, 4.4.2.2).
        let elsewhere = |consent: &Consent| {
            let query = signed(stage, "code=a-code", consent);
            let url = format!("https://app.example.com/trunkline-testkit/elsewhere?{query}");
            Url::parse(&url).map_or_else(|_| Callback::from_query(""), |url| Callback::from_url(&url))
        };
        spends_nothing(stage, &*auth, "another redirect URI", elsewhere).await?;
    }
    Ok(Verdict::Held)
}

/// The query of a callback that the service itself sends.
fn signed(stage: &Stage, query: &str, consent: &Consent) -> String {
    let mut pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    pairs.push(("state".to_owned(), consent.ask.state.expose().to_owned()));
    stage.service.signed(pairs)
}

pub(super) async fn forged_callback_spends_nothing(stage: &Stage) -> Played {
    let Some(parameter) = &stage.profile.callback_hmac else {
        return Ok(Verdict::Inapplicable("the service does not sign its callbacks".to_owned()));
    };
    let methods = match by_redirect(stage)? {
        Ok(methods) => methods,
        Err(why) => return Ok(why),
    };
    type Forge = fn(&mut Vec<(String, String)>, &str, &str);
    let forgeries: [(&str, Forge); 6] = [
        ("no signature", |pairs, hmac, _| pairs.retain(|(name, _)| name != hmac)),
        ("an empty signature", |pairs, hmac, _| put(pairs, hmac, |_| String::new())),
        ("half a signature", |pairs, hmac, _| put(pairs, hmac, |tag| tag[..tag.len() / 2].to_owned())),
        ("another signature", |pairs, hmac, _| {
            put(pairs, hmac, |tag| tag.chars().map(|digit| if digit == '0' { '1' } else { '0' }).collect());
        }),
        ("another code", |pairs, _, code| put(pairs, code, |code| format!("{code}x"))),
        ("one more parameter", |pairs, _, _| pairs.push(("trunkline".to_owned(), "x".to_owned()))),
    ];
    for method in methods {
        let auth = stage.auth(method)?;
        for (what, forge) in &forgeries {
            let callback = |consent: &Consent| {
                let signed = consent.answer.callback.iter();
                let mut pairs: Vec<_> =
                    signed.map(|(name, value)| (name.to_owned(), value.expose().to_owned())).collect();
                forge(&mut pairs, parameter, &stage.profile.callback_code);
                let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
                Callback::from_query(&query)
            };
            let cause = spends_nothing(stage, &*auth, what, callback).await?;
            let fits = cause == Some(Cause::ConsentInvalid);
            ensure!(stage, fits, "{method}: a callback with {what} is {cause:?}");
        }
    }
    Ok(Verdict::Held)
}

/// Changes the value under a name.
fn put(pairs: &mut [(String, String)], name: &str, change: impl Fn(&str) -> String) {
    for (_, value) in pairs.iter_mut().filter(|(known, _)| known == name) {
        *value = change(value);
    }
}

/// Completes a consent with this callback; answers the cause of the failure.
async fn spends_nothing(
    stage: &Stage,
    auth: &dyn AuthProvider,
    what: &str,
    callback: impl Fn(&Consent) -> Result<Callback, trunkline_core::Error>,
) -> Result<Option<Cause>, Failure> {
    let mut consent = stage.consent(auth, 0).await?;
    consent.answer.callback = callback(&consent).map_err(|error| error.to_string())?;
    let before = stage.service.count(Line::Token);
    let completed = auth.complete(&stage.token_cx(), &consent.answer).await;
    let sent = stage.service.count(Line::Token) - before;
    ensure!(stage, sent == 0, "{}: a callback with {what:?} leads to a token request", auth.method());
    match completed {
        Ok(_) => Err(Failure(format!("{}: a callback with {what:?} makes a grant", auth.method()))),
        Err(error) => {
            let verdict = error.cause().map(Cause::verdict);
            let dead = verdict == Some(trunkline_core::Verdict::GrantDead);
            ensure!(stage, !dead, "{}: a callback with {what:?} ends the grant that is there", auth.method());
            Ok(error.cause())
        }
    }
}

pub(super) async fn client_authenticates_in_one_way(stage: &Stage) -> Played {
    if stage.leaks.find(&stage.settings).is_empty() {
        return Ok(Verdict::Inapplicable("the settings hold no secret".to_owned()));
    }
    let asking = stage.asking(&Op::OF_TOKENS).await?;
    if asking.is_empty() {
        return Ok(Verdict::Inapplicable("no token is asked for".to_owned()));
    }
    let secret = |text: &str| stage.leaks.find(text).iter().any(|leak| leak.name.starts_with("setting "));
    for (method, op) in asking {
        let attempt = stage.attempt(method, op, None).await?;
        for request in &attempt.requests {
            let headers: String = request
                .sent
                .headers
                .values()
                .map(|value| format!("{} ", String::from_utf8_lossy(value.as_bytes())))
                .collect();
            let assertion = request.sent.body.contains("client_assertion=");
            let ways =
                [secret(&headers), secret(&request.sent.body), secret(request.sent.url.as_str()), assertion];
            let ways = ways.into_iter().filter(|is_used| *is_used).count();
            ensure!(stage, ways <= 1, "{}: the client proves who it is in {ways} ways at once", attempt.what);
        }
    }
    Ok(Verdict::Held)
}
