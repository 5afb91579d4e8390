//! When the Partner API may be called, and for how long: by what its answers say remains of the rate limit, and by the time
//! that is left.

use std::time::Duration;

use tokio::time::Instant;
use whoop_partner::clock::Clock;
use whoop_partner::partner::{PartnerClient, PartnerError};

/// How many calls are left to the other executions of this function, of which there are two at most: the last answer that
/// this one has seen may be older than theirs. Without a reserve one of them would run into a 429.
const RESERVE: u32 = 2;

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

/// A client that waits for the rate limit's next window while something remains for the others.
pub(crate) struct PacedClient {
    client: PartnerClient,
    clock: Clock,
}

impl PacedClient {
    pub(crate) fn new(client: PartnerClient, clock: Clock) -> Self {
        Self { client, clock }
    }

    /// Makes a call as soon as the rate limit allows; fails with the wait if that is too late, and at once if there is no time
    /// left anyway.
    pub(crate) async fn call<T>(
        &self,
        budget: Budget,
        call: impl AsyncFn(&PartnerClient) -> Result<T, PartnerError>,
    ) -> Result<T, PartnerError> {
        let mut reset = match self.client.rate_limit() {
            Some(limit) => reset(limit.remaining, limit.resets_in(self.clock.now())),
            None => None,
        };
        loop {
            let wait = reset.map_or(Duration::ZERO, |reset| reset + ROUNDING);
            if Instant::now() + wait + SHORTEST_CALL > budget.deadline {
                return Err(match reset {
                    None => PartnerError::Temporary("no time left for a call".into()),
                    Some(retry_after) => PartnerError::RateLimited { retry_after },
                });
            }
            tokio::time::sleep(wait).await;
            let deadline = budget.deadline.min(Instant::now() + budget.call);
            match call(&self.client.with_deadline(deadline)).await {
                Err(PartnerError::RateLimited { retry_after }) => reset = Some(retry_after),
                result => return result,
            }
        }
    }
}

/// The reset to wait for before the next call when `remaining` more are allowed until `reset` from now; none if there is no need
/// to wait.
fn reset(remaining: u32, reset: Duration) -> Option<Duration> {
    (remaining <= RESERVE && !reset.is_zero()).then_some(reset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_made_until_only_the_reserve_remains() {
        let half_a_minute = Duration::from_secs(30);
        for (remaining, waits) in [(100, false), (3, false), (2, true), (0, true)] {
            let expected = waits.then_some(half_a_minute);
            assert_eq!(reset(remaining, half_a_minute), expected, "{remaining}");
        }
    }

    #[test]
    fn nothing_is_waited_for_after_the_reset() {
        assert_eq!(reset(0, Duration::ZERO), None);
        assert!(reset(0, Duration::from_nanos(1)).is_some());
    }
}
