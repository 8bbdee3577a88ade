//! Prints `docs/errors.md`: `cargo run -p trunkline-core --example errors > docs/errors.md`.

mod page;

#[expect(clippy::print_stdout, reason = "this is what it is for")]
fn main() {
    print!("{}", page::render());
}
