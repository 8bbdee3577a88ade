//! Salesforce as the kit plays it, whoever asks.

use trunkline_core::Account;
use trunkline_testkit::Profile;

pub(crate) fn salesforce(profile: Profile) -> Profile {
    profile
        .accounts(
            Account::new("00D5g00000CAFE1EAP", "0055g00000AdA01AAF"),
            Account::new("00D5g00000BEEF2EAP", "0055g00000BoB02AAF"),
        )
        // As Salesforce makes them: the org's id, an exclamation mark, and the session.
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
}
