//! Which permission opens which object: the mapping, as data.
//!
//! Sage publishes its permissions and its objects, and not which belongs to which. Each row therefore keeps how
//! well it is known. Which methods an object takes, and which workflow actions it has, is Sage's OpenAPI
//! description. Actions of a permission that the REST API has no path for stand here, too: a role may need them
//! for Sage's pages and its XML gateway.

use std::collections::HashMap;
use std::sync::LazyLock;

use trunkline_core::permission::{Action, Certainty, Operation};

use super::row::{
    NO_CREATE, NO_DELETE, NO_UPDATE, Pair, READ, READ_AND_CREATE, READ_AND_DELETE, READ_AND_UPDATE, Row,
    approval, assumed, extra, named, row,
};

use Certainty::{Assumed as C, Documented as A, Named as B};

const AP: &str = "accountsPayable";
const AR: &str = "accountsReceivable";
const GL: &str = "generalLedger";
const CO: &str = "company";
const ADMIN: &str = "administration";
const CASH: &str = "cashManagement";
const INV: &str = "inventoryControl";
const REVERSE: &[&str] = &["list", "reverse"];
const RECLASS: &[&str] = &["list", "reclass"];
const ADD: &[&str] = &["list", "add"];

const TIMESHEETS: &[Pair] =
    &[("time", "manageTimesheets"), ("time", "staffTimesheets"), ("time", "myTimesheets")];

pub(super) static TABLE: &[Row] = &[
    row(&["accounts-payable/vendor"], &[(AP, "vendors")], A).and(&[
        extra("approve", (AP, "approveVendors"), &["list"]),
        extra("decline", (AP, "approveVendors"), &["list"]),
    ]),
    row(&["accounts-payable/vendor-type"], &[(AP, "vendorTypes")], B),
    row(&["accounts-payable/vendor-group"], &[(AP, "vendorGroups")], B),
    row(&["accounts-payable/bill"], &[(AP, "bills")], A).and(&[
        approval("approve", (AP, "approveBills")),
        approval("decline", (AP, "approveBills")),
        extra("reverse", (AP, "bills"), REVERSE),
        extra("reclassify", (AP, "bills"), RECLASS),
        assumed("submit", (AP, "bills"), ADD),
        assumed("recall", (AP, "bills"), ADD),
    ]),
    row(&["accounts-payable/bill-line"], &[(AP, "bills")], A).and(&[named(
        "release",
        (AP, "releaseToPay"),
        &["list"],
    )]),
    row(&["accounts-payable/adjustment"], &[(AP, "adjustments")], B)
        .and(&[extra("reverse", (AP, "adjustments"), REVERSE), assumed("submit", (AP, "adjustments"), ADD)]),
    row(&["accounts-payable/advance"], &[(AP, "apAdvances")], A)
        .and(&[extra("reverse", (AP, "apAdvances"), REVERSE), assumed("submit", (AP, "apAdvances"), ADD)]),
    row(
        &["accounts-payable/payment"],
        &[(AP, "payBills"), (AP, "postedPayments"), (AP, "paymentRequests"), (AP, "manualPayment")],
        C,
    )
    .and(&[
        approval("approve", (AP, "approvePayments")).graded(A),
        approval("decline", (AP, "approvePayments")).graded(A),
        assumed("submit", (AP, "payBills"), &["run"]),
        named("print", (AP, "printChecks"), &["list", "print"]),
        assumed("confirm", (AP, "postedPayments"), &["list", "confirm"]),
        // Voiding a payment is its reversal.
        assumed("reverse", (AP, "postedPayments"), &["list", "void"]),
    ]),
    row(&["accounts-payable/summary"], &[(AP, "summaries")], A).and(&[
        extra("open", (AP, "summaries"), &["list", "open"]),
        extra("close", (AP, "summaries"), &["list", "close"]),
    ]),
    row(&["accounts-payable/term"], &[(AP, "apTerms")], B),
    row(&["accounts-payable/account-label"], &[(AP, "apAccountLabels")], B),
    row(&["accounts-payable/recurring-bill"], &[(AP, "recurringBills")], B),
    row(&["accounts-payable/check-run"], &[(AP, "checkRun")], A),
    row(
        &["accounts-receivable/customer"],
        &[(AR, "customers"), ("orderEntry", "customers"), ("projects", "customers")],
        A,
    ),
    row(&["accounts-receivable/customer-type"], &[(AR, "customerTypes")], B),
    row(&["accounts-receivable/customer-group"], &[(AR, "customerGroups")], B),
    row(&["accounts-receivable/invoice"], &[(AR, "invoices")], A).and(&[
        extra("reverse", (AR, "invoices"), REVERSE),
        extra("reclassify", (AR, "invoices"), RECLASS),
        assumed("submit", (AR, "invoices"), ADD),
        named("generate-pdf", (AR, "printEMailInvoices"), &["list"]),
    ]),
    row(&["accounts-receivable/invoice-line"], &[(AR, "invoices")], A),
    row(&["accounts-receivable/adjustment"], &[(AR, "adjustments")], A).and(&[
        extra("reverse", (AR, "adjustments"), REVERSE),
        extra("reclassify", (AR, "adjustments"), RECLASS),
        assumed("submit", (AR, "adjustments"), ADD),
    ]),
    row(&["accounts-receivable/payment"], &[(AR, "managePayments")], A).only(NO_UPDATE).and(&[
        extra("reverse", (AR, "managePayments"), REVERSE),
        assumed("submit", (AR, "managePayments"), ADD),
    ]),
    row(&["accounts-receivable/advance"], &[(AR, "receiveAdvances"), (AR, "postedAdvances")], B).and(&[
        assumed("reverse", (AR, "postedAdvances"), REVERSE),
        assumed("submit", (AR, "receiveAdvances"), ADD),
    ]),
    row(&["accounts-receivable/customer-refund"], &[(AR, "refunds")], B)
        .and(&[extra("reverse", (AR, "refunds"), REVERSE), assumed("submit", (AR, "refunds"), ADD)]),
    row(&["accounts-receivable/term"], &[(AR, "arTerms")], B),
    row(&["accounts-receivable/account-label"], &[(AR, "arAccountLabels")], B),
    row(&["accounts-receivable/territory"], &[(AR, "territories")], B),
    row(&["accounts-receivable/dunning-level"], &[(AR, "dunningLevels")], B),
    row(&["general-ledger/account"], &[(GL, "accounts")], B),
    row(&["general-ledger/journal-entry"], &[(GL, "journalEntries")], A).and(&[
        extra("reclassify", (GL, "journalEntries"), &["list", "readonly", "modify", "reclass"]),
        extra("reverse", (GL, "journalEntries"), REVERSE),
        extra("approve", (GL, "approveJournalEntries"), &["list"]),
    ]),
    row(&["general-ledger/journal-entry-line"], &[(GL, "journalEntries")], A).only(READ_AND_DELETE),
    row(&["general-ledger/statistical-account"], &[(GL, "statisticalAccounts")], A),
    row(&["general-ledger/statistical-journal-entry"], &[(GL, "statisticalJournalEntries")], B),
    row(&["general-ledger/journal"], &[(GL, "journals")], B),
    row(&["general-ledger/adjustment-journal"], &[(GL, "adjustmentJournals")], B),
    row(&["general-ledger/user-defined-journal"], &[(GL, "userDefinedJournals")], B),
    row(&["general-ledger/account-group"], &[(GL, "accountGroups")], B),
    row(&["general-ledger/budget"], &[(GL, "budgets"), ("budgets", "budgets")], B),
    row(&["general-ledger/reporting-period"], &[(GL, "reportingPeriods")], B),
    row(&["general-ledger/txn-allocation-template"], &[(GL, "transactionAllocations")], B),
    row(&["company-config/department"], &[(CO, "departments")], B),
    row(&["company-config/department-group"], &[(CO, "departmentGroups")], B),
    row(&["company-config/location"], &[(CO, "locations")], B),
    row(&["company-config/location-group"], &[(CO, "locationGroups")], B),
    row(&["company-config/entity"], &[(CO, "entities"), ("multiEntity", "entities")], C),
    row(&["company-config/employee"], &[(CO, "employees")], A),
    row(&["company-config/employee-type"], &[(CO, "employeeTypes")], A),
    row(&["company-config/employee-group"], &[(CO, "employeeGroups")], A),
    row(&["company-config/employee-rate"], &[(CO, "employeeRates")], A).only(READ_AND_DELETE),
    row(&["company-config/class"], &[(CO, "class")], B),
    row(&["company-config/class-group"], &[(CO, "classGroups")], B),
    row(&["company-config/contact"], &[(CO, "contacts")], B),
    row(&["company-config/attachment"], &[(CO, "attachments")], B),
    row(&["company-config/folder"], &[(CO, "attachmentFolders")], B),
    row(&["company-config/user"], &[(ADMIN, "users")], A).and(&[
        extra("permission", (ADMIN, "users"), &["list", "permission"]),
        extra("impersonate", (ADMIN, "users"), &["list", "impersonate"]),
        assumed("grant-admin-rights", (ADMIN, "grantAdminRights"), &["list"]),
    ]),
    row(&["company-config/role", "company-config/user-group"], &[(ADMIN, "users")], A),
    row(&["company-config/user-group-member"], &[(ADMIN, "users")], A).only(NO_UPDATE),
    row(&["company-config/role-permission-assignment"], &[(ADMIN, "users")], A).only(READ_AND_UPDATE),
    row(
        &["company-config/permission", "company-config/role-user-map", "company-config/role-user-group-map"],
        &[(ADMIN, "users")],
        A,
    )
    .only(READ),
    row(&["company-config/txn-currency"], &[(CO, "transactionCurrencies")], B),
    row(&["company-config/exchange-rate"], &[(CO, "exchangeRate")], B),
    row(&["company-config/exchange-rate-type"], &[(CO, "exchangeRateTypes")], B),
    row(&["company-config/document-sequence"], &[(CO, "documentNumbering")], B),
    row(&["company-config/email-template"], &[(CO, "emailTemplates")], B),
    row(&["company-config/audit-history"], &[(CO, "auditLog")], C).only(READ),
    row(&["company-config/external-authorization"], &[(ADMIN, "externalAuthorizations")], A).only(NO_DELETE),
    row(&["expenses/employee-expense"], &[("expenses", "myExpenses")], C).and(&[
        assumed("approve", ("expenses", "approveExpenses"), &["list"]),
        assumed("decline", ("expenses", "approveExpenses"), &["list"]),
        assumed("recall", ("expenses", "myExpenses"), &["list", "editExpense"]),
        assumed("reverse", ("expenses", "myExpenses"), &["list", "reverseExpense"]),
    ]),
    row(&["expenses/employee-expense-line"], &[("expenses", "myExpenses")], C),
    row(&["expenses/employee-expense-type"], &[("expenses", "expenseTypes")], B),
    row(&["expenses/employee-expense-payment-type"], &[("expenses", "expensePaymentTypes")], B),
    row(&["expenses/employee-expense-adjustment"], &[("expenses", "expenseAdjustments")], B),
    row(&["expenses/employee-expense-summary"], &[("expenses", "expenseSummaries")], B).and(&[
        extra("open", ("expenses", "expenseSummaries"), &["list", "open"]),
        extra("close", ("expenses", "expenseSummaries"), &["list", "close"]),
    ]),
    // The API Proxy right lets a Web Services user approve by a call; Sage does not say beside which others.
    row(&["time/timesheet"], TIMESHEETS, B).and(&[
        assumed("approve", ("time", "approveTimesheets"), &["list", "apiProxy"]),
        assumed("decline", ("time", "approveTimesheets"), &["list", "apiProxy"]),
    ]),
    row(&["time/timesheet-line"], TIMESHEETS, B),
    row(&["time/time-type"], &[("time", "timeTypes")], B),
    row(&["time/timesheet-rule"], &[("time", "timesheetRules")], B),
    row(&["projects/project"], &[("projects", "projects")], A),
    row(&["projects/project-type"], &[("projects", "projectTypes")], A),
    row(&["projects/project-status"], &[("projects", "projectStatus")], A),
    row(&["projects/project-group"], &[("projects", "projectGroups")], A),
    row(&["projects/project-resource"], &[("projects", "projectResources")], A),
    row(&["projects/task"], &[("projects", "tasks")], A),
    row(&["projects/task-group"], &[("projects", "taskGroups")], A),
    row(&["inventory-control/item"], &[(INV, "items"), ("orderEntry", "items"), ("purchasing", "items")], A),
    row(&["inventory-control/item-group"], &[(INV, "itemGroups")], A),
    row(&["inventory-control/item-gl-group"], &[(INV, "itemGLGroups")], A),
    row(&["inventory-control/warehouse"], &[(INV, "warehouses")], B),
    row(&["inventory-control/unit-of-measure"], &[(INV, "unitsOfMeasure")], B),
    row(&["inventory-control/product-line"], &[(INV, "productLine"), (INV, "productLines")], B),
    row(&["inventory-control/lot-category"], &[(INV, "lotCategory")], B),
    row(&["inventory-control/serial-mask"], &[(INV, "serialMask")], B),
    row(&["inventory-control/document"], &[(INV, "inventoryTransactions")], B).typed(),
    row(&["inventory-control/txn-definition"], &[(INV, "inventoryTransactionDefinitions")], B),
    row(&["order-entry/document"], &[("orderEntry", "orderEntryTransactions")], B).typed().and(&[assumed(
        "generate-pdf",
        ("orderEntry", "orderEntryTransactions"),
        &["list", "print"],
    )]),
    row(&["order-entry/document-line"], &[("orderEntry", "orderEntryTransactions")], B).typed(),
    row(&["order-entry/txn-definition"], &[("orderEntry", "orderEntryTransactionDefinitions")], B),
    row(&["order-entry/price-list"], &[("orderEntry", "priceLists")], B),
    row(&["order-entry/recurring-document"], &[("orderEntry", "recurringTransactions")], B),
    row(&["purchasing/document"], &[("purchasing", "purchasingTransactions")], B).typed().and(&[
        assumed("approve", ("purchasing", "approvePurchaseTransaction"), &["list"]),
        assumed("decline", ("purchasing", "approvePurchaseTransaction"), &["list"]),
        assumed("submit", ("purchasing", "purchasingTransactions"), ADD),
    ]),
    row(&["purchasing/document-line"], &[("purchasing", "purchasingTransactions")], B).typed(),
    row(&["purchasing/txn-definition"], &[("purchasing", "poTransactionDefinitions")], B).only(NO_CREATE),
    row(&["purchasing/price-list"], &[("purchasing", "priceLists")], B),
    row(&["cash-management/checking-account"], &[(CASH, "checkingAccounts")], A),
    row(&["cash-management/savings-account"], &[(CASH, "savingsAccounts")], A),
    row(&["cash-management/credit-card-account"], &[(CASH, "chargeCardAccounts")], A),
    row(&["cash-management/credit-card-txn"], &[(CASH, "chargeCardTransactions")], B).and(&[extra(
        "reverse",
        (CASH, "chargeCardTransactions"),
        REVERSE,
    )]),
    row(&["cash-management/deposit"], &[(CASH, "deposits")], B).only(READ_AND_CREATE).and(&[extra(
        "reverse",
        (CASH, "deposits"),
        REVERSE,
    )]),
    row(&["cash-management/other-receipt"], &[(CASH, "otherReceipts")], B).and(&[extra(
        "reverse",
        (CASH, "otherReceipts"),
        REVERSE,
    )]),
    row(&["cash-management/funds-transfer"], &[(CASH, "fundsTransfers")], B)
        .only(READ_AND_CREATE)
        .and(&[extra("reverse", (CASH, "fundsTransfers"), REVERSE)]),
    // Creating a reconciliation is reconciling; which right that is, Sage does not say.
    row(&["cash-management/bank-reconciliation"], &[(CASH, "reconcileBank")], C)
        .only(READ_AND_CREATE)
        .and(&[assumed("reopen", (CASH, "reconcileBank"), &["list", "reopen"])]),
    row(&["cash-management/credit-card-reconciliation"], &[(CASH, "reconcileCreditCard")], C)
        .only(NO_UPDATE)
        .and(&[assumed("reopen", (CASH, "reconcileCreditCard"), &["list", "reopen"])]),
    row(&["cash-management/bank-transaction"], &[(CASH, "bankTransactions")], A).only(READ).and(&[
        assumed("ignore", (CASH, "bankTransactions"), &["list", "ignore"]),
        assumed("stop-ignoring", (CASH, "bankTransactions"), &["list", "ignore"]),
    ]),
    row(&["cash-management/bank-feed"], &[(CASH, "bankFeeds")], A).only(NO_UPDATE),
    row(&["tax/tax-detail"], &[("taxes", "taxDetail")], B).only(READ),
    row(&["tax/order-entry-tax-schedule"], &[("taxes", "taxSchedule")], B),
    row(&["tax/purchasing-tax-schedule"], &[("taxes", "taxSchedule")], B),
    row(&["tax/tax-solution"], &[("taxes", "taxSolutions")], B).only(READ_AND_DELETE),
    row(&["tax/contact-tax-group"], &[("taxes", "contactTaxGroup")], B),
    row(&["tax/item-tax-group"], &[("taxes", "itemTaxGroups")], B),
];

static BY_OBJECT: LazyLock<HashMap<&'static str, &'static Row>> = LazyLock::new(|| {
    TABLE.iter().flat_map(|row| row.objects.iter().map(move |object| (*object, row))).collect()
});

/// The row of an object; a document type (`order-entry/document::Sales Invoice`) has that of its object.
/// `None` where the action is not one of the object's, too.
pub(super) fn find(operation: &Operation) -> Option<&'static Row> {
    let object = base(operation.object());
    let row = BY_OBJECT.get(object).copied()?;
    row.has(operation.action(), object.len() < operation.object().len()).then_some(row)
}

/// An object without its document type.
pub(super) fn base(object: &str) -> &str {
    object.split("::").next().unwrap_or(object)
}

/// Whether the object is one that a customer defined. Their permissions have free names.
pub(super) fn is_custom(object: &str) -> bool {
    object.starts_with("platform-apps/")
}

pub(super) fn known() -> Vec<Operation> {
    let of_row = |row: &'static Row| {
        let own = row.extras.iter().map(|extra| Action::named(extra.action));
        let actions: Vec<Action> = row.actions.iter().cloned().chain(own).collect();
        row.objects.iter().flat_map(move |object| {
            actions.clone().into_iter().map(|action| Operation::constant(action, object)).collect::<Vec<_>>()
        })
    };
    TABLE.iter().flat_map(of_row).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Modules that have a permission in the table, of those that the service lists.
    const MODULES: &[&str] = &[
        "accountsPayable",
        "accountsReceivable",
        "administration",
        "budgets",
        "cashManagement",
        "company",
        "expenses",
        "generalLedger",
        "inventoryControl",
        "multiEntity",
        "orderEntry",
        "projects",
        "purchasing",
        "taxes",
        "time",
    ];

    /// The service's list of rights, but for those of the common actions.
    const RIGHTS: &str = "ach achSetup addExpense apiProxy approvalLevel1 approvalLevel2 approvalLevel3 approvalLevel4 \
        approvalLevel5 approvalLevel6 authorize calendar cancel clone close config confirm deleteExpense editExpense enable \
        export final financial group ignore impersonate import level1 level2 level3 level4 level5 level6 listExpenses \
        manualMatch mapAccount menu offsetAccount open overrideException permission post print readonlyExpense \
        reassignDimensions receipts reclass reclassExpense reconcile refresh release reopen report resend reversalEdit \
        reverse reverseExpense run statutoryReportingPeriod submit subscribe template uncancel unmask upload viewAll void";

    #[test]
    fn every_module_and_right_is_one_that_the_service_lists() {
        let rights: HashSet<_> =
            RIGHTS.split_whitespace().chain(["list", "readonly", "add", "modify", "delete"]).collect();
        let mut seen = HashSet::new();
        for row in TABLE {
            let extras = row.extras.iter().map(|extra| &extra.permission);
            for (module, name) in row.pairs.iter().chain(extras) {
                assert!(MODULES.contains(module), "{module}");
                seen.insert(*module);
                assert!(name.starts_with(|c: char| c.is_ascii_lowercase()), "{name}");
                assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{name}");
            }
            for extra in row.extras {
                for right in extra.all.iter().chain(extra.any) {
                    assert!(rights.contains(right), "{right} of {}", extra.action);
                }
            }
        }
        assert_eq!(seen.len(), MODULES.len());
    }

    #[test]
    fn every_object_and_action_stands_once_and_reads_as_it_is_written() {
        let mut seen = HashSet::new();
        for operation in known() {
            assert!(seen.insert(operation.clone()), "{operation}");
            assert_eq!(operation.to_string().parse::<Operation>().unwrap(), operation);
            assert!(find(&operation).is_some(), "{operation}");
            let (application, name) = operation.object().split_once('/').unwrap();
            let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
            assert!(
                is_word(application) && is_word(name) && is_word(operation.action().as_str()),
                "{operation}"
            );
        }
        assert!(seen.len() > 480, "{}", seen.len());
    }

    #[test]
    fn a_document_is_written_with_its_type_and_read_without() {
        for (text, there) in [
            ("list:order-entry/document", true),
            ("create:order-entry/document", false),
            ("create:order-entry/document::Sales Invoice", true),
            ("approve:purchasing/document", true),
            ("update:accounts-receivable/payment", false),
            ("create:cash-management/deposit", true),
            ("delete:cash-management/deposit", false),
        ] {
            assert_eq!(find(&text.parse().unwrap()).is_some(), there, "{text}");
        }
    }
}
