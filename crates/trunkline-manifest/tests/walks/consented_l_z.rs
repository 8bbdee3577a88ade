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
        // An id token for client-1 whose subject is `x1`.
        token: (
            "https://identity.xero.com/connect/token",
            r#"{"access_token":"at","refresh_token":"rt","expires_in":1800,"id_token":"e30.eyJzdWIiOiJ4MSIsImF1ZCI6ImNsaWVudC0xIn0.s"}"#,
        ),
        ..row("xero", "", ("https://api.xero.com/connections", "[]"), "x1", "https://api.xero.com")
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
];
