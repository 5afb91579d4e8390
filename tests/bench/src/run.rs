//! The whole run: every candidate at every share of a CPU, in turn, round after round, so that the machine's moods meet all of
//! them alike.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};

use crate::aws_stub::AwsStub;
use crate::candidate::{Candidates, Environment, Function};
use crate::cpu_quota::Cpu;
use crate::instructions;
use crate::machine::Machine;
use crate::measurement::{BareCalls, Bench, Load, OrderStart, WebhookStart};
use crate::results::{
    BareFigures, FunctionFigures, OrderFigures, OrderResults, OrderShare, Results, Share,
};

/// What to measure, and how often.
pub struct Plan {
    pub candidates: Candidates,
    pub shares: Vec<Cpu>,
    pub rounds: usize,
    pub load: Load,
    pub latency: Duration,
}

/// How much of all is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    All,
    Orders,
}

impl Plan {
    /// Measures everything. `verify_and_decode` is the program whose instructions are counted.
    pub async fn run(self, machine: Machine, verify_and_decode: &Path) -> Result<Results> {
        // first of all, because it needs what may not be installed
        let verify_and_decode_instructions = instructions::of_one_delivery(verify_and_decode)?;
        let starts = self.measure(Extent::All).await?;
        let mut size_bytes = BTreeMap::new();
        for function in Function::ALL {
            let artefact = self.candidates.artefact(function);
            size_bytes.insert(function, std::fs::metadata(artefact)?.len());
        }
        Ok(Results {
            machine,
            latency_ms: self.latency.as_secs_f64() * 1000.0,
            rounds: self.rounds,
            verify_and_decode_instructions,
            size_bytes,
            shares: starts.iter().map(Starts::figures).collect(),
            order: self.order_results(&starts)?,
        })
    }

    /// Measures only the order's way.
    pub async fn run_orders(self) -> Result<OrderResults> {
        let starts = self.measure(Extent::Orders).await?;
        self.order_results(&starts)
    }

    fn order_results(&self, starts: &[Starts]) -> Result<OrderResults> {
        Ok(OrderResults {
            size_bytes: std::fs::metadata(&self.candidates.event_processor)?.len(),
            shares: starts.iter().map(Starts::order_figures).collect(),
        })
    }

    async fn measure(&self, extent: Extent) -> Result<Vec<Starts>> {
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
                    .add(&mut bench, round, extent)
                    .await
                    .with_context(|| last_words(&log))?;
                if round == 0 {
                    starts.forget();
                }
            }
            progress.set_position(round as u64);
        }
        progress.finish_and_clear();
        Ok(shares)
    }
}

/// All starts at one share of a CPU.
struct Starts {
    memory: Cpu,
    functions: BTreeMap<Function, Vec<WebhookStart>>,
    bare_client: Vec<BareCalls>,
    orders: Vec<OrderStart>,
    bare_orders: Vec<BareCalls>,
}

impl Starts {
    fn new(memory: Cpu) -> Self {
        Self {
            memory,
            functions: BTreeMap::new(),
            bare_client: Vec::new(),
            orders: Vec::new(),
            bare_orders: Vec::new(),
        }
    }

    /// Starts every candidate once, in an order that changes, so that none always comes after the same other one.
    async fn add(&mut self, bench: &mut Bench, round: usize, extent: Extent) -> Result<()> {
        if extent == Extent::All {
            let mut functions = Function::ALL;
            functions.rotate_left(round % Function::ALL.len());
            if round % 2 == 1 {
                functions.reverse();
            }
            for function in functions {
                let start = bench.webhook(function, self.memory).await?;
                self.functions.entry(function).or_default().push(start);
            }
            self.bare_client
                .push(bench.bare_delivery(self.memory).await?);
        }
        let (start, bare_calls) = bench.order(self.memory, round % 2 == 1).await?;
        self.orders.push(start);
        self.bare_orders.push(bare_calls);
        Ok(())
    }

    fn forget(&mut self) {
        *self = Self::new(self.memory);
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

    fn order_figures(&self) -> OrderShare {
        OrderShare {
            memory: self.memory,
            event_processor: OrderFigures::of(&self.orders),
            bare_client: BareFigures::of(&self.bare_orders),
        }
    }
}

/// The end of what the candidates logged.
fn last_words(log: &Path) -> String {
    let log = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
