//! What waits in the queues, and what was set aside.

use std::time::SystemTime;

use crate::error::ToolError;
use crate::finding::Finding;
use crate::moment::rough;
use crate::queues::Depth;
use crate::session::Session;
use crate::signals::Signals;

/// A message that is so old is a backlog. The alarm NotConsumed takes as much, in seconds.
pub(crate) const BACKLOG_SECONDS: f64 = 900.0;

/// Checks that messages are taken from the queue.
pub(super) async fn waiting(session: &Session, now: SystemTime) -> Result<Finding, ToolError> {
    let queue = session.stack().await?.output("WebhookQueueUrl")?;
    let depth = Depth::of(session, queue).await?;
    if depth.total() == 0 {
        return Ok(Finding::good("empty"));
    }
    let signals = Signals::read(session, now).await;
    Ok(judge(depth, signals.oldest_message(now)))
}

fn judge(depth: Depth, oldest: Result<f64, &str>) -> Finding {
    let Depth {
        visible,
        in_flight,
        delayed,
    } = depth;
    let found = format!(
        "{visible} waiting, {in_flight} in work or waiting for another try, {delayed} delayed"
    );
    match oldest {
        Ok(seconds) => {
            let age = rough(std::time::Duration::from_secs_f64(seconds.max(0.0)));
            let found = format!("{found}; the oldest is {age} old");
            if seconds >= BACKLOG_SECONDS {
                Finding::bad(found, "docs/runbook.md#notconsumed")
            } else {
                Finding::good(found)
            }
        }
        Err(why) => Finding::unknown(
            format!("{found}; nobody knows for how long: {why}"),
            "run the command again; if it does not get less: docs/runbook.md#notconsumed",
        ),
    }
}

/// Checks that nothing was set aside.
pub(super) async fn dead_letters(session: &Session) -> Result<Finding, ToolError> {
    let stack = session.stack().await?;
    let depth = Depth::of(session, stack.output("WebhookDeadLetterQueueUrl")?).await?;
    Ok(match depth.total() {
        0 => Finding::good("none"),
        1 => Finding::bad("1 webhook was set aside", stack.command("dlq list")),
        some => Finding::bad(
            format!("{some} webhooks were set aside"),
            stack.command("dlq list"),
        ),
    })
}

/// Checks that the bus delivered everything.
pub(super) async fn bus_dead_letters(session: &Session) -> Result<Finding, ToolError> {
    let stack = session.stack().await?;
    if !stack.has_event_processor() {
        return Ok(Finding::skipped("the stack has no event processor"));
    }
    let depth = Depth::of(session, stack.output("EventBusDeadLetterQueueUrl")?).await?;
    Ok(match depth.total() {
        0 => Finding::good("none"),
        some => Finding::bad(
            format!("{some} events could not be delivered"),
            "docs/runbook.md#buslost",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Mark;

    #[test]
    fn an_old_message_is_a_backlog() {
        let depth = Depth {
            visible: 3,
            ..Depth::default()
        };
        assert_eq!(judge(depth, Ok(899.0)).mark, Mark::Good);
        assert_eq!(judge(depth, Ok(900.0)).mark, Mark::Bad);
        assert_eq!(judge(depth, Err("no value")).mark, Mark::Unknown);
    }
}
