//! The flaws that can be seeded into the provider, and the rule that has to reject each.

use serde::Deserialize;

macro_rules! flaws {
    ($($flaw:ident $rule:literal;)+) => {
        /// One way to be broken.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum Flaw {
            #[default]
            Healthy,
            $($flaw,)+
        }

        /// Every flaw, and the rule that names it.
        pub(crate) const FLAWS: &[(Flaw, &str)] = &[$((Flaw::$flaw, $rule),)+];
    };
}

flaws! {
    KeepsOldRefreshToken "rotated_refresh_token_replaces_the_old_one";
    ForgetsUnrotatedRefreshToken "unrotated_refresh_token_is_kept";
    DropsFirstRefreshToken "every_claimed_capability_works";
    LogsAToken "logs_never_contain_secrets";
    FollowsRedirects "redirects_are_not_followed";
    RepeatsLostRequests "write_is_not_repeated_when_outcome_unknown";
    RepeatsOutages "one_request_per_call";
    SleepsBeforeItRepeats "provider_never_sleeps";
    LeavesATaskRunning "provider_never_sleeps";
    BelievesEvery401 "unauthorized_without_a_word_is_no_death";
    Takes503ForRevoked "outage_is_no_verdict_of_death";
    TakesAPageForRefusal "outage_is_no_verdict_of_death";
    MakesItsOwnState "consent_url_carries_the_state";
    ChecksNoCallbackPath "refused_consent_spends_nothing";
    SpendsACodeThatIsMissing "refused_consent_spends_nothing";
    ChecksNoSignature "forged_callback_spends_nothing";
    ChecksThatThereIsASignature "forged_callback_spends_nothing";
    SkipsPkce "pkce_binds_the_code";
    SendsPlainPkce "pkce_binds_the_code";
    UsesOneVerifierForAll "pkce_binds_the_code";
    GoesOnWithoutVerifier "pkce_binds_the_code";
    ChangesRedirectUri "redirect_uri_is_the_same_in_both_steps";
    PutsSecretInTheUrl "secrets_are_never_in_a_url";
    PutsVerifierInTheUrl "secrets_are_never_in_a_url";
    AuthenticatesTwice "client_authenticates_in_one_way";
    BelievesAnyHost "hosts_in_answers_are_checked";
    ChecksHostByItsStart "hosts_in_answers_are_checked";
    PutsALabelIntoTheHost "hosts_in_answers_are_checked";
    ChecksALabelForSlashesOnly "hosts_in_answers_are_checked";
    PutsTheCallbackIntoTheHost "hosts_in_answers_are_checked";
    RenewsWhereACaptureSays "hosts_in_answers_are_checked";
    ReportsToItsMaker "requests_go_to_declared_hosts_only";
    PrintsItsSettings "debug_hides_every_secret";
    PrintsItsClient "debug_hides_every_secret";
    PutsATokenIntoTheAccount "store_holds_no_secret_in_clear";
    PutsATokenIntoTheCaptures "debug_hides_every_secret";
    QuotesTheBody "errors_never_contain_secrets";
    AcceptsAnySetting "config_rejects_unknown_fields";
    TakesADenialForPending "device_poll_says_what_it_heard";
    IgnoresSlowDown "device_poll_says_what_it_heard";
    PollsTwiceAtOnce "device_poll_says_what_it_heard";
    ShowsTheDeviceCode "device_poll_says_what_it_heard";
    SignsWithoutTheQuery "signature_covers_the_request";
    SignsWithoutTheForm "signature_covers_the_request";
    SendsASignatureTwice "signed_requests_come_once";
    DatesByItsOwnClock "signed_requests_come_once";
    SendsWhatSigns "signing_secrets_are_never_sent";
    ListsAnotherMethod "name_matches_registry";
    AnswersAnyMethod "name_matches_registry";
    CountsMilliseconds "expiry_is_counted_in_seconds_from_the_request";
    CountsMinutes "expiry_is_counted_in_seconds_from_the_request";
    CountsFromTheAnswer "expiry_is_counted_in_seconds_from_the_request";
    GoesByTheServicesClock "clock_skew_moves_no_deadline";
    IgnoresGrantedScopes "narrowed_scopes_are_told";
    JoinsScopesWithSpaces "scopes_are_in_the_services_form";
    ReadsScopesBySpaces "scopes_are_in_the_services_form";
    PassesNoPolicyOn "policy_says_what_the_service_does";
    PassesNoClientIdentityOn "client_is_known_by_its_secret";
    TellsItsClientByIdAlone "client_is_known_by_its_secret";
    AsksForMoreAtRenewal "renewal_asks_for_no_more_scope";
    TakesAnyTokenType "unknown_token_type_is_refused";
    RemembersTheLastToken "calls_leave_nothing_behind";
    KnowsOneAccount "account_is_the_services_word";
    ProbesWithoutAsking "every_claimed_capability_works";
    ProbesAnOpenPage "dead_token_is_not_alive";
    ProbesByPost "probe_changes_nothing";
    PanicsOnHalfABody "half_response_is_unavailable_not_panic";
    PanicsOnOddBodies "hostile_bodies_do_not_panic";
    ReadsBodiesToTheEnd "bodies_are_bounded";
    BelievesStatus200 "lie_with_200_is_no_success";
    MixesUnsentAndLost "unsent_request_is_told_from_a_lost_one";
    FailsWithoutDiagnosis "every_failure_is_diagnosed";
    RetriesARefusedGrant "refused_grant_is_not_retried";
    TakesARefusedGrantForAnOutage "refused_grant_is_not_retried";
    BlamesTheGrantForTheClient "refused_client_ends_no_grant";
    TakesALostAnswerForRevoked "lost_answer_is_no_verdict_of_death";
    TakesALostExchangeForRefused "lost_exchange_has_an_unknown_outcome";
    IgnoresRetryAfter "rate_limit_honours_retry_after";
    ReportsEveryRevocationAsDone "failed_revocation_is_not_done";
    RevokesNothing "every_claimed_capability_works";
    MisreadsAFixture "fixtures_are_diagnosed_as_expected";
    ListsAnOperationTwice "permission_map_is_consistent";
    AllowsWhatWasRefused "permission_map_is_consistent";
    GrantsTooSmallARole "permission_map_is_consistent";
    JudgesWithoutRights "permission_map_is_consistent";
    DeniesForNoReason "permission_map_is_consistent";
    JudgesEverythingAllowed "permission_map_is_consistent";
    NeverDeniesWhatWasRefused "permission_map_is_consistent";
    TakesAPathForAnother "permission_map_is_consistent";
    ForgetsAnOperation "permission_map_is_consistent";
    TakesTimeFromElsewhere "expiry_is_counted_in_seconds_from_the_request";
    PinsNoAccount "account_is_pinned";
    RenewsIntoThePast "expired_token_is_renewed_once";
    TakesRejectionForACall "rejected_access_token_is_renewed";
    RevokesThoughItIsNotClaimed "unclaimed_capability_is_unsupported";
    MissesItsInputTooLate "missing_input_is_named";
    CapturesFromMemory "crash_after_the_first_store_loses_no_grant";
    AsksThePersonForNothing "revoked_grant_asks_for_consent";
}

/// Flaws that a second rule rejects too, so that each rule has one to show that it can fail.
pub(crate) const ALSO: &[(Flaw, &str)] = &[
    (Flaw::RevokesNothing, "disconnect_ends_the_grant"),
    (Flaw::PutsATokenIntoTheAccount, "debug_hides_every_secret"),
    (Flaw::KeepsOldRefreshToken, "spent_refresh_token_is_never_sent_again"),
    (Flaw::DropsFirstRefreshToken, "concurrent_callers_share_one_fetch"),
    (Flaw::DropsFirstRefreshToken, "cancelled_call_leaves_cache_usable"),
    (Flaw::TakesALostAnswerForRevoked, "lost_answer_is_survived_within_the_policy"),
    (Flaw::DropsFirstRefreshToken, "failing_store_loses_no_grant"),
];
