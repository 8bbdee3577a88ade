//! Names of common standard objects, for [`Operation`](trunkline_core::permission::Operation)s. An org has more:
//! any name that it knows will do, such as `Invoice__c`.
//!
//! ```
//! use trunkline_core::permission::Operation;
//! use trunkline_salesforce::objects;
//!
//! assert_eq!(Operation::create(objects::ACCOUNT).to_string(), "create:Account");
//! ```

/// A company or person that business is done with.
pub const ACCOUNT: &str = "Account";
/// A product that a customer has.
pub const ASSET: &str = "Asset";
/// A campaign.
pub const CAMPAIGN: &str = "Campaign";
/// A customer's question or complaint.
pub const CASE: &str = "Case";
/// A person, usually of an account.
pub const CONTACT: &str = "Contact";
/// A contract with an account.
pub const CONTRACT: &str = "Contract";
/// What a customer is entitled to.
pub const ENTITLEMENT: &str = "Entitlement";
/// An appointment.
pub const EVENT: &str = "Event";
/// What permission sets say about fields.
pub const FIELD_PERMISSIONS: &str = "FieldPermissions";
/// A person's wishes about data protection.
pub const INDIVIDUAL: &str = "Individual";
/// A prospect.
pub const LEAD: &str = "Lead";
/// What permission sets say about objects.
pub const OBJECT_PERMISSIONS: &str = "ObjectPermissions";
/// A deal.
pub const OPPORTUNITY: &str = "Opportunity";
/// An order.
pub const ORDER: &str = "Order";
/// A permission set; every profile owns one.
pub const PERMISSION_SET: &str = "PermissionSet";
/// Who has a permission set.
pub const PERMISSION_SET_ASSIGNMENT: &str = "PermissionSetAssignment";
/// A price book.
pub const PRICE_BOOK: &str = "Pricebook2";
/// A product.
pub const PRODUCT: &str = "Product2";
/// A quote.
pub const QUOTE: &str = "Quote";
/// A contract about service.
pub const SERVICE_CONTRACT: &str = "ServiceContract";
/// The solution of a case.
pub const SOLUTION: &str = "Solution";
/// A thing to do.
pub const TASK: &str = "Task";
/// A user of the org.
pub const USER: &str = "User";
/// Work to be done for a customer.
pub const WORK_ORDER: &str = "WorkOrder";
