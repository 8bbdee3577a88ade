//! trunkline-core
