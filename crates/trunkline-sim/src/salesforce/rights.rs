//! What a user may do: the union of its permission sets, its profile's among them, and sharing.

use std::collections::BTreeSet;

use super::org::{Org, Shared, Sharing};
use super::record::Record;
use super::schema::{Access, Field, ObjectType};
use crate::clock::parse_time_s;

/// What a user may do with an object's records, sharing aside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ObjectRights {
    pub(crate) read: bool,
    pub(crate) create: bool,
    pub(crate) edit: bool,
    pub(crate) delete: bool,
    pub(crate) view_all: bool,
    pub(crate) modify_all: bool,
}

/// What a user may do with a field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct FieldRights {
    pub(crate) read: bool,
    pub(crate) create: bool,
    pub(crate) update: bool,
}

/// What a user may do with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RecordRights {
    Nothing,
    Read,
    Edit,
    /// Delete and transfer too.
    All,
}

/// The rights of one user at one moment.
#[derive(Debug)]
pub(crate) struct Rights<'o> {
    org: &'o Org,
    user: String,
    /// Ids of the permission sets that hold now.
    sets: BTreeSet<&'o str>,
}

impl<'o> Rights<'o> {
    pub(crate) fn of(org: &'o Org, user: &str, now_s: i64) -> Self {
        let holds = |record: &&Record| {
            let expires = parse_time_s(record.text("ExpirationDate"));
            record.text("AssigneeId") == user
                && record.flag("IsActive")
                && expires.is_none_or(|at_s| now_s < at_s)
        };
        let sets = org
            .rows("PermissionSetAssignment")
            .filter(holds)
            .map(|record| record.text("PermissionSetId"))
            .collect();
        Self { org, user: user.to_owned(), sets }
    }

    /// A system permission by the name of its column in `PermissionSet`.
    pub(crate) fn system(&self, permission: &str) -> bool {
        self.org.rows("PermissionSet").any(|set| self.sets.contains(set.text("Id")) && set.flag(permission))
    }

    /// Names of the user's permission sets and of its profile.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let of_set = self.org.rows("PermissionSet").filter(|set| self.sets.contains(set.text("Id")));
        of_set
            .flat_map(|set| {
                let profile = self.org.find("Profile", set.text("ProfileId")).map(|it| it.text("Name"));
                [Some(set.text("Name")), profile]
            })
            .flatten()
            .map(str::to_owned)
            .collect()
    }

    pub(crate) fn object(&self, object: &ObjectType) -> ObjectRights {
        let (read, write) = match object.access {
            Access::Granted => return self.granted(&object.name),
            Access::Open | Access::Computed => (true, false),
            Access::Setup => (self.system("PermissionsViewSetup"), self.system("PermissionsModifyAllData")),
            Access::Assignment => {
                let assigns =
                    self.system("PermissionsAssignPermissionSets") || self.system("PermissionsManageUsers");
                (assigns || self.system("PermissionsViewSetup"), assigns)
            }
        };
        let write = read && write;
        ObjectRights { read, create: write, edit: write, delete: write, view_all: read, modify_all: write }
    }

    fn granted(&self, object: &str) -> ObjectRights {
        let rows: Vec<_> = self
            .org
            .rows("ObjectPermissions")
            .filter(|row| row.text("SobjectType") == object && self.sets.contains(row.text("ParentId")))
            .collect();
        let any = |permission: &str| rows.iter().any(|row| row.flag(permission));
        let modifies_data = self.system("PermissionsModifyAllData");
        let views_data = modifies_data || self.system("PermissionsViewAllData");
        let modify_all = modifies_data || any("PermissionsModifyAllRecords");
        let view_all = views_data || modify_all || any("PermissionsViewAllRecords");
        // What a permission needs is part of it: editing needs reading, deleting needs editing.
        let read = view_all || any("PermissionsRead");
        let edit = read && (modify_all || any("PermissionsEdit"));
        ObjectRights {
            read,
            create: read && (modifies_data || any("PermissionsCreate")),
            edit,
            delete: edit && (modify_all || any("PermissionsDelete")),
            view_all,
            modify_all: edit && modify_all,
        }
    }

    pub(crate) fn field(&self, object: &ObjectType, field: &Field) -> FieldRights {
        let rights = self.object(object);
        if field.system {
            return FieldRights { read: rights.read, create: false, update: false };
        }
        let (read, edit) = if object.access == Access::Granted && field.is_permissionable() {
            let name = format!("{}.{}", object.name, field.name);
            let rows: Vec<_> = self
                .org
                .rows("FieldPermissions")
                .filter(|row| row.text("Field") == name && self.sets.contains(row.text("ParentId")))
                .collect();
            let edit = rows.iter().any(|row| row.flag("PermissionsEdit"));
            (edit || rows.iter().any(|row| row.flag("PermissionsRead")), edit)
        } else {
            (true, true)
        };
        FieldRights { read: rights.read && read, create: rights.create && edit, update: rights.edit && edit }
    }

    /// What sharing leaves of the object's rights for this record.
    pub(crate) fn record(&self, object: &ObjectType, record: &Record) -> RecordRights {
        self.record_under(self.object(object), object, record)
    }

    /// The same, under object rights that are known already.
    pub(crate) fn record_under(
        &self,
        rights: ObjectRights,
        object: &ObjectType,
        record: &Record,
    ) -> RecordRights {
        // Setup has no owners, so there sharing takes nothing away.
        let owns = object.access != Access::Granted || record.text("OwnerId") == self.user;
        let shared = if owns || rights.modify_all {
            RecordRights::All
        } else {
            let default = self.org.defaults.get(&object.name).copied().unwrap_or(Sharing::Private);
            let default = match default {
                Sharing::Private => RecordRights::Nothing,
                Sharing::ReadOnly => RecordRights::Read,
                Sharing::ReadWrite => RecordRights::Edit,
            };
            let key = (record.text("Id").to_owned(), self.user.clone());
            let share = self.org.shares.get(&key).map_or(RecordRights::Nothing, |share| match share {
                Shared::Read => RecordRights::Read,
                Shared::Edit => RecordRights::Edit,
            });
            let viewed = if rights.view_all { RecordRights::Read } else { RecordRights::Nothing };
            default.max(share).max(viewed)
        };
        let allowed = match rights {
            ObjectRights { read: false, .. } => RecordRights::Nothing,
            ObjectRights { edit: false, .. } => RecordRights::Read,
            ObjectRights { delete: false, .. } => RecordRights::Edit,
            _ => RecordRights::All,
        };
        shared.min(allowed)
    }
}
