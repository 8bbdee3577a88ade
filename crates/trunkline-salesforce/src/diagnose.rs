//! Why Salesforce refused.

use trunkline_core::{Call, Diagnosis, Exchange};

use crate::config::GrantMethod;
use crate::{api, token};

/// Reads a failed exchange. `method` is how the grant is held; where that is not known, a person's consent is
/// assumed. `None` when the general rules say as much.
pub(crate) fn diagnose(exchange: &Exchange<'_>, method: Option<GrantMethod>) -> Option<Diagnosis> {
    match exchange.call {
        Call::Api => api::judge(exchange),
        _ => token::judge(exchange, method),
    }
}
