//! Loading: folders, bounds, settings.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::*;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use trunkline_core::settings::{self, Value};
use trunkline_core::{BuildConnector, ErrorKind, Registry, Secret};
use trunkline_manifest::{Catalogue, Folder, MAX_FILE_BYTES, ManifestConfig, Reload};

fn write(folder: &Path, name: &str, text: &[u8]) {
    File::create(folder.join(name)).unwrap().write_all(text).unwrap();
}

#[test]
fn a_folder_is_read_whole_and_every_problem_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(path, "acme.toml", ACME.as_bytes());
    write(path, "notes.txt", b"not a manifest");
    write(path, ".hidden.toml", b"=");
    let catalogue = Folder::load(path).unwrap();
    assert_eq!(catalogue.list().iter().map(|it| it.name()).collect::<Vec<_>>(), ["acme"]);

    write(path, "bad.toml", b"manifest = 1\nnmae = 'x'\n");
    write(path, "broken.toml", b"a = \n");
    write(path, "large.toml", &vec![b'#'; MAX_FILE_BYTES + 1]);
    write(path, "latin.toml", b"# \xe9");
    std::fs::create_dir(path.join("folder.toml")).unwrap();
    let problems = Folder::load(path).unwrap_err();
    let files: std::collections::BTreeSet<_> = problems
        .iter()
        .map(|it| Path::new(&it.file).file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        files.into_iter().collect::<Vec<_>>(),
        ["bad.toml", "broken.toml", "folder.toml", "large.toml", "latin.toml"]
    );
    assert!(Folder::load(path.join("nowhere")).is_err());
}

#[test]
fn a_file_that_is_seen_half_refuses_the_load_and_the_old_set_serves_on() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "acme.toml", ACME.as_bytes());
    let old = Folder::load(folder.path()).unwrap();
    for length in 0..ACME.len() {
        write(folder.path(), "acme.toml", &ACME.as_bytes()[..length]);
        // A cut that leaves a whole manifest is one: it lacks no more than keys at its end that may be missing.
        if let Ok(new) = Folder::load(folder.path()) {
            assert!(new.get("acme").is_some_and(|acme| acme.title() == "Acme"), "{length}");
        }
    }
    assert_eq!(old.get("acme").unwrap().title(), "Acme");
}

#[test]
fn a_reload_under_readers_gives_each_of_them_a_whole_set() {
    let folder = tempfile::tempdir().unwrap();
    let replace = |title: &str| {
        write(
            folder.path(),
            "new",
            acme(&[("title = \"Acme\"", &format!("title = \"{title}\""))]).as_bytes(),
        );
        std::fs::rename(folder.path().join("new"), folder.path().join("acme.toml")).unwrap();
    };
    replace("First");
    let path = folder.path().to_owned();
    let reader = std::thread::spawn(move || {
        for _ in 0..200 {
            let catalogue = Folder::load(&path).unwrap_or_else(|problems| panic!("{problems}"));
            assert!(["First", "Second"].contains(&catalogue.get("acme").unwrap().title()));
        }
    });
    for turn in 0..200 {
        replace(if turn % 2 == 0 { "Second" } else { "First" });
    }
    reader.join().unwrap();
}

#[test]
fn more_files_than_the_bound_are_refused() {
    let names: Vec<String> = (0..=trunkline_manifest::MAX_FILES).map(|number| format!("m{number}")).collect();
    let texts: Vec<String> =
        names.iter().map(|name| ACME.replace("\"acme\"", &format!("\"{name}\""))).collect();
    let files = names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_str()));
    assert!(Catalogue::parse(files).unwrap_err().to_string().contains("more than 4096 manifests"));
}

fn table(pairs: &[(&str, &str)]) -> std::collections::BTreeMap<String, Value> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), Value::text(*value))).collect()
}

#[test]
fn settings_name_a_file_and_what_it_extends_is_found_beside_it() {
    assert!(Registry::global().get("manifest").is_some());
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "acme.toml", ACME.as_bytes());
    write(
        folder.path(),
        "files.toml",
        b"manifest = 1\nname = 'files'\nextends = 'acme'\ntitle = 'Acme Files'\n",
    );
    let file = folder.path().join("files.toml");
    let settings = table(&[
        ("provider", "manifest"),
        ("file", file.to_str().unwrap()),
        ("client_id", "client-1"),
        ("client_secret", SECRET),
        ("redirect_uri", "https://app.example.com/cb"),
    ]);
    let connector = settings::read(settings).unwrap().build("files").unwrap();
    assert_eq!(connector.info().title, "Acme Files");
    assert_eq!(connector.info().methods, ["authorization_code"]);
    write(folder.path(), "acme.toml", b"=");
    let error = settings::read(table(&[("provider", "manifest"), ("file", file.to_str().unwrap())]))
        .unwrap()
        .build("files")
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    assert!(error.to_string().contains("acme.toml:1:1"), "{error}");
}

#[test]
fn settings_that_do_not_fit_the_manifest_are_refused() {
    let text = acme(&[(
        "[api]",
        "[inputs.region]\ntitle = 'Region'\nexample = 'eu'\none_of = ['eu', 'us']\ngiven_by = 'operator'\n[api]\nheaders = { Acme-Region = '{input.region}' }",
    )]);
    let good = || {
        let mut good = config(&text);
        good.inputs.insert("region".to_owned(), Secret::new("eu"));
        good
    };
    assert!(good().build("acme").is_ok());
    type Change = fn(&mut ManifestConfig);
    let changes: [(Change, &str); 9] = [
        (|it| it.client_id = None, "client_id is missing"),
        (|it| it.client_secret = None, "client_secret is missing"),
        (|it| it.redirect_uri = None, "redirect_uri is missing"),
        (|it| it.client_secret = Some(Secret::new("canary \n")), "client_secret is empty, begins"),
        (|it| it.default_method = Some("api_key".to_owned()), "no such `default_method`"),
        (|it| it.inputs.clear(), "`inputs.region` is missing"),
        (
            |it| drop(it.inputs.insert("region".to_owned(), Secret::new("canary"))),
            "`inputs.region` is no good value",
        ),
        (|it| drop(it.inputs.insert("regoin".to_owned(), Secret::new("eu"))), "did you mean `region`?"),
        (|it| it.name = Some("other".to_owned()), "one manifest"),
    ];
    for (change, expected) in changes {
        let mut config = good();
        change(&mut config);
        let error = config.build("acme").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{expected}");
        assert!(error.to_string().contains(expected), "{expected}: {error}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

#[test]
fn an_unknown_manifest_is_answered_with_the_nearest_one() {
    let catalogue = Catalogue::parse([("acme.toml", ACME)]).unwrap();
    let error = catalogue.find("acmee").unwrap_err();
    assert!(error.hint_text().unwrap().contains("Did you mean `acme`?"));
}

#[test]
fn a_reload_replaces_every_mounted_manifest_or_none() {
    let reload = Reload::new();
    let mounted = |text: &str| {
        let mut config = config(text);
        config.reload = Some(reload.clone());
        config.build("acme").unwrap()
    };
    let other = ACME.replace("\"acme\"", "\"other\"");
    let (one, two) = (mounted(ACME), mounted(&other));
    let base = |connector: &std::sync::Arc<dyn trunkline_core::Connector>| {
        connector.endpoint(&captures(&[])).unwrap().base().to_string()
    };
    let moved = |text: &str| text.replace("api.acme.example/v1\"", "api.acme.example/v2\"");
    let catalogue = |texts: &[&str]| {
        let names = ["a.toml", "b.toml"];
        Catalogue::parse(names.into_iter().zip(texts.iter().copied())).unwrap()
    };
    assert_eq!(reload.replace(&catalogue(&[&moved(ACME), &other])).unwrap(), 2);
    assert_eq!(base(&one), "https://api.acme.example/v2");
    assert_eq!(base(&two), "https://api.acme.example/v1");
    // The second does not fit its settings, or would lose connections: neither is replaced.
    let wants = moved(&other).replace(
        "[api]",
        "[inputs.x]\ntitle = 'X'\nexample = 'x'\ngiven_by = 'operator'\n[api]\nheaders = { X = '{input.x}' }",
    );
    let lost = moved(&other)
        .replace("\"authorization_code\"", "\"client_credentials\"")
        .replace("authorization_endpoint = \"https://login.acme.example/authorize\"", "");
    for bad in [wants, lost] {
        let error = reload.replace(&catalogue(&[ACME, &bad])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
        assert_eq!(
            (base(&one), base(&two)),
            ("https://api.acme.example/v2".into(), "https://api.acme.example/v1".into())
        );
    }
    // One that is not in the set keeps its own.
    assert_eq!(reload.replace(&catalogue(&[&moved(&other)])).unwrap(), 1);
    assert_eq!(base(&two), "https://api.acme.example/v2");
}
