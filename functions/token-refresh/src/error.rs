//! Why an invocation failed, and its answer.

use lambda_runtime::Diagnostic;
use whoop_partner::call_failure::CallFailure;
use whoop_partner::token::{TokenError, TokenSourceError};
use whoop_partner::token_store::StoreError;

/// Why the token was not refreshed. The runtime logs the `Debug` and answers with the `Display`. Neither holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// WHOOP gave no token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The client credentials could not be read.
    #[error("{0}")]
    Credentials(CallFailure),
    /// The token table could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The function has a defect. The log has the place of the panic.
    #[error("the function panicked")]
    Panicked,
}

impl RefreshError {
    /// Returns the `errorType` that dashboards and runbooks use.
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
