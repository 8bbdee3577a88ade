//! Services whose keys, passwords or clients are given.

use super::{Row, row};

pub(super) const ROWS: &[Row] = &[
    Row {
        inputs: &[("company_domain", "mycompany"), ("api_key", "k")],
        token: ("", ""),
        carries: &[("authorization", "Basic azp4")],
        ..row("bamboohr", "", ("", ""), "mycompany", "https://api.bamboohr.com/api/gateway.php/mycompany/v1")
    },
    Row {
        inputs: &[("enterprise_id", "123456")],
        token: (
            "https://api.box.com/oauth2/token",
            r#"{"access_token":"at","expires_in":4123,"restricted_to":[],"token_type":"bearer"}"#,
        ),
        ..row(
            "box_enterprise",
            "",
            ("https://api.box.com/2.0/users/me", r#"{"type":"user","id":"2"}"#),
            "2@123456",
            "https://api.box.com/2.0",
        )
    },
    Row {
        inputs: &[("site", "us3.datadoghq.com"), ("api_key", "k"), ("application_key", "a")],
        token: ("", ""),
        carries: &[("dd-api-key", "k"), ("dd-application-key", "a")],
        ..row(
            "datadog",
            "",
            ("https://api.us3.datadoghq.com/api/v2/validate_keys", r#"{"status":"ok"}"#),
            "",
            "https://api.us3.datadoghq.com/api",
        )
    },
    Row {
        inputs: &[("domain", "acme"), ("api_key", "k")],
        token: ("", ""),
        carries: &[("authorization", "Basic azpY")],
        ..row(
            "freshdesk",
            "",
            ("https://acme.freshdesk.com/api/v2/agents/me", r#"{"id":1,"contact":{"name":"Ada"}}"#),
            "1@acme",
            "https://acme.freshdesk.com/api/v2",
        )
    },
    Row {
        inputs: &[("api_token", "t")],
        token: ("", ""),
        carries: &[("authorization", "Bearer t")],
        ..row(
            "front",
            "",
            ("https://api2.frontapp.com/me", r#"{"id":"cmp_k30","name":"Acme"}"#),
            "cmp_k30",
            "https://api2.frontapp.com",
        )
    },
    Row {
        inputs: &[("api_key", "pk_1")],
        token: ("", ""),
        carries: &[("authorization", "Klaviyo-API-Key pk_1"), ("revision", "2026-07-15")],
        ..row(
            "klaviyo",
            "",
            ("https://a.klaviyo.com/api/accounts", r#"{"data":[{"type":"account","id":"AbC123"}]}"#),
            "AbC123",
            "https://a.klaviyo.com/api",
        )
    },
    Row {
        inputs: &[("instance", "acme"), ("client_id", "i"), ("client_secret", "s")],
        token: (
            "https://acme.cloud.looker.com/api/4.0/login",
            r#"{"access_token":"at","token_type":"Bearer","expires_in":3600,"refresh_token":null}"#,
        ),
        carries: &[("authorization", "token at")],
        ..row(
            "looker",
            "",
            ("https://acme.cloud.looker.com/api/4.0/user", r#"{"id":"7","display_name":"Ada"}"#),
            "7@acme",
            "https://acme.cloud.looker.com/api/4.0",
        )
    },
    Row {
        inputs: &[("tenant_id", "a8990e1f-ff32-408a-9f8e-78d3b9139b95")],
        token: (
            "https://login.microsoftonline.com/a8990e1f-ff32-408a-9f8e-78d3b9139b95/oauth2/v2.0/token",
            r#"{"token_type":"Bearer","expires_in":3599,"access_token":"at"}"#,
        ),
        ..row(
            "microsoft_app",
            "",
            ("", ""),
            "a8990e1f-ff32-408a-9f8e-78d3b9139b95",
            "https://graph.microsoft.com/v1.0",
        )
    },
    Row {
        inputs: &[("subdomain", "dev-1"), ("domain", "okta.com"), ("api_token", "t")],
        token: ("", ""),
        carries: &[("authorization", "SSWS t")],
        ..row(
            "okta",
            "",
            ("https://dev-1.okta.com/api/v1/org", r#"{"id":"00o3","subdomain":"dev-1","status":"ACTIVE"}"#),
            "00o3",
            "https://dev-1.okta.com/api/v1",
        )
    },
    Row {
        inputs: &[("host", "api.eu.pagerduty.com"), ("api_key", "k")],
        token: ("", ""),
        carries: &[("authorization", "Token token=k")],
        ..row(
            "pagerduty",
            "",
            ("https://api.eu.pagerduty.com/abilities", r#"{"abilities":["teams"]}"#),
            "",
            "https://api.eu.pagerduty.com",
        )
    },
    Row {
        inputs: &[("host", "api-m.sandbox.paypal.com"), ("client_id", "i"), ("client_secret", "s")],
        token: (
            "https://api-m.sandbox.paypal.com/v1/oauth2/token",
            r#"{"scope":"https://uri.paypal.com/services/invoicing","access_token":"at","token_type":"Bearer","app_id":"APP-1","expires_in":31668,"nonce":"n"}"#,
        ),
        ..row("paypal", "", ("", ""), "", "https://api-m.sandbox.paypal.com")
    },
    Row {
        inputs: &[("api_key", "SG.k.k")],
        token: ("", ""),
        carries: &[("authorization", "Bearer SG.k.k")],
        ..row(
            "sendgrid",
            "",
            ("https://api.sendgrid.com/v3/scopes", r#"{"scopes":[]}"#),
            "",
            "https://api.sendgrid.com/v3",
        )
    },
    Row {
        inputs: &[("host", "jira.acme.example"), ("token", "t")],
        token: ("", ""),
        carries: &[("authorization", "Bearer t")],
        ..row(
            "jira_data_center",
            "",
            (
                "https://jira.acme.example/rest/api/2/myself",
                r#"{"key":"JIRAUSER10100","name":"fred","displayName":"Fred F. User"}"#,
            ),
            "JIRAUSER10100@jira.acme.example",
            "https://jira.acme.example/rest/api/2",
        )
    },
    Row {
        inputs: &[("shop", "acme"), ("access_token", "t")],
        token: ("", ""),
        carries: &[("x-shopify-access-token", "t")],
        ..row(
            "shopify",
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
        inputs: &[("api_key", "k")],
        token: ("", ""),
        carries: &[("authorization", "Basic azo=")],
        ..row(
            "stripe",
            "",
            ("https://api.stripe.com/v1/account", r#"{"id":"acct_1"}"#),
            "acct_1",
            "https://api.stripe.com",
        )
    },
    Row {
        inputs: &[("pod", "10ax"), ("site", "acme"), ("token_name", "n"), ("token_secret", "s")],
        token: (
            "https://10ax.online.tableau.com/api/3.27/auth/signin",
            r#"{"credentials":{"site":{"id":"9a8b7c6d-5e4f","contentUrl":"acme"},"user":{"id":"9f9e9d9c-8b8a"},"token":"at"}}"#,
        ),
        carries: &[("x-tableau-auth", "at")],
        ..row(
            "tableau",
            "",
            ("", ""),
            "9f9e9d9c-8b8a@9a8b7c6d-5e4f",
            "https://10ax.online.tableau.com/api/3.27/sites/9a8b7c6d-5e4f",
        )
    },
    Row {
        inputs: &[("account_sid", "AC0123456789abcdef0123456789abcdef"), ("auth_token", "t")],
        token: ("", ""),
        carries: &[("authorization", "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjp0")],
        ..row(
            "twilio",
            "",
            (
                "https://api.twilio.com/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef.json",
                r#"{"status":"active"}"#,
            ),
            "AC0123456789abcdef0123456789abcdef",
            "https://api.twilio.com/2010-04-01",
        )
    },
    Row {
        inputs: &[("client_id", "i"), ("client_secret", "s"), ("user_id", "4080")],
        token: (
            "https://auth.greenhouse.io/token",
            r#"{"access_token":"at","token_type":"bearer","expires_in":3600}"#,
        ),
        ..row("greenhouse", "", ("", ""), "4080@i", "https://harvest.greenhouse.io/v3")
    },
    Row {
        inputs: &[("account_id", "gYz8S9w5Q5yrDoIvmdClYw"), ("client_id", "i"), ("client_secret", "s")],
        token: (
            "https://zoom.us/oauth/token",
            r#"{"access_token":"at","token_type":"bearer","expires_in":3600,"scope":"user:read:admin"}"#,
        ),
        ..row("zoom_account", "", ("", ""), "gYz8S9w5Q5yrDoIvmdClYw", "https://api.zoom.us/v2")
    },
];
