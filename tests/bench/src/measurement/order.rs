//! The event processor, which takes orders from WHOOP to the bus.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::running::Running;
use super::{BareCalls, Bench, FunctionStart};
use crate::aws_stub::{Calls, Operation};
use crate::candidate::BareCallsOf;
use crate::cpu_quota::Cpu;
use crate::order::{self, Size};

/// How long the function has for one batch, as in the template.
const TIMEOUT: Duration = Duration::from_secs(90);

/// What one start took.
#[derive(Debug, Clone)]
pub struct OrderStart {
    /// With ordinary orders.
    pub start: FunctionStart,
    /// The calls that have no part in the work: they open connections.
    pub other_calls: u64,
    /// The most memory after large orders too, in bytes.
    pub peak_memory_large: u64,
}

impl Bench {
    /// Starts the event processor, hands it orders with that share of a CPU, and ends it. After that, or before it if
    /// `bare_first`, the bare client makes the same calls.
    pub async fn order(&mut self, cpu: Cpu, bare_first: bool) -> Result<(OrderStart, BareCalls)> {
        let early = match bare_first {
            true => Some(self.bare_orders(cpu).await?),
            false => None,
        };
        let measured = self.event_processor(cpu).await;
        let (measured, calls) = measured.context("measuring the event processor")?;
        let (bare_client, bare_calls) = match early {
            Some(early) => early,
            None => self.bare_orders(cpu).await?,
        };
        ensure!(
            calls.are_like(&bare_calls),
            "the event processor made {calls:?}, and the bare client {bare_calls:?} (if the machine is very busy, calls time out and \
             are repeated)"
        );
        Ok((measured, bare_client))
    }

    /// What the event processor took, and the calls that it made for its ordinary orders.
    async fn event_processor(&mut self, cpu: Cpu) -> Result<(OrderStart, Calls)> {
        let before = self.stub.calls().await?;
        let command = |api: &str| self.candidates.event_processor(&self.environment, api);
        let mut running = Running::start(command, cpu).await?;
        let process = async |running: &mut Running| publish(running, Size::Ordinary).await;
        let start = running.cold_and_warm(self.load.orders, process).await?;
        let calls = self.stub.calls().await?.since(&before);
        all_published(&calls, 1 + self.load.orders)?;
        let before = self.stub.calls().await?;
        for _ in 0..self.load.large_orders {
            publish(&mut running, Size::Large).await?;
        }
        let peak_memory_large = running.peak_memory()?;
        all_published(
            &self.stub.calls().await?.since(&before),
            self.load.large_orders,
        )?;
        running.end().await?;
        let measured = OrderStart {
            start,
            other_calls: calls.of(Operation::Other).calls,
            peak_memory_large,
        };
        Ok((measured, calls.of_the_work()))
    }

    /// What the bare client took, and the calls that it made.
    async fn bare_orders(&mut self, cpu: Cpu) -> Result<(BareCalls, Calls)> {
        let before = self.stub.calls().await?;
        let warm = self.load.orders;
        let first = order::reserve(1 + warm as u64);
        let order = BareCallsOf::Order { warm, first };
        let measured = self.bare_client(order, cpu).await?;
        let calls = self.stub.calls().await?.since(&before);
        all_published(&calls, 1 + warm)?;
        Ok((measured, calls))
    }
}

/// Hands over an order that the function has to publish.
async fn publish(running: &mut Running, size: Size) -> Result<Duration> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct BatchResponse {
        batch_item_failures: Vec<serde_json::Value>,
    }

    let event = order::batch(order::reserve(1), size);
    let answer = running.invoke(&event, TIMEOUT).await?;
    let response: BatchResponse =
        serde_json::from_slice(&answer.body).context("an answer to SQS")?;
    ensure!(
        response.batch_item_failures.is_empty(),
        "the order stays in the queue"
    );
    Ok(answer.elapsed)
}

/// Checks that so many orders were published, each of them whole.
fn all_published(calls: &Calls, orders: usize) -> Result<()> {
    let published = calls.of(Operation::PutEvents).calls;
    ensure!(
        published == orders as u64,
        "{published} orders were published instead of {orders}: {calls:?}"
    );
    Ok(())
}
