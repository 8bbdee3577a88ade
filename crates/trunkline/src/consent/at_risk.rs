//! Which connections a consent would end, said before it is begun.

use trunkline_core::{Account, AuthProvider, ConnectionId, ConnectionKey, Error, Inputs, Remedy};
use trunkline_store::Record;

use super::{ConsentRequest, Wish};
use crate::connect::ConnectBuilder;
use crate::hub::Hub;
use crate::keeper::supersede;
use crate::live::Mounted;

/// How many connections are read at once.
const PAGE: u32 = 100;

/// A connection that a consent would end, or may end, since the service keeps one grant per account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AtRisk {
    /// Which.
    pub connection: ConnectionId,
    /// Which of the tenant's it is; `None` for a connection of another tenant, whose names are not told.
    pub label: Option<String>,
    /// Whether it is of the very account that will approve. Else nobody knows yet who that will be.
    pub is_certain: bool,
}

impl AtRisk {
    fn of(record: &Record, tenant: &str, is_certain: bool) -> Self {
        let label = (record.key.tenant() == tenant).then(|| record.key.label().to_owned());
        Self { connection: record.id, label, is_certain }
    }

    /// What the person who is about to approve is told. Its keys are `consent.ends`, `consent.ends_elsewhere` and
    /// `consent.may_end`; the value `label` is the connection's.
    #[must_use]
    pub fn advice(&self) -> Remedy {
        match (&self.label, self.is_certain) {
            (Some(label), true) => Remedy::new("consent.ends").value("label", label).step(
                "This account is connected already, as {label}. If you approve again, that connection ends: use \
                 it instead, or approve as another user of the service.",
            ),
            (Some(label), false) => Remedy::new("consent.may_end").value("label", label).step(
                "If you approve as the user who approved the connection {label}, that connection ends: approve \
                 as another user of the service.",
            ),
            (None, _) => Remedy::new("consent.ends_elsewhere").step(
                "This account is connected elsewhere already. If you approve again, that connection ends: approve \
                 as another user of the service.",
            ),
        }
    }
}

impl ConsentRequest {
    /// The connections that this consent would end at the service, or may end: to be shown before
    /// [`begin`](Self::begin). Empty where the service lets grants of one account live side by side.
    ///
    /// It is certain where the account is known beforehand: it is that of the connection to be repaired, or is
    /// named by an input. Else each of the tenant's other connections may be of the account that approves.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreFailed`](crate::ErrorKind) when the store cannot be read.
    pub async fn at_risk(&self) -> Result<Vec<AtRisk>, Error> {
        let asked = &self.0;
        let (wish, inputs) = (&asked.wish, &asked.inputs);
        at_risk(&asked.hub, &asked.mounted, &*asked.auth, &asked.key, wish, inputs).await
    }
}

impl ConnectBuilder<'_> {
    /// As [`ConsentRequest::at_risk`], before anything is asked for: where the inputs suffice, as a user name
    /// does for client credentials, [`connect`](crate::Tenant::connect) makes a new grant at once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotConfigured`](crate::ErrorKind), [`ErrorKind::ConfigInvalid`](crate::ErrorKind),
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) for names that cannot be,
    /// [`ErrorKind::StoreFailed`](crate::ErrorKind) when the store cannot be read.
    pub async fn at_risk(self) -> Result<Vec<AtRisk>, Error> {
        let hub = self.tenant.hub;
        let mounted = hub.mounted(self.connector)?;
        let key = ConnectionKey::new(self.tenant.name, self.connector, self.label)?;
        let (wish, inputs) = (self.wish.unwrap_or_default(), self.inputs.unwrap_or_default());
        let auth = mounted.auth(wish.method.as_deref())?;
        at_risk(hub, mounted, &*auth, &key, &wish, &inputs).await
    }
}

async fn at_risk(
    hub: &Hub,
    mounted: &Mounted,
    auth: &dyn AuthProvider,
    key: &ConnectionKey,
    wish: &Wish,
    inputs: &Inputs,
) -> Result<Vec<AtRisk>, Error> {
    if !supersede::ends_earlier(mounted, Some(auth.method()))? {
        return Ok(Vec::new());
    }
    let before = hub.vault.load(key).await?.map(|opened| opened.record);
    let except = before.as_ref().map(|record| record.id);
    let pinned = before.and_then(|record| record.account).filter(|_| !wish.replace_account);
    match auth.account(inputs).or(pinned).filter(supersede::is_known) {
        Some(account) => of_account(hub, key, &account, except).await,
        None => of_tenant(hub, key, except).await,
    }
}

async fn of_account(
    hub: &Hub,
    key: &ConnectionKey,
    account: &Account,
    except: Option<ConnectionId>,
) -> Result<Vec<AtRisk>, Error> {
    // No connection has the id of zeros: ids are random.
    let except = except.unwrap_or(ConnectionId::from_bytes([0; 16]));
    let others = supersede::others(hub, key.connector(), account, except).await?;
    Ok(others.iter().map(|record| AtRisk::of(record, key.tenant(), true)).collect())
}

async fn of_tenant(
    hub: &Hub,
    key: &ConnectionKey,
    except: Option<ConnectionId>,
) -> Result<Vec<AtRisk>, Error> {
    let mut at_risk = Vec::new();
    let mut after = Some(String::new());
    while let Some(label) = after {
        let page = hub.vault.list(key.tenant(), Some((key.connector(), &label)), PAGE).await?;
        let ours = |record: &&Record| record.key.connector() == key.connector();
        let last = page.last().filter(|_| page.len() == PAGE as usize).filter(ours);
        after = last.map(|last| last.key.label().to_owned());
        let threatened = page.iter().filter(ours);
        let threatened = threatened.filter(|record| Some(record.id) != except && supersede::holds(record));
        at_risk.extend(threatened.map(|record| AtRisk::of(record, key.tenant(), false)));
    }
    Ok(at_risk)
}
