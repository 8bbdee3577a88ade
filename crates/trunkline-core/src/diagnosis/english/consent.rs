//! From nobody connected to connected.

use super::Entry;
use crate::diagnosis::Actor::{CustomerAdministrator, CustomerUser, Operator};
use crate::diagnosis::Cause;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        cause: Cause::ConsentMissing,
        means: "There is no grant yet: nobody has approved access, or the first consent was not finished.",
        recognised: "The store holds no connection of this name, or one without a grant.",
        advice: &[
            (CustomerUser, &["Connect and approve access at the service."]),
            (Operator, &["Offer the customer's user to connect."]),
        ],
    },
    Entry {
        cause: Cause::ConsentDenied,
        means: "The person who was asked did not approve, or the service did not let them.",
        recognised: "The callback or the exchange carries `access_denied`, or another refusal of the service.",
        advice: &[
            (CustomerUser, &["Start again and approve access."]),
            (
                CustomerAdministrator,
                &[
                    "If users may not approve applications by themselves, approve it for them, or connect yourself.",
                ],
            ),
            (
                Operator,
                &["Nothing, if the user changed their mind; else read the service's text in the evidence."],
            ),
        ],
    },
    Entry {
        cause: Cause::ConsentInvalid,
        means: "An answer came back that fits no consent of this browser. It is refused, since somebody else \
            could have made it.",
        recognised: "State, issuer, browser session or redirect address differ from what was started, or a \
            parameter is repeated.",
        advice: &[
            (CustomerUser, &["Start again from the application, in one browser."]),
            (
                Operator,
                &[
                    "Check that the callback route is given the same browser session that began the consent.",
                    "Check that no proxy changes the query of the callback.",
                ],
            ),
        ],
    },
    Entry {
        cause: Cause::ConsentExpired,
        means: "The step at the service was finished too late, or its answer was used before.",
        recognised: "The pending consent is past its end or taken, or the service says that the code is.",
        advice: &[
            (CustomerUser, &["Start again from the application and finish within a quarter of an hour."]),
            (Operator, &["Nothing, if it is rare; else check that the callback is not called twice."]),
        ],
    },
    Entry {
        cause: Cause::ConsentOutcomeUnknown,
        means: "The code was sent to the service and no clear answer came. A code serves once, so it is not \
            sent again.",
        recognised: "The exchange of the code broke off, or its answer cannot be read.",
        advice: &[
            (CustomerUser, &["Start again from the application."]),
            (Operator, &["Look at the network and at the service's status page, if it happens often."]),
        ],
    },
    Entry {
        cause: Cause::AccountMismatch,
        means: "A connection was to be repaired, and another account than its own approved. Nothing was \
            replaced.",
        recognised: "Company or user of the new grant differ from what the connection is pinned to.",
        advice: &[
            (
                CustomerUser,
                &[
                    "Sign in at the service as the connection's own account and connect again.",
                    "If the other account is meant, approve the change of account in the application.",
                ],
            ),
            (Operator, &["Nothing: show the customer's user both accounts, which the error names."]),
        ],
    },
    Entry {
        cause: Cause::Disconnected,
        means: "Somebody ended this connection in the application.",
        recognised: "The connection's state says so.",
        advice: &[
            (CustomerUser, &["Connect again and approve access at the service."]),
            (Operator, &["Nothing: it was wanted. The events say when it was done."]),
        ],
    },
    Entry {
        cause: Cause::InputMissing,
        means: "The connector needs a value from the customer, such as a user's name, and did not get it. \
            Nothing was sent.",
        recognised: "A required input is absent or empty.",
        advice: &[
            (CustomerUser, &["Give the missing input."]),
            (Operator, &["Ask for every input that the connector's consent step names."]),
        ],
    },
];
