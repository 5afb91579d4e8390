//! What a failed invocation answers.

use lambda_runtime::Diagnostic;
use whoop_partner::call_failure::CallFailure;
use whoop_partner::token::{TokenError, TokenSourceError};
use whoop_partner::token_store::StoreError;

/// Why the token was not refreshed. The runtime logs its `Debug` and answers with its `Display`: neither holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// WHOOP gave no token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// There are no client credentials.
    #[error("{0}")]
    Credentials(CallFailure),
    /// The token table could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A defect of ours; the log tells the place.
    #[error("the function panicked")]
    Panicked,
}

impl RefreshError {
    /// The `errorType` by which dashboards and runbooks know the failure.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Token(TokenError::InvalidCredentials { .. } | TokenError::NewTokenRefused) => {
                "InvalidCredentials"
            }
            Self::Token(TokenError::RateLimited { .. }) => "RateLimited",
            Self::Token(TokenError::Unavailable(_)) => "PartnerUnavailable",
            Self::Token(TokenError::InvalidResponse(_)) => "InvalidResponse",
            Self::Credentials(_) => "SecretUnavailable",
            Self::Store(_) => "StoreUnavailable",
            Self::Panicked => "Panicked",
        }
    }
}

impl From<TokenSourceError> for RefreshError {
    fn from(error: TokenSourceError) -> Self {
        match error {
            TokenSourceError::Token(error) => error.into(),
            TokenSourceError::Credentials(failure) => Self::Credentials(failure),
        }
    }
}

impl From<RefreshError> for Diagnostic {
    fn from(error: RefreshError) -> Self {
        Self {
            error_type: error.error_type().into(),
            error_message: error.to_string(),
        }
    }
}
