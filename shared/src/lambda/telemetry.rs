//! Logs as JSON lines on standard output, which Lambda sends to CloudWatch.

use std::str::FromStr;

use tracing::{Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::env::{self, EnvError};

/// The most detailed level of other people's crates. At TRACE, the Lambda runtime prints whole events.
const OTHERS: LevelFilter = LevelFilter::INFO;

/// The target of the spans around the client's calls. A log line shows the fields of its innermost span only, and that must
/// stay the function's own, which holds the request id.
const CALLS: &str = "whoop_partner::calls";

/// Starts logging for the function `name` (its crate), at the level that `AWS_LAMBDA_LOG_LEVEL` sets.
///
/// After this, a panic is logged with its location only, because its message may contain patient data.
///
/// # Errors
///
/// If the value of `AWS_LAMBDA_LOG_LEVEL` is not one of Lambda's levels.
pub fn init(name: &'static str) -> Result<(), EnvError> {
    let LogLevel(level) = env::parsed("AWS_LAMBDA_LOG_LEVEL", LogLevel(LevelFilter::INFO))?;
    subscriber(levels(name, level), std::io::stdout).init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panicked");
    }));
    Ok(())
}

/// Writes each event as a line of JSON, with the fields of its innermost span in `span`.
fn subscriber<W>(levels: Targets, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_writer(writer);
    tracing_subscriber::registry().with(lines).with(levels)
}

/// Lets our own crates log at `level`, and all others at INFO at most.
fn levels(name: &'static str, level: LevelFilter) -> Targets {
    Targets::new()
        .with_default(level.min(OTHERS))
        .with_target(env!("CARGO_CRATE_NAME"), level)
        .with_target(CALLS, LevelFilter::OFF)
        .with_target(name, level)
}

/// A level by the name that Lambda's advanced logging controls give it.
#[derive(Clone, Copy)]
struct LogLevel(LevelFilter);

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        let level = match value.to_ascii_uppercase().as_str() {
            "TRACE" => Level::TRACE,
            "DEBUG" => Level::DEBUG,
            "INFO" => Level::INFO,
            "WARN" => Level::WARN,
            "ERROR" | "FATAL" => Level::ERROR,
            _ => return Err("not one of TRACE, DEBUG, INFO, WARN, ERROR, FATAL".into()),
        };
        Ok(Self(LevelFilter::from_level(level)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn our_crates_log_at_the_level_asked_for() {
        let levels = levels("webhook", LevelFilter::TRACE);
        for ours in ["webhook::handler", "whoop_partner::secrets"] {
            assert!(levels.would_enable(ours, &Level::TRACE), "{ours}");
        }
    }

    #[test]
    fn other_crates_never_log_below_info() {
        let levels = levels("webhook", LevelFilter::TRACE);
        for other in [
            "lambda_runtime::layers::api_response",
            "aws_smithy_runtime::client",
            "hyper_util::client",
            "h2::client",
            "rustls::client",
            "reqwest::connect",
        ] {
            assert!(levels.would_enable(other, &Level::INFO), "{other}");
            assert!(!levels.would_enable(other, &Level::DEBUG), "{other}");
        }
    }

    #[test]
    fn a_level_above_info_holds_for_everybody() {
        let levels = levels("webhook", LevelFilter::ERROR);
        assert!(!levels.would_enable("webhook", &Level::WARN));
        assert!(!levels.would_enable("lambda_runtime", &Level::INFO));
    }

    /// Collects the lines.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_from_within_a_call_shows_the_fields_of_the_functions_span() {
        let lines = Lines::default();
        let writer = lines.clone();
        let levels = levels("event_processor", LevelFilter::TRACE);
        tracing::subscriber::with_default(subscriber(levels, move || writer.clone()), || {
            let _message = tracing::info_span!("message", request_id = "r-1").entered();
            let _call = tracing::debug_span!(target: CALLS, "call", operation = "o").entered();
            tracing::warn!("call failed");
        });
        let line = lines.0.lock().unwrap();
        let line = std::str::from_utf8(&line).unwrap();
        assert!(
            line.contains(r#""span":{"request_id":"r-1","name":"message"}"#),
            "{line}"
        );
    }

    #[test]
    fn lambdas_names_of_levels_are_understood() {
        for (name, level) in [
            ("TRACE", LevelFilter::TRACE),
            ("debug", LevelFilter::DEBUG),
            ("FATAL", LevelFilter::ERROR),
        ] {
            assert_eq!(name.parse::<LogLevel>().map(|level| level.0), Ok(level));
        }
        assert!("LOUD".parse::<LogLevel>().is_err());
    }
}
