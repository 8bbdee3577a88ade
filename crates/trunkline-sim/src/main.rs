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
    },
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let Simulator::SageIntacct { listen, json, auto_approve } = Arguments::parse().simulator;
    let knobs = Knobs { auto_approve, ..Knobs::default() };
    let sim = SageIntacct::builder().listen(listen).knobs(knobs).start().await?;
    if json {
        println!("{}", describe(&sim));
    } else {
        print_human(&sim);
    }
    stopped().await
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

/// Returns at Ctrl-C or, where there is one, a termination signal.
async fn stopped() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminated.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
