//! The whole run: every candidate at every share of a CPU, in turn, round after round, so that the machine's moods meet all of
//! them alike.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};

use crate::aws_stub::AwsStub;
use crate::candidate::{Candidates, Environment, Function};
use crate::cpu_quota::Cpu;
use crate::instructions;
use crate::machine::Machine;
use crate::measurement::{BareCalls, Bench, FunctionStart, Load};
use crate::results::{BareFigures, FunctionFigures, Results, Share};

/// What to measure, and how often.
pub struct Plan {
    pub machine: Machine,
    pub candidates: Candidates,
    pub verify_and_decode: PathBuf,
    pub shares: Vec<Cpu>,
    pub rounds: usize,
    pub load: Load,
    pub latency: Duration,
}

impl Plan {
    /// Measures.
    pub async fn run(self) -> Result<Results> {
        // first of all, because it needs what may not be installed
        let verify_and_decode_instructions =
            instructions::of_one_delivery(&self.verify_and_decode)?;
        let folder = tempfile::tempdir()?;
        let stub = AwsStub::start(self.latency, folder.path()).await?;
        let log = folder.path().join("candidates.log");
        let mut bench = Bench {
            candidates: self.candidates.clone(),
            environment: Environment::new(&stub, &log),
            stub,
            load: self.load,
        };
        let mut shares: Vec<_> = self
            .shares
            .iter()
            .map(|memory| Starts::new(*memory))
            .collect();
        let progress = ProgressBar::new(self.rounds as u64).with_style(
            ProgressStyle::with_template("round {pos} of {len} {bar:40} {elapsed}")?,
        );
        // the first round fills the caches and does not count
        for round in 0..=self.rounds {
            for starts in &mut shares {
                starts
                    .add(&mut bench, round)
                    .await
                    .with_context(|| last_words(&log))?;
                if round == 0 {
                    starts.forget();
                }
            }
            progress.set_position(round as u64);
        }
        progress.finish_and_clear();
        let mut size_bytes = BTreeMap::new();
        for function in Function::ALL {
            let artefact = self.candidates.artefact(function);
            size_bytes.insert(function, std::fs::metadata(artefact)?.len());
        }
        Ok(Results {
            machine: self.machine,
            latency_ms: self.latency.as_secs_f64() * 1000.0,
            rounds: self.rounds,
            verify_and_decode_instructions,
            size_bytes,
            shares: shares.iter().map(Starts::figures).collect(),
        })
    }
}

/// All starts at one share of a CPU.
struct Starts {
    memory: Cpu,
    functions: BTreeMap<Function, Vec<FunctionStart>>,
    bare_client: Vec<BareCalls>,
}

impl Starts {
    fn new(memory: Cpu) -> Self {
        Self {
            memory,
            functions: BTreeMap::new(),
            bare_client: Vec::new(),
        }
    }

    /// Starts every candidate once, in an order that changes, so that none always comes after the same other one.
    async fn add(&mut self, bench: &mut Bench, round: usize) -> Result<()> {
        let mut functions = Function::ALL;
        functions.rotate_left(round % Function::ALL.len());
        if round % 2 == 1 {
            functions.reverse();
        }
        for function in functions {
            let start = bench.function(function, self.memory).await?;
            self.functions.entry(function).or_default().push(start);
        }
        self.bare_client.push(bench.bare_client(self.memory).await?);
        Ok(())
    }

    fn forget(&mut self) {
        self.functions.clear();
        self.bare_client.clear();
    }

    fn figures(&self) -> Share {
        let functions = self.functions.iter();
        Share {
            memory: self.memory,
            functions: functions
                .map(|(function, starts)| (*function, FunctionFigures::of(starts)))
                .collect(),
            bare_client: BareFigures::of(&self.bare_client),
        }
    }
}

/// The end of what the candidates logged.
fn last_words(log: &Path) -> String {
    let log = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
