//! Services that a person approves, from L to Z.

use super::{Row, row};

pub(super) const ROWS: &[Row] = &[
    Row {
        token: (
            "https://api.linear.app/oauth/token",
            r#"{"access_token":"at","token_type":"Bearer","expires_in":315705599,"scope":"read write"}"#,
        ),
        ..row(
            "linear",
            "",
            ("https://api.linear.app/graphql", r#"{"data":{"viewer":{"id":"u","organization":{"id":"o"}}}}"#),
            "u@o",
            "https://api.linear.app",
        )
    },
    Row {
        after: (
            "https://login.mailchimp.com/oauth2/metadata",
            r#"{"dc":"us6","api_endpoint":"https://us6.api.mailchimp.com","accountname":"Freddie's","user_id":"42","login":{"login_id":"7"}}"#,
        ),
        probes: "https://us6.api.mailchimp.com/3.0/ping",
        token: (
            "https://login.mailchimp.com/oauth2/token",
            r#"{"access_token":"at","expires_in":0,"scope":null}"#,
        ),
        ..row(
            "mailchimp",
            "",
            (
                "https://login.mailchimp.com/oauth2/metadata",
                r#"{"accountname":"Freddie's","user_id":"42","login":{"login_id":"7"}}"#,
            ),
            "7@42",
            "https://us6.api.mailchimp.com/3.0",
        )
    },
    Row {
        settings: &[("directory", "organizations")],
        // An id token for client-1 with `tid` and `oid`.
        token: (
            "https://login.microsoftonline.com/organizations/oauth2/v2.0/token",
            r#"{"access_token":"at","refresh_token":"rt","token_type":"Bearer","expires_in":3599,"scope":"https://graph.microsoft.com/User.Read","id_token":"e30.eyJhdWQiOiJjbGllbnQtMSIsInRpZCI6IjkxMjIwNDBkLTZjNjctNGM1Yi1iMTEyLTM2YTMwNGI2NmRhZCIsIm9pZCI6IjFmMGM0ZmFlLTJiMGEtNGE1MS05ZDFkLTNmNmUwYzBmN2ExMSJ9.s"}"#,
        ),
        ..row(
            "microsoft",
            "",
            ("https://graph.microsoft.com/v1.0/me", r#"{"id":"1f0c4fae-2b0a-4a51-9d1d-3f6e0c0f7a11"}"#),
            "1f0c4fae-2b0a-4a51-9d1d-3f6e0c0f7a11@9122040d-6c67-4c5b-b112-36a304b66dad",
            "https://graph.microsoft.com/v1.0",
        )
    },
    Row {
        token: (
            "https://api.miro.com/v1/oauth/token",
            r#"{"token_type":"bearer","team_id":"30744","access_token":"at","refresh_token":"rt","scope":"boards:read","expires_in":3599}"#,
        ),
        ..row(
            "miro",
            "",
            (
                "https://api.miro.com/v1/oauth-token",
                r#"{"type":"oAuthToken","team":{"type":"team","id":"30744"},"user":{"type":"user","id":"7"}}"#,
            ),
            "7@30744",
            "https://api.miro.com/v2",
        )
    },
    Row {
        inputs: &[("account", "1234567-sb1")],
        callback: "code=c&role=3&entity=4622&company=1234567_SB1",
        token: (
            "https://1234567-sb1.suitetalk.api.netsuite.com/services/rest/auth/oauth2/v1/token",
            r#"{"access_token":"at","refresh_token":"rt","expires_in":"3600","token_type":"bearer"}"#,
        ),
        ..row(
            "netsuite_oauth2",
            "",
            (
                "https://1234567-sb1.suitetalk.api.netsuite.com/services/rest/record/v1/metadata-catalog",
                r#"{"items":[]}"#,
            ),
            "4622@1234567-sb1",
            "https://1234567-sb1.suitetalk.api.netsuite.com/services/rest",
        )
    },
    Row {
        token: (
            "https://api.notion.com/v1/oauth/token",
            r#"{"access_token":"at","bot_id":"b-1","workspace_id":"w-1","owner":{"workspace":true}}"#,
        ),
        ..row("notion", "", ("", ""), "b-1@w-1", "https://api.notion.com/v1")
    },
    Row {
        token: (
            "https://oauth.pipedrive.com/oauth/token",
            r#"{"access_token":"at","refresh_token":"rt","token_type":"Bearer","expires_in":3599,"scope":"base,deals:full","api_domain":"https://mi6.pipedrive.com"}"#,
        ),
        ..row(
            "pipedrive",
            "",
            (
                "https://mi6.pipedrive.com/api/v1/users/me",
                r#"{"success":true,"data":{"id":777,"company_id":1}}"#,
            ),
            "777@1",
            "https://mi6.pipedrive.com/api/v1",
        )
    },
    Row {
        callback: "code=c&realmId=4620816365",
        ..row(
            "quickbooks",
            "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",
            (
                "https://quickbooks.api.intuit.com/v3/company/4620816365/companyinfo/4620816365",
                r#"{"CompanyInfo":{}}"#,
            ),
            "4620816365",
            "https://quickbooks.api.intuit.com/v3/company/4620816365",
        )
    },
    Row {
        settings: &[("login_host", "test")],
        probes: "https://acme.my.salesforce.com/services/data/v65.0/limits",
        token: (
            "https://test.salesforce.com/services/oauth2/token",
            r#"{"access_token":"at","refresh_token":"rt","instance_url":"https://acme.my.salesforce.com","token_type":"Bearer"}"#,
        ),
        ..row(
            "salesforce",
            "",
            (
                "https://acme.my.salesforce.com/services/oauth2/userinfo",
                r#"{"organization_id":"00D5g00000CAFE1EAP","user_id":"0055g00000AdA01AAF","preferred_username":"ada@acme.example"}"#,
            ),
            "0055g00000AdA01AAF@00D5g00000CAFE1EAP",
            "https://acme.my.salesforce.com/services/data/v65.0",
        )
    },
    Row {
        // Signed with the secret of these tests.
        callback: "code=c&shop=acme.myshopify.com&timestamp=1337178173&\
            hmac=c6f98dff90995b6a927a7b96e9b01ac4b6694cc9de9ed9a82c31e10867a40a7b",
        inputs: &[("shop", "acme")],
        token: (
            "https://acme.myshopify.com/admin/oauth/access_token",
            r#"{"access_token":"at","scope":"read_orders,write_orders","expires_in":3600,"refresh_token":"rt","refresh_token_expires_in":7776000}"#,
        ),
        carries: &[("x-shopify-access-token", "at")],
        ..row(
            "shopify_oauth",
            "",
            (
                "https://acme.myshopify.com/admin/api/2026-07/graphql.json",
                r#"{"data":{"shop":{"id":"gid://shopify/Shop/1"}}}"#,
            ),
            "gid://shopify/Shop/1",
            "https://acme.myshopify.com/admin/api/2026-07",
        )
    },
    Row {
        token: (
            "https://slack.com/api/oauth.v2.access",
            r#"{"ok":true,"access_token":"at","token_type":"bot","scope":"commands,incoming-webhook","bot_user_id":"U1","app_id":"A1","expires_in":43200,"refresh_token":"rt","team":{"name":"Acme","id":"T1"},"enterprise":null,"authed_user":{"id":"U9"}}"#,
        ),
        ..row(
            "slack",
            "",
            (
                "https://slack.com/api/auth.test",
                r#"{"ok":true,"url":"https://acme.slack.com/","team":"Acme","user":"bot","team_id":"T1","user_id":"U1"}"#,
            ),
            "U1@T1",
            "https://slack.com/api",
        )
    },
    Row {
        token: (
            "https://connect.squareup.com/oauth2/token",
            r#"{"access_token":"at","token_type":"bearer","expires_at":"2026-02-01T03:04:05Z","merchant_id":"MLQW2MYBY81PZ","refresh_token":"rt","short_lived":false}"#,
        ),
        carries: &[("authorization", "Bearer at"), ("square-version", "2025-08-20")],
        ..row(
            "square",
            "",
            ("https://connect.squareup.com/v2/merchants/me", r#"{"merchant":{"id":"MLQW2MYBY81PZ"}}"#),
            "MLQW2MYBY81PZ",
            "https://connect.squareup.com/v2",
        )
    },
    Row {
        // An id token for client-1 whose subject is `x1`.
        token: (
            "https://identity.xero.com/connect/token",
            r#"{"access_token":"at","refresh_token":"rt","expires_in":1800,"id_token":"e30.eyJzdWIiOiJ4MSIsImF1ZCI6ImNsaWVudC0xIn0.s"}"#,
        ),
        after: (
            "https://api.xero.com/connections",
            r#"[{"id":"e1","tenantId":"45e4708e-d862-4111-ab3a-dd8cd03913e1","tenantType":"ORGANISATION","tenantName":"Maple Florists Ltd"}]"#,
        ),
        carries: &[("authorization", "Bearer at")],
        ..row(
            "xero",
            "",
            ("https://api.xero.com/connections", "[]"),
            "x1@45e4708e-d862-4111-ab3a-dd8cd03913e1",
            "https://api.xero.com",
        )
    },
    Row {
        inputs: &[("subdomain", "acme")],
        ..row(
            "zendesk",
            "https://acme.zendesk.com/oauth/tokens",
            ("https://acme.zendesk.com/api/v2/users/me.json", r#"{"user":{"id":3}}"#),
            "3@acme",
            "https://acme.zendesk.com/api/v2",
        )
    },
    Row {
        callback: "code=c&location=eu&accounts-server=https%3A%2F%2Faccounts.zoho.eu",
        token: (
            "https://accounts.zoho.eu/oauth/v2/token",
            r#"{"access_token":"at","refresh_token":"rt","scope":"ZohoCRM.org.READ","api_domain":"https://www.zohoapis.eu","token_type":"Bearer","expires_in":3600}"#,
        ),
        carries: &[("authorization", "Zoho-oauthtoken at")],
        ..row(
            "zoho_crm",
            "",
            ("https://www.zohoapis.eu/crm/v8/org", r#"{"org":[{"id":"4150868000000225001"}]}"#),
            "4150868000000225001",
            "https://www.zohoapis.eu/crm/v8",
        )
    },
    row(
        "zoom",
        "https://zoom.us/oauth/token",
        ("https://api.zoom.us/v2/users/me", r#"{"id":"z8yCxjabcdEFGHfp8uQ","account_id":"a-1","type":2}"#),
        "z8yCxjabcdEFGHfp8uQ@a-1",
        "https://api.zoom.us/v2",
    ),
];
