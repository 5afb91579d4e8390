//! `whoop-partner`: wiring only.

use std::process::ExitCode;

use clap::Parser;
use cli::Arguments;

#[tokio::main]
async fn main() -> ExitCode {
    cli::run(Arguments::parse()).await
}
