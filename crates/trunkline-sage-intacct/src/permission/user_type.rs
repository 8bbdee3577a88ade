//! The ceiling that a user's type sets, whatever permissions the user holds.

use trunkline_core::permission::{Action, Operation};

use super::table::base;

/// What a type says about an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ceiling {
    Open,
    Closed,
    /// Sage describes the types in prose, and not for each object.
    Unclear,
}

/// Only a business user has no ceiling, and only a business user may post.
pub(super) fn ceiling(user_type: &str, operation: &Operation) -> Ceiling {
    let object = base(operation.object());
    let reads = [Action::LIST, Action::READ].contains(operation.action());
    // What else is done to a transaction, such as its approval, is not described for each type.
    let posting = ["create", "update", "delete", "reverse", "reclassify", "submit"];
    let posting = posting.contains(&operation.action().as_str());
    match user_type {
        "business" => Ceiling::Open,
        // A construction manager may do something with the invoices of projects.
        "constructionManager" if object.starts_with("accounts-receivable/invoice") => Ceiling::Unclear,
        _ if posting && posts(object) => Ceiling::Closed,
        "employee" | "projectManager" | "constructionManager" | "platform"
            if ["accounts-payable/vendor", "accounts-receivable/customer"].contains(&object) =>
        {
            match (reads, posting) {
                (true, _) => Ceiling::Open,
                (_, true) => Ceiling::Closed,
                _ => Ceiling::Unclear,
            }
        }
        _ => Ceiling::Unclear,
    }
}

/// Whether a record of the object is a transaction that ends in a ledger.
fn posts(object: &str) -> bool {
    [
        "accounts-payable/adjustment",
        "accounts-payable/advance",
        "accounts-payable/bill",
        "accounts-payable/bill-line",
        "accounts-payable/payment",
        "accounts-receivable/adjustment",
        "accounts-receivable/advance",
        "accounts-receivable/customer-refund",
        "accounts-receivable/invoice",
        "accounts-receivable/invoice-line",
        "accounts-receivable/payment",
        "cash-management/credit-card-txn",
        "cash-management/deposit",
        "cash-management/funds-transfer",
        "cash-management/other-receipt",
        "general-ledger/journal-entry",
        "general-ledger/journal-entry-line",
        "general-ledger/statistical-journal-entry",
    ]
    .contains(&object)
}
