//! What to do, in Salesforce's own words for its menus and settings.

use trunkline_core::Remedy;

const FLOW_ERRORS: &str =
    "https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_flow_errors.htm&type=5";
const STATUS_CODES: &str =
    "https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm";

macro_rules! remedies {
    ($($name:ident $key:literal $link:ident [$($step:literal)*];)*) => {
        /// Every remedy of this connector, for whoever translates them: by key, in
        /// [`Texts`](trunkline_core::Texts). Each is for the actor that the diagnosis names.
        pub const REMEDIES: &[Remedy] = &[$($name,)*];

        $(pub(crate) const $name: Remedy = Remedy::documented($key, &[$($step,)*], $link);)*
    };
}

remedies! {
    RECONNECT "salesforce.reconnect" FLOW_ERRORS [
        "Connect again."
        "If nobody revoked it, look at the app's Refresh Token Policy, and whether the same user connected this app \
         more than five times: a sixth approval ends the oldest."
    ];
    RACE "salesforce.race" FLOW_ERRORS [
        "Nothing: another renewal of the same grant was under way, and this one changed nothing."
        "If it happens again and again, another program uses the same refresh token: give it a connection of its own."
    ];
    CODE_SPENT "salesforce.code_spent" FLOW_ERRORS [
        "Start again from the application: the code that Salesforce sent back was too old, or was used before."
    ];
    CODE_VERIFIER "salesforce.code_verifier" FLOW_ERRORS [
        "Start again from the application: the answer belongs to another consent than the one that was started."
    ];
    CLIENT "salesforce.client" FLOW_ERRORS [
        "Check Consumer Key and Consumer Secret in the connector's settings against the app at Salesforce."
        "A secret that was replaced ends every token of the app: all connections need a new consent."
    ];
    CLIENT_ID "salesforce.client_id" FLOW_ERRORS [
        "Check the Consumer Key in the connector's settings. A new app is known only some minutes after it was \
         created."
        "Check that login_url is the host of the org that has the app."
    ];
    APP_NOT_INSTALLED "salesforce.app_not_installed" FLOW_ERRORS [
        "Open Setup > Connected Apps OAuth Usage, find the application and choose Install."
        "Or give the user the permission Approve Uninstalled Connected Apps."
        "Then connect again."
    ];
    APP_BLOCKED "salesforce.app_blocked" FLOW_ERRORS [
        "Open Setup > Connected Apps OAuth Usage, find the application and choose Unblock."
        "Where API Access Control is on, add the application to those that are allowed."
    ];
    APP_NOT_APPROVED "salesforce.app_not_approved" FLOW_ERRORS [
        "Open the application's policies in Setup and look at Permitted Users."
        "With Admin approved users are pre-authorized, add the user's profile or a permission set of the user."
    ];
    USER_NOT_APPROVED "salesforce.user_not_approved" FLOW_ERRORS [
        "Open the application's policies in Setup, set Permitted Users to Admin approved users are pre-authorized, \
         and add the user's profile or a permission set of the user."
        "Or let the user approve the application once, in a browser."
    ];
    USER_INACTIVE "salesforce.user_inactive" FLOW_ERRORS [
        "Open Setup > Users, edit the user and check Active. If the user is frozen, choose Unfreeze."
        "If the connection does not recover, connect again."
    ];
    ORG_INACTIVE "salesforce.org_inactive" FLOW_ERRORS [
        "Ask Salesforce why the org is locked, closed or suspended."
    ];
    ADDRESS "salesforce.address" FLOW_ERRORS [
        "Ask the application's operator for the addresses that its calls come from."
        "Open the application's policies in Setup: IP Relaxation, and the allowlist for refresh tokens if there is \
         one."
        "Open the user's profile: Login IP Ranges and Login Hours."
    ];
    CREDENTIALS "salesforce.credentials" FLOW_ERRORS [
        "Connect again, and check that the user can sign in."
    ];
    ASSERTION "salesforce.assertion" FLOW_ERRORS [
        "Check that private_key belongs to the certificate that the app has at Salesforce, and that client_id is its \
         Consumer Key."
        "If connections of other users work, check this one's username: it looks like a mail address and belongs \
         to one org."
    ];
    ASSERTION_TIME "salesforce.assertion_time" FLOW_ERRORS [
        "Set this machine's clock: Salesforce took the assertion, which lives for three minutes, for an old one."
    ];
    AUDIENCE "salesforce.audience" FLOW_ERRORS [
        "Set audience to production or sandbox, as the org is one or the other: the assertion named the wrong one."
    ];
    RUN_AS "salesforce.run_as" FLOW_ERRORS [
        "Open the application's policies in Setup, enable the Client Credentials Flow, and name a user under Run As."
    ];
    MY_DOMAIN "salesforce.my_domain" FLOW_ERRORS [
        "Give the org's My Domain as login_url, such as https://acme.my.salesforce.com: Setup > My Domain shows it. \
         The client credentials flow works nowhere else."
    ];
    LOGIN_URL "salesforce.login_url" FLOW_ERRORS [
        "Give login_url as https://login.salesforce.com, as https://test.salesforce.com for a sandbox, or as the \
         org's My Domain, such as https://acme.my.salesforce.com."
        "A host of lightning.force.com or salesforce-setup.com is the user interface: Setup > My Domain shows the \
         address that is meant."
    ];
    FLOW "salesforce.flow" FLOW_ERRORS [
        "Enable the flow in the app's OAuth settings at Salesforce."
        "If the app has it, an administrator may have switched it off in Setup > OAuth and OpenID Connect Settings."
    ];
    SCOPE "salesforce.scope" FLOW_ERRORS [
        "Add the scope to the app's Selected OAuth Scopes at Salesforce, or take it out of the connector's settings."
    ];
    REDIRECT_URI "salesforce.redirect_uri" FLOW_ERRORS [
        "Enter redirect_uri as a Callback URL of the app at Salesforce, byte for byte."
    ];
    TOKEN_REQUEST "salesforce.token_request" FLOW_ERRORS [
        "Check the connector's settings: the token request lacks something, or asks in a way that Salesforce does not \
         know."
    ];
    DPOP "salesforce.dpop" FLOW_ERRORS [
        "Take the requirement of DPoP out of the app's settings at Salesforce: this connector sends bearer tokens."
    ];
    SESSION_LEVEL "salesforce.session_level" FLOW_ERRORS [
        "Open the application's policies in Setup: they want a high assurance session."
        "Relax that policy, or let the user sign in again with multi-factor authentication and connect."
    ];
    LOGIN_RATE "salesforce.login_rate" FLOW_ERRORS [
        "Nothing: wait some minutes. Salesforce limits how often one user signs in within an hour."
    ];
    API_SCOPE "salesforce.api_scope" STATUS_CODES [
        "Add Manage user data via APIs (api) to the app's Selected OAuth Scopes, and connect again."
        "Where API Access Control is on, add the application to those that are allowed."
    ];
    API_ENABLED "salesforce.api_enabled" STATUS_CODES [
        "Give the user the system permission API Enabled, in the profile or by a permission set."
        "If the user has it, the org's edition has no API: ask Salesforce for it."
    ];
    RECORD_ACCESS "salesforce.record_access" STATUS_CODES [
        "Give the user the object permission that the call needs (Read, Create, Edit or Delete), in the profile or \
         by a permission set."
        "If the user has it, share the record: its owner, Sharing Settings and sharing rules decide."
    ];
    CROSS_REFERENCE "salesforce.cross_reference" STATUS_CODES [
        "Find the record that the request refers to, such as an owner or a parent."
        "Share it with the user, or give the user the object permission for it."
    ];
    FIELD "salesforce.field" STATUS_CODES [
        "Compare the name with the object's description: a field that the user may not read is missing there, as one \
         that does not exist."
        "If it exists, give the user Read Access to it in Field-Level Security."
    ];
    FIELD_EDIT "salesforce.field_edit" STATUS_CODES [
        "Give the user Edit Access to the field in Field-Level Security, in the profile or by a permission set."
        "If the user has it, nobody can write this field, such as a formula: leave it out."
    ];
    OBJECT "salesforce.object" STATUS_CODES [
        "Compare the name with the list of objects: one that the user may not read is missing there, as one that \
         does not exist."
        "If it exists, give the user Read on the object, in the profile or by a permission set."
    ];
    RECORD "salesforce.record" STATUS_CODES [
        "Check the id: the record is deleted, or was never there."
        "If it exists, it is not shared with the user: its owner, Sharing Settings and sharing rules decide."
    ];
    SEVERAL "salesforce.several_records" STATUS_CODES [
        "Choose one of the records that the answer lists: the external id is not unique."
    ];
    DAILY_LIMIT "salesforce.daily_limit" STATUS_CODES [
        "Wait: the org has used up its API calls of the last 24 hours, which all its integrations share."
        "An administrator sees them in Setup > Company Information, and who made them."
    ];
    API_VERSION "salesforce.api_version" STATUS_CODES [
        "Set api_version to a version that the org still has: GET /services/data/ lists them."
    ];
    PASSWORD_EXPIRED "salesforce.password_expired" STATUS_CODES [
        "Let the user set a new password, or give the user the permission Password Never Expires."
    ];
    FEATURE "salesforce.feature" STATUS_CODES [
        "Enable the feature that Salesforce's message names in Setup, or give the org and the user its licence."
    ];
    IDENTITY "salesforce.identity" STATUS_CODES [
        "Add Access the identity URL service (id) to the app's Selected OAuth Scopes, and connect again."
        "If the scope is there, the token's user may not read that user."
    ];
    OTHER_ORG "salesforce.other_org" STATUS_CODES [
        "Check the identity URL: it belongs to another org than the token, or to nobody."
    ];
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_remedy_has_a_key_of_its_own_and_whole_sentences() {
        let mut keys = HashSet::new();
        for remedy in REMEDIES {
            let key = remedy.key();
            assert!(key.starts_with("salesforce.") && keys.insert(key), "{key}");
            assert!(remedy.steps().len() > 0, "{key}");
            for step in remedy.steps() {
                assert!(step.ends_with('.') && !step.contains("  ") && !step.contains('\n'), "{key}: {step}");
            }
        }
    }
}
