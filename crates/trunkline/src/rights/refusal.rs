//! A refusal at call time, back to the operation and what it lacks.

use trunkline_core::permission::{Lack, Outgoing, Verdict};
use trunkline_core::{Diagnosis, Family, Verdict as Says};

use crate::connection::Connection;

/// Adds to the diagnosis of a call which operation was refused for want of which permission. What was known of the
/// rights is forgotten where the service contradicts it.
pub(crate) fn explained(connection: &Connection, request: &Outgoing<'_>, diagnosis: Diagnosis) -> Diagnosis {
    let Some(map) = connection.entry.mounted.connector.permissions() else { return diagnosis };
    if diagnosis.cause().verdict() == Says::RenewAccessToken {
        return diagnosis;
    }
    let operations = map.operations(request).unwrap_or_default();
    let (hub, id) = (&connection.hub, connection.entry.id);
    let lacks = operations.into_iter().filter_map(|operation| {
        let rights =
            hub.known.look(id, connection.entity.as_ref(), |known, _| known.rights(map, &operation).cloned());
        match map.refused(&operation, &diagnosis, rights.as_ref()) {
            Verdict::Denied { missing } => Some(Lack { operation, not_requested: false, missing }),
            Verdict::Allowed | Verdict::Unknown(_) => None,
        }
    });
    let lacks: Vec<Lack> = lacks.collect();
    if !lacks.is_empty() || diagnosis.family() == Family::InsufficientPermissions {
        hub.known.forget(id);
    }
    if lacks.is_empty() { diagnosis } else { diagnosis.lacking(lacks) }
}
