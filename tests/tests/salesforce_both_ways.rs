//! Salesforce in code and as data, held against the same rules by the same service.

use trunkline::Config;
use trunkline_testkit::{Ability, Outcome, Profile, Report};

#[path = "../../crates/trunkline-salesforce/tests/service/mod.rs"]
mod service;

fn salesforce(profile: Profile) -> Profile {
    service::salesforce(profile)
        .fixtures(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/trunkline-salesforce/tests/fixtures"))
        .methods(["authorization_code"])
}

const CLIENT: &str = r#"
    client_id = "3MVG9.consumer"
    client_secret = "{canary}"
    redirect_uri = "https://app.example.com/connect/salesforce"
"#;

fn in_code() -> Profile {
    let settings = format!("{CLIENT}\nlogin_url = \"https://login.salesforce.com\"\n");
    salesforce(Profile::named("salesforce", &settings))
}

fn as_data() -> Profile {
    let settings = format!("{CLIENT}\nname = \"salesforce\"\ninputs = {{ login_host = \"login\" }}\n");
    salesforce(Profile::named("salesforce as data", &settings))
        .configured(|file| {
            let file = file.replace("\"salesforce as data\"", "\"manifest\"");
            Config::from_toml(&file, "the kit's settings")
        })
        .host("https://login.salesforce.com")
        .lacks(Ability::Permissions, "a manifest knows scopes alone")
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Kept(_) => "kept",
        Outcome::DoesNotApply(_) => "does not apply",
        Outcome::Broken(_) => "broken",
    }
}

#[test]
fn code_and_data_keep_the_same_rules_but_for_permissions() {
    let (code, data) = (Report::of(&in_code()), Report::of(&as_data()));
    let broken = code.broken().chain(data.broken()).collect::<Vec<_>>();
    assert_eq!(broken, [""; 0], "{code}\n{data}");
    let differs: Vec<_> = code
        .rows
        .iter()
        .zip(&data.rows)
        .inspect(|((name, _), (other, _))| assert_eq!(name, other))
        .filter(|((_, code), (_, data))| word(code) != word(data))
        .map(|((name, code), (_, data))| (*name, word(code), word(data)))
        .collect();
    let expected = [
        // What it does not claim, it does not do.
        ("unclaimed_capability_is_unsupported", "does not apply", "kept"),
        ("permission_map_is_consistent", "kept", "does not apply"),
    ];
    assert_eq!(differs, expected);
}
