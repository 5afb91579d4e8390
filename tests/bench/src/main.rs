//! Measures start-up, speed, memory and size of the webhook and of the event processor beside baselines, all in one interleaved
//! run; and guards what is repeatable of it. The method is in `docs/performance.md`.

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
mod order;
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

/// How many large orders follow the others in each start: as many as SQS hands over at once.
const LARGE_ORDERS: usize = 10;

/// Measures the functions beside baselines.
#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts everything again and again, in turn, and shows what it took
    Run(RunOptions),
    /// Starts only the event processor and the bare client beside it, and shows what they took
    Order(OrderOptions),
    /// Fails if a function's size or the webhook's instruction count has grown by more than 5 %
    Guard(GuardOptions),
    /// Serves as AWS and WHOOP (started by `run`)
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

/// What is measured of the order's way, and how.
#[derive(clap::Args)]
struct OrderOptions {
    /// The event processor's bootstrap, as `sam build` makes it
    #[arg(long)]
    event_processor: PathBuf,
    /// Cargo's target folder of the Rust baselines
    #[arg(long)]
    rust_baselines: PathBuf,
    /// CPU from the first event on: `full`, or that of a memory size in MB; several separated by commas
    #[arg(long, value_delimiter = ',', default_value = "full,256")]
    memory: Vec<Cpu>,
    /// How often each candidate is started
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Orders after the first, of each start
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    orders: u32,
    /// Latency of AWS and of WHOOP, in ms a call
    #[arg(long, default_value_t = 5.0)]
    latency_ms: f64,
}

#[derive(clap::Args)]
struct RunOptions {
    #[command(flatten)]
    webhook: Webhook,
    #[command(flatten)]
    order: OrderOptions,
    /// Bundle of the Node baseline
    #[arg(long)]
    node_bundle: PathBuf,
    /// Lockfile of the Rust baselines
    #[arg(long)]
    baselines_lock: PathBuf,
    /// Deliveries after the first, and twice as many refused ones, of each start
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    deliveries: u32,
    /// Folder for `results.json`, `results.md` and `cold-start.svg`
    #[arg(long)]
    output: PathBuf,
}

#[derive(clap::Args)]
struct GuardOptions {
    #[command(flatten)]
    webhook: Webhook,
    /// The event processor's bootstrap, as `sam build` makes it
    #[arg(long)]
    event_processor: PathBuf,
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
        Command::Order(options) => measure_orders(options),
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
    let machine = machine::Machine::this(&lock)?;
    let mut plan = plan(options.order);
    plan.candidates.webhook = options.webhook.webhook;
    plan.candidates.node_bundle = options.node_bundle;
    plan.load.warm = options.deliveries as usize;
    plan.load.refused = 2 * options.deliveries as usize;
    let results = run(plan.run(machine, &options.webhook.verify_and_decode))?;
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

fn measure_orders(options: OrderOptions) -> Result<()> {
    let results = run(plan(options).run_orders())?;
    println!("{}", table::render_orders(&results));
    Ok(())
}

/// What the order's way takes; nothing of the webhook yet.
fn plan(options: OrderOptions) -> Plan {
    Plan {
        candidates: Candidates {
            webhook: PathBuf::new(),
            event_processor: options.event_processor,
            rust_baselines: options.rust_baselines,
            node_bundle: PathBuf::new(),
        },
        shares: options.memory,
        rounds: options.rounds as usize,
        load: Load {
            warm: 0,
            refused: 0,
            orders: options.orders as usize,
            large_orders: LARGE_ORDERS,
        },
        latency: Duration::from_secs_f64(options.latency_ms / 1000.0),
    }
}

fn run<T>(measurement: impl Future<Output = Result<T>>) -> Result<T> {
    // current-thread: what is measured is not to be handed from thread to thread
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(measurement)
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    let path = folder.join(name);
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

fn guard(options: &GuardOptions) -> Result<()> {
    let now = Baseline {
        webhook_size_bytes: size(&options.webhook.webhook)?,
        verify_and_decode_instructions: instructions::of_one_delivery(
            &options.webhook.verify_and_decode,
        )?,
        event_processor_size_bytes: size(&options.event_processor)?,
    };
    println!(
        "webhook: {} bytes, {} instructions to verify and decode a delivery\nevent processor: {} bytes",
        now.webhook_size_bytes, now.verify_and_decode_instructions, now.event_processor_size_bytes
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
    bail!("a function has grown; if that is worth it, `make guard-accept` and commit")
}

fn size(file: &Path) -> Result<u64> {
    let metadata = fs::metadata(file).with_context(|| file.display().to_string())?;
    Ok(metadata.len())
}
