//! Access tokens and grants that end.

use super::Entry;
use crate::diagnosis::Actor::{CustomerAdministrator, CustomerUser, Nobody, Operator};
use crate::diagnosis::Cause;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        cause: Cause::AccessTokenExpired,
        means: "The short-lived token that calls carry has come to its end. The grant behind it is not touched.",
        recognised: "The service's code or text for an expired token, or `invalid_token` with a text about \
            expiry. Some services answer 400 where the standard has 401.",
        advice: &[
            (Nobody, &["Nothing: it is renewed before the next call."]),
            (
                Operator,
                &[
                    "Nothing, as long as the connection stays active.",
                    "If it is met often, check that the clock of the machine is right.",
                ],
            ),
        ],
    },
    Entry {
        cause: Cause::AccessTokenRejected,
        means: "The service refuses an access token whose time is not over: it was revoked, its session was \
            ended, or the grant behind it died. One renewal decides which.",
        recognised: "The service's code for an invalid token, `invalid_token` in the challenge, or a 401 that \
            says nothing more.",
        advice: &[
            (Nobody, &["Nothing: one renewal decides whether the grant still lives."]),
            (
                Operator,
                &[
                    "Nothing, if the connection is active again after the renewal.",
                    "If it comes back, look for somebody who signs in or connects as the same user: at some \
                     services that ends earlier tokens.",
                ],
            ),
        ],
    },
    Entry {
        cause: Cause::GrantRevoked,
        means: "The grant is gone: the service refused to renew it in a terminal way, after it was made sure \
            that the refused token was the newest. Only a person can give a new one.",
        recognised: "`invalid_grant`, or the service's own code for a dead refresh token, as the answer to a \
            renewal.",
        advice: &[
            (CustomerUser, &["Connect again and approve access at the service."]),
            (
                CustomerAdministrator,
                &[
                    "Check at the service whether the application's access was taken away on purpose.",
                    "If it was not, let the user connect again.",
                ],
            ),
            (
                Operator,
                &[
                    "Ask the customer's user to connect again; settings and history of the connection stay.",
                    "If many connections end alike, check whether another installation uses the same users.",
                ],
            ),
        ],
    },
    Entry {
        cause: Cause::GrantExpired,
        means: "The grant had an end from the start, or was not used for longer than the service allows, and \
            that time is over.",
        recognised: "A deadline that the service named with the grant, or a limit that the connector knows, has \
            passed.",
        advice: &[
            (CustomerUser, &["Connect again and approve access at the service."]),
            (
                Operator,
                &[
                    "Ask the customer's user to connect again.",
                    "Act on the `expiring` events, so that it is done before the end next time.",
                ],
            ),
        ],
    },
    Entry {
        cause: Cause::GrantSuperseded,
        means: "The service keeps one grant per account and application. Somebody connected the same account a \
            second time, and the service ended this grant for the newer one.",
        recognised: "The grant is refused, and the store holds a newer connection of the same connector for the \
            same account.",
        advice: &[
            (
                Operator,
                &[
                    "Use the newer connection, which the event names.",
                    "If both are needed, connect each with a user of its own at the service.",
                ],
            ),
            (
                CustomerUser,
                &[
                    "This account was connected a second time, and the newer connection goes on working.",
                    "If you need both, connect this one again with another user of the service.",
                ],
            ),
        ],
    },
    Entry {
        cause: Cause::InteractionRequired,
        means: "The service renews the grant only after the user has been in front of it again: to sign in, to \
            pass a second factor, or to approve something new.",
        recognised: "`interaction_required`, `consent_required`, `login_required` or \
            `insufficient_user_authentication` as the answer to a renewal.",
        advice: &[
            (CustomerUser, &["Connect again: sign in at the service and confirm what it asks."]),
            (
                Operator,
                &[
                    "Ask the customer's user to connect again.",
                    "If all users of a customer meet it, a sign-in policy there has changed: tell their \
                     administrator.",
                ],
            ),
        ],
    },
    Entry {
        cause: Cause::RefreshTokenMissing,
        means: "The access token is over, and the service never gave anything to renew it with.",
        recognised: "The stored credential holds no refresh token.",
        advice: &[
            (CustomerUser, &["Connect again; it may be asked of you again after a while."]),
            (
                Operator,
                &[
                    "Make the consent ask for offline access in the service's way, often by a scope.",
                    "Then ask the customer's user to connect again.",
                ],
            ),
        ],
    },
    Entry {
        cause: Cause::RefreshOutcomeUnknown,
        means: "A renewal was sent and no clear answer came. The refresh token may be spent or not. Nothing is \
            declared dead; it is tried again as the service's rules allow.",
        recognised: "The connection broke after sending, the answer was cut off or unreadable, or a gateway gave \
            up waiting for the service.",
        advice: &[
            (Nobody, &["Nothing: Trunkline tries again by the service's rules."]),
            (
                Operator,
                &[
                    "Nothing, if the connection becomes active again.",
                    "If many connections meet it, look at the network and at the service's status page.",
                ],
            ),
        ],
    },
];
