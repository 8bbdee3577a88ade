//! Runs a simulator until it is stopped.
#![expect(clippy::print_stdout, reason = "the program's output is what it prints")]

use std::net::SocketAddr;

use clap::{Parser, Subcommand};
use serde_json::json;
use trunkline_sim::sage_intacct::{Knobs, SageIntacct};

/// Simulators of the services that Trunkline connects to.
#[derive(Debug, Parser)]
#[command(name = "trunkline-sim")]
struct Arguments {
    #[command(subcommand)]
    simulator: Simulator,
}

#[derive(Debug, Subcommand)]
enum Simulator {
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

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let Simulator::SageIntacct { listen, json, auto_approve, redirect_uri } = Arguments::parse().simulator;
    let knobs = Knobs { auto_approve, ..Knobs::default() };
    let mut builder = SageIntacct::builder().listen(listen).knobs(knobs);
    if !redirect_uri.is_empty() {
        builder = builder.redirect_uris(redirect_uri);
    }
    let sim = builder.start().await?;
    // Before anything is printed: whoever reads that may stop the program at once.
    let stopped = stopped()?;
    if json {
        println!("{}", describe(&sim));
    } else {
        print_human(&sim);
    }
    stopped.await
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

fn print_human(sim: &SageIntacct) {
    println!("Sage Intacct (simulated)");
    println!("  API            {}ia/api/v1", sim.url());
    println!("  control        {}", sim.control_url());
    println!("  company        {}", sim.company_id());
    println!("  user           {} (username {})", sim.user_id(), sim.username());
    println!("  password       {}", sim.password());
    println!("  client id      {}", sim.client_id());
    println!("  client secret  {}", sim.client_secret());
    println!("Stop it with Ctrl-C.");
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
