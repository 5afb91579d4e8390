//! WHOOP's rate limit, from the headers of each answer. WHOOP publishes no limit for partners; its member API allows 100
//! requests a minute and 10,000 a day.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;
use tokio::time::Instant;

use super::PartnerError;
use crate::clock::Clock;
use crate::http::{SHORTEST_ATTEMPT, number, rate_limit_reset};

/// The shortest window: how long to wait after a 429 that does not say.
pub(super) const SHORTEST_WINDOW: Duration = Duration::from_secs(60);

/// The shortest wait after a 429, since whole seconds may have been rounded down to none.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// Waiting calls go on within this time after the reset, not all at the same moment.
const SPREAD_MS: u64 = 250;

/// What WHOOP said about the rate limit in its last answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// How many more requests WHOOP accepts before the reset (`X-RateLimit-Remaining`).
    pub remaining: u32,
    /// The time from the answer to the reset (`X-RateLimit-Reset`, whole seconds, up to a day).
    pub reset: Duration,
    /// When the nearest window resets, by the client's clock.
    pub resets_at: SystemTime,
}

impl RateLimit {
    /// Returns how long after `now` the nearest window resets; zero if it has been reset.
    #[must_use]
    pub fn resets_in(&self, now: SystemTime) -> Duration {
        self.resets_at
            .duration_since(now)
            .unwrap_or_default()
            // a clock that was set back must not make it longer
            .min(self.reset)
    }

    fn from_headers(headers: &HeaderMap, now: SystemTime) -> Option<Self> {
        let reset = rate_limit_reset(headers)?;
        Some(Self {
            remaining: number(headers, "X-RateLimit-Remaining")?,
            reset,
            resets_at: now + reset,
        })
    }
}

/// Lets no call through while the limit is exhausted, and knows what remains.
#[derive(Debug)]
pub(super) struct RateLimitGate {
    clock: Clock,
    /// How many calls of each window are left to other processes.
    reserve: u32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<RateLimit>,
    closed: Option<Closed>,
}

/// No call until then.
#[derive(Debug, Clone, Copy)]
struct Closed {
    /// For how long, when it was closed.
    period: Duration,
    until: SystemTime,
}

impl RateLimitGate {
    pub(super) fn new(clock: Clock, reserve: u32) -> Self {
        Self {
            clock,
            reserve,
            state: Mutex::default(),
        }
    }

    pub(super) fn last(&self) -> Option<RateLimit> {
        self.state().last
    }

    /// Waits until the limit is no longer exhausted.
    ///
    /// # Errors
    ///
    /// At once when that is too late for an attempt before `deadline`.
    pub(super) async fn pass(&self, deadline: Instant) -> Result<(), PartnerError> {
        // others that waited may have exhausted the next window meanwhile
        while let Some((retry_after, until)) = self.closed() {
            let wait = retry_after + Duration::from_millis(fastrand::u64(0..=SPREAD_MS));
            if Instant::now() + wait + SHORTEST_ATTEMPT > deadline {
                return Err(PartnerError::RateLimited { retry_after });
            }
            tracing::warn!(wait_ms = wait.as_millis(), "rate limited");
            tokio::time::sleep(wait).await;
            self.open(until);
        }
        Ok(())
    }

    /// Returns for how long no call may pass; `None` if one may pass now.
    pub(super) fn closed_for(&self) -> Option<Duration> {
        self.closed().map(|(left, _)| left)
    }

    /// Takes note of what an answer tells. A 429 closes the gate, and so does an answer after which only the reserve remains.
    pub(super) fn observe(&self, headers: &HeaderMap, refused: bool) {
        let told = RateLimit::from_headers(headers, self.clock.now());
        if told.is_some() {
            self.state().last = told;
        }
        if refused {
            self.close(rate_limit_reset(headers).unwrap_or(SHORTEST_WINDOW));
        } else if let Some(told) = told.filter(|told| self.is_exhausted(told)) {
            self.close(told.reset);
        }
    }

    fn is_exhausted(&self, limit: &RateLimit) -> bool {
        // if the next window has begun, nobody needs the reserve of the last one
        limit.remaining == 0 || limit.remaining <= self.reserve && !limit.reset.is_zero()
    }

    /// Lets no call through for `period`.
    pub(super) fn close(&self, period: Duration) {
        let period = period.max(SHORTEST_WAIT);
        let until = self.clock.now() + period;
        let mut state = self.state();
        // answers may arrive out of order; mutant "replace < with <=": of two periods that end together, either may stay
        if state.closed.is_none_or(|closed| closed.until < until) {
            state.closed = Some(Closed { period, until });
        }
    }

    /// How long no call is let through any more, and until when that is.
    fn closed(&self) -> Option<(Duration, SystemTime)> {
        let Closed { period, until } = self.state().closed?;
        let left = until.duration_since(self.clock.now()).ok()?;
        // a clock that was set back must not make it longer
        (!left.is_zero()).then_some((left.min(period), until))
    }

    /// Lets calls through again, unless the gate was closed anew for after `until`.
    fn open(&self, until: SystemTime) {
        let mut state = self.state();
        if state.closed.is_some_and(|closed| closed.until == until) {
            state.closed = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // nothing panics while it is held
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::http::LONGEST_WINDOW;
    use aws_smithy_async::test_util::ManualTimeSource;
    use aws_smithy_async::time::TimeSource;

    fn start() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    fn manual(clock: &ManualTimeSource) -> Clock {
        let clock = clock.clone();
        Clock::new(move || clock.now())
    }

    fn gate() -> (RateLimitGate, ManualTimeSource) {
        let clock = ManualTimeSource::new(start());
        (RateLimitGate::new(manual(&clock), 0), clock)
    }

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_remains_and_when_it_resets_is_known() {
        let (gate, _) = gate();
        assert_eq!(gate.last(), None);
        let told = headers(&[
            (
                "X-RateLimit-Limit",
                "100, 100;window=60, 10000;window=86400",
            ),
            ("X-RateLimit-Remaining", "42"),
            ("X-RateLimit-Reset", "17"),
        ]);
        gate.observe(&told, false);
        let last = gate.last().unwrap();
        assert_eq!(last.remaining, 42);
        assert_eq!(last.resets_in(start()), 17 * SECOND);
        assert_eq!(last.resets_in(start() + 10 * SECOND), 7 * SECOND);
        assert_eq!(last.resets_in(start() + 20 * SECOND), Duration::ZERO);
        assert_eq!(last.resets_in(start() - 20 * SECOND), 17 * SECOND);
        gate.observe(&HeaderMap::new(), false);
        assert_eq!(gate.last(), Some(last));
        assert_eq!(gate.closed_for(), None);
    }

    #[track_caller]
    fn assert_closed(fields: &[(&'static str, &'static str)], refused: bool, period: Duration) {
        let (gate, clock) = gate();
        gate.observe(&headers(fields), refused);
        assert_eq!(gate.closed_for(), Some(period), "{fields:?}");
        clock.advance(period - Duration::from_millis(1));
        assert_eq!(gate.closed_for(), Some(Duration::from_millis(1)));
        clock.advance(Duration::from_millis(1));
        assert_eq!(gate.closed_for(), None);
    }

    #[test]
    fn a_429_closes_the_gate_until_the_reset() {
        assert_closed(&[("X-RateLimit-Reset", "3")], true, 3 * SECOND);
        assert_closed(&[("X-RateLimit-Reset", " 86400 ")], true, LONGEST_WINDOW);
        assert_closed(&[("X-RateLimit-Reset", "86401")], true, LONGEST_WINDOW);
        assert_closed(&[("X-RateLimit-Reset", "0")], true, SECOND);
        for garbled in ["", "soon", "-1", "1.5"] {
            assert_closed(&[("X-RateLimit-Reset", garbled)], true, SHORTEST_WINDOW);
        }
        assert_closed(&[], true, SHORTEST_WINDOW);
    }

    #[test]
    fn an_answer_after_which_nothing_remains_closes_the_gate_too() {
        let told = [("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "30")];
        assert_closed(&told, false, 30 * SECOND);
    }

    #[test]
    fn an_answer_after_which_only_the_reserve_remains_closes_the_gate() {
        for (remaining, reset, closed_for) in [
            ("3", "30", None),
            ("2", "30", Some(30 * SECOND)),
            ("0", "30", Some(30 * SECOND)),
            ("2", "0", None),
            ("0", "0", Some(SECOND)),
        ] {
            let gate = RateLimitGate::new(Clock::new(start), 2);
            let told = [
                ("X-RateLimit-Remaining", remaining),
                ("X-RateLimit-Reset", reset),
            ];
            gate.observe(&headers(&told), false);
            assert_eq!(gate.closed_for(), closed_for, "{remaining} {reset}");
        }
    }

    #[test]
    fn a_late_answer_does_not_open_the_gate() {
        let (gate, _) = gate();
        gate.observe(&headers(&[("X-RateLimit-Reset", "30")]), true);
        gate.observe(
            &headers(&[("X-RateLimit-Remaining", "5"), ("X-RateLimit-Reset", "30")]),
            false,
        );
        gate.close(SECOND);
        assert_eq!(gate.closed_for(), Some(30 * SECOND));
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_keep_it_closed_for_longer() {
        let now = Arc::new(Mutex::new(start()));
        let clock = now.clone();
        let gate = RateLimitGate::new(Clock::new(move || *clock.lock().unwrap()), 0);
        gate.close(30 * SECOND);
        *now.lock().unwrap() = start() - 3600 * SECOND;
        assert_eq!(gate.closed_for(), Some(30 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_begun_only_if_it_fits_the_deadline() {
        let (gate, _) = gate();
        gate.close(3 * SECOND);
        let begun = Instant::now();
        let refused = gate.pass(begun + 3 * SECOND).await;
        let retry_after = 3 * SECOND;
        assert_eq!(refused, Err(PartnerError::RateLimited { retry_after }));
        assert_eq!(begun.elapsed(), Duration::ZERO);
        gate.pass(begun + 4 * SECOND).await.unwrap();
        assert!((3 * SECOND..4 * SECOND).contains(&begun.elapsed()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_leaves_just_enough_time_for_an_attempt_is_begun() {
        let (gate, _) = gate();
        gate.close(3 * SECOND);
        fastrand::seed(7);
        let spread = Duration::from_millis(fastrand::u64(0..=SPREAD_MS));
        assert!(!spread.is_zero());
        fastrand::seed(7);
        let begun = Instant::now();
        let deadline = begun + 3 * SECOND + spread + SHORTEST_ATTEMPT;
        gate.pass(deadline).await.unwrap();
        assert_eq!(begun.elapsed(), 3 * SECOND + spread);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_waits_again_if_the_gate_is_closed_anew_meanwhile() {
        let (gate, _) = gate();
        gate.close(3 * SECOND);
        let begun = Instant::now();
        let deadline = begun + 60 * SECOND;
        let (waited, ()) = tokio::join!(gate.pass(deadline), async {
            tokio::time::sleep(SECOND).await;
            gate.close(10 * SECOND);
        });
        waited.unwrap();
        // the clock of this test stands still, so that the second wait is a whole one
        assert!((13 * SECOND..14 * SECOND).contains(&begun.elapsed()));
        assert_eq!(gate.closed_for(), None);
    }
}
