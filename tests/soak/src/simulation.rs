//! The package `simulation` with many seeds: all functions under simulated time, with faults that follow from a seed.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::process::Command;

use crate::figure::Figure;

/// Runs seeds that nobody has chosen.
pub async fn run(seeds: u64) -> Result<Vec<Figure>> {
    let program = beside_us("simulation")?;
    let mut command = Command::new(&program);
    command.args(["--json", "--seeds", &seeds.to_string()]);
    let output = command.output().await;
    let output = output.with_context(|| format!("starting {}", program.display()))?;
    // a seed that fails says here how to see it again
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    let finished: Value = serde_json::from_slice(&output.stdout).context("its totals")?;
    let failed = finished["failed"].as_array().context("its failures")?;
    let total = |name: &str| finished["totals"][name].as_f64();
    let total = |name: &str| total(name).with_context(|| format!("its total {name}"));
    Ok(vec![
        Figure::new("seeds", seeds as usize),
        Figure::new("simulated years", total("days")? / 365.25),
        Figure::new("webhooks answered 204", total("accepted")?),
        Figure::new("executions of the event processor", total("executions")?),
        Figure::none_of(
            "seeds in which something happened that must not",
            failed.len(),
        ),
    ])
}

/// Another program that Cargo has built beside this one.
fn beside_us(name: &str) -> Result<PathBuf> {
    let us = std::env::current_exe()?;
    Ok(us.with_file_name(name))
}
