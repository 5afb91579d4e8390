//! A function that takes WHOOP's webhooks.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use serde::Deserialize;

use super::running::Running;
use super::{BareCalls, Bench, FunctionStart};
use crate::aws_stub::Operation;
use crate::candidate::{BareCallsOf, Function};
use crate::cpu_quota::Cpu;
use crate::delivery;

/// How long a function has for one delivery, as in the template.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What one start took.
#[derive(Debug, Clone)]
pub struct WebhookStart {
    /// With deliveries that have a right signature.
    pub start: FunctionStart,
    /// Of each delivery with a wrong signature.
    pub refused: Vec<Duration>,
    /// AWS calls that those caused.
    pub calls_when_refused: u64,
}

impl Bench {
    /// Starts a function, hands it deliveries with that share of a CPU, and ends it.
    pub async fn webhook(&mut self, function: Function, cpu: Cpu) -> Result<WebhookStart> {
        let command =
            |api: &str| -> Result<_> { self.candidates.function(function, &self.environment, api) };
        let mut running = Running::start(command, cpu).await?;
        let measured = self.deliveries(function, &mut running).await;
        running.end().await?;
        measured.with_context(|| format!("measuring {}", function.name()))
    }

    async fn deliveries(
        &mut self,
        function: Function,
        running: &mut Running,
    ) -> Result<WebhookStart> {
        let before = self.stub.calls().await?;
        let accepted = delivery::signed();
        let accept = async |running: &mut Running| deliver(running, &accepted, 204).await;
        let mut start = running.cold_and_warm(self.load.warm, accept).await?;
        let between = self.stub.calls().await?;
        let queued = between.since(&before).of(Operation::SendMessage).calls;
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
                refused.push(deliver(running, &forged, 401).await?);
            }
        }
        start.peak_memory = running.peak_memory()?;
        Ok(WebhookStart {
            start,
            refused,
            calls_when_refused: self.stub.calls().await?.since(&between).total(),
        })
    }

    /// Starts the bare client, which makes the webhook's calls.
    pub async fn bare_delivery(&self, cpu: Cpu) -> Result<BareCalls> {
        let warm = self.load.warm;
        self.bare_client(BareCallsOf::Delivery { warm }, cpu).await
    }
}

/// Delivers, and expects this status.
async fn deliver(running: &mut Running, event: &Bytes, status: u16) -> Result<Duration> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct HttpResponse {
        status_code: u16,
    }

    let answer = running.invoke(event, TIMEOUT).await?;
    let response: HttpResponse =
        serde_json::from_slice(&answer.body).context("an answer to API Gateway")?;
    ensure!(
        response.status_code == status,
        "it answered {} instead of {status}",
        response.status_code
    );
    Ok(answer.elapsed)
}
