//! Rate limits with WHOOP's headers: `X-RateLimit-Limit`, `-Remaining`, `-Reset` (seconds left), and no `Retry-After`.

use std::time::{Duration, Instant};

use serde::Serialize;

/// So many calls in each window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RateLimit {
    /// Calls.
    pub requests: u32,
    /// Length of the window.
    pub window: Duration,
}

impl RateLimit {
    /// So many requests in each window of so many seconds.
    #[must_use]
    pub fn new(requests: u32, window_seconds: u64) -> Self {
        Self {
            requests,
            window: Duration::from_secs(window_seconds),
        }
    }

    /// WHOOP's own: 100 a minute and 10,000 a day.
    #[must_use]
    pub fn published() -> Vec<Self> {
        vec![Self::new(100, 60), Self::new(10_000, 86_400)]
    }
}

#[derive(Debug)]
pub(super) struct RateLimiter {
    windows: Vec<Window>,
}

#[derive(Debug)]
struct Window {
    limit: RateLimit,
    started: Option<Instant>,
    used: u32,
}

/// What the headers say after a call.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) exceeded: bool,
    pub(super) headers: [(&'static str, String); 3],
}

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
        }
    }

    /// Counts a call at `now`; one over the limit is not counted. `None` if there are no limits.
    pub(super) fn count(&mut self, now: Instant) -> Option<Standing> {
        for window in &mut self.windows {
            let over = window
                .started
                .is_none_or(|started| now.duration_since(started) >= window.limit.window);
            if over {
                window.started = Some(now);
                window.used = 0;
            }
        }
        let exceeded = self.windows.iter().any(|window| window.left() == 0);
        if !exceeded {
            for window in &mut self.windows {
                window.used += 1;
            }
        }
        let tightest = self.windows.iter().min_by_key(|window| window.left())?;
        // in seconds, rounded up: after them the window is over
        let reset = tightest.ends_in(now).as_millis().div_ceil(1000);
        Some(Standing {
            exceeded,
            headers: [
                ("x-ratelimit-limit", self.limit_header()),
                ("x-ratelimit-remaining", tightest.left().to_string()),
                ("x-ratelimit-reset", reset.to_string()),
            ],
        })
    }

    /// As WHOOP writes it: `100, 100;window=60, 10000;window=86400`.
    fn limit_header(&self) -> String {
        let tightest = self
            .windows
            .iter()
            .map(|window| window.limit.requests)
            .min();
        let mut header = tightest.unwrap_or_default().to_string();
        for Window { limit, .. } in &self.windows {
            header += &format!(", {};window={}", limit.requests, limit.window.as_secs());
        }
        header
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

    fn header<'a>(standing: &'a Standing, name: &str) -> &'a str {
        let found = standing.headers.iter().find(|(known, _)| *known == name);
        &found.expect("the header is there").1
    }

    #[test]
    fn calls_over_the_limit_are_refused_until_the_window_ends() {
        let mut limiter = RateLimiter::new(vec![RateLimit::new(2, 3), RateLimit::new(100, 60)]);
        let start = Instant::now();
        for remaining in ["1", "0"] {
            let standing = limiter.count(start).unwrap();
            assert!(!standing.exceeded);
            assert_eq!(header(&standing, "x-ratelimit-remaining"), remaining);
        }
        let almost = start + Duration::from_millis(2500);
        let standing = limiter.count(almost).unwrap();
        assert!(standing.exceeded);
        assert_eq!(header(&standing, "x-ratelimit-reset"), "1");
        assert!(
            !limiter
                .count(start + Duration::from_secs(3))
                .unwrap()
                .exceeded
        );
    }

    #[test]
    fn the_limits_are_told_as_whoop_does() {
        let mut limiter = RateLimiter::new(RateLimit::published());
        let standing = limiter.count(Instant::now()).unwrap();
        let limit = "100, 100;window=60, 10000;window=86400";
        assert_eq!(header(&standing, "x-ratelimit-limit"), limit);
    }
}
