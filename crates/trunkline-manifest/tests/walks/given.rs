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
];
