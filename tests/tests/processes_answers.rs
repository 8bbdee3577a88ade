//! The service has spent the refresh token, and its answer is lost, cut off, half or late.

mod processes;

use futures_util::future::join_all;
use processes::{ALL_POLICIES, BRISK, World, soon};
use trunkline::State;
use trunkline_sim::sage_intacct::{Ended, TokenFault};
use trunkline_tests::processes::{Answer, Policy};

async fn outcome_is_unknown(policy: Policy, fault: TokenFault) {
    let what = format!("{policy:?}, {fault:?}");
    let world = World::sqlite(policy, BRISK).await;
    world.connect_and_expire().await;
    world.control().fail_token_endpoint(&fault, 1);
    let (mut child, mut other) = (world.child().await, world.child().await);

    let first = child.ask().await;

    let Answer::Failed(failure) = first else { panic!("{what}: {first:?}") };
    assert_eq!(failure.cause.as_deref(), Some("refresh_outcome_unknown"), "{what}");
    assert!(failure.retryable, "{what}");
    assert_eq!(world.state().await, State::Degraded, "{what}: that is no verdict");
    // Another process resolves it, by the policy.
    let answer = soon("an answer", async {
        loop {
            match other.ask().await {
                Answer::Failed(failure) => {
                    assert_eq!(failure.cause.as_deref(), Some("refresh_outcome_unknown"), "{what}");
                }
                answer => return answer,
            }
        }
    })
    .await;
    let family = world.family();
    assert_eq!(family.reused, 1, "{what}: spent once more, by the policy");
    match policy {
        Policy::Grace(_) => {
            let Answer::Token(2, token) = &answer else { panic!("{what}: {answer:?}") };
            assert!(world.takes(token).await, "{what}");
            assert_eq!(child.ask().await, answer, "{what}: the first one serves it, too");
            assert_eq!((family.refused, family.ended), (0, None), "{what}");
        }
        // The only copy of the new token was in the answer.
        Policy::KillsFamily | Policy::RejectSoft => {
            assert_eq!(answer, Answer::NeedsConsent("grant_revoked".to_owned()), "{what}");
            let ended = (policy == Policy::KillsFamily).then_some(Ended::Reuse);
            assert_eq!(family.ended, ended, "{what}");
            assert_eq!(world.state().await, State::NeedsConsent, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_no_answer_is_an_unknown_outcome_that_the_policy_resolves() {
    let faults = [
        TokenFault::LoseAnswer,
        TokenFault::CutAnswer,
        TokenFault::HalfAnswer,
        // Long after the deadline of the request.
        TokenFault::DelayAnswerMs(BRISK[0] + 1_500),
    ];
    let all =
        ALL_POLICIES.into_iter().flat_map(|policy| faults.iter().map(move |fault| (policy, fault.clone())));
    join_all(all.map(|(policy, fault)| outcome_is_unknown(policy, fault))).await;
}
