//! What crosses crates: the tests stand in `tests/`, other people's crates in `third_party/`; here is what
//! several tests share.

pub mod processes;
mod rotation;

pub use rotation::Family;
pub use trunkline_testkit::{Call, Watch, Watched};
