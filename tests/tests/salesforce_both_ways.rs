//! Salesforce in code and as data, held against the same rules by the same service.

use trunkline::Config;
use trunkline_core::Account;
use trunkline_testkit::{Ability, Outcome, Profile, Report};

/// What the service does, whoever asks. The other profile of it is in the connector's own tests.
fn salesforce(profile: Profile) -> Profile {
    profile
        .accounts(
            Account::new("00D5g00000CAFE1EAP", "0055g00000AdA01AAF"),
            Account::new("00D5g00000BEEF2EAP", "0055g00000BoB02AAF"),
        )
        .access_token(|mint| format!("{}!{}", &mint.account.company[..15], mint.canary))
        .token_member("instance_url", "https://acme.my.salesforce.com")
        .token_member("id", "https://login.salesforce.com/id/{company}/{user}")
        .answers(
            "GET",
            "/services/oauth2/userinfo",
            r#"{"organization_id":"{company}","user_id":"{user}","preferred_username":"ada@acme.example"}"#,
        )
        .answers("GET", "/limits", r#"{"DailyApiRequests":{"Max":15000,"Remaining":14998}}"#)
        .rejects(401, r#"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#)
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
