//! The request itself, and the settings that shape it.

use super::Entry;
use crate::diagnosis::Actor::{CustomerAdministrator, CustomerUser, Operator};
use crate::diagnosis::Cause;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        cause: Cause::RequestInvalid,
        means: "The service read the request and found a defect in its form or fields.",
        recognised: "The service's codes for invalid requests, or a 4xx that says nothing else.",
        advice: &[
            (Operator, &["Mend the request; the service's message says where."]),
            (
                CustomerUser,
                &["The application sent something that the service cannot read. Tell its support."],
            ),
        ],
    },
    Entry {
        cause: Cause::NotFound,
        means: "The key names nothing, or nothing that this user may see.",
        recognised: "404 or 410, or the service's code for it.",
        advice: &[
            (Operator, &["Check the key; the user may not be allowed to see it."]),
            (
                CustomerUser,
                &["Check that the record still exists at the service and that your user can see it."],
            ),
            (CustomerAdministrator, &["If the record exists, give the user access to it or to its entity."]),
        ],
    },
    Entry {
        cause: Cause::Conflict,
        means: "Something of the same key exists, was changed meanwhile, or is being changed.",
        recognised: "409 or 412, or the service's code for it.",
        advice: &[
            (Operator, &["Read the current state and decide anew."]),
            (
                CustomerUser,
                &[
                    "Somebody else changed it, or it exists already. Look at it again, then repeat what is still needed.",
                ],
            ),
        ],
    },
    Entry {
        cause: Cause::BusinessRule,
        means: "The request is well formed and the user is allowed, but a rule of the service stands against it.",
        recognised: "422, or the service's code for an operation that failed by a rule.",
        advice: &[
            (CustomerUser, &["Follow the service's message."]),
            (
                Operator,
                &["Show the service's message to the customer's user; repeating the call changes nothing."],
            ),
        ],
    },
    Entry {
        cause: Cause::PartiallyDone,
        means: "One request held several operations. Some were carried out and stay so, the others were not.",
        recognised: "The answer lists its operations, and not all of them failed.",
        advice: &[
            (
                Operator,
                &[
                    "Read the status of each operation in the answer; the evidence names the first that failed.",
                    "Mend and repeat only those that failed.",
                ],
            ),
            (CustomerUser, &["A part of it was done. Look at the service before you repeat anything."]),
        ],
    },
    Entry {
        cause: Cause::ConfigurationInvalid,
        means: "The service refuses what the connector's settings make it send. No customer is to blame, and no \
            connection changes its state.",
        recognised: "`invalid_request` or `invalid_target` where tokens are asked for, or the service's code for \
            a token request that lacks something.",
        advice: &[
            (Operator, &["Mend the connector's settings."]),
            (
                CustomerUser,
                &["The application is not set up rightly. Tell its support; connecting again does not help."],
            ),
        ],
    },
    Entry {
        cause: Cause::ScopeInvalid,
        means: "The consent or the renewal named a scope that does not exist there, or that the application may \
            not have.",
        recognised: "`invalid_scope`.",
        advice: &[
            (
                Operator,
                &[
                    "Compare the scopes in the connector's settings with those of the service's documentation.",
                    "At the service, allow them in the application's registration.",
                ],
            ),
            (
                CustomerUser,
                &[
                    "The application asks for an access that does not exist. Tell its support; connecting again does not help.",
                ],
            ),
        ],
    },
];
