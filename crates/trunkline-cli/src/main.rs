//! The command line of Trunkline: connects, shows, explains and ends connections.
//!
//! Every command has a form for people and one for programs (`--json`), and ends with one of the codes
//! of [`exit::Exit`].

mod advice;
mod arguments;
mod connect;
mod connections;
mod connectors;
mod diagnose;
mod disconnect;
mod events;
mod exit;
mod manifest;
mod manifest_try;
mod new_connector;
mod output;
mod permissions;
mod session;
mod status;
mod store;
mod table;
mod view;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::arguments::{Arguments, Command, ManifestCommand};
use crate::exit::{Exit, Failure};
use crate::output::Output;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut output = Output::new(arguments.json);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return output.failed(&error.into()),
    };
    let outcome = runtime.block_on(run(arguments.command, &mut output));
    // A question that nobody answered still waits for the terminal; nothing else is left.
    runtime.shutdown_background();
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => output.failed(&failure),
    }
}

async fn run(command: Command, output: &mut Output) -> Result<Exit, Failure> {
    match command {
        Command::Diagnose(arguments) => diagnose::run(&arguments, output),
        Command::Connectors(arguments) => connectors::run(&arguments, output),
        Command::Connections(arguments) => connections::run(&arguments, output).await,
        Command::Status(arguments) => status::run(&arguments, output).await,
        Command::Permissions(arguments) => permissions::run(&arguments, output).await,
        Command::Manifest { command: ManifestCommand::Check { files } } => manifest::check(&files, output),
        Command::Manifest { command: ManifestCommand::Try { file, method } } => {
            manifest_try::run(&file, method.as_deref(), output)
        }
        Command::Events(arguments) => events::run(&arguments, output).await,
        Command::Connect(arguments) => connect::run(&arguments, output).await,
        Command::Disconnect(arguments) => disconnect::run(&arguments, output).await,
        Command::NewConnector(arguments) => new_connector::run(&arguments, output),
        Command::Sim { simulator } => {
            simulator.run(output.out()).await?;
            Ok(Exit::Done)
        }
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "trunkline", output.out());
            Ok(Exit::Done)
        }
    }
}
