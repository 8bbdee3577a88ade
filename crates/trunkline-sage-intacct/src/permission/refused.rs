//! From a refusal back to what is missing.

use trunkline_core::permission::{Operation, Permission, Reason, Verdict};
use trunkline_core::{Cause, Diagnosis};

use super::judge::{judge, lacking, outside};
use super::layer::Layer;
use super::rights::Held;
use super::table;

/// What is missing in the layer that refused.
///
/// Sage answers alike where a permission, the type of the user, the subscription of an application, the client or
/// the entity is what refuses. Rights tell these apart: those that were read before, as far as they are still true,
/// and those that were read since (`is_later`) for certain. Without any, the permission is what is named, since it is
/// that most of the time, and reading them tells the rest.
pub(super) fn refused(
    operation: &Operation,
    diagnosis: &Diagnosis,
    held: Option<&Held>,
    is_later: bool,
) -> Verdict {
    match (diagnosis.cause(), Layer::of(diagnosis.cause())) {
        (Cause::NotFound, _) => Verdict::unknown(Reason::DependsOnRecord, not_found(held)),
        (cause, None) => Verdict::unknown(Reason::DependsOnRecord, cause.summary()),
        (_, Some(Layer::Permission)) => match held {
            Some(held) => against(held, operation, is_later),
            None => lacking(None, false, operation),
        },
        (_, Some(_)) => Verdict::denied(behind(diagnosis, operation, held)),
    }
}

/// A refusal that may be any layer's, beside the rights.
fn against(held: &Held, operation: &Operation, is_later: bool) -> Verdict {
    match judge(Some(held), operation) {
        denied @ Verdict::Denied { .. } => denied,
        Verdict::Allowed if is_later => {
            let text = "the rights that were read since permit it: they were given in between, or Sage refused this \
                        record or what is in the request";
            Verdict::unknown(Reason::DependsOnRecord, text)
        }
        // It was permitted, and is no longer.
        Verdict::Allowed => lacking(None, false, operation),
        Verdict::Unknown(_) => {
            let listed = held.seen.get(operation.object()).is_some_and(|seen| seen.list.is_allowed());
            lacking(held.profile.as_deref(), listed, operation)
        }
    }
}

fn not_found(held: Option<&Held>) -> String {
    let profile = held.and_then(|held| held.profile.as_ref());
    let restricted = profile.and_then(|profile| profile.entities.as_ref()).map(|entities| {
        let entities: Vec<&str> = entities.iter().map(String::as_str).collect();
        format!(", since the user may work in {} alone", entities.join(", "))
    });
    let entered = held.and_then(|held| held.entity.as_ref());
    let scoped = || entered.map(|entity| format!(", since the connection works in the entity {}", entity.id));
    let why = restricted.or_else(scoped).unwrap_or_default();
    format!("the record is not there, or this user cannot see it{why}")
}

/// What a refusal misses that names its layer.
pub(super) fn behind(diagnosis: &Diagnosis, operation: &Operation, held: Option<&Held>) -> Permission {
    let layer = Layer::of(diagnosis.cause()).unwrap_or(Layer::Permission);
    match layer {
        Layer::Company if diagnosis.cause() == Cause::CompanyExpired => Layer::expired(),
        // One code for three things.
        Layer::Company => {
            layer.lacks("an active company that authorises the sender ID and the client ID", false)
        }
        Layer::Sender => layer.lacks("the sender ID of the application", false),
        Layer::Client => layer.lacks("the client ID of the application, with status Active", false),
        Layer::User => layer.lacks("the address that the calls come from", false),
        Layer::Module | Layer::WebServices if names_web_services(diagnosis) => {
            Layer::WebServices.lacks("the application Web Services", false)
        }
        Layer::Module | Layer::WebServices => {
            let home = table::find(operation).and_then(|row| match row.extra(operation.action()) {
                Some(extra) => Some(extra.permission.0),
                None => row.pairs.first().map(|(module, _)| *module),
            });
            home.map_or_else(
                || layer.lacks("the application that the object belongs to", false),
                Layer::module,
            )
        }
        Layer::Entity => held
            .and_then(|held| {
                outside(held).or_else(|| held.entity.as_ref().map(|entity| Layer::entity(&entity.id)))
            })
            .unwrap_or_else(|| layer.lacks("the entity that the request names", false)),
        Layer::Feature => layer.lacks("the feature, or the permission, that Sage's message names", false),
        Layer::UserType | Layer::Permission => layer.lacks(diagnosis.cause().summary(), false),
    }
}

/// Whether the application that is not subscribed is the one that every call needs.
fn names_web_services(diagnosis: &Diagnosis) -> bool {
    let message = diagnosis.evidence().message.as_ref().map(|text| text.as_str().to_ascii_lowercase());
    message.is_some_and(|text| text.replace(' ', "").contains("webservices"))
}
