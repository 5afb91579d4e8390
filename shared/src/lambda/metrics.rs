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
use serde::Serialize;
use serde_json::Value;
use tracing::Level;

use super::env::{self, EnvError};
use crate::clock::Clock;

/// The namespace of all our metrics.
pub const NAMESPACE: &str = "WhoopPartner";

/// Their only dimension: the name of the stack.
pub const DIMENSION: &str = "Stack";

/// The beginning of the only directive of a line, up to its metrics.
const DIRECTIVE: &str =
    r#","CloudWatchMetrics":[{"Namespace":"WhoopPartner","Dimensions":[["Stack"]],"Metrics":["#;

/// A line is rarely longer, in bytes.
const LINE_LENGTH: usize = 768;

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

            /// Returns its name and CloudWatch's name of its unit, as JSON.
            fn definition(self) -> &'static str {
                match self {
                    $(Self::$metric => concat!(
                        r#"{"Name":""#, stringify!($metric), r#"","Unit":""#, stringify!($unit), r#""}"#
                    ),)+
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
    /// The name of the stack, as JSON.
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
        Ok(Self::new(
            stack.as_deref().unwrap_or(target),
            target,
            clock,
            print,
        ))
    }

    /// Hands each line to `write`, with its line feed.
    #[must_use]
    pub fn new(
        stack: &str,
        target: &'static str,
        clock: Clock,
        write: impl Fn(&str) + Send + Sync + 'static,
    ) -> Self {
        Self {
            stack: Value::from(stack).to_string(),
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

    /// Writes a line with `fields`, a struct that is safe to log and has some, and with these metrics. `message` needs no escapes
    /// in JSON.
    pub fn write(
        &self,
        level: Level,
        message: &'static str,
        fields: &impl Serialize,
        measures: &[Measure],
    ) {
        let now = self.clock.now();
        // put together by hand: most of it is always the same, and a serializer would write it piece by piece
        let mut line = String::with_capacity(LINE_LENGTH);
        line.push_str(r#"{"timestamp":""#);
        line.push_str(&rfc3339(now));
        line.push_str(r#"","level":""#);
        line.push_str(level.as_str());
        line.push_str(r#"","message":""#);
        line.push_str(message);
        line.push_str(r#"","target":""#);
        line.push_str(self.target);
        line.push_str(r#"","Stack":"#);
        line.push_str(&self.stack);
        if !measures.is_empty() {
            push_metrics(&mut line, now, measures);
        }
        // as JSON, the fields have braces of their own
        let fields = to_json(fields);
        line.push(',');
        line.push_str(&fields[1..]);
        line.push('\n');
        (self.write)(&line);
    }
}

impl fmt::Debug for MetricLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetricLog")
    }
}

/// Appends what makes CloudWatch read the metrics, and their values.
fn push_metrics(line: &mut String, now: SystemTime, measures: &[Measure]) {
    line.push_str(r#","_aws":{"Timestamp":"#);
    line.push_str(&to_json(&unix_millis(now)));
    line.push_str(DIRECTIVE);
    for (index, (metric, _)) in measures.iter().enumerate() {
        if index > 0 {
            line.push(',');
        }
        line.push_str(metric.definition());
    }
    line.push_str("]}]}");
    for (metric, value) in measures {
        line.push_str(",\"");
        line.push_str(metric.name());
        line.push_str("\":");
        line.push_str(&to_json(value));
    }
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts and numbers make JSON")
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use serde_json::json;

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
        let log = MetricLog::new("my-stack", "webhook", clock, move |line| {
            written.lock().unwrap().push_str(line);
        });
        let fields = Fields {
            request_id: Some("r\n\"1\""),
            elapsed_ms: 7,
        };
        log.write(Level::WARN, "webhook refused", &fields, measures);
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
    fn the_directive_names_namespace_and_dimension() {
        let line = line(&[(Metric::Accepted, 1.0)]);
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], NAMESPACE);
        assert_eq!(directive["Dimensions"], json!([[DIMENSION]]));
    }

    #[test]
    fn a_line_without_metrics_is_an_ordinary_one() {
        let line = line(&[]);
        assert_eq!(line["message"], "webhook refused");
        assert_eq!(line.get("_aws"), None);
    }

    #[test]
    fn only_the_first_invocation_of_a_process_met_a_cold_start() {
        let log = MetricLog::new("s", "webhook", Clock::system(), |_| {});
        assert!(log.invocation_begins());
        assert!(!log.invocation_begins());
    }

    #[test]
    fn a_line_is_within_the_limits_of_the_format() {
        assert!(Metric::ALL.len() <= 100);
        assert!(Metric::ALL.iter().all(|metric| metric.name().len() <= 1024));
    }
}
