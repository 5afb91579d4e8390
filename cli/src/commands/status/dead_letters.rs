//! Why messages were set aside: looks into the dead-letter queue without taking anything out.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::ProgressBar;
use tokio::time::Instant;

use crate::commands::dlq::queue::Queue;
use crate::commands::dlq::walk::Walk;
use crate::error::ToolError;
use crate::interrupt::Interrupt;
use crate::queues::Depth;
use crate::session::Session;

/// So many messages are looked at.
const MOST: usize = 1000;

/// So long messages are received.
const LIMIT: Duration = Duration::from_secs(10);

/// So long a message is hidden from others, unless it is let go before. SQS would otherwise give it again.
const HIDDEN: Duration = Duration::from_secs(30);

/// What is in the dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeadLetters {
    pub depth: Depth,
    /// How many of those that were looked at have which `failure_reason`.
    pub reasons: BTreeMap<String, u64>,
}

impl DeadLetters {
    /// Counts the messages, and looks at as many as it can.
    ///
    /// # Errors
    ///
    /// If SQS does not answer, or refuses.
    pub async fn read(session: &Session) -> Result<Self, ToolError> {
        let queue = session.stack().await?.output("WebhookDeadLetterQueueUrl")?;
        let depth = Depth::of(session, queue).await?;
        let reasons = if depth.visible > 0 {
            reasons(&Queue::new(session.config(), queue.into())).await?
        } else {
            BTreeMap::new()
        };
        Ok(Self { depth, reasons })
    }

    /// How many were not looked at: somebody else has received them, or there are too many.
    pub fn not_looked_at(&self) -> u64 {
        let looked_at: u64 = self.reasons.values().sum();
        self.depth.total().saturating_sub(looked_at)
    }
}

/// Receives messages, counts their reasons and lets them go. If a call fails, what was received until then counts.
async fn reasons(queue: &Queue) -> Result<BTreeMap<String, u64>, ToolError> {
    let deadline = Instant::now() + LIMIT;
    let (silent, bar) = (Interrupt::none(), ProgressBar::hidden());
    let mut walk = Walk::begin(queue, queue.depth().await?, HIDDEN, silent, bar);
    let mut reasons = BTreeMap::new();
    let mut looked_at = 0;
    // a receive is never given up: SQS would hide what it has given
    while looked_at < MOST
        && Instant::now() < deadline
        && let Ok(Some(letters)) = walk.next().await
    {
        looked_at += letters.len();
        for letter in letters {
            *reasons.entry(letter.reason()).or_default() += 1;
        }
    }
    walk.end().await;
    Ok(reasons)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_looked_at_is_counted() {
        let letters = DeadLetters {
            depth: Depth {
                visible: 5,
                in_flight: 2,
                delayed: 0,
            },
            reasons: BTreeMap::from([("not_found".into(), 3), ("expired".into(), 1)]),
        };
        assert_eq!(letters.not_looked_at(), 3);
    }
}
