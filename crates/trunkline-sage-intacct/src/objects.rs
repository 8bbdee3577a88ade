//! Names of common objects, for [`Operation`](trunkline_core::permission::Operation)s. The map knows more.
//!
//! ```
//! use trunkline_core::permission::Operation;
//! use trunkline_sage_intacct::objects;
//!
//! assert_eq!(Operation::create(objects::BILL).to_string(), "create:accounts-payable/bill");
//! ```

/// What a vendor is owed.
pub const BILL: &str = "accounts-payable/bill";
/// Who is paid.
pub const VENDOR: &str = "accounts-payable/vendor";
/// A payment to a vendor.
pub const VENDOR_PAYMENT: &str = "accounts-payable/payment";
/// What a customer owes.
pub const INVOICE: &str = "accounts-receivable/invoice";
/// Who pays.
pub const CUSTOMER: &str = "accounts-receivable/customer";
/// A payment of a customer.
pub const CUSTOMER_PAYMENT: &str = "accounts-receivable/payment";
/// An account of the general ledger.
pub const ACCOUNT: &str = "general-ledger/account";
/// An entry in a journal of the general ledger.
pub const JOURNAL_ENTRY: &str = "general-ledger/journal-entry";
/// A part of the company: a dimension.
pub const DEPARTMENT: &str = "company-config/department";
/// A place of the company: a dimension.
pub const LOCATION: &str = "company-config/location";
/// A legal entity of the company.
pub const ENTITY: &str = "company-config/entity";
/// Who works for the company.
pub const EMPLOYEE: &str = "company-config/employee";
/// A file that goes with a record.
pub const ATTACHMENT: &str = "company-config/attachment";
/// Who may sign in.
pub const USER: &str = "company-config/user";
/// What a user may do.
pub const ROLE: &str = "company-config/role";
/// What an employee spent.
pub const EMPLOYEE_EXPENSE: &str = "expenses/employee-expense";
/// What somebody worked.
pub const TIMESHEET: &str = "time/timesheet";
/// A project.
pub const PROJECT: &str = "projects/project";
/// A task of a project.
pub const TASK: &str = "projects/task";
/// What is bought and sold.
pub const ITEM: &str = "inventory-control/item";
/// Where it is kept.
pub const WAREHOUSE: &str = "inventory-control/warehouse";
/// Orders and invoices of sales, of whatever type.
pub const SALES_DOCUMENT: &str = "order-entry/document";
/// Requisitions and orders of purchases, of whatever type.
pub const PURCHASING_DOCUMENT: &str = "purchasing/document";
/// A bank account for checks.
pub const CHECKING_ACCOUNT: &str = "cash-management/checking-account";
/// Money that was brought to a bank.
pub const DEPOSIT: &str = "cash-management/deposit";

#[cfg(test)]
mod tests {
    use trunkline_core::permission::{Operation, PermissionMap as _};

    use super::*;
    use crate::permission::SageMap;

    #[test]
    fn every_name_is_one_that_the_map_knows() {
        for object in [
            BILL,
            VENDOR,
            VENDOR_PAYMENT,
            INVOICE,
            CUSTOMER,
            CUSTOMER_PAYMENT,
            ACCOUNT,
            JOURNAL_ENTRY,
            DEPARTMENT,
            LOCATION,
            ENTITY,
            EMPLOYEE,
            ATTACHMENT,
            USER,
            ROLE,
            EMPLOYEE_EXPENSE,
            TIMESHEET,
            PROJECT,
            TASK,
            ITEM,
            WAREHOUSE,
            SALES_DOCUMENT,
            PURCHASING_DOCUMENT,
            CHECKING_ACCOUNT,
            DEPOSIT,
        ] {
            assert!(SageMap.need(&Operation::list(object)).is_ok(), "{object}");
        }
    }
}
