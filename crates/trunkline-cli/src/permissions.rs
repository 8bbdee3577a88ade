//! `trunkline permissions`: what a connection may do, and the least role that permits it.

use std::io::Write;
use std::sync::Arc;

use trunkline::permission::{LeastRole, Operation, Report, Row, Verdict};
use trunkline::{Connection, Error, ErrorKind, Trunkline};
use trunkline_core::Connector;
use trunkline_core::permission::PermissionMap;

use crate::arguments::{ConnectionName, PermissionsArguments, PermissionsCommand, RoleArguments};
use crate::exit::{Exit, Failure};
use crate::output::{BOLD, GREEN, Output, RED, YELLOW, plain};
use crate::table::{self, Cell};
use crate::{session, status};

pub(crate) async fn run(arguments: &PermissionsArguments, output: &mut Output) -> Result<Exit, Failure> {
    match &arguments.command {
        Some(PermissionsCommand::Role(role)) => least_role(arguments, role, output).await,
        Some(PermissionsCommand::Operations { connector, filter }) => {
            operations(arguments, connector, filter.as_deref().unwrap_or_default(), output)
        }
        None => check(arguments, output).await,
    }
}

async fn check(arguments: &PermissionsArguments, output: &mut Output) -> Result<Exit, Failure> {
    let (Some(tenant), Some(connector)) = (arguments.tenant.clone(), arguments.connector.clone()) else {
        return Err(Failure::usage("tenant and connector are needed")
            .hint("`trunkline help permissions` tells what can be written."));
    };
    let name = ConnectionName { tenant, connector, label: arguments.label.clone() };
    let report = with_connection(arguments, &name, output, async |trunkline, connection| {
        let all = arguments.require.is_empty();
        let wanted = if all { trunkline.operations(&name.connector)? } else { arguments.require.clone() };
        connection.check(wanted).await
    });
    let report = report.await?;
    if output.is_json() {
        output.json(&report)?;
    } else {
        write(output.out(), &report)?;
    }
    let denied: Vec<_> = report.rows.iter().filter(|row| row.effective.is_denied()).collect();
    // A new consent brings scopes, and nothing else.
    let by_scope = denied.iter().all(|row| row.granted == Some(false));
    Ok(match (denied.is_empty(), by_scope) {
        (true, _) => Exit::Done,
        (false, true) => Exit::NeedsConsent,
        (false, false) => Exit::Suspended,
    })
}

/// Opens the hub for one question to one connection.
async fn with_connection<T>(
    arguments: &PermissionsArguments,
    name: &ConnectionName,
    output: &Output,
    ask: impl AsyncFnOnce(&Trunkline, &Connection) -> Result<T, Error>,
) -> Result<T, Failure> {
    let trunkline = session::start(&arguments.settings, &arguments.store, false).await?;
    let answer = async {
        let _shown = output.progress("asking for the rights");
        let found = trunkline.tenant(&name.tenant).find(&name.connector, &name.label).await?;
        let connection = found.ok_or_else(|| status::not_found(name))?;
        let connection = match &arguments.entity {
            Some(entity) => connection.entity(entity)?,
            None => connection,
        };
        ask(&trunkline, &connection).await.map_err(Failure::from)
    };
    let answer = answer.await;
    session::end(&trunkline, output).await?;
    answer
}

async fn least_role(
    arguments: &PermissionsArguments,
    role: &RoleArguments,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let (title, wanted) = (&role.name, &role.require);
    let least = match &role.of {
        Some(tenant) => {
            let (tenant, label) = (tenant.clone(), arguments.label.clone());
            let name = ConnectionName { tenant, connector: role.connector.clone(), label };
            with_connection(arguments, &name, output, async |_, connection| {
                connection.least_role(title, wanted).await
            })
            .await?
        }
        None => {
            let connector = configured(arguments, &role.connector)?;
            map_of(&*connector, &role.connector)?.least_role(title, wanted, None).map_err(Error::from)?
        }
    };
    if role.machine {
        let Some(machine) = &least.machine else {
            return Err(Failure::new(Exit::Failed, "this role has keys of the company's own in it")
                .hint("Add --of TENANT: then the connection is asked for them."));
        };
        writeln!(output.out(), "{}", machine.text)?;
    } else if output.is_json() {
        output.json(&least)?;
    } else {
        write_role(output.out(), &least)?;
    }
    Ok(Exit::Done)
}

fn operations(
    arguments: &PermissionsArguments,
    name: &str,
    filter: &str,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let connector = configured(arguments, name)?;
    let known = map_of(&*connector, name)?.known();
    let filter = filter.to_lowercase();
    for operation in known.iter().filter(|it| it.to_string().to_lowercase().contains(&filter)) {
        match output.is_json() {
            true => output.json(operation)?,
            false => writeln!(output.out(), "{operation}")?,
        }
    }
    Ok(Exit::Done)
}

/// A connector of the settings. Neither keys nor a store are needed for it.
fn configured(arguments: &PermissionsArguments, name: &str) -> Result<Arc<dyn Connector>, Failure> {
    let mut connectors = session::needed(&arguments.settings)?.connectors()?;
    if let Some(connector) = connectors.remove(name) {
        return Ok(connector);
    }
    let near = trunkline_core::nearest(name, connectors.keys().map(String::as_str));
    let hint =
        near.map_or("`trunkline connectors` lists them.".to_owned(), |it| format!("Did you mean `{it}`?"));
    Err(Failure::usage(format!("no connector `{}` is configured", plain(name))).hint(hint))
}

fn map_of<'a>(connector: &'a dyn Connector, name: &str) -> Result<&'a dyn PermissionMap, Error> {
    connector.permissions().ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, format!("the connector `{name}` knows no permissions"))
    })
}

fn write(out: &mut impl Write, report: &Report) -> Result<(), Failure> {
    let rows: Vec<[Cell; 5]> = report.rows.iter().map(columns).collect();
    let head = ["OPERATION", "REQUIRED", "REQUESTED", "GRANTED", "EFFECTIVE"];
    table::write(out, (!rows.is_empty()).then_some(head), &rows)?;
    let difference = report.difference().to_string();
    if !difference.is_empty() {
        writeln!(out)?;
        difference.lines().try_for_each(|line| writeln!(out, "{}", plain(line)))?;
    }
    Ok(writeln!(out, "\nread {}", crate::view::time(report.read_at))?)
}

/// The four columns of an operation.
fn columns(row: &Row) -> [Cell; 5] {
    let asked = |column: Option<bool>| match column {
        Some(true) => Cell::styled("yes", GREEN),
        Some(false) => Cell::styled("no", RED),
        None => "-".into(),
    };
    let effective = match &row.effective {
        Verdict::Allowed => Cell::styled("allowed", GREEN),
        Verdict::Denied { .. } => Cell::styled("denied", RED),
        Verdict::Unknown(_) => Cell::styled("unknown", YELLOW),
    };
    // The first alternative is the one to give.
    let scopes = row.required.scopes.iter();
    let needed = scopes.chain(row.required.any_of.first().into_iter().flatten());
    let needed: Vec<_> = needed.map(|permission| plain(&permission.name)).collect();
    let required = if needed.is_empty() { "-".to_owned() } else { needed.join(", ") };
    [
        plain(&row.operation.to_string()).into(),
        required.into(),
        asked(row.requested),
        asked(row.granted),
        effective,
    ]
}

fn write_role(out: &mut impl Write, role: &LeastRole) -> Result<(), Failure> {
    writeln!(out, "{BOLD}{}{BOLD:#}", plain(&role.name))?;
    for (number, step) in (1..).zip(&role.steps) {
        writeln!(out, "{number}. {}", plain(step))?;
    }
    if let Some(machine) = &role.machine {
        writeln!(out, "\nOr, with --machine, what this takes: {}", plain(&machine.takes))?;
    }
    Ok(())
}

/// What `--require` takes.
pub(crate) fn operation(text: &str) -> Result<Operation, String> {
    text.parse().map_err(|error: Error| match error.hint_text() {
        Some(hint) => format!("{error}. {hint}"),
        None => error.to_string(),
    })
}
