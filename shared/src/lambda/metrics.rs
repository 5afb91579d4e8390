//! Log lines that are metrics too: CloudWatch's embedded metric format.
//!
//! Lambda sends each line to CloudWatch Logs, which reads the metrics from it. The function makes no call for them and waits for
//! nothing. The lines follow the [specification] of the format. They are written at every log level, because they are counted.
//!
//! [specification]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use jiff::Timestamp;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use tracing::Level;

use super::env::{self, EnvError};
use crate::clock::Clock;

/// The namespace of all our metrics.
pub const NAMESPACE: &str = "WhoopPartner";

/// Their only dimension: the name of the stack.
pub const DIMENSION: &str = "Stack";

/// The unit of a metric, by CloudWatch's name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// How many.
    Count,
    /// A time in milliseconds.
    Milliseconds,
    /// A time in seconds.
    Seconds,
}

macro_rules! metrics {
    ($($(#[doc = $what:literal])+ $metric:ident: $unit:ident,)+) => {
        /// The metrics that our functions emit. `docs/metrics.md` lists them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Metric {
            $($(#[doc = $what])+ $metric,)+
        }

        impl Metric {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$metric),+];

            /// Returns its name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$metric => stringify!($metric),)+
                }
            }

            /// Returns the unit of its values.
            #[must_use]
            pub fn unit(self) -> Unit {
                match self {
                    $(Self::$metric => Unit::$unit,)+
                }
            }
        }
    };
}

metrics! {
    /// A webhook of WHOOP is in the queue. A refused signature counts 0 here, so that both can be compared.
    Accepted: Count,
    /// A heartbeat is in the queue. It counts nowhere else.
    HeartbeatAccepted: Count,
    /// A webhook of WHOOP is in the queue, and the previous key signed it.
    AcceptedByPreviousKey: Count,
    /// A signature is well-formed, but no key made it.
    RefusedSignature: Count,
    /// A request is refused for any other reason that lies in the request.
    RefusedOther: Count,
    /// The signing keys could not be read in time.
    KeysUnavailable: Count,
    /// The queue did not take a webhook in time.
    QueueUnavailable: Count,
    /// How long the webhook function took to answer.
    Latency: Milliseconds,
    /// An event is on the bus.
    Published: Count,
    /// The state that WHOOP returned, or a newer one, had been published before.
    AlreadyPublished: Count,
    /// A message went back to the queue.
    Returned: Count,
    /// How long that message had been in the queue.
    ReturnedAgeSeconds: Seconds,
    /// A message went to the dead-letter queue.
    SetAside: Count,
    /// The time from the arrival of a webhook to its event on the bus.
    OrderSeconds: Seconds,
    /// The time from the sending of a heartbeat to its arrival at the event processor.
    HeartbeatSeconds: Seconds,
    /// How many more calls WHOOP accepts in the present window of its rate limit.
    RateLimitRemaining: Count,
    /// For how long the stored token is still valid.
    TokenSecondsLeft: Seconds,
}

/// A metric and its value.
pub type Measure = (Metric, f64);

/// Writes the log lines of a function that are metrics too.
pub struct MetricLog {
    stack: String,
    target: &'static str,
    clock: Clock,
    write: Box<dyn Fn(&str) + Send + Sync>,
    invoked: AtomicBool,
}

impl MetricLog {
    /// Writes to standard output. The dimension is the variable `STACK_NAME`, or the function's name if that is missing.
    ///
    /// `target` is the function's crate.
    ///
    /// # Errors
    ///
    /// [`EnvError`] if a variable is not UTF-8.
    pub fn from_env(target: &'static str, clock: Clock) -> Result<Self, EnvError> {
        let function = env::optional("AWS_LAMBDA_FUNCTION_NAME")?;
        let stack = env::optional("STACK_NAME")?.or(function);
        let stack = stack.unwrap_or_else(|| target.to_owned());
        Ok(Self::new(stack, target, clock, print))
    }

    /// Hands each line to `write`, with its line feed.
    #[must_use]
    pub fn new(
        stack: String,
        target: &'static str,
        clock: Clock,
        write: impl Fn(&str) + Send + Sync + 'static,
    ) -> Self {
        Self {
            stack,
            target,
            clock,
            write: Box::new(write),
            invoked: AtomicBool::new(false),
        }
    }

    /// Notes that an invocation begins. Returns whether it is the first one of this process, which met a cold start.
    pub fn invocation_begins(&self) -> bool {
        !self.invoked.swap(true, Ordering::Relaxed)
    }

    /// Writes a line with `fields`, a struct that is safe to log, and with these metrics.
    pub fn write(&self, level: Level, message: &str, fields: impl Serialize, measures: &[Measure]) {
        let now = self.clock.now();
        let line = Line {
            timestamp: rfc3339(now),
            level: level.as_str(),
            message,
            fields,
            target: self.target,
            metadata: (!measures.is_empty()).then_some(Metadata {
                timestamp: unix_millis(now),
                cloud_watch_metrics: [Directive {
                    namespace: NAMESPACE,
                    dimensions: [[DIMENSION]],
                    metrics: Definitions(measures),
                }],
            }),
            stack: &self.stack,
            values: Values(measures),
        };
        let mut line = serde_json::to_string(&line).expect("texts and numbers make JSON");
        line.push('\n');
        (self.write)(&line);
    }
}

impl fmt::Debug for MetricLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetricLog")
    }
}

fn print(line: &str) {
    // a line in one write stays whole; nobody could be told if it fails
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
}

fn rfc3339(time: SystemTime) -> String {
    let time = Timestamp::try_from(time).unwrap_or(Timestamp::MAX);
    format!("{time:.6}")
}

fn unix_millis(time: SystemTime) -> u64 {
    let elapsed = time.duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(elapsed.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

#[derive(Serialize)]
struct Line<'a, F> {
    timestamp: String,
    level: &'static str,
    message: &'a str,
    #[serde(flatten)]
    fields: F,
    target: &'static str,
    #[serde(rename = "_aws", skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
    #[serde(rename = "Stack")]
    stack: &'a str,
    #[serde(flatten)]
    values: Values<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata<'a> {
    timestamp: u64,
    cloud_watch_metrics: [Directive<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    namespace: &'static str,
    dimensions: [[&'static str; 1]; 1],
    metrics: Definitions<'a>,
}

/// The names and units of metrics.
struct Definitions<'a>(&'a [Measure]);

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: &'static str,
    unit: Unit,
}

impl Serialize for Definitions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut definitions = serializer.serialize_seq(Some(self.0.len()))?;
        for (metric, _) in self.0 {
            definitions.serialize_element(&Definition {
                name: metric.name(),
                unit: metric.unit(),
            })?;
        }
        definitions.end()
    }
}

/// The values of metrics, by their names.
struct Values<'a>(&'a [Measure]);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut values = serializer.serialize_map(Some(self.0.len()))?;
        for (metric, value) in self.0 {
            values.serialize_entry(metric.name(), value)?;
        }
        values.end()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;

    #[derive(Serialize)]
    struct Fields {
        request_id: Option<&'static str>,
        elapsed_ms: u64,
    }

    /// The line that is written.
    fn line(measures: &[Measure]) -> Value {
        let lines = Arc::new(Mutex::new(String::new()));
        let written = Arc::clone(&lines);
        let clock =
            Clock::new(|| SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_000_000_123));
        let log = MetricLog::new("my-stack".into(), "webhook", clock, move |line| {
            written.lock().unwrap().push_str(line);
        });
        let fields = Fields {
            request_id: Some("r\n\"1\""),
            elapsed_ms: 7,
        };
        log.write(Level::WARN, "webhook refused", fields, measures);
        let lines = lines.lock().unwrap();
        assert_eq!(lines.matches('\n').count(), 1);
        serde_json::from_str(&lines).unwrap()
    }

    #[test]
    fn a_line_is_log_and_metric_at_once() {
        let line = line(&[(Metric::RefusedSignature, 1.0), (Metric::Latency, 2.5)]);
        assert_eq!(
            line,
            json!({
                "timestamp": "2026-11-18T11:06:40.123000Z",
                "level": "WARN",
                "message": "webhook refused",
                "request_id": "r\n\"1\"",
                "elapsed_ms": 7,
                "target": "webhook",
                "_aws": {
                    "Timestamp": 1_795_000_000_123_u64,
                    "CloudWatchMetrics": [{
                        "Namespace": "WhoopPartner",
                        "Dimensions": [["Stack"]],
                        "Metrics": [
                            {"Name": "RefusedSignature", "Unit": "Count"},
                            {"Name": "Latency", "Unit": "Milliseconds"},
                        ],
                    }],
                },
                "Stack": "my-stack",
                "RefusedSignature": 1.0,
                "Latency": 2.5,
            })
        );
    }

    #[test]
    fn a_line_without_metrics_is_an_ordinary_one() {
        let line = line(&[]);
        assert_eq!(line["message"], "webhook refused");
        assert_eq!(line.get("_aws"), None);
    }

    #[test]
    fn only_the_first_invocation_of_a_process_met_a_cold_start() {
        let log = MetricLog::new("s".into(), "webhook", Clock::system(), |_| {});
        assert!(log.invocation_begins());
        assert!(!log.invocation_begins());
    }

    #[test]
    fn a_line_is_within_the_limits_of_the_format() {
        assert!(Metric::ALL.len() <= 100);
        assert!(Metric::ALL.iter().all(|metric| metric.name().len() <= 1024));
    }
}
