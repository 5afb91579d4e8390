//! Runs many seeds, each in a process of its own.
//!
//! A function reads its settings from environment variables, and the AWS SDK keeps some state for the whole process. So the program
//! starts itself once for each seed, with the variables set, and no run depends on another one.

use std::fmt;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::aws::{published_table, secrets, sqs, token_table};
use crate::totals::Totals;

/// Says to the program that it is to run one seed.
pub(crate) const IS_CHILD: &str = "SIMULATION_RUNS_ONE_SEED";

/// Which seeds to run, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seeds {
    pub(crate) from: u64,
    pub(crate) count: u64,
    pub(crate) hours: u64,
    pub(crate) at_once: usize,
    pub(crate) shows_trace: bool,
}

/// What came of all seeds.
#[derive(Debug, Serialize)]
pub(crate) struct Finished {
    pub(crate) seeds: u64,
    /// The seeds that failed.
    pub(crate) failed: Vec<u64>,
    seconds: f64,
    /// Of the seeds that passed.
    totals: Totals,
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Totals { days, accepted, .. } = self.totals;
        let rate = self.seeds as f64 / self.seconds * 60.0;
        write!(
            f,
            "{} seeds, {} failed, {rate:.0} seeds a minute, {days:.0} simulated days, {accepted} webhooks accepted",
            self.seeds,
            self.failed.len()
        )
    }
}

/// Runs seeds. Shows what those said that failed.
pub(crate) fn run(seeds: Seeds) -> Result<Finished> {
    let began = Instant::now();
    let mut failed = Vec::new();
    let mut totals = Totals::default();
    let mut running: Vec<(u64, Child)> = Vec::new();
    let mut to_start = seeds.from..seeds.from + seeds.count;
    loop {
        while running.len() < seeds.at_once
            && let Some(seed) = to_start.next()
        {
            running.push((seed, start(seed, seeds)?));
        }
        if running.is_empty() {
            break;
        }
        // in their order: the one that began first is usually the first one to end
        let (seed, mut child) = running.remove(0);
        let mut output = String::new();
        if let Some(pipe) = &mut child.stderr {
            pipe.read_to_string(&mut output)?;
        }
        let passed = child.wait()?.success();
        if !passed {
            failed.push(seed);
        }
        let said = match output.trim_end().rsplit_once('\n') {
            Some((said, last)) if passed => {
                totals += serde_json::from_str(last).context("totals of a run")?;
                said
            }
            _ => output.trim_end(),
        };
        if !passed || seeds.count == 1 {
            eprintln!("{said}");
        }
    }
    Ok(Finished {
        seeds: seeds.count,
        failed,
        seconds: began.elapsed().as_secs_f64(),
        totals,
    })
}

fn start(seed: u64, seeds: Seeds) -> Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([
        "--from",
        &seed.to_string(),
        "--hours",
        &seeds.hours.to_string(),
    ]);
    if seeds.shows_trace {
        // the functions' own log lines belong to the trace
        command
            .arg("--trace")
            .stdout(std::io::stderr())
            .stderr(Stdio::inherit());
    } else {
        command.stdout(Stdio::null()).stderr(Stdio::piped());
    }
    command
        .env_clear()
        .env(IS_CHILD, "yes")
        .envs(variables())
        .spawn()
        .context("the program starts itself")
}

/// The variables of all functions.
fn variables() -> [(&'static str, String); 13] {
    [
        ("AWS_REGION", "eu-north-1".into()),
        ("AWS_ACCESS_KEY_ID", "simulated".into()),
        ("AWS_SECRET_ACCESS_KEY", "simulated".into()),
        ("STACK_NAME", "simulated".into()),
        ("WEBHOOK_QUEUE_URL", sqs::QUEUE_URL.into()),
        (
            "WEBHOOK_DEAD_LETTER_QUEUE_URL",
            sqs::DEAD_LETTER_QUEUE_URL.into(),
        ),
        (
            "WEBHOOK_QUEUE_RETENTION_SECONDS",
            sqs::RETENTION.as_secs().to_string(),
        ),
        (
            "WEBHOOK_QUEUE_MAX_RECEIVE_COUNT",
            sqs::MAX_RECEIVE_COUNT.to_string(),
        ),
        ("WEBHOOK_SIGNING_SECRET_ID", secrets::SIGNING_SECRET.into()),
        ("PARTNER_CREDENTIALS_SECRET_ID", secrets::CREDENTIALS.into()),
        ("TOKEN_TABLE_NAME", token_table::NAME.into()),
        ("PUBLISHED_TABLE_NAME", published_table::NAME.into()),
        ("EVENT_BUS_NAME", "bus".into()),
    ]
}
