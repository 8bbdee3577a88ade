//! What a way to hold a grant says about itself. Who wraps another one and forgets to pass a word on says the default.

use trunkline_core::{ConsentKind, ScopeSet};

use super::Played;
use crate::profile::Ability;
use crate::rule::Verdict;
use crate::stage::{Op, Stage, ensure};

/// Scopes that no service has.
const SCOPES: [&str; 2] = ["trunkline_testkit.one", "trunkline_testkit.two"];

pub(super) async fn policy_says_what_the_service_does(stage: &Stage) -> Played {
    let mut stated = 0;
    for method in stage.methods()? {
        let policy = stage.auth(method)?.policy();
        for (name, fact, said) in stage.profile.facts.of_grants(&policy) {
            stated += 1;
            ensure!(
                stage,
                fact == said,
                "{method}: `{name}` of the service is {fact}, and its policy says {said}"
            );
        }
    }
    match stated {
        0 => Ok(Verdict::Inapplicable(
            "the profile states nothing of how the service's grants live".to_owned(),
        )),
        _ => Ok(Verdict::Held),
    }
}

pub(super) async fn client_is_known_by_its_secret(stage: &Stage) -> Played {
    if stage.leaks.find(&stage.settings).is_empty() {
        return Ok(Verdict::Inapplicable("the settings hold no secret".to_owned()));
    }
    let other = stage.with_other_secrets()?;
    let before = stage.checks();
    for (method, op) in stage.asking(&[Op::Complete, Op::Refresh]).await? {
        let attempt = stage.attempt(method, op, None).await?;
        let leaks = attempt.requests.iter().flat_map(|request| stage.leaks.find(&request.sent.whole()));
        let leaks: Vec<_> = leaks.map(|leak| leak.name).collect();
        let by_secret = leaks.iter().any(|name| name.starts_with("setting "));
        let by_key = attempt.requests.iter().any(|request| request.param("client_assertion").is_some());
        // What a tenant gives may be what is refused, so that nobody knows whose fault it is.
        if !by_secret && !by_key || leaks.iter().any(|name| name.starts_with("input ")) {
            continue;
        }
        let identity = stage.auth(method)?.client_identity();
        ensure!(
            stage,
            identity.is_some(),
            "{}: a client proves itself, and `client_identity` is none",
            attempt.what
        );
        let again = stage.auth(method)?.client_identity();
        ensure!(stage, identity == again, "{method}: one client has two identities");
        if by_secret {
            let changed = other.auth(Some(method)).and_then(|auth| auth.client_identity());
            ensure!(stage, identity != changed, "{method}: another secret makes no other `client_identity`");
        }
    }
    match stage.checks() == before {
        true => Ok(Verdict::Inapplicable("no token request proves the client by a setting alone".to_owned())),
        false => Ok(Verdict::Held),
    }
}

pub(super) async fn scopes_are_in_the_services_form(stage: &Stage) -> Played {
    let separator = stage.profile.facts.scope_separator;
    let parameter = stage.profile.parameter_name("scope");
    let before = stage.checks();
    for method in stage.methods_by(ConsentKind::Redirect)? {
        let auth = stage.auth(method)?;
        // Not everybody lets an application ask for what nobody has.
        let consent = match stage.consent_for(&*auth, 0, SCOPES.into_iter().collect()).await {
            Ok(consent) => consent,
            Err(_) => stage.consent(&*auth, 0).await?,
        };
        let asked = consent.url().and_then(|url| url.query_pairs().find(|(name, _)| name == parameter));
        let (Some((_, asked)), Some(begun)) = (asked, &consent.begun) else { continue };
        let read = ScopeSet::parse(&asked, separator);
        ensure!(
            stage,
            read == begun.requested,
            "{method}: the URL asks for {asked:?}, which the service reads as other scopes than {:?}",
            begun.requested
        );
    }
    let granted: ScopeSet = SCOPES.into_iter().collect();
    if stage.profile.lack(Ability::GrantedScopes).is_none() {
        stage.service.grants(Some(&SCOPES.join(&separator.to_string())));
        for (method, op) in stage.asking(&[Op::Complete, Op::Refresh]).await? {
            let attempt = stage.attempt(method, op, None).await?;
            let told = &attempt.grant()?.credential.scopes;
            ensure!(
                stage,
                told.as_ref() == Some(&granted),
                "{}: two scopes were granted, with {separator:?} between them, and {told:?} is told",
                attempt.what
            );
        }
    }
    match stage.checks() == before {
        true => Ok(Verdict::Inapplicable("no request and no answer names scopes".to_owned())),
        false => Ok(Verdict::Held),
    }
}
