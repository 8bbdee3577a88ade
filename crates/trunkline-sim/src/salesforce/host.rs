//! The hosts of the service on loopback.

use super::state::World;

/// At which of the service's hosts a request arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    /// One address plays all of them.
    Any,
    /// Where users of production orgs sign in.
    Login,
    /// Where users of sandboxes sign in.
    Test,
    /// An org's own.
    MyDomain { org: String, url: String },
}

/// How the service's hosts are laid out on loopback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hosts {
    /// One address is the login host, the test host and every org's My Domain.
    #[default]
    One,
    /// Each has an address of its own, told apart by port.
    Separate,
}

impl Host {
    /// Whether users of this org sign in here.
    pub(crate) fn signs_in(&self, world: &World, org: &str) -> bool {
        let sandbox = world.org(org).is_some_and(|org| org.policy.sandbox);
        match self {
            Self::Any => true,
            Self::Login => !sandbox,
            Self::Test => sandbox,
            Self::MyDomain { org: own, url } => own == org && is_current(world, org, url),
        }
    }

    /// Whether this org's data is served here: never at a login host, nor at an address that the org left.
    pub(crate) fn serves_data(&self, world: &World, org: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Login | Self::Test => false,
            Self::MyDomain { org: own, url } => own == org && is_current(world, org, url),
        }
    }
}

fn is_current(world: &World, org: &str, url: &str) -> bool {
    world.org(org).is_some_and(|org| org.instance_url == url)
}
