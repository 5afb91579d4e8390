//! A heartbeat: a signed webhook that the stack sends to itself, and that has to arrive at the event processor.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};

use super::check::{Check, bounded, judged};
use super::invocation::{Invocation, invoke};
use crate::error::ToolError;
use crate::finding::{Finding, is_denial};
use crate::log_lines;
use crate::session::Session;

/// How long a heartbeat may take to arrive, and its log line to be readable, before another one is sent.
const FIRST_LIMIT: Duration = Duration::from_secs(8);

/// How long one of both may take after that.
const SECOND_LIMIT: Duration = Duration::from_secs(12);

/// The longest time between two looks at the log.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The clocks of this machine and of AWS may differ by so much.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(600);

/// The line of the event processor about a heartbeat that counts.
const ARRIVED: &str = "heartbeat arrived";

/// Sends a heartbeat and waits for it. `mapped` says that the event processor gets the queue's messages.
pub(super) async fn checks(session: &Session, mapped: bool) -> Vec<Check> {
    let before = bounded(arrived(session)).await;
    let sent = bounded(send(session)).await;
    let (sent, accepted) = match sent {
        Ok((finding, accepted)) => (finding, accepted),
        Err(error) => (Finding::not_looked(&error), false),
    };
    let arrived = async {
        if !accepted {
            return Ok(Finding::skipped("no heartbeat was sent"));
        }
        if !mapped {
            return Ok(Finding::skipped("the event source mapping is not on"));
        }
        let before = before?;
        if is_seen(session, &before, FIRST_LIMIT).await? {
            return Ok(arrival());
        }
        // a busy stack may be slow with the first one
        send(session).await?;
        if is_seen(session, &before, SECOND_LIMIT).await? {
            return Ok(arrival());
        }
        let limit = (FIRST_LIMIT + SECOND_LIMIT).as_secs();
        Ok(Finding::bad(
            format!("the event processor has not logged it within {limit} s"),
            "docs/runbook.md#noheartbeat, docs/runbook.md#crash, docs/runbook.md#notconsumed",
        ))
    };
    let arrived = judged(arrived).await;
    vec![
        Check::new("heartbeat", sent),
        Check::new("heartbeat_arrival", arrived),
    ]
}

/// Sends one, and returns whether the webhook accepted it.
async fn send(session: &Session) -> Result<(Finding, bool), ToolError> {
    let stack = session.stack().await?;
    let Some(function) = stack.outputs.get("HeartbeatFunctionName") else {
        let why = if stack.has_event_processor() {
            "HeartbeatMinutes is 0"
        } else {
            "the stack has no event processor"
        };
        return Ok((Finding::skipped(why), false));
    };
    let invocation = invoke(session, function).await?;
    let accepted =
        matches!(&invocation, Invocation::Done(result) if result["outcome"] == "accepted");
    Ok((judge(&invocation), accepted))
}

fn judge(invocation: &Invocation) -> Finding {
    let (error_type, message) = match invocation.ran() {
        Ok(Ok(result)) if result["outcome"] == "accepted" => {
            let elapsed = &result["elapsed_ms"];
            return Finding::good(format!("the webhook accepted it in {elapsed} ms"));
        }
        Ok(Ok(_)) => return Finding::bad("it gives an odd answer", "make deploy"),
        Ok(Err(error)) => error,
        Err(did_not_run) => return did_not_run,
    };
    let status = message.rsplit(' ').next().unwrap_or_default();
    let remedy = match (error_type, status) {
        _ if is_denial(message) => {
            "put the permission back into its role: docs/runbook.md#before-you-begin"
        }
        ("NotAccepted", "401") => {
            "something on the way changes the body, or the webhook reads another secret: docs/runbook.md#wrongkey"
        }
        ("NotAccepted", "429") => "docs/runbook.md#shutout, docs/runbook.md#throttle",
        ("NotAccepted", "503") => {
            "the webhook can't read the secret or send to the queue: docs/runbook.md#unavailable"
        }
        ("NotAccepted", status) if status.starts_with('5') => "docs/runbook.md#servererror",
        ("SecretUnavailable", _) => {
            "check the signing secret and the key: docs/runbook.md#noheartbeat"
        }
        ("NotAccepted" | "NoAnswer" | "Panicked", _) => "docs/runbook.md#noheartbeat",
        _ => "docs/runbook.md#crash",
    };
    Finding::bad(format!("{error_type}: {message}"), remedy)
}

fn arrival() -> Finding {
    Finding::good("heartbeat seen: the event processor has it")
}

/// Waits for a heartbeat that had not arrived before. Returns whether one has come in time.
async fn is_seen(
    session: &Session,
    before: &HashSet<String>,
    limit: Duration,
) -> Result<bool, ToolError> {
    let started = Instant::now();
    let mut pause = Duration::from_millis(100);
    loop {
        let lines = arrived(session).await?;
        if lines.iter().any(|line| !before.contains(line)) {
            return Ok(true);
        }
        if started.elapsed() + pause > limit {
            return Ok(false);
        }
        sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

/// The lines about heartbeats that have arrived lately. Each has a time of its own, so that no two are the same.
async fn arrived(session: &Session) -> Result<HashSet<String>, ToolError> {
    if !session
        .stack()
        .await?
        .outputs
        .contains_key("HeartbeatFunctionName")
    {
        return Ok(HashSet::new());
    }
    let since = SystemTime::now() - CLOCK_DIFFERENCE;
    let pattern = format!("\"{ARRIVED}\"");
    let lines = log_lines::since(session, "EventProcessorLogs", &pattern, since).await?;
    let lines = lines.into_iter().map(|line| line.text);
    Ok(lines.filter(|line| line.contains(ARRIVED)).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::Mark;

    #[test]
    fn each_failure_has_a_remedy() {
        for (error_type, message, remedy) in [
            (
                "SecretUnavailable",
                "secret s has no version AWSCURRENT",
                "signing secret",
            ),
            (
                "SecretUnavailable",
                "not authorized to perform: x",
                "permission",
            ),
            (
                "NoAnswer",
                "the webhook gave no answer: no connection",
                "noheartbeat",
            ),
            ("NotAccepted", "the webhook answered 401", "wrongkey"),
            ("NotAccepted", "the webhook answered 404", "noheartbeat"),
            ("NotAccepted", "the webhook answered 429", "throttle"),
            ("NotAccepted", "the webhook answered 500", "servererror"),
            ("NotAccepted", "the webhook answered 503", "unavailable"),
            ("Panicked", "the function panicked", "noheartbeat"),
            ("Sandbox.Timedout", "too long", "crash"),
        ] {
            let finding = judge(&Invocation::Failed {
                error_type: error_type.into(),
                message: message.into(),
            });
            assert_eq!(finding.mark, Mark::Bad, "{message}");
            assert!(finding.remedy.unwrap().contains(remedy), "{message}");
        }
    }

    #[test]
    fn an_accepted_heartbeat_is_good() {
        let done = Invocation::Done(json!({"outcome": "accepted", "elapsed_ms": 12}));
        assert_eq!(
            judge(&done),
            Finding::good("the webhook accepted it in 12 ms")
        );
        assert_eq!(judge(&Invocation::Done(json!({}))).mark, Mark::Bad);
        assert_eq!(judge(&Invocation::Throttled).mark, Mark::Bad);
    }
}
