//! What can happen, and what can be wrong on purpose.

/// Everything that can happen. A number is the place of a process in the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Tick,
    AccessTokenRunsOut,
    StoreTakesWritesAgain,
    StrayArrives,
    Serve(usize),
    Look(usize),
    Knock(usize),
    TakeLease(usize),
    LeaseAndIntent(usize),
    Judge(usize),
    Check(usize),
    Send(usize),
    Receive(usize),
    GiveUp(usize),
    Commit(usize),
    LearnOfNewer(usize),
    Publish(usize),
    WriteEnd(usize),
    // Faults.
    Revoke,
    StoreRefusesWrites,
    Crash(usize),
    LoseRequest(usize),
    LoseAnswer(usize),
    RefuseForATime(usize),
    LeaveUnanswered(usize),
    CommitFails(usize),
    CommitIsNotConfirmed(usize),
}

/// What is wrong on purpose: each of these the checker has to refute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    NoReRead,
    NoCompareAndSwap,
    PublishBeforeCommit,
    FenceOnTheLease,
    NoCommitGrace,
    TransparentRetry,
    DeleteOnFailure,
    PauseBeyondTheBound,
    NoObservation,
    DeathAtOnce,
    UnsentReplayCloses,
    NoKnock,
    ReplayAtOnce,
    ReleaseUnfenced,
    RefusedReplayGivesBack,
    ReplayInTheWindowAgain,
}
