//! `POST /workflows/{application}/{object}/{action}`: what moves a record on, with its key in the body.
//!
//! Paths, bodies and states are those of the service's OpenAPI description. Which permission opens an action is
//! documented for approvals and reversals; of the others it is this simulator's.

use serde_json::{Value, json};

use super::batch;
use super::catalogue::find;
use super::entity;
use super::envelope::{self, ApiError, plain_detail};
use super::objects::method_not_allowed;
use super::payload::failed;
use super::permission;
use super::session::Caller;
use super::state::World;
use crate::exchange::{Call, Reply};

/// One action on one object.
#[derive(Debug)]
pub(crate) struct Workflow {
    pub(crate) object: &'static str,
    pub(crate) action: &'static str,
    /// Module and name.
    pub(crate) permission: (&'static str, &'static str),
    /// Every one of these rights is needed.
    pub(crate) all: &'static [&'static str],
    /// And one of these, if there are any.
    pub(crate) any: &'static [&'static str],
    /// The states of a record that it starts from; any if there are none.
    from: &'static [&'static str],
    /// The state that it ends in; empty for a record without states.
    to: &'static str,
}

impl Workflow {
    pub(crate) fn is_open_to(&self, held: impl Fn(&str) -> bool) -> bool {
        self.all.iter().all(|right| held(right))
            && (self.any.is_empty() || self.any.iter().any(|it| held(it)))
    }
}

const LEVELS: &[&str] = &["level1", "level2", "level3", "level4", "level5", "level6"];
const LIST: &[&str] = &["list"];
const ADD: &[&str] = &["list", "add"];
const REVERSE: &[&str] = &["list", "reverse"];
const RECLASS: &[&str] = &["list", "reclass"];
const AWAITING: &[&str] = &["submitted", "partiallyApproved"];
const SUBMITTABLE: &[&str] = &["draft", "declined"];
const REVERSIBLE: &[&str] = &["posted", "paid"];
const AP: &str = "accountsPayable";
const AR: &str = "accountsReceivable";

const fn workflow(
    object: &'static str,
    action: &'static str,
    permission: (&'static str, &'static str),
    all: &'static [&'static str],
) -> Workflow {
    Workflow { object, action, permission, all, any: &[], from: &[], to: "" }
}

impl Workflow {
    const fn by_level(mut self) -> Self {
        self.any = LEVELS;
        self
    }

    const fn moves(mut self, from: &'static [&'static str], to: &'static str) -> Self {
        self.from = from;
        self.to = to;
        self
    }
}

pub(crate) static WORKFLOWS: &[Workflow] = &[
    workflow("accounts-payable/vendor", "approve", (AP, "approveVendors"), LIST),
    workflow("accounts-payable/vendor", "decline", (AP, "approveVendors"), LIST),
    workflow("accounts-payable/bill", "submit", (AP, "bills"), ADD).moves(SUBMITTABLE, "submitted"),
    workflow("accounts-payable/bill", "recall", (AP, "bills"), ADD).moves(&["submitted"], "draft"),
    workflow("accounts-payable/bill", "approve", (AP, "approveBills"), LIST)
        .by_level()
        .moves(AWAITING, "posted"),
    workflow("accounts-payable/bill", "decline", (AP, "approveBills"), LIST)
        .by_level()
        .moves(AWAITING, "declined"),
    workflow("accounts-payable/bill", "reverse", (AP, "bills"), REVERSE).moves(REVERSIBLE, "reversed"),
    workflow("accounts-payable/bill-line", "release", (AP, "releaseToPay"), LIST),
    workflow("accounts-payable/adjustment", "submit", (AP, "adjustments"), ADD),
    workflow("accounts-payable/adjustment", "reverse", (AP, "adjustments"), REVERSE),
    workflow("accounts-payable/advance", "submit", (AP, "apAdvances"), ADD),
    workflow("accounts-payable/advance", "reverse", (AP, "apAdvances"), REVERSE),
    workflow("accounts-receivable/invoice", "submit", (AR, "invoices"), ADD).moves(&["draft"], "posted"),
    workflow("accounts-receivable/invoice", "reverse", (AR, "invoices"), REVERSE)
        .moves(REVERSIBLE, "reversed"),
    workflow("accounts-receivable/invoice", "reclassify", (AR, "invoices"), RECLASS)
        .moves(REVERSIBLE, "posted"),
    workflow("accounts-receivable/invoice", "generate-pdf", (AR, "printEMailInvoices"), LIST),
    workflow("accounts-receivable/adjustment", "submit", (AR, "adjustments"), ADD),
    workflow("accounts-receivable/adjustment", "reverse", (AR, "adjustments"), REVERSE),
    workflow("accounts-receivable/adjustment", "reclassify", (AR, "adjustments"), RECLASS),
    workflow("accounts-receivable/payment", "submit", (AR, "managePayments"), ADD),
    workflow("accounts-receivable/payment", "reverse", (AR, "managePayments"), REVERSE),
    workflow("cash-management/deposit", "reverse", ("cashManagement", "deposits"), REVERSE),
    workflow("purchasing/document", "submit", ("purchasing", "purchasingTransactions"), ADD),
    workflow("purchasing/document", "approve", ("purchasing", "approvePurchaseTransaction"), LIST),
    workflow("purchasing/document", "decline", ("purchasing", "approvePurchaseTransaction"), LIST),
];

/// Answers a call under `/workflows/`; `path` is what follows.
pub(crate) fn answer(world: &mut World, call: &Call, caller: &Caller, path: &str) -> Result<Reply, ApiError> {
    let named = path.trim_end_matches('/').rsplit_once('/');
    let found = named.and_then(|(object, action)| {
        let workflow = WORKFLOWS.iter().find(|it| it.object == object && it.action == action)?;
        Some((find(object)?, workflow))
    });
    let (object, workflow) = found.ok_or_else(|| ApiError::bad_request("Malformed URL"))?;
    if call.method.as_str() != "POST" {
        return Err(method_not_allowed());
    }
    let operation = workflow.action.to_uppercase();
    let company = world.companies.get(&caller.company).ok_or_else(|| ApiError::not_found("company"))?;
    permission::check_workflow(company, &world.knobs, caller, object, workflow)?;
    let body = batch::body(call, &operation)?;
    let key = body.get("key").map(|key| key.as_str().map_or_else(|| key.to_string(), str::to_owned));
    let Some(key) = key else {
        return Err(failed(&operation, object, vec![plain_detail("key is required", "/key")]));
    };
    let record = key.parse().ok().and_then(|key| company.by_key(object.path, key));
    let record = record
        .filter(|record| entity::reaches(caller, record))
        .ok_or_else(|| ApiError::not_found(&format!("{} {key}", object.path)))?;
    let state = record.text("state");
    if !workflow.from.is_empty() && !workflow.from.contains(&state) {
        let text = format!("A record in the state {state} cannot be taken through {}", workflow.action);
        return Err(failed(&operation, object, vec![plain_detail(&text, "/key")]));
    }
    let (key, mut done) = (record.key, record.handle(object.path));
    let company = world.companies.get_mut(&caller.company).ok_or_else(|| ApiError::not_found("company"))?;
    if let Some(record) = company.tables.get_mut(object.path).and_then(|table| table.get_mut(&key)) {
        match (workflow.to, workflow.action) {
            ("", "release") => drop(record.fields.insert("releaseToPay".into(), true.into())),
            ("", _) => {}
            (state, _) => drop(record.fields.insert("state".into(), state.into())),
        }
        done.insert("state".into(), record.fields.get("state").cloned().unwrap_or(Value::Null));
    }
    Ok(envelope::result(200, &json!(done)))
}
