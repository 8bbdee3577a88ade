//! What an operation needs, and which operations there are.

use trunkline_core::nearest;
use trunkline_core::permission::{Certainty, Need, Operation, UnknownOperation};

use super::layer::{Right, Share, api_scope};
use super::subject::{Part, Subject};
use super::{judge, objects};

pub(super) fn need(operation: &Operation) -> Result<Need, UnknownOperation> {
    let (subject, rights) = known(operation)?;
    let certainty = match objects::find(subject.object).map(|row| row.opened) {
        Some(objects::Opened::ByObject) => Certainty::Documented,
        Some(objects::Opened::BySystem { .. }) => Certainty::Named,
        None if objects::is_custom(subject.object) => Certainty::Documented,
        // Whether it has permissions of its own is not known, only what the user may do with it.
        None => Certainty::Assumed,
    };
    let any_of = vec![judge::permissions(&subject, operation.action(), rights)];
    Ok(Need { scopes: vec![api_scope()], any_of, certainty })
}

/// What an operation is about and which rights it needs.
///
/// # Errors
///
/// The service has no such operation, as far as names tell: an org may have objects of any other name.
pub(super) fn known(operation: &Operation) -> Result<(Subject<'_>, &'static [Right]), UnknownOperation> {
    let action = operation.action();
    let unknown = |nearest: Option<Operation>| UnknownOperation { operation: operation.clone(), nearest };
    let Some(subject) = Subject::of(operation) else {
        return Err(UnknownOperation::among(operation, &objects::known()));
    };
    let row = objects::find(subject.object);
    if row.is_none() && !objects::is_of_org(subject.object) {
        let all = objects::known();
        let near = nearest(subject.object, all.iter().map(Operation::object));
        if let Some(near) = near {
            return Err(unknown(Some(subject.respelt(action, near)).filter(|near| known(near).is_ok())));
        }
    }
    let listed = row.is_none_or(|row| row.has(action));
    let Some(rights) = Right::of(action).filter(|_| listed) else {
        let names = objects::ACTIONS.iter().filter(|action| row.is_none_or(|row| row.has(action)));
        let near = nearest(action.as_str(), names.clone().map(|action| action.as_str()));
        let near = names.clone().find(|action| Some(action.as_str()) == near);
        return Err(unknown(near.map(|action| subject.respelt(action, subject.object))));
    };
    match &subject.part {
        // An id that begins like another object's is one of its records.
        Part::Record(id) if !objects::may_be_of(id, subject.object) => {
            let other = objects::of_id(id).map(|row| subject.respelt(action, row.name));
            Err(unknown(other.filter(|_| Share::of(action).is_some())))
        }
        // To empty a field is to update it.
        Part::Field(_) if action.as_str() == "delete" => {
            Err(unknown(Some(subject.respelt(&trunkline_core::permission::Action::UPDATE, subject.object))))
        }
        // Nobody writes through a relationship.
        Part::Field(path) if path.contains('.') && rights.len() > 1 => Err(unknown(None)),
        Part::Record(_) if Share::of(action).is_none() => {
            Err(unknown(Some(subject.respelt(&trunkline_core::permission::Action::READ, subject.object))))
        }
        _ => Ok((subject, rights)),
    }
}
