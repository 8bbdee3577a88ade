//! Crates that are no part of this workspace: what a third party can do with the public API alone.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Runs a program of `third_party/` with the versions and the build artefacts of this workspace, so
/// that nothing is fetched.
fn run(program: &str) -> Output {
    cargo("run", program)
}

fn cargo(command: &str, program: &str) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("third_party").join(program);
    let lock = root.join("../Cargo.lock");
    std::fs::copy(&lock, folder.join("Cargo.lock")).expect("the workspace's lock file can be copied");
    let mut target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    target.pop();
    Command::new(env!("CARGO"))
        .args([command, "--offline", "--quiet", "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        // As in the workspace, and for what else is built outside it, so that all share it.
        .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only")
        .stdin(Stdio::null())
        .output()
        .expect("cargo can be started")
}

#[test]
fn a_connector_of_a_third_party_connects_through_a_form_and_serves_requests() {
    let output = run("acme-app");

    let printed = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{failed}");
    assert!(printed.contains("Acme from acme-connector"), "{printed}");
    assert!(printed.contains("did you mean `base_url`?"), "{printed}");
    assert!(printed.contains("Did you mean `acme`?"), "{printed}");
    assert!(printed.contains(r#"asked for ["api_key"]"#), "{printed}");
    assert!(printed.contains("connected as ada@example"), "{printed}");
    assert!(printed.contains("invoices: 200"), "{printed}");
    assert!(!printed.contains("canary") && !failed.contains("canary"), "{printed}{failed}");
}

#[test]
fn a_program_with_two_crates_of_one_name_is_refused_by_both_their_names() {
    let output = run("acme-clash");

    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{failed}");
    assert!(failed.contains("`acme-connector`") && failed.contains("`acme-copycat`"), "{failed}");
    assert!(failed.contains("both register the provider `acme`"), "{failed}");
}

#[test]
fn a_connector_of_a_third_party_keeps_every_rule_of_the_kit() {
    let output = cargo("test", "acme-connector");

    let printed = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{failed}");
    let passed = format!("{} passed; 0 failed", trunkline_testkit::Rule::all().len());
    assert!(printed.contains(&passed), "{printed}");
}
