//! How the calls of the Partner API share the time of a batch.

use std::time::Duration;

use tokio::time::Instant;
use whoop_partner::partner::{PartnerClient, PartnerError};

/// `X-RateLimit-Reset` is in whole seconds, and WHOOP does not say how they are rounded.
const ROUNDING: Duration = Duration::from_secs(1);

/// The longest that one call may take, its retries included.
const LONGEST_CALL: Duration = Duration::from_secs(20);

/// A call with less time than this is not worth a wait.
const SHORTEST_CALL: Duration = Duration::from_secs(2);

/// The time that a message has.
#[derive(Clone, Copy)]
pub(crate) struct Budget {
    /// The end of the whole batch.
    pub(crate) deadline: Instant,
    /// What one call may take.
    call: Duration,
}

impl Budget {
    /// A fair share for one of `to_do` messages of what is left until `deadline`.
    pub(crate) fn share(deadline: Instant, to_do: usize) -> Self {
        let time_left = deadline.saturating_duration_since(Instant::now());
        let messages = u32::try_from(to_do).unwrap_or(u32::MAX).max(1);
        Self {
            deadline,
            call: (time_left / messages).min(LONGEST_CALL),
        }
    }
}

/// A client whose calls take their share of the time. A wait for WHOOP's rate limit may take all of it.
pub(crate) struct PacedClient(pub(crate) PartnerClient);

impl PacedClient {
    /// Makes a call as soon as the rate limit allows.
    ///
    /// # Errors
    ///
    /// With the wait if that is too late; at once if there is no time left anyway; and as the call.
    pub(crate) async fn call<T>(
        &self,
        budget: Budget,
        call: impl AsyncFn(&PartnerClient) -> Result<T, PartnerError>,
    ) -> Result<T, PartnerError> {
        loop {
            let reset = self.0.rate_limited_for();
            let wait = reset.map_or(Duration::ZERO, |reset| reset + ROUNDING);
            if Instant::now() + wait + SHORTEST_CALL > budget.deadline {
                return Err(match reset {
                    None => PartnerError::Temporary("no time left for a call".into()),
                    Some(retry_after) => PartnerError::RateLimited { retry_after },
                });
            }
            tokio::time::sleep(wait).await;
            let deadline = budget.deadline.min(Instant::now() + budget.call);
            match call(&self.0.with_deadline(deadline)).await {
                Err(PartnerError::RateLimited { .. }) => {}
                result => return result,
            }
        }
    }
}
