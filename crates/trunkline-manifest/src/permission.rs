//! Permissions by data: which scopes an operation needs.

use trunkline_core::http::Method;
use trunkline_core::permission::{
    Certainty, Kind, LeastRole, Need, Operation, Outgoing, Permission, PermissionMap, Reason, Rights,
    Unknown, UnknownOperation, Verdict,
};
use trunkline_core::{Account, Cause, Cx, Diagnosis, Error, Session, async_trait};

use crate::format::Permissions;

/// The operations of one manifest.
#[derive(Debug)]
pub(crate) struct ScopeMap {
    operations: Vec<Entry>,
    known: Vec<Operation>,
    scopes_suffice: bool,
}

#[derive(Debug)]
struct Entry {
    operation: Operation,
    scopes: Vec<Permission>,
    requests: Vec<RequestShape>,
}

/// A method and the segments of a path, `*` being any one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestShape {
    method: Method,
    segments: Vec<String>,
}

impl RequestShape {
    /// Reads `GET /a/*/b`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (method, path) = text.split_once(' ')?;
        let method = match method {
            "GET" => Method::GET,
            "HEAD" => Method::HEAD,
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            "DELETE" => Method::DELETE,
            _ => return None,
        };
        let segments: Vec<String> = path.strip_prefix('/')?.split('/').map(str::to_owned).collect();
        let is_segment = |segment: &String| {
            !segment.is_empty() && (segment == "*" || !segment.contains(['*', '?', '#', ' ', '\\']))
        };
        (segments.iter().all(is_segment)).then_some(Self { method, segments })
    }

    fn fits(&self, request: &Outgoing<'_>) -> bool {
        let path = request.path.split(['?', '#']).next().unwrap_or_default();
        let Some(path) = path.strip_prefix('/') else { return false };
        let mut segments = path.split('/');
        self.method == *request.method
            && self.segments.iter().all(|own| {
                segments.next().is_some_and(|segment| !segment.is_empty() && (own == "*" || own == segment))
            })
            && segments.next().is_none()
    }
}

impl ScopeMap {
    /// The map of checked permissions.
    pub(crate) fn new(permissions: &Permissions) -> Self {
        let entry = |(name, need): (&String, &crate::at::At<crate::format::OperationNeed>)| {
            // Spelt as it should be, or the manifest was refused.
            let operation: Operation = name.parse().ok()?;
            let permission = |scope: &String| Permission {
                kind: Kind::Action,
                name: scope.clone().into(),
                set_at: permissions.set_at.clone().into(),
                set_by: permissions.set_by.clone().into(),
            };
            Some(Entry {
                operation,
                scopes: need.scopes.iter().map(permission).collect(),
                requests: need.requests.iter().filter_map(|request| RequestShape::parse(request)).collect(),
            })
        };
        let operations: Vec<Entry> = permissions.operations.iter().filter_map(entry).collect();
        let known = operations.iter().map(|entry| entry.operation.clone()).collect();
        Self { operations, known, scopes_suffice: permissions.scopes_suffice }
    }

    fn entry(&self, operation: &Operation) -> Result<&Entry, UnknownOperation> {
        let found = self.operations.iter().find(|entry| entry.operation == *operation);
        found.ok_or_else(|| UnknownOperation::among(operation, &self.known))
    }
}

/// The rights of a map whose only knowledge is the scopes.
struct NothingToRead;

#[async_trait]
impl PermissionMap for ScopeMap {
    fn operations(&self, request: &Outgoing<'_>) -> Result<Vec<Operation>, Unknown> {
        let fits = |entry: &&Entry| entry.requests.iter().any(|shape| shape.fits(request));
        let found: Vec<_> =
            self.operations.iter().filter(fits).map(|entry| entry.operation.clone()).collect();
        if found.is_empty() {
            let detail = "the manifest does not say which operation this request is";
            return Err(Unknown::new(Reason::NotMapped, detail));
        }
        Ok(found)
    }

    fn known(&self) -> Vec<Operation> {
        self.known.clone()
    }

    fn need(&self, operation: &Operation) -> Result<Need, UnknownOperation> {
        let scopes = self.entry(operation)?.scopes.clone();
        Ok(Need { scopes, any_of: Vec::new(), certainty: Certainty::Documented })
    }

    /// Nothing is read: a manifest knows no request that tells what a user may do.
    async fn read(&self, cx: &Cx, _: &Session, _: &Account, _: &[Operation]) -> Result<Rights, Error> {
        Ok(Rights::new(NothingToRead, cx.clock().wall()))
    }

    fn covers(&self, rights: &Rights, _: &Operation) -> bool {
        rights.get::<NothingToRead>().is_some()
    }

    fn judge(&self, _: &Rights, operation: &Operation) -> Verdict {
        match self.entry(operation) {
            Ok(_) if self.scopes_suffice => Verdict::Allowed,
            Ok(_) => Verdict::unknown(
                Reason::NotReadable,
                "what the user may do beyond the scopes is not readable",
            ),
            Err(_) => Verdict::unknown(Reason::NotMapped, "the manifest has no such operation"),
        }
    }

    fn refused(&self, operation: &Operation, diagnosis: &Diagnosis, _: Option<&Rights>) -> Verdict {
        match self.entry(operation) {
            Ok(entry) if diagnosis.cause() == Cause::ScopeMissing && !entry.scopes.is_empty() => {
                Verdict::Denied { missing: entry.scopes.clone() }
            }
            Ok(_) => {
                Verdict::unknown(Reason::NotReadable, "the refusal does not say which permission is missing")
            }
            Err(_) => Verdict::unknown(Reason::NotMapped, "the manifest has no such operation"),
        }
    }

    fn least_role(
        &self,
        name: &str,
        operations: &[Operation],
        _: Option<&Rights>,
    ) -> Result<LeastRole, UnknownOperation> {
        let mut permissions: Vec<Permission> = Vec::new();
        for operation in operations {
            for scope in &self.entry(operation)?.scopes {
                if !permissions.contains(scope) {
                    permissions.push(scope.clone());
                }
            }
        }
        let step =
            |scope: &Permission| format!("In {}, allow {} ({}).", scope.set_at, scope.name, scope.set_by);
        let steps = permissions.iter().map(step).collect();
        Ok(LeastRole { name: name.to_owned(), permissions, steps, machine: None })
    }
}
