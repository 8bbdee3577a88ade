//! `docs/permissions.md`.
#![expect(dead_code, reason = "it is compiled, not run")]

use trunkline::{Connection, Error, Operation};

async fn require(sage: Connection) -> Result<(), Error> {
    sage.require([Operation::create("accounts-payable/bill")]).await?;
    Ok(())
}
