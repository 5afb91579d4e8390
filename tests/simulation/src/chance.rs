//! Randomness. All of it comes from the thread's generator, which `main` seeds, like that of our functions and of the AWS SDK.

use std::time::Duration;

/// True with this probability.
pub(crate) fn chance(probability: f64) -> bool {
    fastrand::f64() < probability
}

/// A time from `least` to `most`.
pub(crate) fn between(least: Duration, most: Duration) -> Duration {
    let range = (most - least).as_millis() as u64;
    least + Duration::from_millis(fastrand::u64(0..=range))
}

/// Seconds.
pub(crate) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Minutes.
pub(crate) const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// Hours.
pub(crate) const fn hours(count: u64) -> Duration {
    minutes(count * 60)
}

/// Days.
pub(crate) const fn days(count: u64) -> Duration {
    hours(count * 24)
}
