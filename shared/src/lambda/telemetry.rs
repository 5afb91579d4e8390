//! Logs as JSON lines on standard output, which Lambda sends to CloudWatch.

use std::str::FromStr;

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::env::{self, EnvError};

/// The level from which other people's crates log nothing: at TRACE the Lambda runtime prints whole events.
const OTHERS: LevelFilter = LevelFilter::INFO;

/// Starts logging for the function `name` (its crate), at the level that `AWS_LAMBDA_LOG_LEVEL` sets.
///
/// From here on a panic is logged with its place only, since its message may quote the data at hand.
///
/// # Errors
///
/// When `AWS_LAMBDA_LOG_LEVEL` is set to something that is no level of Lambda's.
pub fn init(name: &'static str) -> Result<(), EnvError> {
    let LogLevel(level) = env::parsed("AWS_LAMBDA_LOG_LEVEL", LogLevel(LevelFilter::INFO))?;
    tracing_subscriber::registry()
        .with(
            tracing_subscriber::fmt::layer()
                .json()
                .flatten_event(true)
                .with_span_list(false),
        )
        .with(levels(name, level))
        .init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panicked");
    }));
    Ok(())
}

/// Lets our own crates log at `level`, all others at INFO at most.
fn levels(name: &'static str, level: LevelFilter) -> Targets {
    Targets::new()
        .with_default(level.min(OTHERS))
        .with_target(env!("CARGO_CRATE_NAME"), level)
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
