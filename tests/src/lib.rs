//! What crosses crates: the tests stand in `tests/`, other people's crates in `third_party/`; here is what
//! several tests share.

pub mod processes;
mod rotation;
mod watched;

pub use rotation::Family;
pub use watched::{Call, Watch, Watched};
