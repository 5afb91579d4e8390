//! One start of a candidate, from the process's start to its end.

mod delivery;
mod order;
mod running;

pub use delivery::WebhookStart;
pub use order::OrderStart;

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::aws_stub::AwsStub;
use crate::candidate::{BareCallsOf, Candidates, Environment};
use crate::cpu_quota::{Cpu, CpuQuota};

/// How much follows the first event.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Deliveries with a right signature.
    pub warm: usize,
    /// Deliveries with a wrong one.
    pub refused: usize,
    /// Orders.
    pub orders: usize,
    /// Large orders after those.
    pub large_orders: usize,
}

/// What one start of a function took, up to the last event of the first kind.
#[derive(Debug, Clone)]
pub struct FunctionStart {
    /// From the start of the process until it asks for its first event.
    pub init: Duration,
    /// From that event to the answer.
    pub first_call: Duration,
    /// CPU time of the init phase.
    pub init_cpu: Duration,
    /// CPU time from the first event until the function asks for the next one.
    pub first_call_cpu: Duration,
    /// Of each further event.
    pub warm: Vec<Duration>,
    /// In bytes.
    pub peak_memory: u64,
}

/// What the bare client's calls took.
#[derive(Debug, Clone)]
pub struct BareCalls {
    /// Those of a cold function: TCP, TLS and the calls to each service, one after the other.
    pub cold: Duration,
    /// Those of a warm one, on the connections that are there.
    pub warm: Vec<Duration>,
}

/// What measuring takes.
pub struct Bench {
    /// What is measured.
    pub candidates: Candidates,
    /// What they find around them.
    pub environment: Environment,
    /// The AWS and the WHOOP they call.
    pub stub: AwsStub,
    /// How much they get to do.
    pub load: Load,
}

impl Bench {
    /// Starts the bare client and reads what it measured with that share of a CPU.
    async fn bare_client(&self, calls: BareCallsOf, cpu: Cpu) -> Result<BareCalls> {
        #[derive(Deserialize)]
        struct Output {
            cold_ns: u64,
            warm_ns: Vec<u64>,
        }

        let quota = CpuQuota::new(cpu)?;
        let mut process = self
            .candidates
            .bare_client(&self.environment, &calls)?
            .spawn()
            .context("starting the bare client")?;
        let pid = process.id().context("it ended at once")?;
        let mut output = BufReader::new(process.stdout.take().context("its output")?).lines();
        let mut input = process.stdin.take().context("its input")?;
        // it says when it is prepared, and waits for its turn
        output
            .next_line()
            .await?
            .context("the bare client ended by itself")?;
        if let Some(quota) = &quota {
            quota.admit(pid).await??;
            quota.apply()?;
        }
        input.write_all(b"go\n").await?;
        let line = output
            .next_line()
            .await?
            .context("the bare client failed")?;
        process.wait().await?;
        let output: Output = serde_json::from_str(&line)?;
        Ok(BareCalls {
            cold: Duration::from_nanos(output.cold_ns),
            warm: output
                .warm_ns
                .into_iter()
                .map(Duration::from_nanos)
                .collect(),
        })
    }
}
