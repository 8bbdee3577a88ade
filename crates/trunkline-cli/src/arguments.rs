//! What can be written on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use serde::Serialize;
use trunkline_core::DEFAULT_LABEL;
use trunkline_core::permission::Operation;
use trunkline_sim::program::Simulator;

use crate::exit::EXIT_CODES;

/// Live connections to your customers' accounts at other services.
#[derive(Debug, Parser)]
#[command(name = "trunkline", version, after_long_help = EXIT_CODES, propagate_version = true)]
pub(crate) struct Arguments {
    /// Print JSON, one value a line.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say what an answer of a service means that you paste: why, who acts, what to do.
    Diagnose(DiagnoseArguments),
    /// List the linked providers and the configured connectors.
    Connectors(ConnectorsArguments),
    /// List the connections of a tenant, or of all.
    Connections(ConnectionsArguments),
    /// Say how one connection stands, since when, why, and what happened to it.
    Status(StatusArguments),
    /// Show what a connection may do, known before any call, and write the least role.
    ///
    /// The last line of a denial says what is missing, where it is set and by whom. Ends with 4 when somebody has to
    /// give a permission, with 3 when a new consent has to ask for a scope.
    Permissions(PermissionsArguments),
    /// Check connectors that are written as data.
    Manifest {
        #[command(subcommand)]
        command: ManifestCommand,
    },
    /// Write a connector of your own into a new folder: complete, tested, and yours to change.
    NewConnector(NewConnectorArguments),
    /// Tell what happened to all connections, and go on telling.
    Events(EventsArguments),
    /// Connect on this machine: shows the service's page, takes the answer, stores the grant.
    Connect(ConnectArguments),
    /// End a connection and revoke its grant at the service.
    Disconnect(DisconnectArguments),
    /// Run a simulator of a service until Ctrl-C.
    Sim {
        #[command(subcommand)]
        simulator: Simulator,
    },
    /// Print a script that completes commands in a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DiagnoseArguments {
    /// Whose answer: a linked provider, or `oauth2` for the standards alone.
    pub(crate) connector: String,
    /// The answer's status; 302 where an authorization response was pasted.
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) status: Option<String>,
    /// A header of the answer, as `name: value`; may be repeated.
    #[arg(long, value_name = "NAME: VALUE")]
    pub(crate) header: Vec<String>,
    /// Which endpoint answered.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) endpoint: Endpoint,
    /// What was sent to the token endpoint.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) grant: GrantType,
    /// The request's method [default: GET for the API, else POST].
    #[arg(long)]
    pub(crate) method: Option<String>,
    /// The request's path.
    #[arg(long, default_value = "/")]
    pub(crate) path: String,
    /// The answer's body, at most 1 MiB; `-` is standard input. Of an authorization response: the URL that
    /// the browser was sent to, or its query.
    #[arg(long, value_name = "FILE")]
    pub(crate) body: Option<PathBuf>,
}

/// Which endpoint answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Endpoint {
    /// The service's API.
    #[default]
    Api,
    /// The token endpoint.
    Token,
    /// The page where access is approved: what it sent the browser back with.
    Authorize,
    /// The revocation endpoint.
    Revoke,
}

/// What was sent to the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum GrantType {
    /// A refresh token: a renewal.
    #[default]
    RefreshToken,
    /// A code: the end of a consent.
    AuthorizationCode,
    /// The client alone.
    ClientCredentials,
}

/// Where the settings are.
#[derive(Debug, Args)]
pub(crate) struct SettingsPlace {
    /// File of settings [default: trunkline.toml].
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
}

/// Where the store is.
#[derive(Debug, Args)]
pub(crate) struct StorePlace {
    /// SQLite file, or postgres:// URL. A URL with a password belongs into the variable.
    #[arg(
        long,
        env = "TRUNKLINE_STORE",
        hide_env_values = true,
        default_value = "trunkline.db",
        global = true
    )]
    pub(crate) store: String,
}

/// The three names of a connection.
#[derive(Debug, Args)]
pub(crate) struct ConnectionName {
    /// The application's customer.
    pub(crate) tenant: String,
    /// The configured connector.
    pub(crate) connector: String,
    /// Which of the tenant's connections through this connector.
    #[arg(long, default_value = DEFAULT_LABEL)]
    pub(crate) label: String,
}

#[derive(Debug, Args)]
pub(crate) struct ConnectorsArguments {
    #[command(flatten)]
    pub(crate) settings: SettingsPlace,
}

#[derive(Debug, Args)]
pub(crate) struct ConnectionsArguments {
    /// Whose connections [default: everybody's].
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    #[command(flatten)]
    pub(crate) store: StorePlace,
}

#[derive(Debug, Args)]
pub(crate) struct EventsArguments {
    /// Whose events [default: everybody's].
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// Where to begin: `oldest`, `newest`, or behind the event with this cursor.
    #[arg(long, value_name = "CURSOR", default_value = "oldest")]
    pub(crate) after: From,
    /// Wait for what comes, until Ctrl-C.
    #[arg(long, short)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) store: StorePlace,
}

/// Where to begin among the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    Oldest,
    Newest,
    After(u64),
}

impl std::str::FromStr for From {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "oldest" => Ok(Self::Oldest),
            "newest" => Ok(Self::Newest),
            _ => text.parse().map(Self::After).map_err(|_| "a cursor is `oldest`, `newest` or a number"),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    pub(crate) name: ConnectionName,
    #[command(flatten)]
    pub(crate) store: StorePlace,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct PermissionsArguments {
    #[command(subcommand)]
    pub(crate) command: Option<PermissionsCommand>,
    /// The application's customer.
    #[arg(required = true)]
    pub(crate) tenant: Option<String>,
    /// The configured connector.
    #[arg(required = true)]
    pub(crate) connector: Option<String>,
    /// Which of the tenant's connections through this connector.
    #[arg(long, default_value = DEFAULT_LABEL, global = true)]
    pub(crate) label: String,
    /// In which part of the account, where the service has parts.
    #[arg(long, global = true)]
    pub(crate) entity: Option<String>,
    /// What the integration needs, as `action:object`; may be repeated [default: all that the connector knows].
    #[arg(long, value_name = "OPERATION", value_parser = crate::permissions::operation)]
    pub(crate) require: Vec<Operation>,
    #[command(flatten)]
    pub(crate) settings: SettingsPlace,
    #[command(flatten)]
    pub(crate) store: StorePlace,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ManifestCommand {
    /// Say everything that is wrong with manifests, with file, line and what to do.
    Check {
        /// Files, which may extend each other, or one folder of them.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Take a manifest from consent to revocation at a made-up service, and hold it against every rule. Nothing leaves this
    /// machine. Ends with 1 when a rule is broken.
    Try {
        /// The manifest; those that it extends are looked for beside it.
        file: PathBuf,
        /// The way to hold the grant, if not the default.
        #[arg(long)]
        method: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NewConnectorArguments {
    /// What `provider = "…"` will find: lower-case letters, digits and `_`.
    pub(crate) name: String,
    /// How it is written.
    #[arg(long, value_enum)]
    pub(crate) kind: ConnectorKind,
    /// The new folder [default: NAME-connector]. What is there is never overwritten.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) path: Option<PathBuf>,
    /// Take Trunkline's crates from this checkout instead of their published versions.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) trunkline: Option<PathBuf>,
}

/// How a connector is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ConnectorKind {
    /// As a crate, for a service that needs code.
    Code,
    /// As data, for any service that a manifest can describe.
    Manifest,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PermissionsCommand {
    /// Write the smallest role that permits what is required, for an administrator to create.
    Role(RoleArguments),
    /// List the operations that a connector knows.
    Operations {
        /// The configured connector.
        connector: String,
        /// Only those with this in their spelling.
        filter: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RoleArguments {
    /// The configured connector.
    pub(crate) connector: String,
    /// What the role has to permit, as `action:object`; may be repeated.
    #[arg(long, value_name = "OPERATION", required = true, value_parser = crate::permissions::operation)]
    pub(crate) require: Vec<Operation>,
    /// What the role is called.
    #[arg(long, default_value = "Integration", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) name: String,
    /// Ask the connection of this tenant for what has other keys at each company.
    #[arg(long, value_name = "TENANT")]
    pub(crate) of: Option<String>,
    /// Print what the service's API or tools take, and nothing else: as it is, not within JSON of ours.
    #[arg(long, conflicts_with = "json")]
    pub(crate) machine: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DisconnectArguments {
    #[command(flatten)]
    pub(crate) name: ConnectionName,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) settings: SettingsPlace,
    #[command(flatten)]
    pub(crate) store: StorePlace,
}

#[derive(Debug, Args)]
pub(crate) struct ConnectArguments {
    /// The configured connector.
    pub(crate) connector: String,
    /// The application's customer.
    #[arg(long)]
    pub(crate) tenant: String,
    /// Which of the tenant's connections through this connector.
    #[arg(long, default_value = DEFAULT_LABEL)]
    pub(crate) label: String,
    /// Something that the connector needs to know; may be repeated. What is missing is asked for, or taken
    /// from `TRUNKLINE_INPUT_<NAME>`. Secrets do not belong here.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) input: Vec<String>,
    /// The same, read from a file; `-` is standard input.
    #[arg(long, value_name = "NAME=FILE")]
    pub(crate) input_file: Vec<String>,
    /// A scope beyond the connector's own; may be repeated.
    #[arg(long)]
    pub(crate) scope: Vec<String>,
    /// Another way to hold the grant than the connector's default.
    #[arg(long)]
    pub(crate) method: Option<String>,
    /// Let another account than the connection's own take it over.
    #[arg(long)]
    pub(crate) replace_account: bool,
    /// Print the URL of the service's page and open no browser.
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// Listen on this port instead of the redirect URI's own; 0 takes a free one. The service must accept
    /// any port of the loopback address.
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// How many seconds to wait for the answer; a consent is over after 15 minutes.
    #[arg(long, value_name = "SECONDS", default_value = "900", value_parser = seconds)]
    pub(crate) wait: Duration,
    #[command(flatten)]
    pub(crate) settings: SettingsPlace,
    #[command(flatten)]
    pub(crate) store: StorePlace,
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..=900) => Ok(Duration::from_secs(seconds)),
        _ => Err("a number from 1 to 900 is needed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_commands_fit_together() {
        Arguments::command().debug_assert();
    }
}
