//! The function's environment.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use whoop_partner::lambda::env::{self, EnvError};
use whoop_partner::partner::PartnerApiBaseUrl;

/// The settings that the environment holds.
#[derive(Debug, Clone)]
pub struct Config {
    /// `WEBHOOK_QUEUE_URL`: the queue that the messages come from.
    pub queue_url: String,
    /// `WEBHOOK_DEAD_LETTER_QUEUE_URL`: where a message goes that is not tried again.
    pub dead_letter_queue_url: String,
    /// `PARTNER_CREDENTIALS_SECRET_ID`: name or ARN of the client credentials.
    pub partner_credentials_secret_id: String,
    /// `PARTNER_API_BASE_URL`: where the Partner API is. The default is WHOOP's production environment.
    pub partner_api_base_url: PartnerApiBaseUrl,
    /// `TOKEN_TABLE_NAME`: the table that holds the token.
    pub token_table_name: String,
    /// `EVENT_BUS_NAME`: the bus that resources are published on.
    pub event_bus_name: String,
    /// `PUBLISHED_TABLE_NAME`: the table that remembers the published states.
    pub published_table_name: String,
    /// `WEBHOOK_QUEUE_RETENTION_SECONDS` and `WEBHOOK_QUEUE_MAX_RECEIVE_COUNT`: the limits of the queue.
    pub queue_limits: QueueLimits,
    /// `AUTO_CONFIRM_ORDERS`: whether the function confirms new orders after it has published them.
    pub auto_confirm_orders: bool,
    /// `HEARTBEAT_MINUTES`: the time between two heartbeats. `None` if it is 0 or missing, and none are sent.
    pub heartbeat_interval: Option<Duration>,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// [`EnvError`] if a variable is missing or malformed. The error names it.
    pub fn from_env() -> Result<Self, EnvError> {
        let Switch(auto_confirm_orders) = env::parsed("AUTO_CONFIRM_ORDERS", Switch(false))?;
        let Within(minutes) = env::parsed::<Within<0, 60>>("HEARTBEAT_MINUTES", Within(0))?;
        Ok(Self {
            queue_url: env::required("WEBHOOK_QUEUE_URL")?,
            dead_letter_queue_url: env::required("WEBHOOK_DEAD_LETTER_QUEUE_URL")?,
            partner_credentials_secret_id: env::required("PARTNER_CREDENTIALS_SECRET_ID")?,
            partner_api_base_url: env::parsed(
                "PARTNER_API_BASE_URL",
                PartnerApiBaseUrl::default(),
            )?,
            token_table_name: env::required("TOKEN_TABLE_NAME")?,
            event_bus_name: env::required("EVENT_BUS_NAME")?,
            published_table_name: env::required("PUBLISHED_TABLE_NAME")?,
            queue_limits: QueueLimits::from_env()?,
            auto_confirm_orders,
            heartbeat_interval: (minutes > 0).then(|| Duration::from_secs(60) * minutes),
        })
    }
}

/// The limits of the queue that the messages come from.
#[derive(Debug, Clone, Copy)]
pub struct QueueLimits {
    /// How long it keeps a message (SQS's `MessageRetentionPeriod`, 60 s to 14 days).
    pub retention: Duration,
    /// How often it hands out a message before it moves it to the dead-letter queue (SQS's `maxReceiveCount`, 1 to 1000).
    pub max_receive_count: u32,
}

impl QueueLimits {
    fn from_env() -> Result<Self, EnvError> {
        let Within(retention) =
            env::required_parsed::<Within<60, 1_209_600>>("WEBHOOK_QUEUE_RETENTION_SECONDS")?;
        let Within(max_receive_count) =
            env::required_parsed::<Within<1, 1000>>("WEBHOOK_QUEUE_MAX_RECEIVE_COUNT")?;
        Ok(Self {
            retention: Duration::from_secs(retention.into()),
            max_receive_count,
        })
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Within<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> FromStr for Within<MIN, MAX> {
    type Err = String;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        match value.parse() {
            Ok(number) if (MIN..=MAX).contains(&number) => Ok(Self(number)),
            _ => Err(format!("not a whole number from {MIN} to {MAX}")),
        }
    }
}

/// `true` or `false`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Switch(bool);

/// The value is neither `true` nor `false`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct InvalidSwitch;

impl fmt::Display for InvalidSwitch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("neither true nor false")
    }
}

impl FromStr for Switch {
    type Err = InvalidSwitch;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        value.parse().map(Self).map_err(|_| InvalidSwitch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_whole_number_in_its_range() {
        assert_eq!("1".parse(), Ok(Within::<1, 1000>(1)));
        assert_eq!("1000".parse(), Ok(Within::<1, 1000>(1000)));
        for value in ["0", "1001", "", "-1", "1.5", "many"] {
            let error = value.parse::<Within<1, 1000>>().unwrap_err();
            assert_eq!(error, "not a whole number from 1 to 1000", "{value:?}");
        }
    }

    #[test]
    fn a_switch_is_true_or_false() {
        assert_eq!("true".parse(), Ok(Switch(true)));
        assert_eq!("false".parse(), Ok(Switch(false)));
        for value in ["True", "1", "yes", " true"] {
            assert_eq!(value.parse::<Switch>(), Err(InvalidSwitch), "{value:?}");
        }
    }
}
