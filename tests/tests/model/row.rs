//! The row: what the store keeps of one connection.

/// The columns `intent_*`. Whether the fingerprint is the stored refresh token's need not be kept: a credential that is
/// written closes the intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Intent {
    pub(crate) epoch: u8,
    /// An attempt after the first.
    pub(crate) replay: bool,
    /// A replay was refused for good: nobody spends the token again, and whoever holds an answer for it may write.
    pub(crate) refused: bool,
    /// Ticks of the store's clock since the first attempt; counted only where the policy has a window.
    pub(crate) age: u8,
}

/// One row. The beat has no column here: it serves only to be seen unchanged, so every beat makes the watchers look
/// again instead (`State::disturb`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) generation: u8,
    /// The number of the stored refresh token.
    pub(crate) token: u8,
    /// The epoch of the lease that is held.
    pub(crate) lease: Option<u8>,
    /// The highest epoch that somebody still remembers.
    pub(crate) epochs: u8,
    pub(crate) intent: Option<Intent>,
    /// Whether the stored access token has not run out.
    pub(crate) serving: bool,
    pub(crate) dead: bool,
}

impl Row {
    pub(crate) fn new() -> Self {
        Self { generation: 0, token: 0, lease: None, epochs: 0, intent: None, serving: true, dead: false }
    }

    /// The fence of a commit.
    pub(crate) fn admits(&self, generation: u8, epoch: u8) -> bool {
        self.generation == generation
            && self.intent.is_some_and(|intent| intent.refused || intent.epoch == epoch)
    }

    /// The fence of everything else that is written at the end of a request: only one's own intent.
    pub(crate) fn owned(&self, generation: u8, epoch: u8) -> bool {
        self.generation == generation
            && self.intent.is_some_and(|intent| !intent.refused && intent.epoch == epoch)
    }

    pub(crate) fn new_epoch(&mut self) -> u8 {
        self.epochs += 1;
        self.epochs
    }

    /// Writes a credential: closes the intent, frees the lease, and a connection that was thought dead lives again.
    pub(crate) fn write(&mut self, generation: u8, token: u8) {
        self.generation = generation;
        self.token = token;
        self.lease = None;
        self.intent = None;
        self.serving = true;
        self.dead = false;
    }
}
