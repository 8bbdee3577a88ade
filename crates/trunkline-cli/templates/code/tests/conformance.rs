//! The kit against Acme: one test of each rule of the contract.

use acme_connector::AcmeConfig;
use trunkline_testkit::{Ability, Profile};

/// What the kit has to know: the settings, how Acme answers, and what it does not have.
fn profile() -> Profile {
    let settings = r#"
        base_url = "https://api.acme.example"
        client_id = "client-1"
        client_secret = "{canary}"
        redirect_uri = "https://app.example.com/connect/acme"
    "#;
    Profile::of::<AcmeConfig>("acme", settings)
        .answers("GET", "/me", r#"{"company":"{company}","user":"{user}"}"#)
        .lacks(Ability::Permissions, "Acme documents none")
        .fixtures("tests/fixtures")
}

trunkline_testkit::conformance_tests!(profile());
