//! `trunkline manifest check` and `trunkline manifest try`.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::{World, fields};

const SOUND: &str = r#"
manifest = 1
name = "acme"
title = "Acme"
docs = "https://docs.acme.example/api"
allowed_hosts = ["login.acme.example", "api.acme.example"]

[source]
urls = ["https://docs.acme.example/api/oauth"]
checked = "2026-11-25"

[oauth2]
grant_types = ["authorization_code"]
authorization_endpoint = "https://login.acme.example/authorize"
token_endpoint = "https://login.acme.example/token"
scopes = ["contacts.read"]

[api]
base_url = "https://api.acme.example/v1"

[identity]
url = "https://api.acme.example/v1/me"
user = "{response.id}"
"#;

#[tokio::test]
async fn a_sound_manifest_is_said_to_be_sound_as_a_file_and_in_its_folder() {
    let world = World::new().await;
    std::fs::create_dir(world.folder.path().join("providers")).unwrap();
    world.write("providers/acme.toml", SOUND.as_bytes());
    for place in ["providers/acme.toml", "providers"] {
        let ran = world.run(&["manifest", "check", place]).await;
        assert_eq!((ran.code, ran.out.as_str()), (0, "acme is sound: Acme\n"), "{ran:?}");
    }
}

#[tokio::test]
async fn a_mistake_is_shown_as_a_compiler_shows_it_and_moves_no_cursor() {
    let world = World::new().await;
    let wrong =
        SOUND.replace("token_endpoint", "token_endpont").replace("title = \"Acme\"", "title = \"A\u{9b}\"");
    world.write("acme.toml", wrong.as_bytes());
    let ran = world.run(&["manifest", "check", "acme.toml"]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.out.contains("--> acme.toml:15:") && ran.out.contains("| token_endpont"), "{}", ran.out);
    assert!(ran.out.contains("token_endpoint") && ran.out.contains('^'), "{}", ran.out);
    assert!(!ran.out.contains('\u{9b}'));
    let ran = world.run(&["manifest", "check", "acme.toml", "--json"]).await;
    let first = &ran.lines()[0];
    assert_eq!((ran.code, fields(first)), (2, vec!["column", "file", "hint", "line", "message"]));
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error() {
    let world = World::new().await;
    let ran = world.run(&["manifest", "check", "nowhere.toml"]).await;
    ran.assert_error(2, "nowhere.toml", "Name files in TOML");
}

#[tokio::test]
async fn a_manifest_is_tried_from_consent_to_revocation_and_no_secret_is_shown() {
    let world = World::new().await;
    world.write("acme.toml", SOUND.as_bytes());
    let ran = world.run(&["manifest", "try", "acme.toml"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    for told in [
        "acme (authorization_code)",
        "consent: a person is sent to https://login.acme.example/authorize?",
        "> POST https://login.acme.example/token",
        "> authorization: Basic <setting client_secret>",
        "code=<code>",
        "\"access_token\":\"<access token>\"",
        "identify: the account is id-1",
        "> authorization: Bearer <access token>",
        "grant_type=refresh_token&refresh_token=<refresh token>",
        "revocation: none: no revocation: the manifest has no revocation endpoint",
        "do not apply.\nNothing is broken.",
    ] {
        assert!(ran.out.contains(told), "{told}:\n{}", ran.out);
    }
    // Canaries are 40 digits; nothing that long is left but the challenge, which is no secret.
    let digits = |text: &str| text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_shown = ran.out.split(|c: char| !c.is_ascii_alphanumeric()).any(digits);
    assert!(!is_shown, "{}", ran.out);

    let ran = world.run(&["manifest", "try", "acme.toml", "--json"]).await;
    let tried = &ran.lines()[0];
    assert_eq!((ran.code, fields(tried)), (0, vec!["method", "name", "rules", "steps"]));
    let steps: Vec<_> =
        tried["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["consent", "exchange", "identify", "call", "probe", "renewal", "revocation"]);
    assert_eq!(tried["steps"][1]["exchanges"][0]["status"], 200);
    assert!(
        tried["rules"]["kept"].as_u64().unwrap() > 40 && tried["rules"]["broken"] == serde_json::json!([])
    );
}

#[tokio::test]
async fn a_manifest_that_breaks_a_rule_is_named_and_ends_with_1() {
    let world = World::new().await;
    let wrong = format!("{SOUND}\n[[errors]]\nstatus = [503]\ncause = \"grant_revoked\"\n");
    world.write("acme.toml", wrong.as_bytes());
    let ran = world.run(&["manifest", "try", "acme.toml"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("\noutage_is_no_verdict_of_death: BROKEN: "), "{}", ran.out);
    assert!(!ran.out.contains("Nothing is broken"), "{}", ran.out);
}

#[tokio::test]
async fn what_cannot_be_tried_is_an_error() {
    let world = World::new().await;
    world.write("acme.toml", SOUND.as_bytes());
    let ran = world.run(&["manifest", "try", "acme.toml", "--method", "basic"]).await;
    ran.assert_error(2, "no method `basic`", "authorization_code");
    world.write("acme.toml", b"manifest = 1\n");
    let ran = world.run(&["manifest", "try", "acme.toml"]).await;
    ran.assert_error(2, "acme.toml", "manifest check");
}
