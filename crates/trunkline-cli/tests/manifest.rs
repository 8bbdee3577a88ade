//! `trunkline manifest check`.
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
