//! Where no secret may be.

use trunkline_core::{Callback, ConsentKind};

use super::Played;
use super::failure::asking;
use crate::logs::Logs;
use crate::profile::Ability;
use crate::rule::Verdict;
use crate::service::Fault;
use crate::stage::{Op, Stage, ensure};
use crate::world::World;

pub(super) async fn debug_hides_every_secret(stage: &Stage) -> Played {
    let shown = |what: &str, debug: &dyn std::fmt::Debug| {
        stage.hides(&format!("Debug of {what}"), &format!("{debug:?}\n{debug:#?}"))
    };
    if let Some(debug) = &stage.settings_debug {
        stage.hides("Debug of the settings", debug)?;
    }
    shown("the connector", &stage.connector)?;
    for method in stage.methods()? {
        let auth = stage.auth(method)?;
        let consent = stage.consent(&*auth, 0).await?;
        shown("the consent", &consent.begun)?;
        let connected = stage.connected(method).await?;
        shown(&format!("the way to hold a grant, {method}"), &connected.auth)?;
        shown("the grant", &connected.grant)?;
        shown("the session", &connected.session)?;
        shown("the endpoint", connected.session.endpoint())?;
        // Whether it goes well is another rule's matter.
        let identified = stage.attempt_with(method, &connected, Op::Identify, None).await?;
        shown("the account", &identified.result)?;
    }
    if let Some(map) = stage.connector.permissions() {
        shown("the map of permissions", &map)?;
    }
    Ok(Verdict::Held)
}

pub(super) async fn errors_never_contain_secrets(stage: &Stage) -> Played {
    let echoes = [200, 400, 401, 403, 429, 500].map(|status| Fault::Echo { status });
    let cuts = [10, 50, 99].map(|share| Fault::Cut { share, is_clean: true });
    for (method, op) in stage.asking(&Op::ALL).await? {
        for fault in echoes.iter().chain(&cuts) {
            let attempt = stage.attempt(method, op, Some(fault)).await?;
            stage.hides(&format!("the error of {}", attempt.what), &attempt.said())?;
        }
    }
    for method in stage.methods_by(ConsentKind::Redirect)? {
        let auth = stage.auth(method)?;
        let mut consent = stage.consent(&*auth, 0).await?;
        let pending: Vec<_> = consent.answer.pending.values().map(|value| value.expose()).collect();
        let told = format!("{} {}", consent.ask.state.expose(), pending.join(" "));
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("error", "access_denied"),
                ("error_description", &told),
                ("state", consent.ask.state.expose()),
            ])
            .finish();
        consent.answer.callback = Callback::from_query(&query).map_err(|error| error.to_string())?;
        let error = match auth.complete(&stage.token_cx(), &consent.answer).await {
            Err(error) => error,
            Ok(_) => return Err(format!("{method}: a callback with an error makes a grant").into()),
        };
        stage.hides("the error of a refused consent", &format!("{error} {error:?}"))?;
    }
    // Without a service to ask, nothing of it can be in an error.
    stage.count_check();
    Ok(Verdict::Held)
}

pub(super) async fn logs_never_contain_secrets(stage: &Stage) -> Played {
    let logs = Logs::catch();
    let faults = [
        Fault::Echo { status: 400 },
        Fault::Echo { status: 500 },
        Fault::LostAnswer,
        Fault::Cut { share: 50, is_clean: true },
        Fault::page(502),
    ];
    for method in stage.methods()? {
        for op in Op::ALL.into_iter().filter(|op| stage.claims(*op)) {
            // Whether it goes well is another rule's matter.
            let _attempt = stage.attempt(method, op, None).await?;
            for fault in &faults {
                let _attempt = stage.attempt(method, op, Some(fault)).await?;
            }
        }
    }
    let world = World::new(stage).await?;
    world.tour().await?;
    let text = logs.text();
    ensure!(stage, text.contains("trunkline"), "nothing was caught, not even of the hub");
    if let Some(leak) = stage.leaks.find(&text).first() {
        let line = text.lines().find(|line| !stage.leaks.find(line).is_empty()).unwrap_or_default();
        let target = line.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
        return Err(format!("{leak}, at {target}").into());
    }
    Ok(Verdict::Held)
}

pub(super) async fn secrets_are_never_in_a_url(stage: &Stage) -> Played {
    for method in stage.methods_by(ConsentKind::Redirect)? {
        let consent = stage.consent(&*stage.auth(method)?, 0).await?;
        if let Some(url) = consent.url() {
            let leaks = stage.leaks.find(url.as_str());
            let leak = leaks.iter().find(|leak| leak.name != "state");
            ensure!(stage, leak.is_none(), "{method}: the consent's URL: {leak:?}");
        }
    }
    if let Some(why) = stage.profile.lack(Ability::UrlsWithoutSecrets) {
        return Ok(Verdict::Inapplicable(why));
    }
    if let Err(why) = asking(stage).await? {
        return Ok(why);
    }
    for method in stage.methods()? {
        for op in Op::ALL.into_iter().filter(|op| stage.claims(*op)) {
            for fault in [None, Some(Fault::json(503, "{}"))] {
                let attempt = stage.attempt(method, op, fault.as_ref()).await?;
                for request in &attempt.requests {
                    stage.hides(&format!("the URL of {}", attempt.what), request.sent.url.as_str())?;
                }
            }
        }
    }
    ensure!(stage, stage.service.received_count() > 0, "nothing was sent");
    Ok(Verdict::Held)
}
