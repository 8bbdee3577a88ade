//! A refusal at call time, back to the operation and what it lacks.

use trunkline_core::permission::{Lack, Operation, Outgoing, PermissionMap, Rights, Verdict};
use trunkline_core::{Diagnosis, Family, Verdict as Says};

use crate::connection::Connection;

/// Why a call was refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// With what the operations lack, as far as that is known.
    pub(crate) diagnosis: Diagnosis,
    /// What the answer alone says.
    pub(super) plain: Diagnosis,
    /// What the request asked for.
    pub(super) operations: Vec<Operation>,
}

impl Refusal {
    /// Adds to the diagnosis of a call which operation was refused for want of which permission. What was known of
    /// the rights is no longer believed where the service contradicts it.
    pub(crate) fn of(connection: &Connection, request: &Outgoing<'_>, plain: Diagnosis) -> Self {
        let map = connection.entry.mounted.connector.permissions();
        let map = map.filter(|_| plain.cause().verdict() != Says::RenewAccessToken);
        let operations = map.and_then(|map| map.operations(request).ok()).unwrap_or_default();
        let (hub, id) = (&connection.hub, connection.entry.id);
        let lacks = map.map(|map| {
            lacking(map, &operations, &plain, |operation| {
                let entity = connection.entity.as_ref();
                hub.known.look(id, entity, |known, _| known.rights(map, operation).cloned())
            })
        });
        let lacks = lacks.unwrap_or_default();
        if !lacks.is_empty() || plain.family() == Family::InsufficientPermissions {
            hub.known.forget(id);
        }
        Self { diagnosis: with(plain.clone(), lacks), plain, operations }
    }
}

/// What each operation lacks by the map and the rights.
pub(super) fn lacking(
    map: &dyn PermissionMap,
    operations: &[Operation],
    diagnosis: &Diagnosis,
    rights: impl Fn(&Operation) -> Option<Rights>,
) -> Vec<Lack> {
    let lack = |operation: &Operation| match map.refused(operation, diagnosis, rights(operation).as_ref()) {
        Verdict::Denied { missing } => {
            Some(Lack { operation: operation.clone(), not_requested: false, missing })
        }
        Verdict::Allowed | Verdict::Unknown(_) => None,
    };
    operations.iter().filter_map(lack).collect()
}

pub(super) fn with(diagnosis: Diagnosis, lacks: Vec<Lack>) -> Diagnosis {
    if lacks.is_empty() { diagnosis } else { diagnosis.lacking(lacks) }
}
