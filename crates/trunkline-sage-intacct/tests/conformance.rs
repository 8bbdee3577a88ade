//! The kit against the connector for Sage Intacct.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use trunkline_core::{NewConsent, RevokeScope};
use trunkline_sage_intacct::SageIntacctConfig;
use trunkline_testkit::{Mint, Profile};

/// A token as Sage makes it: a JWT whose claims name company and user, and whose signature nobody here can check.
fn token(mint: &Mint) -> String {
    let issued = mint.issued_at.as_second();
    let claims = format!(
        r#"{{"cnyId":"{}","userId":"{}","iat":{issued},"exp":{}}}"#,
        mint.account.company,
        mint.account.user,
        issued.saturating_add_unsigned(mint.lives.as_secs()),
    );
    format!(
        "{}.{}.{}",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#),
        URL_SAFE_NO_PAD.encode(claims),
        mint.canary
    )
}

fn sage(settings: &str) -> Profile {
    let common = r#"
        client_id = "0a1b2c3d4e5f60718293.app.sage.com"
        client_secret = "{canary}"
        base_url = "https://api.intacct.com"
    "#;
    Profile::of::<SageIntacctConfig>("sage_intacct", &format!("{common}{settings}"))
        .access_token(token)
        .answers("GET", "/services/core/session/id", r#"{"ia::result":{"sessionId":"{canary}","endpoint":""}}"#)
        .rejects(
            401,
            r#"{"error":{"code":"tokenInvalid","message":"Token is not valid","errorId":"REST-2102","additionalInfo":{"messageId":"IA.TOKEN_IS_INVALID","placeholders":{},"propertySet":{}}}}"#,
        )
        .reads_by_post("/services/core/query")
        .revocation_ends(RevokeScope::AccountPool)
        .new_consent(NewConsent::EndsEarlier)
        .fixtures("tests/fixtures")
}

fn authorization_code() -> Profile {
    sage(r#"redirect_uri = "https://app.example.com/connect/sage""#).methods(["authorization_code"])
}

trunkline_testkit::conformance_tests!(authorization_code());

mod client_credentials {
    //! A Web Services user that the inputs name.

    use super::*;

    fn profile() -> Profile {
        sage(r#"grant = "client_credentials""#)
            .methods(["client_credentials"])
            .input("username", "{user}@{company}")
    }

    trunkline_testkit::conformance_tests!(profile());
}
