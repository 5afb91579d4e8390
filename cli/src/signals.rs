//! What the functions said about themselves lately: their metrics.
//!
//! CloudWatch has the values in AWS. Where it has none, the functions' log lines hold the same numbers; on the local AWS there is no
//! other way. A metric that is neither in CloudWatch nor in a log that can be read is unknown, which is not the same as silence.

mod metrics;

use std::time::{Duration, SystemTime};

use futures_util::future::join;
use serde_json::Value;

use crate::log_lines;
use crate::moment::elapsed;
use crate::session::Session;

/// How far back signals are read.
pub(crate) const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// An age that was measured longer ago is no longer true. CloudWatch learns of a queue that was idle only after 15 minutes.
const RECENT: Duration = Duration::from_secs(15 * 60);

/// How long reading them may take, for each source.
const LIMIT: Duration = Duration::from_secs(20);

/// A value, and when it was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub at: SystemTime,
    pub value: f64,
}

/// The values of a metric in the window, oldest first; or why nobody knows them.
pub(crate) type Series = Result<Vec<Point>, String>;

/// The metrics of the window.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Signals {
    /// Webhooks of WHOOP that were accepted. A refused signature counts 0.
    pub accepted: Series,
    /// Well-formed signatures that no key made.
    pub refused_signatures: Series,
    /// Heartbeats that arrived at the event processor.
    pub heartbeats: Series,
    /// How many more calls WHOOP accepts.
    pub rate_limit_remaining: Series,
    /// The age of the oldest message in the queue, in seconds. No log line has it.
    pub oldest_message_seconds: Series,
}

impl Signals {
    /// Reads the metrics from CloudWatch, and from the logs what CloudWatch does not have.
    pub async fn read(session: &Session, now: SystemTime) -> Self {
        let mut signals = match tokio::time::timeout(LIMIT, metrics::read(session, now)).await {
            Ok(Ok(signals)) => signals,
            Ok(Err(error)) => Self::unknown(&error.to_string()),
            Err(_) => Self::unknown("CloudWatch gave no answer in time"),
        };
        let webhook = async {
            if is_silent(&signals.accepted) || is_silent(&signals.refused_signatures) {
                let lines = from_log(session, "WebhookLogs", "{ $.Accepted = * }", now);
                return Some(lines.await);
            }
            None
        };
        let has_processor = match session.stack().await {
            Ok(stack) => stack.has_event_processor(),
            Err(_) => false,
        };
        let processor = async {
            let silent = is_silent(&signals.heartbeats) || is_silent(&signals.rate_limit_remaining);
            if has_processor && silent {
                let pattern = "{ ($.HeartbeatSeconds = *) || ($.RateLimitRemaining = *) }";
                return Some(from_log(session, "EventProcessorLogs", pattern, now).await);
            }
            None
        };
        let (webhook, processor) = join(webhook, processor).await;
        fill(&mut signals.accepted, "Accepted", webhook.as_ref());
        fill(
            &mut signals.refused_signatures,
            "RefusedSignature",
            webhook.as_ref(),
        );
        fill(
            &mut signals.heartbeats,
            "HeartbeatSeconds",
            processor.as_ref(),
        );
        fill(
            &mut signals.rate_limit_remaining,
            "RateLimitRemaining",
            processor.as_ref(),
        );
        signals
    }

    fn unknown(why: &str) -> Self {
        let unknown = || Err(why.to_owned());
        Self {
            accepted: unknown(),
            refused_signatures: unknown(),
            heartbeats: unknown(),
            rate_limit_remaining: unknown(),
            oldest_message_seconds: unknown(),
        }
    }

    /// When WHOOP's last webhook was accepted; `None` if none was in the window.
    ///
    /// # Errors
    ///
    /// Why nobody knows.
    pub fn last_accepted(&self) -> Result<Option<SystemTime>, &str> {
        let accepted = self.accepted.as_ref().map_err(String::as_str)?;
        let accepted = accepted.iter().filter(|point| point.value > 0.0);
        Ok(accepted.map(|point| point.at).max())
    }

    /// How many signatures were refused after WHOOP's last webhook was accepted, in the window.
    ///
    /// # Errors
    ///
    /// Why nobody knows.
    pub fn refused_since_accepted(&self) -> Result<u64, &str> {
        let accepted = self.last_accepted()?;
        let refused = self.refused_signatures.as_ref().map_err(String::as_str)?;
        let after = refused
            .iter()
            .filter(|point| accepted.is_none_or(|accepted| point.at > accepted));
        // counts are small and whole
        Ok(after.map(|point| point.value as u64).sum())
    }

    /// The age of the oldest message in the queue, in seconds, as CloudWatch knew it a few minutes ago.
    ///
    /// # Errors
    ///
    /// Why nobody knows.
    pub fn oldest_message(&self, now: SystemTime) -> Result<f64, &str> {
        let ages = self.oldest_message_seconds.as_ref();
        let mut ages = ages.map_err(String::as_str)?.iter().rev();
        match ages.find(|point| elapsed(point.at, now) <= RECENT) {
            Some(point) => Ok(point.value),
            None => Err("CloudWatch has no recent value"),
        }
    }

    /// When the last heartbeat arrived; `None` if none did in the window.
    ///
    /// # Errors
    ///
    /// Why nobody knows.
    pub fn last_heartbeat(&self) -> Result<Option<SystemTime>, &str> {
        let heartbeats = self.heartbeats.as_ref().map_err(String::as_str)?;
        Ok(heartbeats.iter().map(|point| point.at).max())
    }
}

/// Whether a series has no values, or is unknown.
fn is_silent(series: &Series) -> bool {
    series.as_ref().map_or(true, Vec::is_empty)
}

/// The lines of a log in the window, as JSON.
async fn from_log(
    session: &Session,
    log_group: &str,
    pattern: &str,
    now: SystemTime,
) -> Result<Vec<(SystemTime, Value)>, String> {
    let lines = log_lines::since(session, log_group, pattern, now - WINDOW);
    let lines = tokio::time::timeout(LIMIT, lines).await;
    let lines = lines
        .map_err(|_| format!("{log_group} gave no answer in time"))?
        .map_err(|error| error.to_string())?;
    let lines = lines.into_iter().filter_map(|line| {
        let fields = serde_json::from_str(&line.text).ok()?;
        Some((line.at, fields))
    });
    Ok(lines.collect())
}

/// Takes the values of a metric from the log, if CloudWatch has none.
fn fill(
    series: &mut Series,
    metric: &str,
    lines: Option<&Result<Vec<(SystemTime, Value)>, String>>,
) {
    let Some(lines) = lines.filter(|_| is_silent(series)) else {
        return;
    };
    *series = match (lines, &series) {
        (Ok(lines), _) => Ok(lines
            .iter()
            .filter_map(|(at, fields)| {
                let value = fields.get(metric)?.as_f64()?;
                Some(Point { at: *at, value })
            })
            .collect()),
        (Err(log), Ok(_)) => Err(log.clone()),
        (Err(log), Err(cloudwatch)) => Err(format!("{cloudwatch}; {log}")),
    };
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn points(values: &[(u64, f64)]) -> Series {
        let point = |&(seconds, value)| Point {
            at: at(seconds),
            value,
        };
        Ok(values.iter().map(point).collect())
    }

    fn signals(accepted: Series, refused_signatures: Series) -> Signals {
        Signals {
            accepted,
            refused_signatures,
            ..Signals::unknown("not asked")
        }
    }

    #[test]
    fn a_refused_signature_is_no_delivery() {
        let signals = signals(points(&[(1, 0.0), (2, 3.0), (3, 0.0)]), points(&[]));
        assert_eq!(signals.last_accepted(), Ok(Some(at(2))));
    }

    #[test]
    fn signatures_count_that_were_refused_after_the_last_webhook() {
        let refused = points(&[(1, 5.0), (3, 2.0), (4, 1.0)]);
        let accepted = points(&[(1, 0.0), (2, 1.0), (3, 0.0)]);
        let both = signals(accepted, refused.clone());
        assert_eq!(both.refused_since_accepted(), Ok(3));
        let none_accepted = signals(points(&[(1, 0.0)]), refused.clone());
        assert_eq!(none_accepted.refused_since_accepted(), Ok(8));
        let unknown = signals(Err("denied".into()), refused);
        assert_eq!(unknown.refused_since_accepted(), Err("denied"));
    }

    #[test]
    fn an_age_is_believed_for_a_quarter_of_an_hour() {
        let mut signals = signals(points(&[]), points(&[]));
        signals.oldest_message_seconds = points(&[(100, 7.0), (400, 9.0)]);
        assert_eq!(signals.oldest_message(at(400 + 900)), Ok(9.0));
        assert!(signals.oldest_message(at(400 + 901)).is_err());
    }

    #[test]
    fn the_log_has_what_cloudwatch_does_not_have() {
        let lines = Ok(vec![
            (at(1), json!({"Accepted": 0.0, "RefusedSignature": 1.0})),
            (at(2), json!("START RequestId")),
            (at(3), json!({"Accepted": 1.0})),
        ]);
        let mut series = points(&[]);
        fill(&mut series, "Accepted", Some(&lines));
        assert_eq!(series, points(&[(1, 0.0), (3, 1.0)]));
        let mut known = points(&[(9, 9.0)]);
        fill(&mut known, "Accepted", Some(&lines));
        assert_eq!(known, points(&[(9, 9.0)]));
    }

    #[test]
    fn what_neither_of_them_has_is_unknown() {
        let denied = Err(String::from("log denied"));
        let mut series = points(&[]);
        fill(&mut series, "Accepted", Some(&denied));
        assert_eq!(series, Err("log denied".into()));
        let mut series = Err("metrics denied".into());
        fill(&mut series, "Accepted", Some(&denied));
        assert_eq!(series, Err("metrics denied; log denied".into()));
    }
}
