//! Why a call of the Partner API failed: a variant for each decision of the caller.

use std::fmt;
use std::time::Duration;

use crate::call_failure::{CallFailure, json_error};
use crate::token::{TokenError, TokenSourceError};

/// Why a call failed. Neither `Display` nor `Debug` shows a token, a secret, an identifier or anything about a patient.
///
/// | variant | what the caller does next |
/// |---|---|
/// | `NotFound` | gives the resource up; if a webhook has just announced it, calls again a minute later first |
/// | `Unauthorised` | asks an operator to correct the credentials or the permissions |
/// | `RateLimited` | calls again after `retry_after` |
/// | `InvalidRequest` | corrects the request as `body` says |
/// | `Temporary` | calls again later |
/// | `OutcomeUnknown` | finds out whether the call had its effect, before it repeats the call |
/// | `TooLarge` | allows a larger document, or gives it up |
/// | `Protocol` | asks an operator to find out what WHOOP has changed |
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartnerError {
    /// Status 404: there is no such resource, or this partner does not own it.
    #[error("not found, or owned by another partner")]
    NotFound,
    /// WHOOP refuses the client credentials, even a new access token, or the partner (status 403). Or there is no token
    /// because a secret or a permission is wrong.
    #[error("not authorised: {0}")]
    Unauthorised(String),
    /// WHOOP limits the rate, and the deadline comes before the limit resets, or the call has been sent again ten times.
    #[error("rate limited for {} s", .retry_after.as_secs())]
    RateLimited {
        /// The time until the limit resets.
        retry_after: Duration,
    },
    /// Another status from 400 to 499: WHOOP does not accept what was sent.
    #[error("request refused with status {status}")]
    InvalidRequest {
        /// The status.
        status: u16,
        /// The answer's body, which may repeat what was sent. WHOOP does not publish its format.
        body: ErrorBody,
    },
    /// A fault of WHOOP, of the network or of the token's storage that may pass, or the deadline came too early.
    #[error("temporary failure: {0}")]
    Temporary(String),
    /// The request was sent, but nobody knows whether it had its effect. Only calls that are never repeated fail like this:
    /// [`submit_diagnostic_report`](super::PartnerClient::submit_diagnostic_report) and
    /// [`add_test_data`](super::PartnerClient::add_test_data).
    #[error("outcome unknown: {0}")]
    OutcomeUnknown(String),
    /// The answer is longer than the caller, or this library, allows.
    #[error("answer longer than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The answer differs from what WHOOP documents.
    #[error("unexpected answer: {0}")]
    Protocol(String),
}

impl PartnerError {
    /// Returns whether the same call may succeed later without any change, and whether repeating it does no harm.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Temporary(_))
    }

    /// Describes JSON that does not decode. serde's own message would quote the JSON.
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

/// There is no token, because its storage or the client credentials can't be used.
impl From<CallFailure> for PartnerError {
    fn from(failure: CallFailure) -> Self {
        if failure.is_transient() {
            Self::Temporary(failure.to_string())
        } else {
            Self::Unauthorised(failure.to_string())
        }
    }
}

/// The body of an answer that refuses a request, cut to 4 KiB. `Debug` shows only its length, because it may repeat what was
/// sent.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ErrorBody(pub(super) String);

impl ErrorBody {
    /// Returns the text, usually JSON. It may hold a person's data: keep it out of logs.
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
