//! What the functions' logs say about permissions, and about WHOOP's signature.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use futures_util::future::try_join_all;
use serde_json::Value;

use crate::error::ToolError;
use crate::finding::{Finding, is_denial};
use crate::log_lines::{self, Line};
use crate::moment::{elapsed, rough};
use crate::session::Session;
use crate::signals::Signals;

/// How far back permissions that were missing are looked for.
const WINDOW: Duration = Duration::from_secs(60 * 60);

/// The functions, with the output that shows that there is such a function, and the log group.
const LOGS: [(&str, &str, &str); 4] = [
    ("webhook", "WebhookFunctionName", "WebhookLogs"),
    (
        "event-processor",
        "EventProcessorFunctionName",
        "EventProcessorLogs",
    ),
    (
        "token-refresh",
        "TokenRefreshFunctionName",
        "TokenRefreshLogs",
    ),
    ("heartbeat", "HeartbeatFunctionName", "HeartbeatLogs"),
];

/// The filter patterns of lines that say that a permission is missing. Two, because the local AWS knows no "or".
const PATTERNS: [&str; 2] = ["\"AccessDenied\"", "\"not authorized\""];

/// Longer messages than this are no sentences of ours, but errors.
const LONGEST_MESSAGE: usize = 60;

/// So many wrong signatures in a row are no accident. The alarm WrongKey takes as many.
const SUSPICIOUS: u64 = 3;

/// The refused calls, by function and action.
type Denials = BTreeMap<(&'static str, String), Denied>;

/// How often a call was refused, and when last.
struct Denied {
    times: usize,
    last: SystemTime,
}

/// Looks for calls of the functions that AWS refused in the last hour.
pub(super) async fn permissions(session: &Session, now: SystemTime) -> Result<Finding, ToolError> {
    let stack = session.stack().await?;
    let logs = LOGS
        .iter()
        .filter(|(_, output, _)| stack.outputs.contains_key(*output));
    let looks = logs.flat_map(|(function, _, log_group)| {
        PATTERNS.map(|pattern| async move {
            let lines = log_lines::since(session, log_group, pattern, now - WINDOW).await?;
            Ok::<_, ToolError>((*function, lines))
        })
    });
    let mut denials = Denials::new();
    let mut seen = Vec::new();
    for (function, lines) in try_join_all(looks).await? {
        // a line that both patterns match counts once
        let new = lines
            .into_iter()
            .filter(|line| is_denial(&line.text) && !seen.contains(line));
        let new: Vec<_> = new.collect();
        for line in &new {
            note(&mut denials, function, line);
        }
        seen.extend(new);
    }
    Ok(judge(&denials, &stack.name, now))
}

fn note(denials: &mut Denials, function: &'static str, line: &Line) {
    let denied = denials
        .entry((function, action(&line.text)))
        .or_insert(Denied {
            times: 0,
            last: line.at,
        });
    denied.times += 1;
    denied.last = denied.last.max(line.at);
}

/// The action that AWS refused, such as `sqs:SendMessage`, if the line says so; or else what the function says about it.
fn action(line: &str) -> String {
    if let Some((_, action)) = line.split_once("not authorized to perform: ") {
        let end = action.find(|c: char| !(c.is_ascii_alphanumeric() || c == ':'));
        return action[..end.unwrap_or(action.len())].to_owned();
    }
    let fields: Value = serde_json::from_str(line).unwrap_or_default();
    match fields["message"].as_str() {
        Some(message) if message.len() <= LONGEST_MESSAGE => format!("a call ({message})"),
        _ => "a call".into(),
    }
}

fn judge(denials: &Denials, stack: &str, now: SystemTime) -> Finding {
    if denials.is_empty() {
        return Finding::good("no call of the functions was refused in the last hour");
    }
    let denials: Vec<_> = denials
        .iter()
        .map(|((function, action), denied)| {
            let ago = rough(elapsed(denied.last, now));
            format!(
                "{function}: {action} was refused {} times, last {ago} ago",
                denied.times
            )
        })
        .collect();
    Finding::bad(
        denials.join("; "),
        format!(
            "put back what somebody has changed in the role or the key: \
             aws cloudformation detect-stack-drift --stack-name {stack}: docs/runbook.md#before-you-begin"
        ),
    )
}

/// Judges whether WHOOP signs with the stored secret.
pub(super) fn signatures(signals: &Signals) -> Finding {
    let known = (signals.last_accepted(), signals.refused_since_accepted());
    let (accepted, refused) = match known {
        (Ok(accepted), Ok(refused)) => (accepted, refused),
        (Err(why), _) | (_, Err(why)) => {
            return Finding::not_looked(&ToolError::Failed(why.to_owned()));
        }
    };
    match (accepted, refused) {
        (_, SUSPICIOUS..) => Finding::bad(
            format!(
                "{refused} signatures were refused, and no webhook of WHOOP was accepted since: WHOOP signs with another secret, or a stranger knocks"
            ),
            "docs/runbook.md#wrongkey",
        ),
        (Some(_), 0) => Finding::good("WHOOP's last webhook was accepted"),
        (Some(_), _) => Finding::good(format!(
            "WHOOP's last webhook was accepted, and {refused} signatures were refused since"
        )),
        // a heartbeat proves nothing here
        (None, 0) => Finding::skipped("no webhook in the last 24 h"),
        (None, _) => Finding::unknown(
            format!(
                "{refused} signatures were refused in the last 24 h, and no webhook was accepted"
            ),
            "docs/runbook.md#wrongkey",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Mark;

    #[test]
    fn the_action_is_read_from_the_line() {
        let line = r#"{"error":"status 400, AccessDeniedException: User: arn:aws:sts::1:assumed-role/r is not authorized to perform: sqs:SendMessage on resource: arn"}"#;
        assert_eq!(action(line), "sqs:SendMessage");
        assert_eq!(action("status 400, AccessDeniedException"), "a call");
        let sentence = r#"{"message":"queue did not take the webhook","error":"AccessDenied"}"#;
        assert_eq!(action(sentence), "a call (queue did not take the webhook)");
        assert_eq!(
            action("not authorized to perform: kms:Decrypt\"}"),
            "kms:Decrypt"
        );
    }

    #[test]
    fn refused_calls_are_counted_by_function_and_action() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let line = |seconds| Line {
            at: at(seconds),
            text: "not authorized to perform: sqs:SendMessage".into(),
        };
        let mut denials = Denials::new();
        note(&mut denials, "webhook", &line(40));
        note(&mut denials, "webhook", &line(10));
        let finding = judge(&denials, "lab", at(100));
        assert_eq!(finding.mark, Mark::Bad);
        assert_eq!(
            finding.found,
            "webhook: sqs:SendMessage was refused 2 times, last 1 min ago"
        );
        assert_eq!(judge(&Denials::new(), "lab", at(0)).mark, Mark::Good);
    }
}
