//! Why a message failed, and what becomes of it. Either it returns to the queue after a wait, or it is set aside in the
//! dead-letter queue.

use std::time::{Duration, SystemTime};

use whoop_partner::partner::PartnerError;
use whoop_partner::queue_message::{FailureReason, Undecodable};

use crate::batch::Record;
use crate::bus::PublishError;
use crate::config::QueueLimits;
use crate::published_states::StatesError;

/// How long after its webhook a resource may still be missing at WHOOP.
const LAG: Duration = Duration::from_secs(60);

/// The longest wait after the first failure. Each further failure doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(10);

/// The wait does not grow beyond this. With 100 receives, a message survives at least three and a half days of failures.
const GROWN_WAIT: Duration = Duration::from_secs(2 * 60 * 60);

/// The longest wait, whoever asks for it. SQS keeps a message invisible for at most 12 hours after it was received. Up to half
/// an hour of that may have passed, because the queue's own visibility timeout is shorter than that.
const LONGEST_WAIT: Duration = Duration::from_secs(43_200 - 1_800);

/// A message is not tried again in the last part of its retention, which is as long as SQS may keep a message invisible. So
/// there is always enough time to set it aside.
const EXPIRY_MARGIN: Duration = Duration::from_secs(12 * 60 * 60);

/// The longest wait of a message that could not be sent to the dead-letter queue.
const LONGEST_WAIT_UNSENT: Duration = Duration::from_secs(10 * 60);

/// Why a message failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It can never succeed.
    Final {
        /// The reason for the dead-letter queue.
        reason: FailureReason,
        /// The error for the log.
        error: String,
    },
    /// It may succeed later.
    Passing {
        /// The shortest wait until the next try. Zero if nobody knows.
        wait: Duration,
        /// The error for the log.
        error: String,
    },
}

/// What becomes of a message that failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It goes to the dead-letter queue.
    SetAside(FailureReason),
    /// It stays in the queue and is invisible for this long.
    Returns(Duration),
}

impl Failure {
    /// Makes a failure that may pass. Nobody knows when.
    pub(crate) fn passing(error: impl ToString) -> Self {
        Self::after(Duration::ZERO, error)
    }

    fn after(wait: Duration, error: impl ToString) -> Self {
        Self::Passing {
            wait,
            error: error.to_string(),
        }
    }

    /// Says what a failed call of the Partner API means for the message for which it was made.
    ///
    /// If WHOOP does not know the resource or refuses the request, this is final only at the second try or later, at least a
    /// minute after the first.
    pub(crate) fn from_partner(error: &PartnerError, record: &Record, now: SystemTime) -> Self {
        let reason = match error {
            PartnerError::RateLimited { retry_after } => return Self::after(*retry_after, error),
            PartnerError::NotFound => FailureReason::NotFound,
            // other refusals may pass, such as a conflict, or come from a gateway
            PartnerError::InvalidRequest {
                status: 400 | 410 | 422,
                ..
            } => FailureReason::InvalidRequest,
            _ => return Self::passing(error),
        };
        let first_try = record.first_received_at();
        let may_lag = first_try.is_some_and(|first_try| first_try + LAG > now);
        if record.receive_count() < 2 || may_lag {
            return Self::after(LAG, error);
        }
        Self::Final {
            reason,
            error: error.to_string(),
        }
    }

    /// Returns the error for the log.
    pub(crate) fn error(&self) -> &str {
        match self {
            Self::Final { error, .. } | Self::Passing { error, .. } => error,
        }
    }

    /// Decides what becomes of the message.
    pub(crate) fn fate(&self, record: &Record, limits: QueueLimits, now: SystemTime) -> Fate {
        let wait = match *self {
            Self::Final { reason, .. } => return Fate::SetAside(reason),
            Self::Passing { wait, .. } => wait,
        };
        if record.receive_count() >= limits.max_receive_count {
            return Fate::SetAside(FailureReason::AttemptsExhausted);
        }
        let wait = wait.max(backoff(record.receive_count())).min(LONGEST_WAIT);
        let last_try = limits.retention.saturating_sub(EXPIRY_MARGIN);
        let age_at_next_try = record
            .sent_at()
            .and_then(|sent_at| (now + wait).duration_since(sent_at).ok());
        if age_at_next_try.is_some_and(|age| age > last_try) {
            return Fate::SetAside(FailureReason::Expired);
        }
        Fate::Returns(wait)
    }
}

/// Returns how long a message stays invisible that could not be sent to the dead-letter queue.
pub(crate) fn wait_unsent(record: &Record) -> Duration {
    backoff(record.receive_count()).min(LONGEST_WAIT_UNSENT)
}

/// Returns the shortest wait of a message that has failed for the `receive_count`th time. It grows exponentially. Its upper half
/// is random, so that messages that failed together do not return together.
fn backoff(receive_count: u32) -> Duration {
    let doublings = receive_count.saturating_sub(1).min(16);
    let wait = (FIRST_WAIT * 2u32.pow(doublings)).min(GROWN_WAIT);
    wait.mul_f64(0.5 + 0.5 * fastrand::f64())
}

impl From<Undecodable> for Failure {
    fn from(error: Undecodable) -> Self {
        Self::Final {
            reason: FailureReason::Undecodable,
            error: error.to_string(),
        }
    }
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Refused(_) => Self::Final {
                reason: FailureReason::Refused,
                error: error.to_string(),
            },
            PublishError::NotTaken(_) => Self::passing(error),
        }
    }
}

impl From<StatesError> for Failure {
    fn from(error: StatesError) -> Self {
        Self::passing(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use whoop_partner::partner::ErrorBody;

    const SECOND: Duration = Duration::from_secs(1);
    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(24 * 3600);

    const LIMITS: QueueLimits = QueueLimits {
        retention: Duration::from_secs(1_209_600),
        max_receive_count: 100,
    };

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
    }

    /// A message that is received for the `count`th time, sent `age` ago.
    fn record(count: u32, age: Option<Duration>) -> Record {
        let sent = age.map(|age| (now() - age).duration_since(SystemTime::UNIX_EPOCH));
        let record = json!({"attributes": {
            "ApproximateReceiveCount": count.to_string(),
            "SentTimestamp": sent.map(|sent| sent.unwrap().as_millis().to_string()),
        }});
        serde_json::from_str(&record.to_string()).unwrap()
    }

    fn fate(wait: Duration, count: u32, age: Option<Duration>) -> Fate {
        Failure::after(wait, "a reason").fate(&record(count, age), LIMITS, now())
    }

    #[track_caller]
    fn assert_returns(fate: &Fate, waits: std::ops::RangeInclusive<Duration>) {
        let Fate::Returns(wait) = fate else {
            panic!("{fate:?}");
        };
        assert!(waits.contains(wait), "{wait:?}");
    }

    #[test]
    fn a_refusal_is_final_at_the_second_try_a_minute_later_if_it_is_about_the_request() {
        let minute = 60 * SECOND;
        let refused = |status| PartnerError::InvalidRequest {
            status,
            body: ErrorBody::default(),
        };
        for (error, reason) in [
            (PartnerError::NotFound, Some(FailureReason::NotFound)),
            (refused(400), Some(FailureReason::InvalidRequest)),
            (refused(410), Some(FailureReason::InvalidRequest)),
            (refused(422), Some(FailureReason::InvalidRequest)),
            // a conflict, or the answer of a gateway
            (refused(409), None),
            (refused(413), None),
        ] {
            let early = Failure::after(reason.map_or(Duration::ZERO, |_| LAG), &error);
            let late = reason.map_or(Failure::passing(&error), |reason| Failure::Final {
                reason,
                error: error.to_string(),
            });
            for (count, age, expected) in [
                (1, Some(Duration::ZERO), &early),
                (1, Some(DAY), &early),
                (2, Some(minute - Duration::from_millis(1)), &early),
                (2, Some(minute), &late),
                (3, Some(DAY), &late),
                // nobody knows how old the message is
                (1, None, &early),
                (2, None, &late),
            ] {
                let failure = Failure::from_partner(&error, &record(count, age), now());
                assert_eq!(failure, *expected, "{error}, receive {count}, {age:?}");
            }
        }
    }

    #[test]
    fn after_a_rate_limit_the_message_waits_as_long_as_whoop_says() {
        let retry_after = 7 * SECOND;
        let error = PartnerError::RateLimited { retry_after };
        let failure = Failure::from_partner(&error, &record(9, Some(DAY)), now());
        assert_eq!(failure, Failure::after(retry_after, &error));
        assert_eq!(failure.error(), "rate limited for 7 s");
    }

    #[test]
    fn the_wait_doubles_with_each_failure_up_to_two_hours() {
        for (count, longest) in [
            (0, 10),
            (1, 10),
            (2, 20),
            (5, 160),
            (10, 5120),
            (11, 7200),
            (99, 7200),
        ] {
            for _ in 0..200 {
                let longest = longest * SECOND;
                assert_returns(&fate(Duration::ZERO, count, None), longest / 2..=longest);
            }
        }
    }

    #[test]
    fn whoops_wait_is_kept_if_it_is_longer_and_never_longer_than_sqs_allows() {
        assert_returns(&fate(60 * SECOND, 1, None), 60 * SECOND..=60 * SECOND);
        assert_returns(&fate(60 * SECOND, 11, None), HOUR..=2 * HOUR);
        assert_returns(&fate(11 * HOUR, 11, None), 11 * HOUR..=11 * HOUR);
        assert_returns(&fate(DAY, 1, None), LONGEST_WAIT..=LONGEST_WAIT);
        assert!(LONGEST_WAIT == 11 * HOUR + HOUR / 2);
    }

    #[test]
    fn a_hundred_tries_outlast_an_outage_of_days() {
        let shortest: Duration = (1..100)
            .map(|n| (FIRST_WAIT * 2u32.pow((n - 1).min(16))).min(GROWN_WAIT) / 2)
            .sum();
        assert!(shortest > 84 * HOUR, "{shortest:?}");
    }

    #[test]
    fn the_last_receive_sets_a_message_aside() {
        for count in [100, 101, u32::MAX] {
            let end = Fate::SetAside(FailureReason::AttemptsExhausted);
            assert_eq!(fate(Duration::ZERO, count, Some(DAY)), end, "{count}");
        }
        assert_returns(&fate(Duration::ZERO, 99, Some(DAY)), HOUR..=2 * HOUR);
    }

    #[test]
    fn a_message_is_set_aside_if_its_next_try_would_begin_in_its_last_twelve_hours() {
        let last_try = 14 * DAY - 12 * HOUR;
        let wait = 3 * HOUR;
        assert_returns(&fate(wait, 5, Some(last_try - wait)), wait..=wait);
        let end = Fate::SetAside(FailureReason::Expired);
        assert_eq!(fate(wait, 5, Some(last_try - wait + SECOND)), end);
        assert_eq!(fate(Duration::ZERO, 1, Some(14 * DAY)), end);
        // nobody knows how old the message is
        assert_returns(&fate(wait, 5, None), wait..=wait);
        // the clock of SQS is ahead of ours
        let ahead = json!({"attributes": {"SentTimestamp": "1895000000000"}});
        let ahead: Record = serde_json::from_str(&ahead.to_string()).unwrap();
        assert_returns(
            &Failure::after(wait, "").fate(&ahead, LIMITS, now()),
            wait..=wait,
        );
    }

    #[test]
    fn what_can_never_succeed_is_set_aside_at_once() {
        let failure = Failure::from(Undecodable);
        let end = Fate::SetAside(FailureReason::Undecodable);
        assert_eq!(failure.fate(&record(1, None), LIMITS, now()), end);
    }

    #[test]
    fn a_message_that_could_not_be_sent_on_is_back_within_ten_minutes() {
        for count in [1, 8, 100] {
            assert!(wait_unsent(&record(count, None)) <= 600 * SECOND);
        }
        assert!(wait_unsent(&record(100, None)) == 600 * SECOND);
    }
}
