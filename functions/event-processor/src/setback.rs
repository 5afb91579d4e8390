//! Why a message is not done with: what failed, and what that means for the message.

use std::time::{Duration, SystemTime};

use whoop_partner::partner::PartnerError;

use crate::batch::Record;
use crate::bus::PublishError;
use crate::dead_letter::FailureReason;
use crate::message::Undecodable;
use crate::published_states::StatesError;
use crate::retry;

/// How long a resource may lag behind its webhook.
const LAG: Duration = Duration::from_secs(60);

/// How long to let somebody else publish, which takes a fraction of a second.
const BUSY: Duration = Duration::from_secs(2);

/// Why a message is not done with.
#[derive(Debug)]
pub(crate) enum Setback {
    /// It can never succeed.
    Poison(FailureReason, String),
    /// It may succeed later.
    Retry(Retry),
}

/// That a message goes back to the queue, and why.
#[derive(Debug)]
pub(crate) struct Retry {
    /// How long it stays out, if that is known.
    pub(crate) wait: Option<Duration>,
    pub(crate) error: String,
}

impl Retry {
    pub(crate) fn new(error: impl ToString) -> Self {
        Self {
            wait: None,
            error: error.to_string(),
        }
    }

    fn after(wait: Duration, error: impl ToString) -> Self {
        Self {
            wait: Some(retry::after(wait)),
            error: error.to_string(),
        }
    }
}

impl From<Retry> for Setback {
    fn from(retry: Retry) -> Self {
        Self::Retry(retry)
    }
}

impl From<Undecodable> for Setback {
    fn from(_: Undecodable) -> Self {
        Self::Poison(FailureReason::Undecodable, "no webhook in it".into())
    }
}

impl From<PublishError> for Setback {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Refused(_) => Self::Poison(FailureReason::Refused, error.to_string()),
            PublishError::NotTaken(_) => Retry::new(error).into(),
        }
    }
}

impl From<StatesError> for Setback {
    fn from(error: StatesError) -> Self {
        Retry::new(error).into()
    }
}

impl Setback {
    /// Somebody else is publishing a state of the same resource.
    pub(crate) fn busy() -> Self {
        Retry::after(BUSY, "another execution is publishing the resource").into()
    }

    /// What a failed call of the Partner API means for the message that it was made for.
    ///
    /// What WHOOP does not know or like is believed at the second try, a minute after the first.
    pub(crate) fn from_partner(error: &PartnerError, record: &Record, now: SystemTime) -> Self {
        let reason = match error {
            PartnerError::RateLimited { retry_after } => {
                return Retry::after(*retry_after, error).into();
            }
            PartnerError::NotFound => FailureReason::NotFound,
            // what other refusals say may be over tomorrow, such as a conflict or a gateway's opinion
            PartnerError::InvalidRequest {
                status: 400 | 410 | 422,
                ..
            } => FailureReason::InvalidRequest,
            _ => return Retry::new(error).into(),
        };
        let first_try = record.first_received_at();
        let may_lag = first_try.is_some_and(|first_try| first_try + LAG > now);
        if record.receive_count() < 2 || may_lag {
            Retry::after(LAG, error).into()
        } else {
            Self::Poison(reason, error.to_string())
        }
    }
}
