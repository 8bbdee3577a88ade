//! A program that must be refused: two of its crates claim one name.

use acme_connector as _;
use acme_copycat as _;
use trunkline_core::{Error, Registry};

fn main() -> Result<(), Error> {
    Registry::global().check()
}
