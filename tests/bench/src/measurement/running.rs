//! A function that runs.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use runtime_api::{Answer, Ready, RuntimeApi};
use tokio::process::{Child, Command};

use super::FunctionStart;
use crate::cpu_quota::{Cpu, CpuQuota};
use crate::process::{cpu_time, peak_memory};

/// A function that waits for its next event. It ends when dropped.
pub struct Running {
    process: Child,
    api: RuntimeApi,
    ready: Option<Ready>,
    pid: u32,
    init: Duration,
    init_cpu: Duration,
    /// Removed after the process.
    _quota: Option<CpuQuota>,
}

impl Running {
    /// Starts a function. `command` makes it from the address of its Runtime API. From its first event on, it has that share of a
    /// CPU.
    pub async fn start(command: impl FnOnce(&str) -> Result<Command>, cpu: Cpu) -> Result<Self> {
        let quota = CpuQuota::new(cpu)?;
        let mut api = RuntimeApi::listen().await?;
        let mut command = command(&api.address())?;
        let start = Instant::now();
        let mut process = command
            .spawn()
            .with_context(|| format!("starting {:?}", command.as_std().get_program()))?;
        let pid = process.id().context("it ended at once")?;
        let admission = quota.as_ref().map(|quota| quota.admit(pid));
        let ready = alive(&mut process, api.ready()).await?;
        let init = ready.at - start;
        let init_cpu = cpu_time(pid)?;
        if let (Some(quota), Some(admission)) = (&quota, admission) {
            admission.await??;
            quota.apply()?;
        }
        Ok(Self {
            process,
            api,
            ready: Some(ready),
            pid,
            init,
            init_cpu,
            _quota: quota,
        })
    }

    /// Hands over an event, and waits until the function is ready again.
    pub async fn invoke(&mut self, event: &Bytes, timeout: Duration) -> Result<Answer> {
        let ready = self.ready.take().context("the last event failed")?;
        let answer = self.api.invoke(ready, event.clone(), timeout);
        let answer = alive(&mut self.process, answer).await?;
        self.ready = Some(alive(&mut self.process, self.api.ready()).await?);
        Ok(answer)
    }

    /// Lets the function process the first event and `warm` more. `process` processes one and returns how long it took.
    pub async fn cold_and_warm(
        &mut self,
        warm: usize,
        mut process: impl AsyncFnMut(&mut Self) -> Result<Duration>,
    ) -> Result<FunctionStart> {
        let first_call = process(self).await?;
        let first_call_cpu = cpu_time(self.pid)? - self.init_cpu;
        let mut further = Vec::with_capacity(warm);
        for _ in 0..warm {
            further.push(process(self).await?);
        }
        Ok(FunctionStart {
            init: self.init,
            first_call,
            init_cpu: self.init_cpu,
            first_call_cpu,
            warm: further,
            peak_memory: self.peak_memory()?,
        })
    }

    /// The most memory that it has had up to now, in bytes.
    pub fn peak_memory(&self) -> Result<u64> {
        peak_memory(self.pid)
    }

    /// Ends it.
    pub async fn end(mut self) -> Result<()> {
        Ok(self.process.kill().await?)
    }
}

/// Waits for something that only a living process does.
async fn alive<T>(process: &mut Child, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        result = work => result,
        ended = process.wait() => bail!("it ended by itself: {}", ended?),
    }
}
