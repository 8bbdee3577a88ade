//! `docs/errors.md` says what the code says.

#[path = "../examples/errors/page.rs"]
mod page;

#[test]
fn the_page_of_errors_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
    let written = std::fs::read_to_string(path).unwrap_or_default().replace("\r\n", "\n");
    let made = page::render();
    let differs = written.lines().zip(made.lines()).find(|(written, made)| written != made);
    assert!(
        written == made,
        "docs/errors.md is not current (first difference: {differs:?}); make it anew with\n    \
         cargo run -p trunkline-core --example errors > docs/errors.md"
    );
}

#[test]
fn every_cause_and_every_advice_stands_on_the_page() {
    let made = page::render();
    for cause in trunkline_core::Cause::ALL {
        assert_eq!(made.matches(&format!("\n### {cause}\n")).count(), 1, "{cause}");
        for actor in cause.met_by() {
            for step in cause.advice(*actor).unwrap().steps() {
                assert!(made.contains(step), "{cause}, {actor}");
            }
        }
    }
}
