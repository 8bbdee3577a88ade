//! What to do, in Sage's own words for its menus and pages.

use trunkline_core::Remedy;

const OAUTH_GUIDE: &str = "https://developer.sage.com/intacct/docs/developer-portal/guides/oauth2";
const QUICK_START: &str =
    "https://developer.sage.com/intacct/docs/developer-portal/getting-started/quick-start";
const ERROR_GUIDE: &str = "https://developer.sage.com/intacct/docs/developer-portal/guides/error-handling";

/// Every remedy of this connector, for whoever translates them: by key, in
/// [`Texts`](trunkline_core::Texts). Each is for the actor that the diagnosis names.
pub const REMEDIES: &[Remedy] = &[
    RECONNECT,
    CODE_SPENT,
    CLIENT,
    CLIENT_AT_RENEWAL,
    CLIENT_NOT_LISTED,
    CLIENT_OR_WEB_SERVICES,
    SENDER,
    USERNAME,
    COMPANY,
    COMPANY_EXPIRED,
    IP_FILTER,
    TOKEN_REQUEST,
    PERMISSION,
    MODULE,
    ENTITY,
    ENTITY_ID,
    FEATURE,
];

pub(crate) const RECONNECT: Remedy = Remedy::documented(
    "sage_intacct.reconnect",
    &[
        "Connect again, with a Web Services user that no other connection uses.",
        "Do not sign in to Sage Intacct as that user, and do not connect it a second time: both have been seen to \
         end the grant, as a revocation does.",
    ],
    OAUTH_GUIDE,
);

pub(crate) const CODE_SPENT: Remedy = Remedy::documented(
    "sage_intacct.code_spent",
    &[
        "Start again from the application: the code that Sage sent back was too old, was used before, or belongs to \
       another redirect URI.",
    ],
    OAUTH_GUIDE,
);

pub(crate) const CLIENT: Remedy = Remedy::documented(
    "sage_intacct.client",
    &[
        "Check client id and secret in the connector's settings against the Sage developer console, for stray \
         blanks too.",
        "Check that the client's scope (Production or Non-production) fits the company.",
    ],
    QUICK_START,
);

pub(crate) const CLIENT_AT_RENEWAL: Remedy = Remedy::documented(
    "sage_intacct.client_at_renewal",
    &[
        "Do not replace the secret yet: Sage reports a dead grant this way at times.",
        "If connections of other companies still renew, connect this one again.",
        "If none does, check client id and secret in the connector's settings, for stray blanks too.",
    ],
    OAUTH_GUIDE,
);

pub(crate) const CLIENT_NOT_LISTED: Remedy = Remedy::documented(
    "sage_intacct.client_not_listed",
    &[
        "Open Company > Setup > Company > Edit > Security > Authorized Client Applications.",
        "Add the application's client ID, for client credentials together with the Web Services user ID, and set \
         its status to Active; that user must be active too.",
        "If every company is refused alike, the operator checks client id and secret.",
    ],
    OAUTH_GUIDE,
);

pub(crate) const CLIENT_OR_WEB_SERVICES: Remedy = Remedy::documented(
    "sage_intacct.client_or_web_services",
    &[
        "Open Company > Setup > Company > Edit > Security > Authorized Client Applications: the application's \
         client ID must be listed with status Active.",
        "Open Company > Admin > Subscriptions: Web Services must be subscribed.",
    ],
    OAUTH_GUIDE,
);

pub(crate) const SENDER: Remedy = Remedy::documented(
    "sage_intacct.sender",
    &[
        "Open Company > Setup > Company > Edit > Security > Web Services authorizations.",
        "Add the application's sender ID and set its status to Active.",
    ],
    OAUTH_GUIDE,
);

pub(crate) const USERNAME: Remedy = Remedy::documented(
    "sage_intacct.username",
    &[
        "Enter the Web Services user as user@company, or user@company|entity for one entity.",
        "Mind capitals: the user ID is case-sensitive.",
    ],
    OAUTH_GUIDE,
);

pub(crate) const COMPANY: Remedy = Remedy::documented(
    "sage_intacct.company",
    &[
        "Check that the company ID is right and the company is active.",
        "Open Company > Setup > Company > Edit > Security: the sender ID must stand in Web Services authorizations, \
         and the client ID, with status Active, in Authorized Client Applications.",
        "Open Company > Admin > Subscriptions: Web Services must be subscribed.",
    ],
    ERROR_GUIDE,
);

pub(crate) const COMPANY_EXPIRED: Remedy = Remedy::fixed(
    "sage_intacct.company_expired",
    &["Ask Sage to extend the demo company, or connect the company's own Sage Intacct."],
);

pub(crate) const IP_FILTER: Remedy = Remedy::fixed(
    "sage_intacct.ip_filter",
    &[
        "Ask the application's operator for the addresses that its calls come from.",
        "Open Company > Setup > Company > Edit > Security and add them to the IP filter.",
    ],
);

pub(crate) const TOKEN_REQUEST: Remedy = Remedy::documented(
    "sage_intacct.token_request",
    &[
        "Check the connector's settings: the token request lacks something, repeats it, or went to a wrong address.",
    ],
    OAUTH_GUIDE,
);

pub(crate) const PERMISSION: Remedy = Remedy::fixed(
    "sage_intacct.permission",
    &[
        "Give the user's role the permission for this object, with List and the action: every other action needs \
         List.",
        "If that is so already, check what Sage refuses alike: that the user type permits it, that Company > Admin > \
         Subscriptions has the application, and that the user may enter the entity.",
        "If every call is refused, open Company > Setup > Company > Edit > Security > Authorized Client \
         Applications: the client ID must be listed with status Active.",
    ],
);

pub(crate) const MODULE: Remedy = Remedy::fixed(
    "sage_intacct.module",
    &[
        "Open Company > Admin > Subscriptions and subscribe to the application that Sage's message names.",
        "Then give the user's role its permissions.",
    ],
);

pub(crate) const ENTITY: Remedy = Remedy::fixed(
    "sage_intacct.entity",
    &[
        "Check the entity ID.",
        "Give the user access to this entity in the user's entity restrictions, or name another one.",
    ],
);

pub(crate) const ENTITY_ID: Remedy =
    Remedy::fixed("sage_intacct.entity_id", &["Give the ID of an entity exactly as Sage shows it."]);

pub(crate) const FEATURE: Remedy = Remedy::fixed(
    "sage_intacct.feature",
    &[
        "Read which object Sage's message names.",
        "Change the switch in that application's configuration (such as the override of GL accounts, or refunds) or \
         in Global Transaction Security, or give the user the permission.",
    ],
);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_remedy_has_a_key_of_its_own_and_whole_sentences() {
        let mut keys = HashSet::new();
        for remedy in REMEDIES {
            let key = remedy.key();
            assert!(key.starts_with("sage_intacct.") && keys.insert(key), "{key}");
            assert!(remedy.steps().len() > 0, "{key}");
            for step in remedy.steps() {
                assert!(step.ends_with('.') && !step.contains("  ") && !step.contains('\n'), "{key}: {step}");
            }
        }
    }
}
