//! Where requests go.

use trunkline_core::ConsentKind;
use trunkline_core::url::Url;

use super::Played;
use super::failure::asking;
use crate::rule::{Failure, Verdict};
use crate::service::{Fault, Received};
use crate::stage::{Op, Stage, ensure};

const EVIL: &str = "evil.test";

/// Names under which services say where their API is, for providers whose service says it under none.
const USUAL: [&str; 5] =
    ["instance_url", "api_domain", "base_url", "api_endpoint", "resource_server_base_uri"];

fn all_at_home(stage: &Stage, what: &str, requests: &[Received]) -> Result<(), Failure> {
    let origins = stage.origins();
    for Received { sent, .. } in requests {
        ensure!(
            stage,
            origins.contains(&sent.url.origin()),
            "{what}: {sent:?} is of a host that nobody declared"
        );
    }
    Ok(())
}

pub(super) async fn requests_go_to_declared_hosts_only(stage: &Stage) -> Played {
    for method in stage.methods()? {
        for op in Op::ALL.into_iter().filter(|op| stage.claims(*op)) {
            for fault in [None, Some(Fault::json(500, "{}")), Some(Fault::NotSent)] {
                let attempt = stage.attempt(method, op, fault.as_ref()).await?;
                all_at_home(stage, &attempt.what, &attempt.requests)?;
            }
        }
        let connected = stage.connected(method).await?;
        let endpoint = connected.session.endpoint();
        let base = endpoint.base();
        ensure!(
            stage,
            stage.origins().contains(&base.origin()),
            "{method}: the API is at {base}, which nobody declared"
        );
        let host = base.host_str().unwrap_or_default();
        for foreign in [
            format!("https://{EVIL}/"),
            format!("https://{host}.{EVIL}/"),
            format!("https://{EVIL}/{host}"),
            format!("https://{host}@{EVIL}/"),
            format!("http://{host}.{EVIL}:80/"),
        ] {
            let Ok(url) = Url::parse(&foreign) else { continue };
            ensure!(stage, !endpoint.allows(&url), "{method}: the credential may go to {foreign}");
        }
    }
    for method in stage.methods_by(ConsentKind::Redirect)? {
        let consent = stage.consent(&*stage.auth(method)?, 0).await?;
        let url = consent.url().ok_or("a consent by redirect has no URL")?;
        ensure!(
            stage,
            stage.origins().contains(&url.origin()),
            "{method}: people are sent to a host that nobody declared"
        );
    }
    Ok(Verdict::Held)
}

pub(super) async fn hosts_in_answers_are_checked(stage: &Stage) -> Played {
    let profile = &stage.profile;
    let url = |text: &str| Url::parse(&profile.filled(text, &profile.accounts[0])).ok().filter(Url::has_host);
    let own: Vec<(String, Url)> = profile
        .token_members
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), url(value.as_str()?)?)))
        .collect();
    let members: Vec<(String, String)> = match own.is_empty() {
        true => USUAL.iter().map(|name| ((*name).to_owned(), "api.example".to_owned())).collect(),
        false => own
            .iter()
            .map(|(name, url)| (name.clone(), url.host_str().unwrap_or_default().to_owned()))
            .collect(),
    };
    for method in stage.methods()? {
        for (name, host) in &members {
            for told in [
                format!("https://{EVIL}"),
                format!("https://{host}.{EVIL}"),
                format!("https://{EVIL}/https://{host}"),
                format!("https://{host}@{EVIL}"),
                format!("http://{host}.{EVIL}"),
                EVIL.to_owned(),
            ] {
                deceive(stage, method, name, &told).await?;
            }
        }
    }
    Ok(Verdict::Held)
}

/// A first grant, and a renewal, whose answers lead elsewhere.
async fn deceive(stage: &Stage, method: &str, name: &str, told: &str) -> Result<(), Failure> {
    let auth = stage.auth(method)?;
    for is_renewal in [false, true] {
        if is_renewal && !stage.claims(Op::Refresh) {
            continue;
        }
        let honest = stage.connected(method).await?;
        stage.service.answers_member(name, told);
        let op = if is_renewal { Op::Refresh } else { Op::Complete };
        let attempt = match is_renewal {
            true => stage.attempt_with(method, &honest, op, None).await?,
            false => stage.attempt(method, op, None).await?,
        };
        stage.service.forgets_member(name);
        stage.count_check();
        // To refuse the whole answer is safe, where it is not the end of a grant.
        let Ok(grant) = attempt.grant() else {
            let dead = attempt.verdict() == Some(trunkline_core::Verdict::GrantDead);
            ensure!(stage, !dead, "{}: a host of {told} ends the grant", attempt.what);
            continue;
        };
        let used = stage.use_grant(auth.clone(), grant.clone(), honest.inputs.clone()).await;
        let Ok(connected) = used else { continue };
        let endpoint = connected.session.endpoint();
        let base = endpoint.base().clone();
        ensure!(
            stage,
            stage.origins().contains(&base.origin()),
            "{}: `{name}` of the answer turned requests to {base}",
            attempt.what
        );
        if let Ok(url) = Url::parse(told) {
            ensure!(stage, !endpoint.allows(&url), "{}: the credential may go to {told}", attempt.what);
        }
        let identified = stage.attempt_with(method, &connected, Op::Identify, None).await?;
        all_at_home(stage, &identified.what, &identified.requests)?;
    }
    Ok(())
}

pub(super) async fn redirects_are_not_followed(stage: &Stage) -> Played {
    let asking = match asking(stage).await? {
        Ok(asking) => asking,
        Err(why) => return Ok(why),
    };
    for (method, op) in asking {
        for status in [301, 302, 303, 307, 308] {
            let fault = Fault::json(status, "").header("location", &format!("https://{EVIL}/next"));
            let attempt = stage.attempt(method, op, Some(&fault)).await?;
            all_at_home(stage, &attempt.what, &attempt.requests)?;
            let failed = attempt.result.is_err();
            ensure!(stage, failed, "{} is taken for a success: {:?}", attempt.what, attempt.result);
            let dead = attempt.verdict() == Some(trunkline_core::Verdict::GrantDead);
            ensure!(stage, !dead, "{} ends the grant", attempt.what);
        }
    }
    Ok(Verdict::Held)
}
