//! One start of a candidate, from the process's start to its end.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use runtime_api::{Ready, RuntimeApi};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Child;

use crate::aws_stub::AwsStub;
use crate::candidate::{Candidates, Environment, Function};
use crate::cpu_quota::{Cpu, CpuQuota};
use crate::delivery;
use crate::process::{cpu_time, peak_memory};

/// How long a function has for one delivery, as in the template.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How many deliveries follow the first one.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// With a right signature.
    pub warm: usize,
    /// With a wrong one.
    pub refused: usize,
}

/// What one start of a function took.
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
    /// Of each further delivery.
    pub warm: Vec<Duration>,
    /// Of each delivery with a wrong signature.
    pub refused: Vec<Duration>,
    /// AWS calls that those caused.
    pub calls_when_refused: u64,
    /// In bytes.
    pub peak_memory: u64,
}

/// What the bare client's calls took.
#[derive(Debug, Clone)]
pub struct BareCalls {
    /// Both: TCP, TLS and one call each, one service after the other.
    pub two_calls: Duration,
    /// `SendMessage` on the connection that is there.
    pub warm: Vec<Duration>,
}

/// What measuring takes.
pub struct Bench {
    /// What is measured.
    pub candidates: Candidates,
    /// What they find around them.
    pub environment: Environment,
    /// The AWS they call.
    pub stub: AwsStub,
    /// How much they get to do.
    pub load: Load,
}

impl Bench {
    /// Starts a function, hands it deliveries with that share of a CPU, and ends it.
    pub async fn function(&mut self, function: Function, cpu: Cpu) -> Result<FunctionStart> {
        let quota = CpuQuota::new(cpu)?;
        let api = RuntimeApi::listen().await?;
        let start = Instant::now();
        let process = self
            .candidates
            .start(function, &self.environment, &api.address())?;
        let mut running = Running { process, api };
        let measured = self
            .observe(function, &mut running, start, quota.as_ref())
            .await;
        running.process.kill().await?;
        measured.with_context(|| format!("measuring {}", function.name()))
    }

    async fn observe(
        &mut self,
        function: Function,
        running: &mut Running,
        start: Instant,
        quota: Option<&CpuQuota>,
    ) -> Result<FunctionStart> {
        let pid = running.process.id().context("it ended at once")?;
        let admission = quota.map(|quota| quota.admit(pid));
        let ready = running.ready().await?;
        let init = ready.at - start;
        let init_cpu = cpu_time(pid)?;
        if let (Some(quota), Some(admission)) = (quota, admission) {
            admission.await??;
            quota.apply()?;
        }
        let calls_before = self.stub.calls().await?;
        let accepted = delivery::signed();
        let (first_call, mut ready) = running.deliver(ready, &accepted, 204).await?;
        let first_call_cpu = cpu_time(pid)? - init_cpu;
        let mut warm = Vec::with_capacity(self.load.warm);
        for _ in 0..self.load.warm {
            let elapsed;
            (elapsed, ready) = running.deliver(ready, &accepted, 204).await?;
            warm.push(elapsed);
        }
        let calls_between = self.stub.calls().await?;
        let queued = calls_between.send_message - calls_before.send_message;
        let expected = if function.verifies() {
            1 + self.load.warm as u64
        } else {
            0
        };
        ensure!(
            queued == expected,
            "it queued {queued} deliveries instead of {expected}"
        );
        let mut refused = Vec::new();
        if function.verifies() {
            let forged = delivery::forged();
            for _ in 0..self.load.refused {
                let elapsed;
                (elapsed, ready) = running.deliver(ready, &forged, 401).await?;
                refused.push(elapsed);
            }
        }
        Ok(FunctionStart {
            init,
            first_call,
            init_cpu,
            first_call_cpu,
            warm,
            refused,
            calls_when_refused: self.stub.calls().await?.total() - calls_between.total(),
            peak_memory: peak_memory(pid)?,
        })
    }

    /// Starts the bare client and reads what it measured with that share of a CPU.
    pub async fn bare_client(&self, cpu: Cpu) -> Result<BareCalls> {
        #[derive(Deserialize)]
        struct Output {
            two_calls_ns: u64,
            warm_call_ns: Vec<u64>,
        }

        let quota = CpuQuota::new(cpu)?;
        let mut process = self
            .candidates
            .bare_client(&self.environment, self.load.warm)?
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
        let times = output.warm_call_ns.into_iter();
        Ok(BareCalls {
            two_calls: Duration::from_nanos(output.two_calls_ns),
            warm: times.map(Duration::from_nanos).collect(),
        })
    }
}

/// A function that runs.
struct Running {
    process: Child,
    api: RuntimeApi,
}

impl Running {
    async fn ready(&mut self) -> Result<Ready> {
        alive(&mut self.process, self.api.ready()).await
    }

    /// Delivers, and waits until the function is ready again.
    async fn deliver(
        &mut self,
        ready: Ready,
        event: &Bytes,
        status: u16,
    ) -> Result<(Duration, Ready)> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct HttpResponse {
            status_code: u16,
        }

        let answer = self.api.invoke(ready, event.clone(), TIMEOUT);
        let answer = alive(&mut self.process, answer).await?;
        let response: HttpResponse =
            serde_json::from_slice(&answer.body).context("an answer to API Gateway")?;
        ensure!(
            response.status_code == status,
            "it answered {} instead of {status}",
            response.status_code
        );
        Ok((answer.elapsed, self.ready().await?))
    }
}

/// Waits for something that only a living process does.
async fn alive<T>(process: &mut Child, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        result = work => result,
        ended = process.wait() => bail!("it ended by itself: {}", ended?),
    }
}
