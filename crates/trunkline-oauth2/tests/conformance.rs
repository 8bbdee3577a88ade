//! The kit against the connector for any standard service, as a client with a secret and as one without.

use trunkline_oauth2::OAuth2Config;
use trunkline_testkit::{Ability, Profile};

const NO_MAP: &str = "the standards name no permissions beside scopes";

/// Everything that the settings offer.
fn confidential() -> Profile {
    Profile::of::<OAuth2Config>(
        "oauth2",
        r#"
            client_id = "client-1"
            client_secret = "{canary}"
            redirect_uri = "https://app.example.com/connect/acme"
            base_url = "https://api.acme.test/v1"
            authorization_endpoint = "https://login.acme.test/authorize?tenant=1"
            token_endpoint = "https://login.acme.test/token"
            revocation_endpoint = "https://login.acme.test/revoke"
            userinfo_endpoint = "https://login.acme.test/userinfo"
            account_company = "company"
            scopes = ["openid", "offline_access"]
        "#,
    )
    .methods(["authorization_code"])
    .answers("GET", "/userinfo", r#"{"sub":"{user}","company":"{company}"}"#)
    .lacks(Ability::Permissions, NO_MAP)
    .fixtures("tests/fixtures")
}

trunkline_testkit::conformance_tests!(confidential());

mod client_credentials {
    //! The application's own grants: nobody is asked, and each renewal mints anew.

    use super::*;

    fn profile() -> Profile {
        Profile::of::<OAuth2Config>(
            "oauth2",
            r#"
                client_id = "client-1"
                client_secret = "{canary}"
                token_endpoint_auth_method = "client_secret_post"
                grant_type = "client_credentials"
                base_url = "https://api.acme.test/v1"
                token_endpoint = "https://login.acme.test/token"
            "#,
        )
        .methods(["client_credentials"])
        .lacks(Ability::Permissions, NO_MAP)
        .lacks(Ability::Revocation, "no revocation endpoint is set")
        .lacks(Ability::Probe, "no endpoint is set that answers to a living token only")
        .lacks(Ability::Account, "the application itself is no user")
        .fixtures("tests/fixtures")
    }

    trunkline_testkit::conformance_tests!(profile());
}
