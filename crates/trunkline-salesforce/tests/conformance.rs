//! The kit against the connector for Salesforce.

mod service;

use trunkline_salesforce::SalesforceConfig;
use trunkline_testkit::Profile;

fn salesforce(settings: &str) -> Profile {
    let common = r#"
        client_id = "3MVG9.consumer"
        client_secret = "{canary}"
    "#;
    let profile = Profile::of::<SalesforceConfig>("salesforce", &format!("{common}{settings}"));
    service::salesforce(profile).fixtures("tests/fixtures")
}

fn web_server() -> Profile {
    salesforce(
        r#"
        redirect_uri = "https://app.example.com/connect/salesforce"
        login_url = "https://login.salesforce.com"
        "#,
    )
    .methods(["authorization_code"])
}

trunkline_testkit::conformance_tests!(web_server());

mod client_credentials {
    //! The app's own user.

    use super::*;

    fn profile() -> Profile {
        salesforce(
            r#"
            grant = "client_credentials"
            login_url = "https://acme.my.salesforce.com"
            "#,
        )
        .methods(["client_credentials"])
    }

    trunkline_testkit::conformance_tests!(profile());
}

mod jwt_bearer {
    //! A user whom an assertion names: nothing is spent, and each renewal signs anew.

    use std::sync::OnceLock;

    use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// A private key as PEM, made once: a test of each rule needs one.
    fn key() -> &'static str {
        static KEY: OnceLock<String> = OnceLock::new();
        KEY.get_or_init(|| {
            let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key is made");
            let der: Pkcs8V1Der<'_> = pair.as_der().expect("a key has a form");
            format!(
                "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
                STANDARD.encode(der.as_ref())
            )
        })
    }

    fn profile() -> Profile {
        salesforce(
            r#"
            grant = "jwt_bearer"
            login_url = "https://login.salesforce.com"
            private_key = "{key}"
            "#,
        )
        .secret("key", key())
        .methods(["jwt_bearer"])
        .input("username", "{user}@acme.example")
    }

    trunkline_testkit::conformance_tests!(profile());
}
