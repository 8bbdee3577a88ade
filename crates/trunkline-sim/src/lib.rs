//! trunkline-sim
