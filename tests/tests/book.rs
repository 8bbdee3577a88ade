//! The Rust of the book compiles: each piece of it stands, word for word, in a file that is compiled.

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::let_and_return,
    clippy::needless_pass_by_value,
    reason = "code of pages, which shows what it has"
)]
mod book {
    mod connect;
    mod events;
    mod operate;
    mod permissions;
}

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .expect("the tests stand in the workspace")
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
}

/// Code without what a formatter or a page may change: blanks, comments, and a comma or semicolon before a bracket.
fn bare(code: &str) -> String {
    let lines = code.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = ["//!", "///"].iter().find_map(|doc| line.strip_prefix(doc)).unwrap_or(line).trim_start();
        // What an example of the documentation hides.
        let shown = Some(line).filter(|line| !line.starts_with("# "))?;
        Some(shown.split_once("// ").map_or(shown, |(code, _)| code))
    });
    let code: String = lines.flat_map(str::chars).filter(|char| !char.is_whitespace()).collect();
    code.replace(",)", ")").replace(",}", "}").replace(",]", "]").replace(";}", "}")
}

/// The Rust of a page, each piece with the line that it begins at.
fn pieces(page: &str) -> Vec<(usize, String)> {
    let (mut found, mut open) = (Vec::new(), None::<(usize, String)>);
    for (number, line) in (1..).zip(page.lines()) {
        match &mut open {
            None if line.starts_with("```rust") => open = Some((number, String::new())),
            None => {}
            Some(_) if line.starts_with("```") => found.extend(open.take()),
            Some((_, piece)) => {
                piece.push_str(line);
                piece.push('\n');
            }
        }
    }
    found
}

#[test]
fn every_piece_of_rust_stands_in_a_file_that_is_compiled() {
    let root = root();
    let (mut pages, mut sources) = (vec![root.join("README.md")], Vec::new());
    files(&root.join("docs"), "md", &mut pages);
    for folder in ["crates", "examples", "tests"] {
        files(&root.join(folder), "rs", &mut sources);
    }
    let compiled: Vec<String> = sources.iter().map(|path| bare(&fs::read_to_string(path).unwrap())).collect();
    let mut count = 0;
    for page in pages {
        for (line, piece) in pieces(&fs::read_to_string(&page).unwrap()) {
            count += 1;
            // What a blank line parts may stand apart in the file.
            let parts: Vec<String> = piece.split("\n\n").map(bare).collect();
            let is_compiled = compiled.iter().any(|source| parts.iter().all(|part| source.contains(part)));
            assert!(is_compiled, "{}:{line} is nowhere compiled:\n{piece}", page.display());
        }
    }
    assert!(count >= 14, "{count} pieces");
}

#[test]
fn every_link_of_the_book_leads_somewhere() {
    let root = root();
    let mut pages = vec![root.join("README.md")];
    files(&root.join("docs"), "md", &mut pages);
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in
            links.filter(|link| !link.contains("://") && !link.starts_with('#') && !link.contains(' '))
        {
            let file = link.split('#').next().unwrap_or(link);
            let target = page.parent().unwrap().join(file);
            assert!(target.exists(), "{}: {link} leads nowhere", page.display());
        }
    }
}

#[test]
fn every_page_of_the_book_is_in_its_summary() {
    let docs = root().join("docs");
    let summary = fs::read_to_string(docs.join("SUMMARY.md")).unwrap();
    let mut pages = Vec::new();
    files(&docs, "md", &mut pages);
    for page in pages {
        let name = page.strip_prefix(&docs).unwrap().to_string_lossy().into_owned();
        let is_listed =
            name == "SUMMARY.md" || name.starts_with("decisions") || summary.contains(&format!("({name})"));
        assert!(is_listed, "{name} is not in SUMMARY.md");
    }
}
