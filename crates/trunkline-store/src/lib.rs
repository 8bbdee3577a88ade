//! trunkline-store
