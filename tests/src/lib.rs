//! What crosses crates: the tests stand in `tests/`, other people's crates in `third_party/`; here is what
//! several tests share.

mod watched;

pub use watched::{Call, Watch, Watched};
