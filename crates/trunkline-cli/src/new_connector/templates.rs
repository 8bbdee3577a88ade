//! What a new connector's folder holds: `templates/`, a real connector for a service called Acme.

use crate::arguments::ConnectorKind;
use crate::new_connector::names::Names;

/// By their path in the new folder. `Cargo.toml` has another name in the tree: a package cannot hold a second one.
const CODE: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../../templates/code/package.toml")),
    ("README.md", include_str!("../../templates/code/README.md")),
    ("src/lib.rs", include_str!("../../templates/code/src/lib.rs")),
    ("tests/conformance.rs", include_str!("../../templates/code/tests/conformance.rs")),
    (
        "tests/fixtures/rate_limited/expect.json",
        include_str!("../../templates/code/tests/fixtures/rate_limited/expect.json"),
    ),
    (
        "tests/fixtures/rate_limited/traffic.json",
        include_str!("../../templates/code/tests/fixtures/rate_limited/traffic.json"),
    ),
    (
        "tests/fixtures/token_rejected/expect.json",
        include_str!("../../templates/code/tests/fixtures/token_rejected/expect.json"),
    ),
    (
        "tests/fixtures/token_rejected/traffic.json",
        include_str!("../../templates/code/tests/fixtures/token_rejected/traffic.json"),
    ),
    (
        "tests/fixtures/user_locked/expect.json",
        include_str!("../../templates/code/tests/fixtures/user_locked/expect.json"),
    ),
    (
        "tests/fixtures/user_locked/traffic.json",
        include_str!("../../templates/code/tests/fixtures/user_locked/traffic.json"),
    ),
];

const MANIFEST: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../../templates/manifest/package.toml")),
    ("README.md", include_str!("../../templates/manifest/README.md")),
    ("acme.toml", include_str!("../../templates/manifest/acme.toml")),
    ("tests/conformance.rs", include_str!("../../templates/manifest/tests/conformance.rs")),
    ("trunkline.toml", include_str!("../../templates/manifest/trunkline.toml")),
];

/// How a template's package names the versions of Trunkline's crates.
const PUBLISHED: &str =
    concat!(r#"version = ""#, env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"), '"');

/// Path and text of each file. With a checkout, Trunkline's crates are those that are in it.
pub(super) fn files(kind: ConnectorKind, names: &Names<'_>, checkout: Option<&str>) -> Vec<(String, String)> {
    let template = match kind {
        ConnectorKind::Code => CODE,
        ConnectorKind::Manifest => MANIFEST,
    };
    let renamed = template.iter().map(|(path, text)| match checkout {
        Some(checkout) if *path == "Cargo.toml" => {
            (names.renamed(path), from_checkout(&names.renamed(text), checkout))
        }
        _ => (names.renamed(path), names.renamed(text)),
    });
    let ignored = (".gitignore".to_owned(), "/target\n/trunkline.db*\n".to_owned());
    std::iter::once(ignored).chain(renamed).collect()
}

/// What to do in a new folder.
pub(super) fn next(kind: ConnectorKind, names: &Names<'_>, path: &str) -> Vec<String> {
    let steps: &[&str] = match kind {
        ConnectorKind::Code => &[
            "cargo test",
            "change src/lib.rs where Acme differs, then tests/, which tells the kit",
            "in the application: use acme_connector as _;",
        ],
        ConnectorKind::Manifest => &[
            "trunkline manifest check acme.toml",
            "cargo test",
            "change acme.toml where Acme differs, and do both again",
            "trunkline connect acme --tenant me, as README.md says",
        ],
    };
    let steps = steps.iter().map(|step| names.renamed(step));
    std::iter::once(format!("cd {path}")).chain(steps).collect()
}

/// A package whose dependencies on Trunkline are paths.
fn from_checkout(package: &str, checkout: &str) -> String {
    let line = |line: &str| match line.split_once(PUBLISHED) {
        Some((name, rest)) => {
            let folder = format!("{checkout}/crates/{}", name.trim_end_matches([' ', '=', '{']));
            // A text of JSON is one of TOML.
            format!("{name}path = {}{rest}\n", serde_json::Value::from(folder))
        }
        None => format!("{line}\n"),
    };
    package.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [ConnectorKind; 2] = [ConnectorKind::Code, ConnectorKind::Manifest];

    fn written(kind: ConnectorKind, checkout: Option<&str>) -> Vec<(String, String)> {
        files(kind, &Names::of("zeta").unwrap(), checkout)
    }

    fn lines(files: &[(String, String)], ending: &str) -> usize {
        files.iter().filter(|(path, _)| path.ends_with(ending)).map(|(_, text)| text.lines().count()).sum()
    }

    #[test]
    fn a_plain_service_is_less_than_200_lines_of_code_or_40_of_data() {
        assert!(lines(&written(ConnectorKind::Code, None), ".rs") < 200);
        assert!(lines(&written(ConnectorKind::Manifest, None), "zeta.toml") <= 40);
    }

    #[test]
    fn nothing_of_the_template_s_own_name_is_left() {
        for (path, text) in KINDS.into_iter().flat_map(|kind| written(kind, None)) {
            assert!(!(path.clone() + &text).to_ascii_lowercase().contains("acme"), "{path}: {text}");
        }
    }

    #[test]
    fn every_crate_of_trunkline_is_a_version_or_in_the_checkout() {
        for kind in KINDS {
            for checkout in [None, Some("/a \"b\"")] {
                let files = written(kind, checkout);
                let package = &files.iter().find(|(path, _)| path == "Cargo.toml").unwrap().1;
                for line in package.lines().filter(|line| line.starts_with("trunkline-")) {
                    let name = line.split_once(' ').unwrap().0;
                    let from = match checkout {
                        None => format!("{name} = {{ {PUBLISHED}"),
                        Some(_) => format!(r#"{name} = {{ path = "/a \"b\"/crates/{name}""#),
                    };
                    assert!(line.starts_with(&from), "{line}");
                }
                assert!(package.contains("trunkline-testkit"), "{package}");
            }
        }
    }
}
