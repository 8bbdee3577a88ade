//! The list of the rules.

mod account;
mod consent;
mod device;
mod failure;
mod fixture;
mod host;
mod hub;
mod judged;
mod permission;
mod restraint;
mod secret;
mod setting;
mod signing;
mod stated;
mod token;

use crate::rule::{Failure, Rule, Verdict};

/// What a rule answers.
type Played = Result<Verdict, Failure>;

/// Writes the list of the rules and, with a dollar sign that stands for itself, the macro that makes a test of each.
macro_rules! rules {
    ($d:tt $($name:ident, $needs_hub:literal, $run:path, $about:literal;)+) => {
        /// Every rule.
        pub(crate) static RULES: &[Rule] = &[$(
            Rule {
                name: stringify!($name),
                about: $about,
                needs_hub: $needs_hub,
                run: |stage| Box::pin($run(stage)),
            },
        )+];

        /// Makes one test of each rule, for the provider that a [`Profile`](crate::Profile) describes: an expression, which
        /// each test evaluates anew. A report of the tests then reads as the list of the rules.
        ///
        /// ```
        /// # fn profile() -> trunkline_testkit::Profile { trunkline_testkit::Profile::named("acme", "") }
        /// trunkline_testkit::conformance_tests!(profile());
        /// # fn main() {}
        /// ```
        ///
        /// Each test has a runtime of its own, whose time stands still: the crate needs no tokio for it.
        #[macro_export]
        macro_rules! conformance_tests {
            ($d profile:expr $d(,)?) => {
                $(
                    #[doc = $about]
                    #[test]
                    fn $name() {
                        $d crate::check(stringify!($name), &$d profile);
                    }
                )+
            };
        }
    };
}

rules! { $
    config_rejects_unknown_fields, false, setting::config_rejects_unknown_fields,
        "A setting that is not the provider's is an error that names it.";
    name_matches_registry, false, setting::name_matches_registry,
        "The provider is registered under its name, and what it lists is what it does.";
    every_claimed_capability_works, false, setting::every_claimed_capability_works,
        "Each way to hold a grant connects, identifies, renews, probes and revokes, as far as that is claimed.";
    unclaimed_capability_is_unsupported, false, setting::unclaimed_capability_is_unsupported,
        "What is not claimed says so, and asks the service nothing.";
    missing_input_is_named, false, setting::missing_input_is_named,
        "What a connection needs to know and was not given is named before anything is sent.";

    debug_hides_every_secret, false, secret::debug_hides_every_secret,
        "No Debug shows a secret.";
    errors_never_contain_secrets, false, secret::errors_never_contain_secrets,
        "No error says a secret, not even where the service repeats it.";
    logs_never_contain_secrets, true, secret::logs_never_contain_secrets,
        "Nothing that is logged holds a secret.";
    secrets_are_never_in_a_url, false, secret::secrets_are_never_in_a_url,
        "No URL holds a secret, but for the state of a consent.";

    requests_go_to_declared_hosts_only, false, host::requests_go_to_declared_hosts_only,
        "Every request goes to a host of the settings or the profile.";
    hosts_in_answers_are_checked, false, host::hosts_in_answers_are_checked,
        "A host that an answer names is not believed unless it is the service's.";
    redirects_are_not_followed, false, host::redirects_are_not_followed,
        "A redirect is an answer, and nothing is sent to where it leads.";

    consent_url_carries_the_state, false, consent::consent_url_carries_the_state,
        "The URL that a person is sent to has the state that it was given, once.";
    pkce_binds_the_code, false, consent::pkce_binds_the_code,
        "Each consent has a verifier of its own, by S256, and no code is exchanged without it.";
    redirect_uri_is_the_same_in_both_steps, false, consent::redirect_uri_is_the_same_in_both_steps,
        "The code is exchanged with the redirect URI that it was asked for with.";
    refused_consent_spends_nothing, false, consent::refused_consent_spends_nothing,
        "A callback with an error, without a code, or at another place leads to no token request.";
    forged_callback_spends_nothing, false, consent::forged_callback_spends_nothing,
        "Where the service signs the callback, one that is changed or not signed leads to no token request.";
    device_poll_says_what_it_heard, false, device::device_poll_says_what_it_heard,
        "A poll for a device code asks once, and says whether the person has answered, and what.";
    client_authenticates_in_one_way, false, consent::client_authenticates_in_one_way,
        "A token request proves who the client is in one way only.";

    signature_covers_the_request, false, signing::signature_covers_the_request,
        "The service computes the signature that a request has: it covers the method, the address, the query and a form.";
    signed_requests_come_once, false, signing::signed_requests_come_once,
        "No two requests have one nonce, not even one that is sent again, and each is dated when it is sent.";
    signing_secrets_are_never_sent, false, signing::signing_secrets_are_never_sent,
        "What only signs is in no request.";

    rotated_refresh_token_replaces_the_old_one, false, token::rotated_refresh_token_replaces_the_old_one,
        "A new refresh token takes the old one's place.";
    unrotated_refresh_token_is_kept, false, token::unrotated_refresh_token_is_kept,
        "Where a renewal brings no refresh token, the old one is kept.";
    renewal_asks_for_no_more_scope, false, token::renewal_asks_for_no_more_scope,
        "A renewal asks for no scope beyond those of the grant.";
    expiry_is_counted_in_seconds_from_the_request, false, token::expiry_is_counted_in_seconds_from_the_request,
        "An access token ends so many seconds after it was asked for.";
    clock_skew_moves_no_deadline, false, token::clock_skew_moves_no_deadline,
        "A service whose clock is wrong moves no deadline.";
    narrowed_scopes_are_told, false, token::narrowed_scopes_are_told,
        "The credential says which scopes the service granted.";
    scopes_are_in_the_services_form, false, stated::scopes_are_in_the_services_form,
        "Scopes are asked for, and read from answers, with what the service puts between them.";
    policy_says_what_the_service_does, false, stated::policy_says_what_the_service_does,
        "How grants are renewed and end is said as the profile states it of the service.";
    client_is_known_by_its_secret, false, stated::client_is_known_by_its_secret,
        "A client that proves itself by a setting has an identity, which changes with its secret.";
    unknown_token_type_is_refused, false, token::unknown_token_type_is_refused,
        "A token of a type that is not known is not used.";
    calls_leave_nothing_behind, false, token::calls_leave_nothing_behind,
        "Two connections through one connector share nothing.";

    account_is_the_services_word, false, account::account_is_the_services_word,
        "The account is the one that the service names.";
    dead_token_is_not_alive, false, account::dead_token_is_not_alive,
        "A token that the service rejects neither identifies nor proves anything.";
    probe_changes_nothing, false, account::probe_changes_nothing,
        "Asking who we are, and whether a grant serves, changes nothing at the service.";

    half_response_is_unavailable_not_panic, false, failure::half_response_is_unavailable_not_panic,
        "A part of an answer is no answer, no death, and no panic.";
    hostile_bodies_do_not_panic, false, failure::hostile_bodies_do_not_panic,
        "Whatever a body holds, nothing panics.";
    bodies_are_bounded, false, failure::bodies_are_bounded,
        "A body without an end is not read for ever.";
    lie_with_200_is_no_success, false, failure::lie_with_200_is_no_success,
        "A status of success does not make a success.";
    unsent_request_is_told_from_a_lost_one, false, failure::unsent_request_is_told_from_a_lost_one,
        "Whether a request may have been carried out is told.";
    every_failure_is_diagnosed, false, failure::every_failure_is_diagnosed,
        "Each failure says why, who acts, and what to do.";

    refused_grant_is_not_retried, false, judged::refused_grant_is_not_retried,
        "A grant that the service refuses is dead, after one request.";
    refused_client_ends_no_grant, false, judged::refused_client_ends_no_grant,
        "A client that the service refuses is the operator's matter, and ends no grant.";
    outage_is_no_verdict_of_death, false, judged::outage_is_no_verdict_of_death,
        "No outage, and nothing that stands before a service, ends a grant.";
    lost_answer_is_no_verdict_of_death, false, judged::lost_answer_is_no_verdict_of_death,
        "A renewal without an answer has an unknown outcome.";
    lost_exchange_has_an_unknown_outcome, false, judged::lost_exchange_has_an_unknown_outcome,
        "A code that was sent without an answer may have been spent.";
    rate_limit_honours_retry_after, false, judged::rate_limit_honours_retry_after,
        "A limit is told with the pause that the service asks for.";
    unauthorized_without_a_word_is_no_death, false, judged::unauthorized_without_a_word_is_no_death,
        "A 401 of the API leads to a renewal at most.";
    failed_revocation_is_not_done, false, judged::failed_revocation_is_not_done,
        "A revocation that the service did not confirm is not reported as done.";
    fixtures_are_diagnosed_as_expected, false, fixture::fixtures_are_diagnosed_as_expected,
        "Each answer in the fixtures is taken for what it is.";

    one_request_per_call, false, restraint::one_request_per_call,
        "No call sends a second request for a first one that failed.";
    write_is_not_repeated_when_outcome_unknown, true, restraint::write_is_not_repeated_when_outcome_unknown,
        "What may have been carried out is not sent again.";
    provider_never_sleeps, false, restraint::provider_never_sleeps,
        "No call waits by itself, or leaves something running.";

    permission_map_is_consistent, false, permission::permission_map_is_consistent,
        "What the map of permissions knows, needs, judges and grants fits together.";

    concurrent_callers_share_one_fetch, true, hub::concurrent_callers_share_one_fetch,
        "A hundred callers with an expired token lead to one renewal.";
    expired_token_is_renewed_once, true, hub::expired_token_is_renewed_once,
        "A token is renewed when it has expired, once, and not before.";
    cancelled_call_leaves_cache_usable, true, hub::cancelled_call_leaves_cache_usable,
        "A caller who gives up costs the others nothing.";
    spent_refresh_token_is_never_sent_again, true, hub::spent_refresh_token_is_never_sent_again,
        "Over many renewals no refresh token comes twice.";
    lost_answer_is_survived_within_the_policy, true, hub::lost_answer_is_survived_within_the_policy,
        "A renewal whose answer is lost is recovered as far as the service allows, and nothing is declared dead early.";
    revoked_grant_asks_for_consent, true, hub::revoked_grant_asks_for_consent,
        "A grant that the service revoked needs a consent, and says why.";
    rejected_access_token_is_renewed, true, hub::rejected_access_token_is_renewed,
        "A call whose token is rejected gets a new one, and goes through.";
    account_is_pinned, true, hub::account_is_pinned,
        "A connection stays with its account when another one consents.";
    disconnect_ends_the_grant, true, hub::disconnect_ends_the_grant,
        "A connection that is disconnected is revoked where that is claimed, and is used no more.";
    store_holds_no_secret_in_clear, true, hub::store_holds_no_secret_in_clear,
        "Nothing that rests in a store shows a secret: records, events, and what is sealed.";
    crash_after_the_first_store_loses_no_grant, true, hub::crash_after_the_first_store_loses_no_grant,
        "A process that dies right after it stored a first grant leaves a connection that the next one uses.";
    failing_store_loses_no_grant, true, hub::failing_store_loses_no_grant,
        "A store that fails before or after any commit of a renewal loses no grant.";
}
