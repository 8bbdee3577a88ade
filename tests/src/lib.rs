//! What crosses crates: the tests stand in `tests/`, other people's crates in `third_party/`.
