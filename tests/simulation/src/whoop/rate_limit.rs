//! WHOOP's rate limit: a minute's and a day's window. A window begins with its first call.

use std::time::Duration;

use crate::chance::{days, minutes};

/// The windows.
#[derive(Default)]
pub(super) struct RateLimiter {
    windows: [Window; 2],
}

#[derive(Default)]
struct Window {
    began: Option<Duration>,
    used: u32,
}

/// What the headers say, about the window that is closest to its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) remaining: u32,
    /// In seconds, rounded up.
    pub(super) reset: u64,
}

impl RateLimiter {
    /// Counts some calls. Returns whether they were accepted, and what WHOOP says.
    pub(super) fn count(&mut self, calls: u32, limits: [u32; 2], now: Duration) -> (bool, Told) {
        let lengths = [minutes(1), days(1)];
        let mut accepted = true;
        for ((window, limit), length) in self.windows.iter_mut().zip(limits).zip(lengths) {
            if window.began.is_some_and(|began| now >= began + length) {
                *window = Window::default();
            }
            accepted &= window.used < limit;
        }
        if accepted {
            for (window, limit) in self.windows.iter_mut().zip(limits) {
                window.began.get_or_insert(now);
                window.used = (window.used + calls).min(limit);
            }
        }
        let windows = self.windows.iter().zip(limits).zip(lengths);
        let told = windows.map(|((window, limit), length)| Told {
            remaining: limit - window.used,
            reset: (window.began.unwrap_or(now) + length - now)
                .as_millis()
                .div_ceil(1000) as u64,
        });
        // if two are exhausted, the one that lasts longer
        let told = told.min_by_key(|told| (told.remaining, u64::MAX - told.reset));
        (accepted, told.expect("there are two windows"))
    }
}
