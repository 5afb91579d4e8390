//! Runs the functions under simulated time. Everything around them is in memory: AWS, WHOOP, people. A seed decides what happens and
//! what goes wrong; the same seed always leads to the same run. After each event it is checked that nothing has happened that must
//! never happen. `README.md` says how to use it.

mod aws;
mod chance;
mod lambda;
mod ledger;
mod network;
mod operators;
mod plan;
mod process;
mod run;
mod runner;
mod totals;
mod trace;
mod weather;
mod whoop;
mod world;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use run::Report;
use runner::Seeds;
use totals::Totals;
use trace::Time;

/// Runs the functions under simulated time, with faults that follow from a seed.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// The first seed. Without it, a random one.
    #[arg(long)]
    from: Option<u64>,
    /// How many hours a run lasts at most, without the time that it needs to come to its end.
    #[arg(long, default_value_t = 480, value_parser = clap::value_parser!(u64).range(1..))]
    hours: u64,
    /// How many seeds to run at once.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Shows what happens, with the log of the functions.
    #[arg(long)]
    trace: bool,
    /// Prints the totals as JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let from = arguments
        .from
        .unwrap_or_else(|| fastrand::u64(..1_000_000_000));
    if std::env::var_os(runner::IS_CHILD).is_some() {
        return Ok(run_one(from, arguments.hours, arguments.trace));
    }
    let finished = runner::run(Seeds {
        from,
        count: arguments.seeds,
        hours: arguments.hours,
        at_once: arguments.jobs.max(1),
        shows_trace: arguments.trace,
    })?;
    if arguments.json {
        println!("{}", serde_json::to_string(&finished)?);
    } else if finished.seeds > 1 {
        println!("{finished}");
    }
    Ok(if finished.failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs one seed, in a process of its own.
fn run_one(seed: u64, hours: u64, shows_trace: bool) -> ExitCode {
    // a panic is never part of a run, even where our functions would catch it
    std::panic::set_hook(Box::new(move |panic| {
        eprintln!("seed {seed}: {panic}\n{}", replay(seed, hours));
        std::process::exit(3);
    }));
    let Report {
        hash,
        counts,
        length,
        violation,
    } = run::run(seed, chance::hours(hours), shows_trace);
    match violation {
        None => {
            let time = Time(length);
            eprintln!("seed {seed}: right until {time}, trace {hash}, {counts:?}");
            if !shows_trace {
                let totals = Totals {
                    days: length.as_secs_f64() / 86_400.0,
                    accepted: counts.accepted,
                    executions: counts.executions,
                    set_aside: counts.set_aside,
                };
                // the runner takes this line
                eprintln!("{}", serde_json::json!(totals));
            }
            ExitCode::SUCCESS
        }
        Some(violation) => {
            eprintln!("seed {seed}: {violation}\n{}", replay(seed, hours));
            ExitCode::FAILURE
        }
    }
}

/// The command that shows a run again.
fn replay(seed: u64, hours: u64) -> String {
    format!("    cargo run --profile bench -p simulation -- --from {seed} --hours {hours} --trace")
}
