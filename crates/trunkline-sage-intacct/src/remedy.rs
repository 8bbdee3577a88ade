//! What to do, in Sage's own words for its menus and pages.

pub(crate) const RECONNECT: &str = "Connect again, with a Web Services user that no other connection uses. \
    The grant ends when somebody revokes it, and a second consent for the same user and company, or a sign-in \
    to Sage Intacct as that user, has been seen to end it too.";

pub(crate) const CODE_SPENT: &str = "Start again from the application: the code that Sage sent back was too \
    old, was used before, or belongs to another redirect URI.";

pub(crate) const CLIENT: &str = "Check client id and secret in the connector's settings against the Sage \
    developer console, for stray blanks too, and that the client's scope (Production or Non-production) fits \
    the company.";

pub(crate) const CLIENT_AT_RENEWAL: &str = "Do not replace the secret yet: Sage reports a dead grant this way \
    at times. If connections of other companies still renew, connect this one again. If none does, check client \
    id and secret in the connector's settings, for stray blanks too.";

pub(crate) const CLIENT_NOT_LISTED: &str = "Company > Setup > Company > Edit > Security > Authorized Client \
    Applications: add the application's client ID, for client credentials together with the Web Services user \
    ID, and set its status to Active; that user must be active too. If every company is refused alike, the \
    operator checks client id and secret.";

pub(crate) const CLIENT_OR_WEB_SERVICES: &str = "Company > Security > Authorized client applications: the \
    application's client ID must be listed with status Active. Company > Admin > Subscriptions: Web Services \
    must be subscribed.";

pub(crate) const USERNAME: &str = "Enter the Web Services user as user@company, or user@company|entity for one \
    entity. The user ID is case-sensitive.";

pub(crate) const COMPANY: &str = "Check that the company ID is right and the company is active; that under \
    Company > Security the sender ID stands in Web Services authorizations and the client ID, with status \
    Active, in Authorized client applications; and that Company > Admin > Subscriptions has Web Services.";

pub(crate) const TOKEN_REQUEST: &str = "The token request lacks something or repeats it. Check the connector's \
    settings.";

pub(crate) const PERMISSION: &str = "Give the user's role the permission for this object with List and the \
    action (every other action needs List), and check the rest, which Sage refuses alike: the user type permits \
    it; Company > Admin > Subscriptions has the application; the user may enter the entity; and, if every call \
    is refused, Company > Security > Authorized client applications lists the client ID with status Active.";

pub(crate) const ENTITY: &str = "Give the user access to this entity in the user's entity restrictions, or name \
    another one. Check the entity ID.";

pub(crate) const FEATURE: &str = "Follow Sage's message: it is a switch in the application's configuration (such \
    as the override of GL accounts, or refunds), Global Transaction Security, or a permission of the user.";
