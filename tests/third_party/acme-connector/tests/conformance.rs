//! The kit against Acme.

use acme_connector::AcmeConfig;
use trunkline_testkit::{Ability, Profile};

fn profile() -> Profile {
    Profile::of::<AcmeConfig>("acme", r#"base_url = "https://example.acme.test""#)
        .input("api_key", "acme_{canary}")
        .answers("GET", "/whoami", "{user}@{company}")
        .rejects(401, "")
        .lacks(Ability::Renewal, "a key has no end, and nothing renews it")
        .lacks(Ability::Revocation, "a key is deleted in Acme's own settings")
        .lacks(Ability::Probe, "Acme has no call for it")
        .lacks(Ability::Permissions, "Acme documents none")
        .lacks(Ability::GrantedScopes, "a key has no scopes")
        .fixtures("tests/fixtures")
}

trunkline_testkit::conformance_tests!(profile());
