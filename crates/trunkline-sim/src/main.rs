//! Runs a simulator until it is stopped.

use clap::Parser;
use trunkline_sim::program::Simulator;

/// Simulators of the services that Trunkline connects to.
#[derive(Debug, Parser)]
#[command(name = "trunkline-sim")]
struct Arguments {
    #[command(subcommand)]
    simulator: Simulator,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    Arguments::parse().simulator.run(&mut std::io::stdout()).await
}
