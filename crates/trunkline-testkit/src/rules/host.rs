//! Where requests go.

use serde_json::Value;
use trunkline_core::ConsentKind;
use trunkline_core::url::Url;

use super::Played;
use super::failure::asking;
use crate::rule::{Failure, Verdict};
use crate::service::{Fault, Received};
use crate::stage::{Connected, Op, Stage, ensure};

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
    for method in stage.methods()? {
        for word in words(stage, method).await? {
            for told in word.lies() {
                deceive(stage, method, &word, &told).await?;
            }
        }
    }
    Ok(Verdict::Held)
}

/// Something in an answer that may lead requests elsewhere.
enum Word {
    /// A member of token answers, and the text that it honestly is.
    Member(String, String),
    /// A member that nobody declared, and that other services have.
    Usual(&'static str),
    /// What was captured, and whatever callback or answer it came from: the name, and the honest value.
    Capture(String, String),
}

impl Word {
    fn name(&self) -> &str {
        match self {
            Self::Member(name, _) | Self::Capture(name, _) => name,
            Self::Usual(name) => name,
        }
    }

    fn honest(&self) -> &str {
        match self {
            Self::Member(_, honest) | Self::Capture(_, honest) => honest,
            Self::Usual(_) => "https://api.example",
        }
    }

    /// What it says in a hostile service. Where it is a URL, URLs that look like it; and in any case what ends a host, or
    /// goes on with one, where somebody made it a part of a URL: `https://{word}.acme.example`, `https://api.acme.{word}`,
    /// `https://acme.example{word}`, `/{word}/me`.
    fn lies(&self) -> Vec<String> {
        let labels = [
            EVIL.to_owned(),
            format!("{EVIL}/x"),
            format!("{EVIL}/"),
            format!("{EVIL}#"),
            format!("{EVIL}?"),
            format!("{EVIL}\\"),
            format!("{EVIL}:443/"),
            format!("x@{EVIL}"),
            format!("x@{EVIL}/"),
            format!("@{EVIL}/"),
            format!(".{EVIL}"),
            format!("/{EVIL}/x"),
            format!("//{EVIL}/x"),
            format!("https://{EVIL}/x"),
        ];
        // What nobody declared is a URL or nothing.
        let labels = if matches!(self, Self::Usual(_)) { &labels[..1] } else { &labels[..] };
        let url = Url::parse(self.honest()).ok();
        let urls = url.as_ref().and_then(Url::host_str).map(|host| {
            [
                format!("https://{EVIL}"),
                format!("https://{host}.{EVIL}"),
                format!("https://{EVIL}/https://{host}"),
                format!("https://{host}@{EVIL}"),
                format!("http://{host}.{EVIL}"),
            ]
        });
        urls.into_iter().flatten().chain(labels.iter().cloned()).collect()
    }

    fn tell(&self, stage: &Stage, told: &str) {
        match self {
            Self::Member(..) | Self::Usual(_) => stage.service.answers_member(self.name(), told),
            Self::Capture(_, honest) => stage.service.lies_about(honest, told),
        }
    }

    fn take_back(&self, stage: &Stage) {
        match self {
            Self::Member(..) | Self::Usual(_) => stage.service.forgets_member(self.name()),
            Self::Capture(..) => stage.service.is_honest(),
        }
    }
}

/// The members of token answers that the profile declares, or the usual ones; and what an honest connection
/// captures, be it from there or from elsewhere.
async fn words(stage: &Stage, method: &str) -> Result<Vec<Word>, Failure> {
    let profile = &stage.profile;
    let text = |value: &Value| match value {
        Value::String(text) => Some(profile.filled(text, &profile.accounts[0])),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let own = profile.token_members.iter().filter_map(|(name, value)| Some((name.clone(), text(value)?)));
    let mut words: Vec<_> = own.map(|(name, honest)| Word::Member(name, honest)).collect();
    let is_url = |word: &Word| Url::parse(word.honest()).is_ok_and(|url| url.has_host());
    if !words.iter().any(is_url) {
        let undeclared = |name: &&&str| profile.token_members.iter().all(|(own, _)| own != **name);
        words.extend(USUAL.iter().filter(undeclared).map(|name| Word::Usual(name)));
    }
    for (name, value) in stage.connected(method).await?.grant.captures.iter() {
        words.push(Word::Capture(name.to_owned(), value.to_owned()));
    }
    Ok(words)
}

/// A first grant, and a renewal, whose answers lead elsewhere; and whatever is done with what they bring.
async fn deceive(stage: &Stage, method: &str, word: &Word, told: &str) -> Result<(), Failure> {
    for op in [Op::Complete, Op::Refresh].into_iter().filter(|op| stage.claims(*op)) {
        let honest = stage.connected(method).await?;
        let before = stage.service.received_count();
        word.tell(stage, told);
        let used = deceived(stage, method, &honest, op, told).await;
        word.take_back(stage);
        let what = format!("{method}: {op:?} with `{}` = {told:?}", word.name());
        used.map_err(|Failure(why)| Failure(format!("{what}: {why}")))?;
        all_at_home(stage, &what, &stage.service.received_after(before))?;
    }
    Ok(())
}

async fn deceived(
    stage: &Stage,
    method: &str,
    honest: &Connected,
    op: Op,
    told: &str,
) -> Result<(), Failure> {
    let attempt = match op {
        // Not every consent goes well whose callback is a lie; and to refuse an answer is safe.
        Op::Complete => match stage.attempt(method, op, None).await {
            Ok(attempt) => attempt,
            Err(_) => return Ok(()),
        },
        op => stage.attempt_with(method, honest, op, None).await?,
    };
    let Ok(grant) = attempt.grant() else {
        let dead = attempt.verdict() == Some(trunkline_core::Verdict::GrantDead);
        ensure!(stage, !dead, "it ends the grant");
        return Ok(());
    };
    let used = stage.use_grant(stage.auth(method)?, grant.clone(), honest.inputs.clone()).await;
    let Ok(connected) = used else { return Ok(()) };
    let endpoint = connected.session.endpoint();
    let base = endpoint.base();
    ensure!(stage, stage.origins().contains(&base.origin()), "requests are turned to {base}");
    if let Ok(url) = Url::parse(told) {
        ensure!(stage, !endpoint.allows(&url), "the credential may go there");
    }
    // What comes of each is other rules' matter: it is looked at where they went.
    for op in [Op::Identify, Op::Probe, Op::Refresh, Op::Revoke].into_iter().filter(|op| stage.claims(*op)) {
        stage.attempt_with(method, &connected, op, None).await?;
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
