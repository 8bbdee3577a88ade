//! The page that describes every cause, made from the tables of the code.

use std::fmt::Write;

use trunkline_core::{Actor, Cause, Family, Retry, Verdict};

const HEAD: &str = "\
# What can go wrong

<!-- Made from the code: cargo run -p trunkline-core --example errors > docs/errors.md -->

A failure is a `Diagnosis`: its cause from this closed list, the family that users know, who can end it, what they do,
whether the same call may succeed later, and the evidence (status, the service's codes and support id; never a secret,
never a body). The codes are stable. Connectors may name another actor and other steps for one case, in the words of
the service's own menus.

Each cause has advice for everyone who can meet it, since the one who sees a failure is often not the one who can end
it: `diagnosis.remedy_for(Actor::CustomerUser)`. `Texts` holds them in other languages, by code and actor.
";

const FAMILIES: [(Family, &str, &str); 5] = [
    (Family::ExpiredAccessToken, "expired_access_token", "Expired access token"),
    (Family::RevokedOrInvalidToken, "revoked_or_invalid_token", "Revoked or invalid token"),
    (Family::InvalidCredentials, "invalid_credentials", "Invalid credentials"),
    (Family::InsufficientPermissions, "insufficient_permissions", "Insufficient permissions"),
    (Family::Other, "other", "Other"),
];

/// The whole page.
pub(crate) fn render() -> String {
    let mut page = HEAD.to_owned();
    for (family, code, title) in FAMILIES {
        let causes = || Cause::ALL.iter().filter(move |cause| cause.family() == family);
        let _infallible =
            write!(page, "\n## {title}\n\nFamily `{code}`.\n\n| cause | what happened |\n| --- | --- |\n");
        for cause in causes() {
            let _infallible = writeln!(page, "| [`{cause}`](#{cause}) | {} |", cause.summary());
        }
        for cause in causes() {
            page.push_str(&section(*cause));
        }
    }
    page
}

fn section(cause: Cause) -> String {
    let retry = match cause.retry() {
        Retry::AfterRenewal => "now, after one renewal".to_owned(),
        Retry::After { after_s } => format!("after {after_s} s, or after the time that the service names"),
        _ => "not before somebody has acted".to_owned(),
    };
    let mut text = format!(
        "\n### {cause}\n\n{}\n\n- **Recognised by:** {}\n- **Acts:** {}\n- **The same call again:** {retry}\n\
         - **For the connection:** {}\n- **Error kind:** `{:?}`\n",
        cause.meaning(),
        cause.recognised(),
        cause.actor(),
        consequence(cause.verdict()),
        cause.kind(),
    );
    for actor in cause.met_by() {
        let Some(advice) = cause.advice(*actor) else { continue };
        let _infallible = write!(text, "\n{}:\n\n", addressed(*actor));
        for (at, step) in advice.steps().enumerate() {
            let _infallible = writeln!(text, "{}. {step}", at + 1);
        }
    }
    text
}

/// A heading for whom the steps are.
fn addressed(actor: Actor) -> String {
    let name = actor.to_string();
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn consequence(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::CallOnly => "nothing; it is about this call",
        Verdict::Transient => "nothing; a renewal that meets it is tried again",
        Verdict::OutcomeUnknown => "nothing yet; a renewal that meets it is resolved by the service's rules",
        Verdict::RenewAccessToken => "one renewal decides",
        Verdict::GrantDead => "it needs a new consent, if a renewal met it",
        Verdict::Suspended => "it is suspended, if a renewal met it, until somebody at the customer acts",
        Verdict::ClientBroken => "nothing; the application's own client is broken for all",
        _ => "see the documentation of `Verdict`",
    }
}
