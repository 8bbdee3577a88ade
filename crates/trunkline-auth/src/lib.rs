//! trunkline-auth
