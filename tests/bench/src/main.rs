//! Measures the webhook's start-up, speed, memory and size beside baselines, all in one interleaved run; and guards what is
//! repeatable of it. The method is in `docs/performance.md`.

mod aws_stub;
mod candidate;
mod chart;
mod cpu_quota;
mod delivery;
mod goals;
mod guard;
mod instructions;
mod machine;
mod measurement;
mod price;
mod process;
mod results;
mod run;
mod statistics;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};

use crate::candidate::Candidates;
use crate::cpu_quota::Cpu;
use crate::guard::Baseline;
use crate::measurement::Load;
use crate::run::Plan;

/// Measures the webhook beside baselines.
#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts everything again and again, in turn, and shows what it took
    Run(RunOptions),
    /// Fails if the webhook's size or instruction count has grown by more than 5 %
    Guard(GuardOptions),
    /// Serves as Secrets Manager and SQS (started by `run`)
    #[command(hide = true)]
    AwsStub {
        #[arg(long)]
        latency_us: u64,
        #[arg(long)]
        authority: PathBuf,
    },
}

/// What is measured of the webhook itself.
#[derive(clap::Args)]
struct Webhook {
    /// The webhook's bootstrap, as `sam build` makes it
    #[arg(long)]
    webhook: PathBuf,
    /// The webhook's example `verify_and_decode`
    #[arg(long)]
    verify_and_decode: PathBuf,
}

#[derive(clap::Args)]
struct RunOptions {
    #[command(flatten)]
    webhook: Webhook,
    /// Cargo's target folder of the Rust baselines
    #[arg(long)]
    rust_baselines: PathBuf,
    /// Bundle of the Node baseline
    #[arg(long)]
    node_bundle: PathBuf,
    /// Lockfile of the Rust baselines
    #[arg(long)]
    baselines_lock: PathBuf,
    /// CPU from the first event on: `full`, or that of a memory size in MB; several separated by commas
    #[arg(long, value_delimiter = ',', default_value = "full,256")]
    memory: Vec<Cpu>,
    /// How often each candidate is started
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Deliveries after the first, and twice as many refused ones, of each start
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    deliveries: u32,
    /// Latency of AWS, in ms a call
    #[arg(long, default_value_t = 5.0)]
    latency_ms: f64,
    /// Folder for `results.json`, `results.md` and `cold-start.svg`
    #[arg(long)]
    output: PathBuf,
}

#[derive(clap::Args)]
struct GuardOptions {
    #[command(flatten)]
    webhook: Webhook,
    /// The committed figures
    #[arg(long)]
    baseline: PathBuf,
    /// Makes today's figures the ones to compare with
    #[arg(long)]
    accept: bool,
}

fn main() -> Result<()> {
    match Options::parse().command {
        Command::Run(options) => measure(options),
        Command::Guard(options) => guard(&options),
        Command::AwsStub {
            latency_us,
            authority,
        } => {
            // the threads to come inherit it: without, they oversleep by 50 µs
            nix::sys::prctl::set_timerslack(1)?;
            tokio::runtime::Runtime::new()?.block_on(aws_stub::serve(
                Duration::from_micros(latency_us),
                &authority,
            ))
        }
    }
}

fn measure(options: RunOptions) -> Result<()> {
    let lock = fs::read_to_string(&options.baselines_lock).context("the baselines' lockfile")?;
    let plan = Plan {
        machine: machine::Machine::this(&lock)?,
        candidates: Candidates {
            webhook: options.webhook.webhook,
            rust_baselines: options.rust_baselines,
            node_bundle: options.node_bundle,
        },
        verify_and_decode: options.webhook.verify_and_decode,
        shares: options.memory,
        rounds: options.rounds as usize,
        load: Load {
            warm: options.deliveries as usize,
            refused: 2 * options.deliveries as usize,
        },
        latency: Duration::from_secs_f64(options.latency_ms / 1000.0),
    };
    // current-thread: what is measured is not to be handed from thread to thread
    let results = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(plan.run())?;
    let text = table::render(&results);
    println!("{text}");
    fs::create_dir_all(&options.output)?;
    write(
        &options.output,
        "results.json",
        &(serde_json::to_string_pretty(&results)? + "\n"),
    )?;
    write(&options.output, "results.md", &text)?;
    write(&options.output, "cold-start.svg", &chart::render(&results))
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    let path = folder.join(name);
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

fn guard(options: &GuardOptions) -> Result<()> {
    let now = Baseline {
        webhook_size_bytes: fs::metadata(&options.webhook.webhook)
            .with_context(|| format!("{}", options.webhook.webhook.display()))?
            .len(),
        verify_and_decode_instructions: instructions::of_one_delivery(
            &options.webhook.verify_and_decode,
        )?,
    };
    println!(
        "webhook: {} bytes, {} instructions to verify and decode a delivery",
        now.webhook_size_bytes, now.verify_and_decode_instructions
    );
    if options.accept {
        return now.write(&options.baseline);
    }
    let growth = Baseline::read(&options.baseline)?.growth(&now);
    if growth.is_empty() {
        return Ok(());
    }
    for figure in growth {
        eprintln!("{figure}");
    }
    bail!("the webhook has grown; if that is worth it, `make guard-accept` and commit")
}
