//! Services that a person approves, from A to K.

use super::{Row, row};

pub(super) const ROWS: &[Row] = &[
    row(
        "airtable",
        "https://airtable.com/oauth2/v1/token",
        ("https://api.airtable.com/v0/meta/whoami", r#"{"id":"usr1"}"#),
        "usr1",
        "https://api.airtable.com/v0",
    ),
    row(
        "asana",
        "https://app.asana.com/-/oauth_token",
        ("https://app.asana.com/api/1.0/users/me", r#"{"data":{"gid":"7"}}"#),
        "7",
        "https://app.asana.com/api/1.0",
    ),
    row(
        "atlassian",
        "https://auth.atlassian.com/oauth/token",
        ("https://api.atlassian.com/me", r#"{"account_type":"atlassian","account_id":"5b10"}"#),
        "5b10",
        "https://api.atlassian.com",
    ),
    Row {
        token: (
            "https://bitbucket.org/site/oauth2/access_token",
            r#"{"access_token":"at","scopes":"account","expires_in":7200,"refresh_token":"rt","token_type":"bearer"}"#,
        ),
        ..row(
            "bitbucket",
            "",
            ("https://api.bitbucket.org/2.0/user", r#"{"type":"user","uuid":"{d7dd}"}"#),
            "{d7dd}",
            "https://api.bitbucket.org/2.0",
        )
    },
    row(
        "box",
        "https://api.box.com/oauth2/token",
        ("https://api.box.com/2.0/users/me", r#"{"type":"user","id":"11446498"}"#),
        "11446498",
        "https://api.box.com/2.0",
    ),
    Row {
        token: (
            "https://auth.calendly.com/oauth/token",
            r#"{"token_type":"Bearer","access_token":"at","refresh_token":"rt","scope":"default","created_at":1767323045,"expires_in":7200,"owner":"https://api.calendly.com/users/U","organization":"https://api.calendly.com/organizations/O"}"#,
        ),
        ..row(
            "calendly",
            "",
            (
                "https://api.calendly.com/users/me",
                r#"{"resource":{"uri":"https://api.calendly.com/users/U","current_organization":"https://api.calendly.com/organizations/O"}}"#,
            ),
            "https://api.calendly.com/users/U@https://api.calendly.com/organizations/O",
            "https://api.calendly.com",
        )
    },
    Row {
        token: ("https://api.clickup.com/api/v2/oauth/token", r#"{"access_token":"at"}"#),
        ..row(
            "clickup",
            "",
            ("https://api.clickup.com/api/v2/user", r#"{"user":{"id":123,"username":"Ada"}}"#),
            "123",
            "https://api.clickup.com/api/v2",
        )
    },
    row(
        "discord",
        "https://discord.com/api/oauth2/token",
        ("https://discord.com/api/v10/users/@me", r#"{"id":"80351110224678912","username":"Nelly"}"#),
        "80351110224678912",
        "https://discord.com/api/v10",
    ),
    row(
        "dropbox",
        "https://api.dropboxapi.com/oauth2/token",
        ("https://api.dropboxapi.com/2/users/get_current_account", r#"{"account_id":"dbid:1"}"#),
        "dbid:1",
        "https://api.dropboxapi.com/2",
    ),
    Row {
        // Without a member for its end, form-encoded where nobody asks for JSON.
        token: (
            "https://github.com/login/oauth/access_token",
            r#"{"access_token":"at","scope":"repo,gist","token_type":"bearer"}"#,
        ),
        ..row(
            "github",
            "",
            ("https://api.github.com/user", r#"{"id":1,"login":"octocat"}"#),
            "1",
            "https://api.github.com",
        )
    },
    row(
        "gitlab",
        "https://gitlab.com/oauth/token",
        ("https://gitlab.com/api/v4/user", r#"{"id":1,"username":"ada"}"#),
        "1",
        "https://gitlab.com/api/v4",
    ),
    Row {
        inputs: &[
            ("host", "gitlab.acme.example"),
            ("application_id", "5832fc6e"),
            ("application_secret", "ee1dd64b"),
        ],
        ..row(
            "gitlab_self_managed",
            "https://gitlab.acme.example/oauth/token",
            ("https://gitlab.acme.example/api/v4/user", r#"{"id":1,"username":"ada"}"#),
            "1@gitlab.acme.example",
            "https://gitlab.acme.example/api/v4",
        )
    },
    row(
        "google",
        "https://oauth2.googleapis.com/token",
        ("https://openidconnect.googleapis.com/v1/userinfo", r#"{"sub":"s1"}"#),
        "s1",
        "https://www.googleapis.com",
    ),
    row(
        "google_drive",
        "https://oauth2.googleapis.com/token",
        ("https://openidconnect.googleapis.com/v1/userinfo", r#"{"sub":"s1"}"#),
        "s1",
        "https://www.googleapis.com/drive/v3",
    ),
    Row {
        token: (
            "https://api.hubapi.com/oauth/v1/token",
            r#"{"access_token":"at","refresh_token":"rt","expires_in":1800,"hub_id":123,"user_id":5}"#,
        ),
        ..row("hubspot", "", ("", ""), "5@123", "https://api.hubapi.com")
    },
    Row {
        token: ("https://api.intercom.io/auth/eagle/token", r#"{"access_token":"at","token_type":"Bearer"}"#),
        ..row(
            "intercom",
            "",
            ("https://api.intercom.io/me", r#"{"type":"admin","id":"9"}"#),
            "9",
            "https://api.intercom.io",
        )
    },
    Row {
        after: (
            "https://api.atlassian.com/oauth/token/accessible-resources",
            r#"[{"id":"1324a887-45db-1bf4-1e99-ef0ff456d421","name":"acme","url":"https://acme.atlassian.net","scopes":["read:jira-user"]}]"#,
        ),
        ..row(
            "jira",
            "https://auth.atlassian.com/oauth/token",
            ("https://api.atlassian.com/me", r#"{"account_type":"atlassian","account_id":"5b10"}"#),
            "5b10@1324a887-45db-1bf4-1e99-ef0ff456d421",
            "https://api.atlassian.com/ex/jira/1324a887-45db-1bf4-1e99-ef0ff456d421",
        )
    },
    row(
        "gusto",
        "https://api.gusto.com/oauth/token",
        (
            "https://api.gusto.com/v1/token_info",
            r#"{"scope":"companies:read","resource":{"type":"Company","uuid":"c-1"},"resource_owner":{"type":"CompanyAdmin","uuid":"a-1"}}"#,
        ),
        "a-1@c-1",
        "https://api.gusto.com/v1",
    ),
];
