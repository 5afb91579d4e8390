//! How the calls of the Partner API share the time of a batch.

use std::time::Duration;

use tokio::time::Instant;
use whoop_partner::partner::{PartnerClient, PartnerError};

/// `X-RateLimit-Reset` is in whole seconds, and WHOOP does not say how they are rounded.
const ROUNDING: Duration = Duration::from_secs(1);

/// The longest time that one call may take, including its retries.
const LONGEST_CALL: Duration = Duration::from_secs(20);

/// If less time than this is left, no call begins.
const SHORTEST_CALL: Duration = Duration::from_secs(2);

/// How often a call is made again after WHOOP has limited its rate. If WHOOP answers every call with 429 and a short reset, one
/// message must not use up the time of the whole batch.
const MAX_REPEATS: usize = 3;

/// The time that a message has.
#[derive(Clone, Copy)]
pub(crate) struct Budget {
    /// The end of the whole batch. A wait for WHOOP's rate limit may last until then, because it holds up all messages alike.
    pub(crate) deadline: Instant,
    /// How long one call may take.
    call: Duration,
}

impl Budget {
    /// Gives one of `to_do` messages its fair share of the time that is left until `deadline`.
    pub(crate) fn share(deadline: Instant, to_do: usize) -> Self {
        let time_left = deadline.saturating_duration_since(Instant::now());
        let messages = u32::try_from(to_do).unwrap_or(u32::MAX).max(1);
        Self {
            deadline,
            call: (time_left / messages).min(LONGEST_CALL),
        }
    }
}

/// A client whose calls keep to a [`Budget`].
pub(crate) struct PacedClient(pub(crate) PartnerClient);

impl PacedClient {
    /// Makes a call as soon as WHOOP's rate limit allows it.
    ///
    /// # Errors
    ///
    /// `RateLimited` if that is too late, `Temporary` if no time is left for a call, and the error of the call itself.
    pub(crate) async fn call<T>(
        &self,
        budget: Budget,
        call: impl AsyncFn(&PartnerClient) -> Result<T, PartnerError>,
    ) -> Result<T, PartnerError> {
        let mut reset = self.0.rate_limited_for();
        let mut repeats = 0;
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
            match call(&self.0.with_deadline(deadline)).await {
                Err(PartnerError::RateLimited { retry_after }) if repeats < MAX_REPEATS => {
                    repeats += 1;
                    reset = Some(retry_after);
                }
                result => return result,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use whoop_partner::credentials::PartnerCredentials;

    const SECOND: Duration = Duration::from_secs(1);

    /// What becomes of a call that always ends with `error`, how often it is made, and how long that takes.
    async fn call_that_ends_with(
        error: PartnerError,
        time: Duration,
    ) -> (PartnerError, usize, Duration) {
        let credentials = PartnerCredentials {
            client_id: "id".into(),
            client_secret: "secret".into(),
        };
        let client = PartnerClient::builder(Default::default(), credentials).build();
        let begun = Instant::now();
        let calls = Cell::new(0);
        let result = PacedClient(client.unwrap())
            .call(Budget::share(begun + time, 1), async |_| {
                calls.set(calls.get() + 1);
                Err::<(), _>(error.clone())
            })
            .await;
        (result.unwrap_err(), calls.get(), begun.elapsed())
    }

    fn limited(seconds: u32) -> PartnerError {
        PartnerError::RateLimited {
            retry_after: SECOND * seconds,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_made_again_if_the_wait_and_a_call_of_two_seconds_fit_the_time() {
        for (time, calls, elapsed) in [(22, 1, 0), (23, 2, 21), (43, 2, 21), (44, 3, 42)] {
            let ended = call_that_ends_with(limited(20), SECOND * time).await;
            assert_eq!(ended, (limited(20), calls, SECOND * elapsed), "{time} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_made_again_three_times_at_most() {
        let ended = call_that_ends_with(limited(1), SECOND * 600).await;
        assert_eq!(ended, (limited(1), 4, SECOND * 6));
    }

    #[tokio::test(start_paused = true)]
    async fn no_call_begins_with_less_than_two_seconds_left() {
        let no_time = PartnerError::Temporary("no time left for a call".into());
        let time = 2 * SECOND - Duration::from_millis(1);
        let ended = call_that_ends_with(PartnerError::NotFound, time).await;
        assert_eq!(ended, (no_time, 0, Duration::ZERO));
        let ended = call_that_ends_with(PartnerError::NotFound, 2 * SECOND).await;
        assert_eq!(ended, (PartnerError::NotFound, 1, Duration::ZERO));
    }
}
