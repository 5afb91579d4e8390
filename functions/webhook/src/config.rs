//! The function's environment.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use whoop_partner::lambda::env::{self, EnvError};

/// What the environment says.
#[derive(Debug, Clone)]
pub struct Config {
    /// `WEBHOOK_QUEUE_URL`: where deliveries go.
    pub queue_url: String,
    /// `WEBHOOK_SIGNING_SECRET_ID`: name or ARN of the signing secret.
    pub signing_secret_id: String,
    /// `WEBHOOK_DEADLINE_MS`: the time budget of one request.
    pub deadline: Deadline,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// When a variable is missing or malformed; it is named.
    pub fn from_env() -> Result<Self, EnvError> {
        Ok(Self {
            queue_url: env::required("WEBHOOK_QUEUE_URL")?,
            signing_secret_id: env::required("WEBHOOK_SIGNING_SECRET_ID")?,
            deadline: env::parsed("WEBHOOK_DEADLINE_MS", Deadline::DEFAULT)?,
        })
    }
}

/// How long one request may take, from the handler's start: 100 to 950 ms, since WHOOP waits one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Duration);

impl Deadline {
    /// 800 ms: leaves 200 for the network, API Gateway and Lambda.
    pub const DEFAULT: Self = Self(Duration::from_millis(800));

    /// The budget as a duration.
    #[must_use]
    pub fn duration(self) -> Duration {
        self.0
    }

    /// How long a call may take before a second try begins beside it: two fifths of the budget, so that a second try has more
    /// time than a first one that was in vain.
    #[must_use]
    pub fn patience(self) -> Duration {
        self.0 * 2 / 5
    }
}

/// The value of `WEBHOOK_DEADLINE_MS` is no whole number from 100 to 950.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidDeadline;

impl fmt::Display for InvalidDeadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a whole number of milliseconds from 100 to 950")
    }
}

impl FromStr for Deadline {
    type Err = InvalidDeadline;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        match value.parse() {
            Ok(ms @ 100..=950) => Ok(Self(Duration::from_millis(ms))),
            _ => Err(InvalidDeadline),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_lies_between_100_and_950_milliseconds() {
        for (value, ms) in [("100", 100), ("800", 800), ("950", 950)] {
            let deadline: Deadline = value.parse().unwrap();
            assert_eq!(deadline.duration(), Duration::from_millis(ms));
        }
        for value in ["99", "951", "", "-1", "800ms", "0.8"] {
            assert_eq!(value.parse::<Deadline>(), Err(InvalidDeadline), "{value:?}");
        }
    }

    #[test]
    fn a_second_try_has_more_time_than_the_first_one_had_before_it() {
        for value in ["100", "800", "950"] {
            let deadline: Deadline = value.parse().unwrap();
            assert!(deadline.patience() < deadline.duration() / 2);
        }
    }
}
