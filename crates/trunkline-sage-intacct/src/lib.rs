//! trunkline-sage-intacct
