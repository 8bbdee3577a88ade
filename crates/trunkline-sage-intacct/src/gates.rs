//! What stands before every permission: the company, who may call it, and from where.
//!
//! Sage numbers few of these. The texts are those that its gateway has been seen to write; each counts only
//! as a whole or at its own end, so that a message which merely mentions one is something else.

use trunkline_core::{Cause, Diagnosis, Remedy};

use crate::envelope::ServiceError;
use crate::remedy;

/// How a text is compared, without case and without its full stop.
enum Says {
    Whole(&'static str),
    Start(&'static str),
    End(&'static str),
}

impl Says {
    fn fits(&self, text: &str) -> bool {
        let text = text.trim_end_matches('.');
        let same =
            |part: Option<&str>, wanted: &str| part.is_some_and(|part| part.eq_ignore_ascii_case(wanted));
        match self {
            Self::Whole(wanted) => text.eq_ignore_ascii_case(wanted),
            Self::Start(wanted) => same(text.get(..wanted.len()), wanted),
            Self::End(wanted) => {
                same(text.len().checked_sub(wanted.len()).and_then(|start| text.get(start..)), wanted)
            }
        }
    }
}

const NUMBERS: &[(&str, Cause, Remedy)] = &[
    ("PL04000055", Cause::CompanyExpired, remedy::COMPANY_EXPIRED),
    ("PL04000005", Cause::PermissionMissing, remedy::PERMISSION),
];

const TEXTS: &[(Says, Cause, Option<Remedy>)] = &[
    (Says::End("demo company has expired"), Cause::CompanyExpired, Some(remedy::COMPANY_EXPIRED)),
    (Says::Start("Invalid Web Services Authorization"), Cause::SenderNotAuthorized, Some(remedy::SENDER)),
    (Says::Start("IP address denied"), Cause::IpAddressDenied, Some(remedy::IP_FILTER)),
    (Says::End("module is not subscribed"), Cause::ModuleNotSubscribed, Some(remedy::MODULE)),
    (Says::Whole("The Service is Temporarily Off-line"), Cause::ServiceMaintenance, None),
    (Says::Whole("too many operations running for this company"), Cause::RateLimited, None),
];

/// What the error, or a detail of it, says about the company. A text counts where no number says more.
pub(crate) fn judge(error: &ServiceError) -> Option<Diagnosis> {
    for error in error.chain() {
        if let Some((_, cause, remedy)) = NUMBERS.iter().find(|(number, ..)| error.is(number)) {
            return Some(Diagnosis::new(*cause).remedied(remedy.clone()));
        }
        let message = error.message.as_ref().filter(|_| error.error_id.is_none());
        let said = message.and_then(|message| TEXTS.iter().find(|(text, ..)| text.fits(message.as_str())));
        if let Some((_, cause, remedy)) = said {
            return Some(remedy.iter().cloned().fold(Diagnosis::new(*cause), Diagnosis::remedied));
        }
    }
    None
}
