//! Where the time of day comes from, so that tests and simulations can set it.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// A clock: the system's, or any other.
///
/// ```
/// # #[cfg(feature = "client")] {
/// use std::time::{Duration, SystemTime};
///
/// use whoop_partner::clock::Clock;
///
/// let an_hour_ahead = Clock::new(|| SystemTime::now() + Duration::from_secs(3600));
/// assert!(an_hour_ahead.now() > Clock::system().now());
/// # }
/// ```
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    /// Makes a clock that shows what `now` returns.
    #[must_use]
    pub fn new(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Returns the system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::new(SystemTime::now)
    }

    /// Returns the current time.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

#[cfg(any(feature = "secrets", feature = "token-store"))]
impl aws_smithy_async::time::TimeSource for Clock {
    fn now(&self) -> SystemTime {
        Self::now(self)
    }
}
