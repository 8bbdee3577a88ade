//! `trunkline disconnect`: ends a connection, and says what became of its grant.

use std::io::{IsTerminal, Write};

use console::Term;
use serde::Serialize;
use trunkline::{Revocation, Trunkline};

use crate::advice;
use crate::arguments::{ConnectionName, DisconnectArguments};
use crate::exit::{Exit, Failure};
use crate::output::{Output, plain};
use crate::{session, status};
use trunkline_core::diagnosis::Report;

#[derive(Serialize)]
struct Ended<'a> {
    tenant: &'a str,
    connector: &'a str,
    label: &'a str,
    /// What became of the grant at the service.
    revocation: &'static str,
    /// How many other connections the grant serves, where it is shared.
    others: Option<usize>,
    /// Why it could not be revoked.
    diagnosis: Option<Report<'a>>,
}

pub(crate) async fn run(arguments: &DisconnectArguments, output: &mut Output) -> Result<Exit, Failure> {
    let name = &arguments.name;
    if !arguments.yes && !is_agreed(name)? {
        output.note("nothing was changed")?;
        return Ok(Exit::Failed);
    }
    let trunkline = session::start(&arguments.settings, &arguments.store, false).await?;
    let outcome = disconnect(&trunkline, name, output).await;
    let ended = session::end(&trunkline, output).await;
    let revocation = outcome?;
    tell(name, &revocation, output)?;
    ended?;
    Ok(match revocation {
        Revocation::Refused(_) => Exit::Failed,
        _ => Exit::Done,
    })
}

/// Asks where somebody can answer. Who cannot be asked has to say so beforehand.
fn is_agreed(name: &ConnectionName) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Failure::usage("nobody can be asked whether to disconnect, since this is no terminal")
            .hint("Add --yes."));
    }
    let mut terminal = Term::stderr();
    let ConnectionName { tenant, connector, label } = name;
    let question = format!("Disconnect {connector} of {tenant}, label {label}, and revoke its grant? [y/N] ");
    write!(terminal, "{}", plain(&question))?;
    terminal.flush()?;
    let answer = terminal.read_line()?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

async fn disconnect(
    trunkline: &Trunkline,
    name: &ConnectionName,
    output: &Output,
) -> Result<Revocation, Failure> {
    let _shown = output.progress("revoking the grant");
    let found = trunkline.tenant(&name.tenant).find(&name.connector, &name.label).await?;
    let connection = found.ok_or_else(|| status::not_found(name))?;
    Ok(connection.disconnect().await?)
}

fn tell(name: &ConnectionName, revocation: &Revocation, output: &mut Output) -> Result<(), Failure> {
    let (code, text) = match revocation {
        Revocation::Revoked => ("revoked", "the service revoked the grant"),
        Revocation::NotSupported => {
            ("not_supported", "the service has no way to revoke the grant; it was deleted here")
        }
        Revocation::Shared { .. } => {
            ("shared", "the grant also serves other connections, so it was not revoked")
        }
        Revocation::Pending(_) => {
            ("pending", "the service could not be asked; the next process that runs tries again")
        }
        Revocation::Refused(_) => ("refused", "the service refused to revoke the grant; it was deleted here"),
        Revocation::Nothing => ("nothing", "there was nothing to revoke"),
        _ => ("unknown", "what became of the grant is not known"),
    };
    let (others, diagnosis) = match revocation {
        Revocation::Shared { others } => (Some(*others), None),
        Revocation::Pending(diagnosis) | Revocation::Refused(diagnosis) => (None, Some(diagnosis)),
        _ => (None, None),
    };
    let ConnectionName { tenant, connector, label } = name;
    if output.is_json() {
        let diagnosis = diagnosis.map(advice::advice);
        return output.json(&Ended { tenant, connector, label, revocation: code, others, diagnosis });
    }
    writeln!(output.out(), "disconnected {connector} of {tenant}, label {label}: {text}")?;
    if let Some(diagnosis) = diagnosis {
        advice::write(output.out(), diagnosis)?;
    }
    Ok(())
}
