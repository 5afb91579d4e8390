//! Why a call of the Partner API failed, by what the caller does next.

use std::fmt;
use std::time::Duration;

use crate::call_failure::{CallFailure, json_error};
use crate::token::{TokenError, TokenSourceError};

/// Why a call failed. Neither `Display` nor `Debug` shows a token, a secret, an identifier or anything about a patient.
///
/// | variant | what the caller does next |
/// |---|---|
/// | `NotFound` | sets the resource aside; one that a webhook has just told of may be found a minute later |
/// | `Unauthorised` | has somebody mend credentials or permissions |
/// | `RateLimited` | calls again after `retry_after` |
/// | `InvalidRequest` | mends the request as `body` says |
/// | `Temporary` | calls again later |
/// | `OutcomeUnknown` | finds out before it repeats the call: it may have had its effect |
/// | `TooLarge` | allows more, or sets the document aside |
/// | `Protocol` | has somebody look at what WHOOP has changed |
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartnerError {
    /// Status 404: there is no such resource, or this partner does not own it.
    #[error("not found, or of another partner")]
    NotFound,
    /// WHOOP refuses a new access token as well, or the client credentials, or the partner (status 403); or the token can't
    /// be had because a secret or a permission is wrong.
    #[error("not authorised: {0}")]
    Unauthorised(String),
    /// Too many requests, and the wait does not fit the deadline.
    #[error("rate limited for {} s", .retry_after.as_secs())]
    RateLimited {
        /// How long to wait.
        retry_after: Duration,
    },
    /// Another status from 400 to 499: WHOOP does not accept what was sent.
    #[error("request refused with status {status}")]
    InvalidRequest {
        /// The status.
        status: u16,
        /// The answer's body, which may repeat what was sent. WHOOP does not publish what it looks like.
        body: ErrorBody,
    },
    /// A passing fault of WHOOP, of the network or of the token's storage, or the deadline came too early.
    #[error("temporary failure: {0}")]
    Temporary(String),
    /// The request was sent, but what became of it is not known; only of calls that must not be repeated blindly.
    #[error("outcome unknown: {0}")]
    OutcomeUnknown(String),
    /// The answer is longer than the caller, or this library, allows.
    #[error("answer longer than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The answer is not what WHOOP documents.
    #[error("unexpected answer: {0}")]
    Protocol(String),
}

impl PartnerError {
    /// Says whether the same call may succeed later without anybody changing anything, and does no harm then.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Temporary(_))
    }

    /// JSON that does not decode; serde's own message quotes what it met.
    pub(super) fn malformed(error: &serde_json::Error) -> Self {
        Self::Protocol(json_error(error))
    }
}

impl From<TokenError> for PartnerError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::InvalidCredentials { .. } | TokenError::NewTokenRefused => {
                Self::Unauthorised(error.to_string())
            }
            TokenError::RateLimited { retry_after } => Self::RateLimited {
                retry_after: retry_after.unwrap_or(super::rate_limit::SHORTEST_WINDOW),
            },
            TokenError::Unavailable(_) => Self::Temporary(error.to_string()),
            TokenError::InvalidResponse(_) => Self::Protocol(error.to_string()),
        }
    }
}

impl From<TokenSourceError> for PartnerError {
    fn from(error: TokenSourceError) -> Self {
        match error {
            TokenSourceError::Token(error) => error.into(),
            TokenSourceError::Credentials(failure) => failure.into(),
        }
    }
}

/// The token can't be had because its storage or the client credentials can't be used.
impl From<CallFailure> for PartnerError {
    fn from(failure: CallFailure) -> Self {
        if failure.is_transient() {
            Self::Temporary(failure.to_string())
        } else {
            Self::Unauthorised(failure.to_string())
        }
    }
}

/// The body of an answer that refuses a request, cut to 4 KiB. `Debug` does not show it, since it may repeat what was sent.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ErrorBody(pub(super) String);

impl ErrorBody {
    /// The text, usually JSON. It may hold a person's data: keep it out of logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ErrorBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ErrorBody({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_passes_by_itself_is_transient() {
        let reason = || String::from("a reason");
        for (error, transient) in [
            (PartnerError::NotFound, false),
            (PartnerError::Unauthorised(reason()), false),
            (
                PartnerError::RateLimited {
                    retry_after: Duration::from_secs(3),
                },
                true,
            ),
            (
                PartnerError::InvalidRequest {
                    status: 422,
                    body: ErrorBody::default(),
                },
                false,
            ),
            (PartnerError::Temporary(reason()), true),
            (PartnerError::OutcomeUnknown(reason()), false),
            (PartnerError::TooLarge { limit: 1 }, false),
            (PartnerError::Protocol(reason()), false),
        ] {
            assert_eq!(error.is_transient(), transient, "{error}");
        }
    }

    #[test]
    fn whoops_words_are_for_the_caller_not_for_logs() {
        let error = PartnerError::InvalidRequest {
            status: 422,
            body: ErrorBody("seeded-name has no such status".into()),
        };
        let text = format!("{error} {error:?} {error:#?}");
        assert!(text.contains("status 422"), "{text}");
        assert!(!text.contains("seeded-name"), "{text}");
    }

    #[test]
    fn a_failure_to_get_a_token_says_what_to_do_next() {
        let error = PartnerError::from(TokenError::InvalidCredentials { status: 401 });
        assert!(matches!(error, PartnerError::Unauthorised(_)), "{error}");
        let error = PartnerError::from(TokenError::RateLimited { retry_after: None });
        let minute = Duration::from_secs(60);
        assert_eq!(
            error,
            PartnerError::RateLimited {
                retry_after: minute
            }
        );
        let error = PartnerError::from(TokenError::Unavailable("status 503".into()));
        assert!(error.is_transient(), "{error}");
        let error = PartnerError::from(TokenError::InvalidResponse("empty".into()));
        assert!(matches!(error, PartnerError::Protocol(_)), "{error}");
    }
}
