//! `trunkline new-connector`, and what its connectors are: crates outside this repository.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use std::path::{Path, PathBuf};

use common::{Ran, fields, program, run};
use tokio::process::Command;

async fn new_connector(folder: &Path, arguments: &[&str]) -> Ran {
    run(program(&["new-connector"]).args(arguments).current_dir(folder)).await
}

fn entries(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    entries.map(|name| name.to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn what_was_written_and_what_to_do_is_told_to_people_and_to_programs() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, own) in [("code", "src/lib.rs"), ("manifest", "acme_books.toml")] {
        let ran =
            new_connector(folder.path(), &["acme_books", "--kind", kind, "--path", kind, "--json"]).await;
        let written = ran.json();
        assert_eq!(
            (ran.code, fields(&written)),
            (0, vec!["files", "kind", "name", "next", "path"]),
            "{ran:?}"
        );
        assert_eq!((&written["name"], &written["kind"]), (&"acme_books".into(), &kind.into()));
        assert_eq!(written["next"][0], format!("cd {kind}"));
        let files = written["files"].as_array().unwrap();
        assert!(files.contains(&own.into()) && files.contains(&"Cargo.toml".into()), "{ran:?}");
        for file in files {
            assert!(folder.path().join(kind).join(file.as_str().unwrap()).is_file(), "{file}");
        }
    }
    let ran = new_connector(folder.path(), &["acme_books", "--kind", "code"]).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert!(ran.out.starts_with("acme-books-connector\n  "), "named after it: {ran:?}");
    assert!(ran.out.contains("next\n  cd acme-books-connector\n  cargo test\n"), "{ran:?}");
}

#[tokio::test]
async fn what_cannot_be_used_is_told_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let code = ["--kind", "code"];
    for name in ["Acme", "acme-books", "2acme", "acme__books"] {
        let ran = new_connector(folder.path(), &[&[name], &code[..]].concat()).await;
        ran.assert_error(2, &format!("a provider cannot be called `{name}`"), "`acme_books`");
    }
    let ran =
        new_connector(folder.path(), &[&["acme"], &code[..], &["--trunkline", "elsewhere"]].concat()).await;
    ran.assert_error(2, "elsewhere is no checkout of Trunkline", "crates/trunkline-core");
    let ran = new_connector(folder.path(), &[&["acme"], &code[..], &["--path", "."]].concat()).await;
    ran.assert_error(2, ". is already there", "--path");
    assert_eq!(entries(folder.path()), [""; 0]);
}

#[tokio::test]
async fn what_is_there_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("acme-connector");
    std::fs::create_dir(&place).unwrap();
    let first = new_connector(folder.path(), &["acme", "--kind", "manifest"]).await;
    assert_eq!(first.code, 0, "an empty folder is as good as none: {first:?}");
    let text = std::fs::read_to_string(place.join("acme.toml")).unwrap();
    let again = new_connector(folder.path(), &["acme", "--kind", "code"]).await;
    again.assert_error(2, "acme-connector is already there", "another folder with --path");
    assert_eq!(std::fs::read_to_string(place.join("acme.toml")).unwrap(), text);
    assert!(!place.join("src").exists());
    assert_eq!(entries(folder.path()), ["acme-connector"]);
}

#[tokio::test]
async fn a_place_that_cannot_be_written_to_is_told_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::File::create(folder.path().join("file")).unwrap();
    for place in ["file/acme", "nowhere/acme"] {
        let ran = new_connector(folder.path(), &["acme", "--kind", "code", "--path", place]).await;
        ran.assert_error(1, &format!("{place} cannot be written"), "whose parent is there");
    }
    let ran = new_connector(folder.path(), &["acme", "--kind", "code", "--path", "file", "--json"]).await;
    assert!(ran.code == 2 && ran.err.starts_with(r#"{"error":{"#), "{ran:?}");
    assert_eq!(entries(folder.path()), ["file"]);
}

/// Cargo in a folder that was written outside the workspace, with the workspace's versions and build artefacts, so that
/// nothing is fetched and little is built.
async fn cargo(folder: &Path, arguments: &[&str]) -> Ran {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let mut target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    target.pop();
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).arg("--offline").current_dir(folder).env("CARGO_TARGET_DIR", target);
    command.env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only").kill_on_drop(true);
    let output = command.output().await.unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[tokio::test]
async fn a_new_connector_keeps_every_rule_of_the_kit() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    for kind in ["code", "manifest"] {
        let folder = tempfile::tempdir().unwrap();
        let arguments = ["acme_books", "--kind", kind, "--path", "new", "--trunkline", root];
        let place = folder.path().join("new");
        assert_eq!(new_connector(folder.path(), &arguments).await.code, 0);
        let ran = cargo(&place, &["test"]).await;
        assert!(ran.code == 0 && !ran.err.contains("warning"), "{}{}", ran.out, ran.err);
    }
}
