//! A good credential that does not permit this.

use super::Entry;
use crate::diagnosis::Actor::{CustomerAdministrator, CustomerUser, Operator};
use crate::diagnosis::Cause;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        cause: Cause::PermissionMissing,
        means: "The service knows who asks and refuses this one thing. Everything else goes on working.",
        recognised: "The service's code for a missing permission, or a 403 that the service itself wrote.",
        advice: &[
            (CustomerAdministrator, &["Give the user the permission at the service."]),
            (
                CustomerUser,
                &["Your user may not do this at the service. Ask your administrator for the permission."],
            ),
            (
                Operator,
                &[
                    "Tell the customer's administrator which permission the call needs.",
                    "Renewing or connecting again as the same user changes nothing.",
                ],
            ),
        ],
    },
    Entry {
        cause: Cause::ScopeMissing,
        means: "The grant was given for less than this call needs.",
        recognised: "`insufficient_scope` in the challenge, or the service's own code for it.",
        advice: &[
            (CustomerUser, &["Connect again and approve the missing access."]),
            (
                Operator,
                &[
                    "Add the scope to what the consent asks for.",
                    "Then ask the customer's user to connect again.",
                ],
            ),
        ],
    },
    Entry {
        cause: Cause::AuthenticationRequired,
        means: "The grant is good, but the service wants the user to have signed in more strongly, or more \
            recently, for this call.",
        recognised: "`insufficient_user_authentication` in the challenge of a call.",
        advice: &[
            (CustomerUser, &["Connect again and sign in as the service asks."]),
            (Operator, &["Ask the customer's user to connect again; a renewal does not help."]),
        ],
    },
    Entry {
        cause: Cause::ModuleNotSubscribed,
        means: "The call belongs to a module of the service that the company has not bought or switched on.",
        recognised: "The service's code or text for a module that is not subscribed.",
        advice: &[
            (CustomerAdministrator, &["Subscribe to the module at the service."]),
            (
                CustomerUser,
                &["Your company does not have this module of the service. Ask your administrator about it."],
            ),
            (Operator, &["Do not offer this function to the customer until the module is there."]),
        ],
    },
    Entry {
        cause: Cause::EntityForbidden,
        means: "The user works in some parts of the company only, and this is not one of them.",
        recognised: "A call in the entity is refused that is allowed without it.",
        advice: &[
            (CustomerAdministrator, &["Give the user access to the entity at the service."]),
            (
                CustomerUser,
                &["Choose an entity that your user may enter, or ask your administrator for this one."],
            ),
            (
                Operator,
                &["Check the entity's id, then tell the customer's administrator which one is needed."],
            ),
        ],
    },
    Entry {
        cause: Cause::FeatureDenied,
        means: "No right of the user is missing: a switch in the company's configuration forbids it.",
        recognised: "The service's code or text for a configuration that would have to change.",
        advice: &[
            (CustomerAdministrator, &["Change the setting at the service."]),
            (
                CustomerUser,
                &[
                    "A setting of your company forbids this. Ask your administrator, and show the service's message.",
                ],
            ),
            (Operator, &["Show the service's message to the customer's administrator."]),
        ],
    },
];
