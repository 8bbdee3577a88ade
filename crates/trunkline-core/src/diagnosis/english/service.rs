//! The service, and the way to it.

use super::Entry;
use crate::diagnosis::Actor::{CustomerUser, Nobody, Operator, Service};
use crate::diagnosis::Cause;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        cause: Cause::RateLimited,
        means: "More calls were made than the service allows in a time, or at a time.",
        recognised: "429, the service's code for it, or `slow_down`.",
        advice: &[
            (Nobody, &["Nothing: wait as long as the service says."]),
            (
                Operator,
                &[
                    "Make fewer calls at once for this customer.",
                    "If that is not possible, ask the service for a higher limit.",
                ],
            ),
            (CustomerUser, &["Try again later: the service limits how much can be asked of it."]),
        ],
    },
    Entry {
        cause: Cause::ServiceUnavailable,
        means: "The service is overloaded or broken. The grant is not touched, however long it lasts.",
        recognised: "A 5xx, 408 or 425, or the service's own word for it.",
        advice: &[
            (Service, &["Nothing: the service has to recover."]),
            (
                Operator,
                &[
                    "Look at the service's status page.",
                    "If it lasts, give the support id of the evidence to the service's support.",
                ],
            ),
            (CustomerUser, &["The service has a disturbance. Try again later; the connection stays."]),
        ],
    },
    Entry {
        cause: Cause::ServiceMaintenance,
        means: "The service took itself off the net on purpose. The grant is not touched.",
        recognised: "The service's text for being off-line for a while.",
        advice: &[
            (Service, &["Nothing: the service comes back when its maintenance is over."]),
            (Operator, &["Look at the service's status page for the end of the maintenance."]),
            (CustomerUser, &["The service is being maintained. Try again later; the connection stays."]),
        ],
    },
    Entry {
        cause: Cause::EdgeFailure,
        means: "A load balancer, firewall or proxy answered instead of the service. What it says is about \
            neither token nor permission.",
        recognised: "A page for people where the service answers with data.",
        advice: &[
            (Service, &["Nothing, if it passes: the service's edge has to recover."]),
            (
                Operator,
                &[
                    "Nothing, if it passes.",
                    "If it stays, check whether a proxy or firewall of your own, or the service's firewall, stops \
                     the calls.",
                ],
            ),
            (
                CustomerUser,
                &["The service cannot be reached properly now. Try again later; the connection stays."],
            ),
        ],
    },
    Entry {
        cause: Cause::ServiceUnreachable,
        means: "No connection to the service came about. Nothing was sent, so even a write may be repeated.",
        recognised: "The name was not found, the connection was refused, or TLS failed.",
        advice: &[
            (Service, &["Nothing, if it passes: the service has to be reachable again."]),
            (
                Operator,
                &[
                    "Nothing, if it passes.",
                    "If it stays, check name resolution, network, proxy and certificates of the machine.",
                ],
            ),
            (CustomerUser, &["The service cannot be reached now. Try again later; nothing was sent."]),
        ],
    },
    Entry {
        cause: Cause::OutcomeUnknown,
        means: "The request went out and no whole answer came back. The service may have carried it out.",
        recognised: "The connection broke after sending, or a gateway gave up waiting for the service.",
        advice: &[
            (
                Operator,
                &[
                    "Check at the service before repeating a write.",
                    "Where the service knows idempotency keys, send one with every write.",
                ],
            ),
            (
                CustomerUser,
                &["It is not known whether this was done. Look at the service before you repeat it."],
            ),
        ],
    },
    Entry {
        cause: Cause::ResponseInvalid,
        means: "An answer came that fits nothing that the service documents.",
        recognised: "The body is cut off, of another format, or lacks what it must hold.",
        advice: &[
            (Service, &["Nothing, if it passes; else the service has to mend its answer."]),
            (
                Operator,
                &[
                    "Nothing, if it passes.",
                    "If it stays, tell the service's support, and whoever maintains the connector.",
                ],
            ),
            (
                CustomerUser,
                &[
                    "The service answered something unexpected. Try again later, then tell the application's support.",
                ],
            ),
        ],
    },
];
