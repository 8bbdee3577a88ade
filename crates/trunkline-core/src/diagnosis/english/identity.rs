//! Who asks: the application's client, the user, and the company behind both.

use super::Entry;
use crate::diagnosis::Actor::{CustomerAdministrator, CustomerUser, Operator};
use crate::diagnosis::Cause;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        cause: Cause::ClientCredentialsInvalid,
        means: "The service does not recognise the application itself. No customer is to blame, and no \
            connection changes its state.",
        recognised: "`invalid_client` at the token endpoint. One such answer may be a dead grant in disguise; \
            several tenants alike are not.",
        advice: &[
            (Operator, &["Check client id and secret in the configuration, for stray blanks too."]),
            (
                CustomerUser,
                &[
                    "The application's own credentials are refused. Tell its support; connecting again does not help.",
                ],
            ),
        ],
    },
    Entry {
        cause: Cause::ClientNotPermitted,
        means: "The service knows the application, but does not let it use this way of getting a grant.",
        recognised: "`unauthorized_client` or `unsupported_grant_type`.",
        advice: &[
            (
                Operator,
                &[
                    "At the service, open the application's registration and allow the grant type that the \
                     connector uses.",
                    "Or choose another one in the connector's settings.",
                ],
            ),
            (
                CustomerUser,
                &[
                    "The application is not set up fully at the service. Tell its support; connecting again does not help.",
                ],
            ),
        ],
    },
    Entry {
        cause: Cause::ClientNotAuthorized,
        means: "The customer's company has not admitted the application, or has taken it off its list.",
        recognised: "The service's code for an application that is not authorised, or a refusal of a call that \
            needs no permission.",
        advice: &[
            (CustomerAdministrator, &["Authorise the application in the service's security settings."]),
            (
                CustomerUser,
                &[
                    "Your company does not admit the application. Ask your administrator to authorise it at the service.",
                ],
            ),
            (
                Operator,
                &[
                    "Send the client id to the customer's administrator, to be authorised.",
                    "If every customer is refused alike, check client id and secret in the configuration.",
                ],
            ),
        ],
    },
    Entry {
        cause: Cause::SenderNotAuthorized,
        means: "The service wants the maker of an application admitted as well, and the customer's company has \
            not done so.",
        recognised: "The service's text for an authorisation of web services that is invalid.",
        advice: &[
            (CustomerAdministrator, &["Add the application's sender id in the service's security settings."]),
            (
                CustomerUser,
                &[
                    "Your company does not admit the application's maker. Ask your administrator to add the sender id.",
                ],
            ),
            (Operator, &["Send the sender id to the customer's administrator, to be added."]),
        ],
    },
    Entry {
        cause: Cause::UserCredentialsInvalid,
        means: "The user that the connection names does not exist there, is misspelt, or has other credentials.",
        recognised: "The service's code for a user name or password that is refused, or `invalid_grant` where \
            only a name was sent.",
        advice: &[
            (CustomerUser, &["Enter the user's credentials again."]),
            (
                CustomerAdministrator,
                &["Check that the user exists at the service, and how the name is written."],
            ),
            (Operator, &["Ask the customer's user to enter the credentials again."]),
        ],
    },
    Entry {
        cause: Cause::UserDisabled,
        means: "The user exists and may not sign in at present. The grant may live on once that is undone.",
        recognised: "The service's code for a user that is inactive, locked or frozen.",
        advice: &[
            (CustomerAdministrator, &["Activate the user at the service."]),
            (
                CustomerUser,
                &["The user of this connection is disabled. Ask your administrator to activate it."],
            ),
            (Operator, &["Tell the customer's administrator; do not ask for a new consent."]),
        ],
    },
    Entry {
        cause: Cause::CompanyInactive,
        means: "The service turns the whole company away, or the application for this company. No user can \
            change that by connecting again.",
        recognised: "The service's code for a tenant, sender or client that is missing or inactive.",
        advice: &[
            (
                CustomerAdministrator,
                &["Check that company, subscription and application are active at the service."],
            ),
            (
                CustomerUser,
                &["Your company is not active at the service. Ask your administrator to look at it."],
            ),
            (
                Operator,
                &[
                    "Check that the company's id is right.",
                    "Tell the customer's administrator; do not ask for a new consent.",
                ],
            ),
        ],
    },
    Entry {
        cause: Cause::CompanyExpired,
        means: "The company was a demonstration or trial, or its contract ran out, and the service no longer \
            serves it.",
        recognised: "The service's code for a company that has expired.",
        advice: &[
            (
                CustomerAdministrator,
                &["Renew the company's subscription with the service, or connect another company."],
            ),
            (CustomerUser, &["Your company's access to the service has ended. Tell your administrator."]),
            (Operator, &["Nothing here helps: tell the customer, and offer to connect another company."]),
        ],
    },
    Entry {
        cause: Cause::IpAddressDenied,
        means: "The company admits calls from certain addresses only, and the application's is not among them.",
        recognised: "The service's text for an address that is denied.",
        advice: &[
            (
                CustomerAdministrator,
                &["Add the application's addresses to those that the company's security settings admit."],
            ),
            (
                CustomerUser,
                &["Your company does not admit the application's address. Ask your administrator to add it."],
            ),
            (Operator, &["Send the addresses that your calls come from to the customer's administrator."]),
        ],
    },
];
