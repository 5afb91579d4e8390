//! `make soak`: runs the trials on stacks of their own, and writes what they have measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;
use local_aws::LocalAws;
use local_aws::steps::Steps;
use local_aws::world::World;
use soak::report::{Machine, Report, TrialReport};
use soak::{Size, Trial};
use tokio::time::Instant;

/// Kills, freezes and floods the released functions, rotates their secret, and loads the whole stack.
#[derive(Debug, Parser)]
struct Options {
    /// Trials to run; without any, all of them.
    #[arg(value_enum)]
    trials: Vec<Trial>,
    /// How many deliveries the load has.
    #[arg(long, default_value_t = 5000, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    deliveries: usize,
    /// Does little of everything, as the tests do.
    #[arg(long)]
    quick: bool,
    /// Folder for `soak.json` and `soak.md`. Without it, the results are only printed.
    #[arg(long)]
    output: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let size = match options.quick {
        true => Size::quick(),
        false => Size::full(options.deliveries),
    };
    let trials = match &options.trials[..] {
        [] => &Trial::ALL[..],
        chosen => chosen,
    };
    let mut report = Report {
        machine: Machine::this()?,
        trials: Vec::new(),
    };
    let aws = Arc::new(LocalAws::start().await?);
    for needs_it in [false, true] {
        let mut trials = trials
            .iter()
            .filter(|trial| trial.needs_the_event_processor() == needs_it)
            .peekable();
        if trials.peek().is_none() {
            continue;
        }
        let world = world(&aws, needs_it).await?;
        for trial in trials {
            report.trials.push(run(*trial, &world, &size).await?);
        }
    }
    if let Some(folder) = &options.output {
        fs::create_dir_all(folder)?;
        write(
            folder,
            "soak.json",
            &(serde_json::to_string_pretty(&report)? + "\n"),
        )?;
        write(folder, "soak.md", &report.markdown())?;
    }
    let mut all_met = true;
    for (trial, figure) in report.failures() {
        eprintln!("{trial}: {figure}");
        all_met = false;
    }
    Ok(if all_met {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A stack with or without the event processor. Nothing happens on it that no trial has asked for.
async fn world(aws: &Arc<LocalAws>, has_event_processor: bool) -> Result<World> {
    let (name, deploys) = match has_event_processor {
        true => ("soak", "true"),
        false => ("soak-webhook", "false"),
    };
    let parameters = [("DeployEventProcessor", deploys)];
    let world = World::set_up_on(Arc::clone(aws), name, &parameters, &Steps::silent()).await?;
    world.stack.stop_schedules().await?;
    Ok(world)
}

async fn run(trial: Trial, world: &World, size: &Size) -> Result<TrialReport> {
    println!("{}", trial.title());
    let began = Instant::now();
    let figures = trial.run(world, size).await;
    let figures = figures.with_context(|| trial.title())?;
    for figure in &figures {
        println!("  {figure}");
    }
    Ok(TrialReport {
        title: trial.title(),
        seconds: began.elapsed().as_secs(),
        figures,
    })
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    let path = folder.join(name);
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}
