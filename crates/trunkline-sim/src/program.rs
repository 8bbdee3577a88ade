//! The program: a simulator that runs until it is stopped. `trunkline-sim` is nothing else, and
//! `trunkline sim` is the same.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::sage_intacct::{self, SageIntacct};
use crate::salesforce::{self, Hosts, Salesforce};
use crate::standard::Standard;

/// Which simulator to run, and how.
#[derive(Debug, Clone, Subcommand)]
pub enum Simulator {
    /// Sage Intacct's REST API.
    SageIntacct {
        /// Where it serves, and how it says so.
        #[command(flatten)]
        options: Options,
        /// Approve every consent as the seeded user instead of showing a page.
        #[arg(long)]
        auto_approve: bool,
        /// Redirect URI of the application, byte for byte; may be repeated. Without one: that of the
        /// examples, and http://127.0.0.1/connect/callback with any port.
        #[arg(long)]
        redirect_uri: Vec<String>,
    },
    /// Salesforce's OAuth endpoints and REST API.
    Salesforce {
        /// Where it serves, and how it says so.
        #[command(flatten)]
        options: Options,
        /// Approve every consent as the seeded user instead of showing a page.
        #[arg(long)]
        auto_approve: bool,
        /// Callback URL of the app, byte for byte; may be repeated. Without one: that of the examples.
        #[arg(long)]
        redirect_uri: Vec<String>,
        /// PEM file of the RSA certificate or public key that signs JWT bearer assertions.
        #[arg(long)]
        certificate: Option<PathBuf>,
        /// Give the login host, the test host and each My Domain a port of their own.
        #[arg(long)]
        separate_hosts: bool,
    },
    /// A service that speaks OAuth 2 as the standards say, and approves every consent without a page.
    Standard {
        /// Where it serves, and how it says so.
        #[command(flatten)]
        options: Options,
    },
}

/// What every simulator is told.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Address to serve on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

impl Simulator {
    /// Serves until Ctrl-C or a termination signal. Writes to `out`, once it serves, where it is and what
    /// its seeded account, user and application are called; their secrets are made anew at every start.
    ///
    /// # Errors
    ///
    /// Fails if the address cannot be bound, a file cannot be read, or `out` cannot be written to.
    pub async fn run(self, out: &mut (dyn Write + Send)) -> std::io::Result<()> {
        match self {
            Self::SageIntacct { options, auto_approve, redirect_uri } => {
                let knobs = sage_intacct::Knobs { auto_approve, ..sage_intacct::Knobs::default() };
                let mut builder = SageIntacct::builder().listen(options.listen).knobs(knobs);
                if !redirect_uri.is_empty() {
                    builder = builder.redirect_uris(redirect_uri);
                }
                let sim = builder.start().await?;
                serve(out, &options, "Sage Intacct", &sage_intacct_facts(&sim)).await
            }
            Self::Salesforce { options, auto_approve, redirect_uri, certificate, separate_hosts } => {
                let knobs = salesforce::Knobs { auto_approve, ..salesforce::Knobs::default() };
                let hosts = if separate_hosts { Hosts::Separate } else { Hosts::One };
                let mut builder = Salesforce::builder().listen(options.listen).knobs(knobs).hosts(hosts);
                if !redirect_uri.is_empty() {
                    builder = builder.redirect_uris(redirect_uri);
                }
                if let Some(file) = certificate {
                    builder = builder.certificate(std::fs::read_to_string(file)?);
                }
                let sim = builder.start().await?;
                serve(out, &options, "Salesforce", &salesforce_facts(&sim)).await
            }
            Self::Standard { options } => {
                let sim = Standard::listen(options.listen).await?;
                serve(out, &options, "A standard service", &standard_facts(&sim)).await
            }
        }
    }
}

/// What a client needs to know, by name.
type Facts = Vec<(&'static str, String)>;

fn sage_intacct_facts(sim: &SageIntacct) -> Facts {
    vec![
        ("url", sim.url().to_string()),
        ("control_url", sim.control_url().to_string()),
        ("company_id", sim.company_id().to_owned()),
        ("user_id", sim.user_id().to_owned()),
        ("username", sim.username()),
        ("password", sim.password().to_owned()),
        ("client_id", sim.client_id().to_owned()),
        ("client_secret", sim.client_secret().to_owned()),
    ]
}

fn salesforce_facts(sim: &Salesforce) -> Facts {
    let instance_url = sim.my_domain_url(sim.org_id()).unwrap_or_else(|| sim.url());
    vec![
        ("url", sim.url().to_string()),
        ("control_url", sim.control_url().to_string()),
        ("instance_url", instance_url.to_string()),
        ("org_id", sim.org_id().to_owned()),
        ("username", sim.username().to_owned()),
        ("password", sim.password().to_owned()),
        ("security_token", sim.security_token().to_owned()),
        ("client_id", sim.client_id().to_owned()),
        ("client_secret", sim.client_secret().to_owned()),
    ]
}

fn standard_facts(sim: &Standard) -> Facts {
    vec![
        ("url", sim.url()),
        ("issuer", sim.issuer()),
        ("api_url", sim.api_url()),
        ("client_id", sim.client_id().to_owned()),
        ("client_secret", sim.client_secret()),
    ]
}

/// Prints what a client needs to know, and waits until the program is stopped.
async fn serve(
    out: &mut (dyn Write + Send),
    options: &Options,
    title: &str,
    facts: &Facts,
) -> std::io::Result<()> {
    // Before anything is printed: whoever reads that may stop the program at once.
    let stopped = stopped()?;
    if options.json {
        let facts: serde_json::Map<_, _> =
            facts.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
        writeln!(out, "{}", serde_json::Value::Object(facts))?;
    } else {
        writeln!(out, "{title} (simulated)")?;
        for (name, value) in facts {
            writeln!(out, "  {:<15} {value}", name.replace('_', " "))?;
        }
        writeln!(out, "Stop it with Ctrl-C.")?;
    }
    out.flush()?;
    stopped.await
}

/// Listens from now on for Ctrl-C or, where there is one, a termination signal, and waits for it.
#[cfg(unix)]
fn stopped() -> std::io::Result<impl Future<Output = std::io::Result<()>>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupted, mut terminated) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
        Ok(())
    })
}

#[cfg(not(unix))]
fn stopped() -> std::io::Result<impl Future<Output = std::io::Result<()>>> {
    Ok(tokio::signal::ctrl_c())
}
