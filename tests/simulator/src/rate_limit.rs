//! Rate limits with WHOOP's headers: `X-RateLimit-Limit`, `-Remaining`, `-Reset` (seconds left), and no `Retry-After`.
//!
//! WHOOP documents them for its member API (<https://developer.whoop.com/docs/developing/rate-limiting>). We assume
//! that the Partner API has the same. The headers describe the limit that the client is closest to reaching. A window
//! begins with its first call, so that tests need not wait for a full minute.

use std::cmp::Reverse;
use std::str::FromStr;
use std::time::{Duration, Instant};

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

/// The number of calls that each window allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Calls.
    pub requests: u32,
    /// Length of the window, in whole seconds.
    pub window: Duration,
}

/// A text is not of the form `CALLS/SECONDS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not of the form CALLS/SECONDS, such as 100/60")]
pub struct MalformedRateLimit;

impl RateLimit {
    /// This many requests in each window of this many seconds.
    #[must_use]
    pub fn new(requests: u32, window_seconds: u64) -> Self {
        Self {
            requests,
            window: Duration::from_secs(window_seconds),
        }
    }

    /// The limits of WHOOP's member API: 100 a minute and 10,000 a day.
    #[must_use]
    pub fn of_member_api() -> Vec<Self> {
        vec![Self::new(100, 60), Self::new(10_000, 86_400)]
    }
}

impl FromStr for RateLimit {
    type Err = MalformedRateLimit;

    /// Reads `100/60`: 100 calls in 60 seconds.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (requests, seconds) = text.split_once('/').ok_or(MalformedRateLimit)?;
        let requests = requests.parse().map_err(|_| MalformedRateLimit)?;
        let seconds = seconds.parse().map_err(|_| MalformedRateLimit)?;
        Ok(Self::new(requests, seconds))
    }
}

/// How many calls each window has seen.
pub(super) struct RateLimiter {
    windows: Vec<Window>,
}

struct Window {
    limit: RateLimit,
    /// When it began; `None` before the first call.
    started: Option<Instant>,
    used: u32,
}

/// A call is one too many.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exceeded;

impl RateLimiter {
    pub(super) fn new(limits: Vec<RateLimit>) -> Self {
        let windows = limits.into_iter().map(|limit| Window {
            limit,
            started: None,
            used: 0,
        });
        Self {
            windows: windows.collect(),
        }
    }

    pub(super) fn reset(&mut self) {
        for window in &mut self.windows {
            window.started = None;
            window.used = 0;
        }
    }

    /// Counts a call at `now`. A call beyond the limit is refused and not counted.
    pub(super) fn count(&mut self, now: Instant) -> Result<(), Exceeded> {
        self.close_windows(now);
        if self.windows.iter().any(|window| window.left() == 0) {
            return Err(Exceeded);
        }
        for window in &mut self.windows {
            window.started.get_or_insert(now);
            window.used += 1;
        }
        Ok(())
    }

    /// Adds the rate limit headers at `now`; none if there are no limits.
    pub(super) fn describe(&mut self, now: Instant, headers: &mut HeaderMap) {
        self.close_windows(now);
        // if two are exhausted, the one that lasts longer
        let closest = self
            .windows
            .iter()
            .min_by_key(|window| (window.left(), Reverse(window.ends_in(now))));
        let Some(closest) = closest else { return };
        let mut limits = closest.limit.requests.to_string();
        for Window { limit, .. } in &self.windows {
            limits += &format!(", {};window={}", limit.requests, limit.window.as_secs());
        }
        // rounded up, so that the window is over after that many seconds
        let reset = closest.ends_in(now).as_nanos().div_ceil(1_000_000_000);
        for (name, value) in [
            ("x-ratelimit-limit", limits),
            ("x-ratelimit-remaining", closest.left().to_string()),
            ("x-ratelimit-reset", reset.to_string()),
        ] {
            let value = HeaderValue::try_from(value).expect("numbers fit into a header");
            headers.insert(HeaderName::from_static(name), value);
        }
    }

    fn close_windows(&mut self, now: Instant) {
        for window in &mut self.windows {
            if window.ends_in(now).is_zero() {
                window.started = None;
                window.used = 0;
            }
        }
    }
}

impl Window {
    fn left(&self) -> u32 {
        self.limit.requests.saturating_sub(self.used)
    }

    fn ends_in(&self, now: Instant) -> Duration {
        let started = self.started.unwrap_or(now);
        (started + self.limit.window).saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset`.
    fn headers(limiter: &mut RateLimiter, now: Instant) -> [String; 3] {
        let mut headers = HeaderMap::new();
        limiter.describe(now, &mut headers);
        ["limit", "remaining", "reset"].map(|name| {
            let value = &headers[format!("x-ratelimit-{name}")];
            value.to_str().expect("the value is ASCII").into()
        })
    }

    #[test]
    fn calls_over_the_limit_are_refused_until_the_window_ends() {
        let mut limiter = RateLimiter::new(vec![RateLimit::new(2, 3), RateLimit::new(100, 60)]);
        let start = Instant::now();
        assert_eq!(headers(&mut limiter, start)[1..], ["2", "3"]);
        for remaining in ["1", "0"] {
            assert_eq!(limiter.count(start), Ok(()));
            assert_eq!(headers(&mut limiter, start)[1..], [remaining, "3"]);
        }
        let last = start + Duration::from_millis(2_999);
        assert_eq!(limiter.count(last), Err(Exceeded));
        assert_eq!(headers(&mut limiter, last)[1..], ["0", "1"]);
        assert_eq!(limiter.count(start + Duration::from_secs(3)), Ok(()));
    }

    #[test]
    fn the_headers_tell_of_the_limit_that_is_closest() {
        let mut limiter = RateLimiter::new(vec![RateLimit::new(10, 60), RateLimit::new(12, 3600)]);
        let start = Instant::now();
        assert_eq!(
            headers(&mut limiter, start),
            ["10, 10;window=60, 12;window=3600", "10", "60"]
        );
        for _ in 0..10 {
            assert_eq!(limiter.count(start), Ok(()));
        }
        let next = start + Duration::from_secs(60);
        assert_eq!(
            headers(&mut limiter, next),
            ["12, 10;window=60, 12;window=3600", "2", "3540"]
        );
    }

    #[test]
    fn of_two_limits_used_up_the_headers_tell_of_the_longer_wait() {
        let mut limiter = RateLimiter::new(vec![RateLimit::new(1, 60), RateLimit::new(1, 3600)]);
        let start = Instant::now();
        assert_eq!(limiter.count(start), Ok(()));
        assert_eq!(headers(&mut limiter, start)[1..], ["0", "3600"]);
    }

    #[test]
    fn the_limits_of_the_member_api_are_told_as_whoop_does() {
        let mut limiter = RateLimiter::new(RateLimit::of_member_api());
        let start = Instant::now();
        assert_eq!(limiter.count(start), Ok(()));
        assert_eq!(
            headers(&mut limiter, start),
            ["100, 100;window=60, 10000;window=86400", "99", "60"]
        );
    }

    #[test]
    fn limits_are_read_as_calls_and_seconds() {
        assert_eq!("100/60".parse(), Ok(RateLimit::new(100, 60)));
        for text in ["", "100", "100/", "/60", "100/60/1", "-1/60", "a/b"] {
            assert_eq!(text.parse::<RateLimit>(), Err(MalformedRateLimit), "{text}");
        }
    }
}
