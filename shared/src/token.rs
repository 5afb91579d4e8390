//! The access token of the Partner API (feature `client`): an OAuth 2.0 bearer token (RFC 6750).
//!
//! The client obtains tokens by itself. Use [`AccessToken`] and `TokenEndpoint` if you make calls of your own, and
//! `TokenStorage` to share a token between processes. `TokenStore` (feature `token-store`) shares it through DynamoDB.

#[cfg(feature = "client")]
mod endpoint;
#[cfg(feature = "client")]
mod source;
#[cfg(feature = "client")]
mod storage;

#[cfg(feature = "client")]
pub use endpoint::{TokenEndpoint, TokenError};
#[cfg(feature = "client")]
pub(crate) use source::LOOK_INTERVAL;
#[cfg(feature = "client")]
#[doc(hidden)]
pub use source::{Memory, TokenSource, TokenSourceError};
#[cfg(feature = "client")]
pub use storage::TokenStorage;

use std::fmt;
use std::time::{Duration, SystemTime};

use secrecy::{ExposeSecret, SecretString};

/// A token is renewed if less than this remains, however short its lifetime is.
const RENEW_BELOW: Duration = Duration::from_secs(600);

/// The longest lifetime of a token that is believed, whatever WHOOP says. Without a limit, a wrong figure would keep a token
/// in the storage for ever.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The greatest difference between the clocks of two processes.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// An access token that fits into the `Authorization` header. `Debug` does not show it.
pub struct AccessToken {
    value: SecretString,
    token_type: String,
    obtained_at: u64,
    expires_at: u64,
}

/// What a storage has done with a new token.
#[derive(Debug)]
pub enum StoreOutcome {
    /// It has stored the token.
    Stored,
    /// It has kept this token, which expires later.
    KeptNewer(AccessToken),
}

/// Why a text can't be used as an access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidToken {
    /// It is empty.
    #[error("access_token is empty")]
    Empty,
    /// It holds characters other than visible ASCII, which a header can't carry.
    #[error("access_token does not fit into a header")]
    NotHeaderSafe,
    /// Its type is not `bearer`.
    #[error("token_type is not bearer")]
    NotBearer,
}

impl AccessToken {
    /// Checks a token. `obtained_at` and `expires_at` are in Unix seconds.
    ///
    /// # Errors
    ///
    /// [`InvalidToken`] if it is empty, holds anything other than visible ASCII, or its type is not `bearer` in upper or
    /// lower case.
    pub fn new(
        value: SecretString,
        token_type: String,
        obtained_at: u64,
        expires_at: u64,
    ) -> Result<Self, InvalidToken> {
        if value.expose_secret().is_empty() {
            return Err(InvalidToken::Empty);
        }
        if !value
            .expose_secret()
            .bytes()
            .all(|byte| byte.is_ascii_graphic())
        {
            return Err(InvalidToken::NotHeaderSafe);
        }
        if !token_type.eq_ignore_ascii_case("bearer") {
            return Err(InvalidToken::NotBearer);
        }
        Ok(Self {
            value,
            token_type,
            obtained_at,
            expires_at,
        })
    }

    /// Returns the token itself, for the header and the storage.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.value.expose_secret()
    }

    /// Returns its type as WHOOP gave it: `bearer`, in upper or lower case.
    #[must_use]
    pub fn token_type(&self) -> &str {
        &self.token_type
    }

    /// Returns when it was requested, in Unix seconds.
    #[must_use]
    pub fn obtained_at(&self) -> u64 {
        self.obtained_at
    }

    /// Returns when it expires, in Unix seconds.
    #[must_use]
    pub fn expires_at(&self) -> u64 {
        self.expires_at
    }

    /// Returns its lifetime, from its request to its expiry.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        Duration::from_secs(self.expires_at.saturating_sub(self.obtained_at))
    }

    /// Returns whether its expiry can be right: no token expires more than a day (and 5 minutes, for clocks that differ)
    /// from `now`.
    #[must_use]
    pub fn is_credible(&self, now: SystemTime) -> bool {
        self.time_left(now) <= MAX_LIFETIME + CLOCK_TOLERANCE
    }

    /// Returns whether it will have expired `period` after `now`.
    #[must_use]
    pub fn expires_within(&self, period: Duration, now: SystemTime) -> bool {
        self.time_left(now) <= period
    }

    /// Returns whether it is time for the next one: less than half the lifetime, or less than 10 minutes, remains.
    #[must_use]
    pub fn needs_renewal(&self, now: SystemTime) -> bool {
        self.time_left(now) < (self.lifetime() / 2).max(RENEW_BELOW)
    }

    fn time_left(&self, now: SystemTime) -> Duration {
        Duration::from_secs(self.expires_at).saturating_sub(since_epoch(now))
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("obtained_at", &self.obtained_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Returns the Unix time; zero if the clock shows a time before 1970.
fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBTAINED_AT: u64 = 1_800_000_000;

    fn token(lifetime: u64) -> AccessToken {
        AccessToken::new(
            "seeded-token".into(),
            "bearer".into(),
            OBTAINED_AT,
            OBTAINED_AT + lifetime,
        )
        .expect("the token is fit for use")
    }

    /// A moment by what is left of a token then.
    fn with_left(token: &AccessToken, left: Duration) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(token.expires_at()) - left
    }

    #[track_caller]
    fn assert_renewed_below(token: &AccessToken, limit: u64) {
        let limit = Duration::from_secs(limit);
        let moment = Duration::from_nanos(1);
        assert!(!token.needs_renewal(with_left(token, limit + moment)));
        assert!(!token.needs_renewal(with_left(token, limit)));
        assert!(token.needs_renewal(with_left(token, limit - moment)));
    }

    #[test]
    fn a_long_lived_token_is_renewed_when_less_than_half_is_left() {
        assert_renewed_below(&token(3600), 1800);
        assert_renewed_below(&token(1202), 601);
    }

    #[test]
    fn a_short_lived_token_is_renewed_when_less_than_ten_minutes_are_left() {
        assert_renewed_below(&token(1200), 600);
        assert_renewed_below(&token(900), 600);
        assert!(
            token(599).needs_renewal(SystemTime::UNIX_EPOCH + Duration::from_secs(OBTAINED_AT))
        );
    }

    #[test]
    fn a_token_expires_at_its_last_second() {
        let token = token(3600);
        let second = Duration::from_secs(1);
        assert!(!token.expires_within(Duration::ZERO, with_left(&token, second)));
        assert!(token.expires_within(Duration::ZERO, with_left(&token, Duration::ZERO)));
        assert!(token.expires_within(second, with_left(&token, second)));
        assert!(!token.expires_within(second, with_left(&token, 2 * second)));
    }

    #[test]
    fn no_token_expires_later_than_in_a_day_and_five_minutes() {
        let longest = Duration::from_secs(24 * 60 * 60 + 5 * 60);
        let token = token(3600);
        let moment = Duration::from_nanos(1);
        assert!(token.is_credible(with_left(&token, longest)));
        assert!(!token.is_credible(with_left(&token, longest + moment)));
    }

    #[test]
    fn times_that_no_clock_shows_do_no_harm() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(OBTAINED_AT);
        let unending = AccessToken::new("t".into(), "bearer".into(), 0, u64::MAX).unwrap();
        assert!(!unending.expires_within(Duration::ZERO, now));
        let backwards = AccessToken::new("t".into(), "bearer".into(), u64::MAX, 0).unwrap();
        assert_eq!(backwards.lifetime(), Duration::ZERO);
        assert!(backwards.needs_renewal(now));
        assert!(!token(3600).needs_renewal(SystemTime::UNIX_EPOCH - Duration::from_secs(1)));
    }

    #[test]
    fn only_visible_ascii_makes_a_token() {
        let checked = |value: &str| AccessToken::new(value.into(), "Bearer".into(), 0, 1).map(drop);
        assert_eq!(checked("eyJhbGciOi.~+/=_-!"), Ok(()));
        assert_eq!(checked(""), Err(InvalidToken::Empty));
        for value in [
            " token",
            "to ken",
            "token\n",
            "to\tken",
            "to\u{7f}ken",
            "tökén",
            "\0",
        ] {
            assert_eq!(
                checked(value),
                Err(InvalidToken::NotHeaderSafe),
                "{value:?}"
            );
        }
    }

    #[test]
    fn only_a_bearer_token_is_taken_whatever_its_case() {
        let checked =
            |token_type: &str| AccessToken::new("t".into(), token_type.into(), 0, 1).map(drop);
        for token_type in ["bearer", "Bearer", "BEARER"] {
            assert_eq!(checked(token_type), Ok(()), "{token_type}");
        }
        for token_type in ["", "mac", "bearer "] {
            assert_eq!(
                checked(token_type),
                Err(InvalidToken::NotBearer),
                "{token_type}"
            );
        }
    }

    #[test]
    fn debug_does_not_show_the_token() {
        let text = format!("{:?} {:#?}", token(3600), token(3600));
        assert!(!text.contains("seeded-token"), "{text}");
        assert!(text.contains("1800003600"), "{text}");
    }
}
