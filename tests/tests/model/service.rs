//! The service: the family of refresh tokens, and what it does with one that was spent before.

/// The reuse policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    KillsFamily,
    RejectSoft,
    /// Depth 1: only the token right before the current one is taken again, for so many ticks after it was spent, and
    /// what it brings becomes the current one.
    Grace {
        window: u8,
    },
}

impl Policy {
    /// Ages count up to here: beyond, nothing depends on them. 0 where there is no window.
    pub(crate) fn window(self) -> u8 {
        match self {
            Policy::Grace { window } => window,
            Policy::KillsFamily | Policy::RejectSoft => 0,
        }
    }
}

/// What the service says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Reply {
    Fresh(u8),
    /// Refused for a time; nothing was rotated.
    Busy,
    /// Refused for good.
    Refused,
}

/// One family. Tokens are numbered as they are brought.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Service {
    pub(crate) alive: bool,
    pub(crate) current: u8,
    /// Ticks since the last rotation, as far as the window reaches.
    pub(crate) rotated: u8,
}

impl Service {
    pub(crate) fn new() -> Self {
        Self { alive: true, current: 0, rotated: u8::MAX }
    }

    /// Whether a request with this token would be a reuse.
    pub(crate) fn reuse(&self, token: u8) -> bool {
        self.alive && token != self.current
    }

    pub(crate) fn answer(&mut self, policy: Policy, token: u8) -> Reply {
        if !self.alive {
            return Reply::Refused;
        }
        let taken = match policy {
            _ if token == self.current => true,
            Policy::Grace { window } => token + 1 == self.current && self.rotated <= window,
            Policy::KillsFamily | Policy::RejectSoft => false,
        };
        if taken {
            self.current += 1;
            self.rotated = 0;
            return Reply::Fresh(self.current);
        }
        self.alive = policy == Policy::RejectSoft;
        Reply::Refused
    }
}
