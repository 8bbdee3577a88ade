//! The kit is tested itself: a healthy provider keeps every rule, and each seeded flaw is rejected by the rule that names it.

#[path = "seeded/device.rs"]
mod device;
#[path = "seeded/flaw.rs"]
mod flaw;
#[path = "seeded/flawless.rs"]
mod flawless;
#[path = "seeded/label.rs"]
mod label;
#[path = "seeded/map.rs"]
mod map;
#[path = "seeded/provider.rs"]
mod provider;
#[path = "seeded/signed.rs"]
mod signed;

use std::time::Duration;

use device::DeviceConfig;
use flaw::{ALSO, FLAWS, Flaw};
use provider::{LaxConfig, PlainConfig};
use signed::SignedConfig;
use trunkline_core::Reuse;
use trunkline_testkit::{Ability, Outcome, Profile, Report, Rule, Signing, TokenAnswer};

const SETTINGS: &str = r#"
    client_id = "client-1"
    client_secret = "{canary}"
    login_url = "https://login.plain.test"
"#;

fn of(profile: Profile) -> Profile {
    profile
        .callback_hmac("hmac")
        .token_member("api_url", "https://api.plain.test")
        .answers("GET", "/me", r#"{"company":"{company}","user":"{user}"}"#)
        .answers("POST", "/me", r#"{"company":"{company}","user":"{user}"}"#)
        .answers("GET", "/rights", r#"["invoices: read"]"#)
        .reuse(Reuse::Grace { window: Duration::from_secs(3_600) })
        .fixtures("tests/fixtures")
}

/// The flaw as the settings have it.
fn name(flaw: Flaw) -> String {
    format!("{flaw:?}").chars().fold(String::new(), |mut name, c| {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
        name
    })
}

/// A provider of a service that shows codes.
fn shows_codes(flaw: Flaw) -> Profile {
    let settings = format!(
        "client_id = \"client-1\"\nclient_secret = \"{{canary}}\"\nflaw = \"{}\"\n\
         device_url = \"https://login.plain.test/device_authorization\"\n\
         token_url = \"https://login.plain.test/token\"\nbase_url = \"https://api.plain.test\"\n",
        name(flaw)
    );
    Profile::of::<DeviceConfig>("device", &settings)
        .answers("GET", "/me", r#"{"company":"{company}","user":"{user}"}"#)
        .lacks(Ability::Probe, "it is about codes")
        .lacks(Ability::Revocation, "it is about codes")
        .lacks(Ability::Permissions, "it is about codes")
        .fixtures("tests/fixtures")
}

/// A provider of a service whose requests are signed.
fn signs(flaw: Flaw) -> Profile {
    let settings = format!(
        "client_id = \"client-1\"\nclient_secret = \"{{canary}}\"\nflaw = \"{}\"\n\
         redirect_uri = \"https://app.example.com/connect/signed\"\nservice_url = \"https://api.plain.test\"\n",
        name(flaw)
    );
    let lacks = [
        Ability::Renewal,
        Ability::Revocation,
        Ability::Probe,
        Ability::Permissions,
        Ability::Pkce,
        Ability::GrantedScopes,
        Ability::TokenTypes,
        Ability::Expiry,
    ];
    let profile = Profile::of::<SignedConfig>("signed", &settings)
        .signed(Signing::new("HMAC-SHA1"))
        .refresh_token("oauth1", false)
        .answers("GET", "/me", r#"{"company":"{company}","user":"{user}"}"#)
        .fixtures("tests/fixtures");
    lacks.into_iter().fold(profile, |profile, lack| profile.lacks(lack, "it is about signatures"))
}

/// The rules about signed requests.
const OF_SIGNATURES: [&str; 3] =
    ["signature_covers_the_request", "signed_requests_come_once", "signing_secrets_are_never_sent"];

/// The provider with one flaw, or with none.
fn seeded(flaw: Flaw) -> Profile {
    match flaw {
        Flaw::AcceptsAnySetting => of(Profile::of::<LaxConfig>("lax", SETTINGS)),
        Flaw::TakesADenialForPending
        | Flaw::IgnoresSlowDown
        | Flaw::PollsTwiceAtOnce
        | Flaw::ShowsTheDeviceCode => shows_codes(flaw),
        Flaw::SignsWithoutTheQuery
        | Flaw::SignsWithoutTheForm
        | Flaw::SendsASignatureTwice
        | Flaw::DatesByItsOwnClock
        | Flaw::SendsWhatSigns => signs(flaw),
        flaw => {
            let settings = format!("{SETTINGS}\nflaw = \"{}\"\n", name(flaw));
            let profile = of(Profile::of::<PlainConfig>("plain", &settings));
            match flaw {
                Flaw::RevokesThoughItIsNotClaimed => profile.lacks(Ability::Revocation, "Plain has none"),
                flaw if label::OF_A_REGION.contains(&flaw) => profile
                    .token_member("region", "eu")
                    .callback_param("realm", "eu")
                    .host("https://eu.api.plain.test")
                    .host("https://eu.login.plain.test"),
                Flaw::JoinsScopesWithSpaces | Flaw::ReadsScopesBySpaces => profile.scope_separator(','),
                Flaw::MissesItsInputTooLate => profile.input("shop", "acme-shop"),
                _ => profile,
            }
        }
    }
}

trunkline_testkit::conformance_tests!(seeded(Flaw::Healthy));

#[test]
fn a_healthy_provider_keeps_every_rule_and_none_is_left_out() {
    let report = Report::of(&seeded(Flaw::Healthy));
    assert_eq!(report.rows.len(), Rule::all().len());
    let others: Vec<_> =
        report.rows.iter().filter(|(_, outcome)| !matches!(outcome, Outcome::Kept(_))).collect();
    let applies = |name: &str| {
        !["unclaimed_capability_is_unsupported", "missing_input_is_named", "device_poll_says_what_it_heard"]
            .contains(&name)
            && !OF_SIGNATURES.contains(&name)
    };
    let unkept: Vec<_> = others.into_iter().filter(|(name, _)| applies(name)).collect();
    assert!(unkept.is_empty(), "{unkept:?}");
}

#[test]
fn a_healthy_provider_of_codes_keeps_the_rule_about_them() {
    let rule = Rule::named("device_poll_says_what_it_heard").unwrap();
    let outcome = rule.play(&shows_codes(Flaw::Healthy));
    assert!(matches!(outcome, Outcome::Kept(_)), "{outcome}");
}

#[test]
fn a_healthy_provider_of_signed_requests_keeps_the_rules_about_them() {
    for name in OF_SIGNATURES {
        let outcome = Rule::named(name).unwrap().play(&signs(Flaw::Healthy));
        assert!(matches!(outcome, Outcome::Kept(_)), "{name}: {outcome}");
    }
}

#[test]
fn the_kit_takes_less_than_ten_seconds_for_a_provider() {
    #[expect(clippy::disallowed_methods, reason = "what is measured is the machine's own time")]
    let began = std::time::Instant::now();
    let report = Report::of(&seeded(Flaw::Healthy));
    let took = began.elapsed();
    println!("{} rules, one after the other: {} ms", report.rows.len(), took.as_millis());
    assert!(took.as_secs() < 10, "{took:?}");
}

#[test]
fn every_seeded_flaw_is_rejected_by_the_rule_that_names_it() {
    let mut survivors = Vec::new();
    for (flaw, name) in FLAWS.iter().chain(ALSO) {
        let rule = Rule::named(name).unwrap_or_else(|| panic!("no rule {name}"));
        match rule.play(&seeded(*flaw)) {
            Outcome::Broken(why) => {
                assert!(!why.contains("settings are refused"), "{flaw:?} was never played: {why}");
                let why: String = why.chars().take(110).collect();
                println!("{flaw:?}: rejected by {name}: {why}");
            }
            outcome => survivors.push(format!("{flaw:?} survives {name}: {outcome}")),
        }
    }
    let all = FLAWS.len() + ALSO.len();
    let killed = all - survivors.len();
    let rate = 100.0 * killed as f64 / all as f64;
    println!("{} seeded flaws, played {all} times, {killed} rejected: {rate:.1} %", FLAWS.len());
    assert!(FLAWS.len() >= 30, "{} flaws are too few", FLAWS.len());
    assert!(survivors.is_empty(), "{}", survivors.join("\n"));
}

#[test]
fn every_rule_has_a_flaw_that_it_rejects() {
    let named: Vec<_> = FLAWS.iter().chain(ALSO).map(|(_, name)| *name).collect();
    let without: Vec<_> = Rule::all().iter().filter(|rule| !named.contains(&rule.name)).collect();
    assert!(without.is_empty(), "{without:?}");
}

#[test]
fn a_service_that_counts_minutes_is_played_in_whole_ones() {
    let minutes = |answer: &TokenAnswer| {
        let mut told = answer.standard();
        told["expires_in"] = answer.expires_in.map(|life| life.as_secs() / 60).into();
        told
    };
    let profile = seeded(Flaw::CountsMinutes).token_answer(minutes);
    let rule = Rule::named("expiry_is_counted_in_seconds_from_the_request").unwrap();
    let in_seconds = rule.play(&profile);
    assert!(matches!(in_seconds, Outcome::Broken(_)), "30 s are no minute: {in_seconds}");
    let in_minutes = rule.play(&profile.lives_in(Duration::from_secs(60)));
    assert!(matches!(in_minutes, Outcome::Kept(_)), "{in_minutes}");
    // Who takes the minutes for seconds is seen as well.
    let seconds = seeded(Flaw::Healthy).token_answer(minutes).lives_in(Duration::from_secs(60));
    let mistaken = rule.play(&seconds);
    assert!(matches!(mistaken, Outcome::Broken(_)), "{mistaken}");
}

/// What the rule about fixtures says of a healthy provider with these.
fn with_fixtures(folder: &str) -> String {
    let rule = Rule::named("fixtures_are_diagnosed_as_expected").expect("there is one");
    rule.play(&seeded(Flaw::Healthy).fixtures(format!("tests/odd_fixtures/{folder}"))).to_string()
}

#[test]
fn a_misspelt_cause_of_a_fixture_is_told_with_the_one_that_is_meant() {
    let told = with_fixtures("misspelt");
    assert!(told.contains("`grant_revokt` is no cause; did you mean `grant_revoked`?"), "{told}");
}

#[test]
fn an_unknown_outcome_is_no_fixture_of_an_outage() {
    let told = with_fixtures("no_outage");
    assert!(told.contains("no fixture is of a pause or an outage"), "{told}");
}

#[test]
fn the_guide_lists_every_rule_in_its_words() {
    let guide = include_str!("../../../docs/guides/test-a-connector.md");
    for rule in Rule::all() {
        let hub = if rule.needs_hub { " (in a hub)" } else { "" };
        let row = format!("| `{}`{hub} | {} |", rule.name, rule.about);
        assert!(guide.contains(&row), "{row}");
    }
}
