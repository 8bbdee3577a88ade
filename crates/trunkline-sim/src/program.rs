//! The program: a simulator that runs until it is stopped. `trunkline-sim` is nothing else, and
//! `trunkline sim` is the same.

use std::io::Write;
use std::net::SocketAddr;

use clap::Subcommand;
use serde_json::json;

use crate::sage_intacct::{Knobs, SageIntacct};

/// Which simulator to run, and how.
#[derive(Debug, Clone, Subcommand)]
pub enum Simulator {
    /// Sage Intacct's REST API.
    SageIntacct {
        /// Address to serve on; port 0 takes a free one.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// Print one line of JSON.
        #[arg(long)]
        json: bool,
        /// Approve every consent as the seeded user instead of showing a page.
        #[arg(long)]
        auto_approve: bool,
        /// Redirect URI of the application, byte for byte; may be repeated. Without one: that of the
        /// examples, and http://127.0.0.1/connect/callback with any port.
        #[arg(long)]
        redirect_uri: Vec<String>,
    },
}

impl Simulator {
    /// Serves until Ctrl-C or a termination signal. Writes to `out`, once it serves, where it is and what
    /// its seeded company, user and application are called; their secrets are made anew at every start.
    ///
    /// # Errors
    ///
    /// Fails if the address cannot be bound or `out` cannot be written to.
    pub async fn run(self, out: &mut (dyn Write + Send)) -> std::io::Result<()> {
        let Self::SageIntacct { listen, json, auto_approve, redirect_uri } = self;
        let knobs = Knobs { auto_approve, ..Knobs::default() };
        let mut builder = SageIntacct::builder().listen(listen).knobs(knobs);
        if !redirect_uri.is_empty() {
            builder = builder.redirect_uris(redirect_uri);
        }
        let sim = builder.start().await?;
        // Before anything is printed: whoever reads that may stop the program at once.
        let stopped = stopped()?;
        if json {
            writeln!(out, "{}", describe(&sim))?;
        } else {
            write_human(&sim, out)?;
        }
        out.flush()?;
        stopped.await
    }
}

fn describe(sim: &SageIntacct) -> serde_json::Value {
    json!({
        "url": sim.url(),
        "control_url": sim.control_url(),
        "company_id": sim.company_id(),
        "user_id": sim.user_id(),
        "username": sim.username(),
        "password": sim.password(),
        "client_id": sim.client_id(),
        "client_secret": sim.client_secret(),
    })
}

fn write_human(sim: &SageIntacct, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "Sage Intacct (simulated)")?;
    writeln!(out, "  API            {}ia/api/v1", sim.url())?;
    writeln!(out, "  control        {}", sim.control_url())?;
    writeln!(out, "  company        {}", sim.company_id())?;
    writeln!(out, "  user           {} (username {})", sim.user_id(), sim.username())?;
    writeln!(out, "  password       {}", sim.password())?;
    writeln!(out, "  client id      {}", sim.client_id())?;
    writeln!(out, "  client secret  {}", sim.client_secret())?;
    writeln!(out, "Stop it with Ctrl-C.")
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
