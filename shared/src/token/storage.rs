//! Where the processes of one partner share their access token.

use super::{AccessToken, StoreOutcome};
use crate::call_failure::CallFailure;
use crate::future::BoxFuture;

/// Keeps the access token for other processes. `TokenStore` (feature `token-store`) does so in DynamoDB.
pub trait TokenStorage: std::fmt::Debug + Send + Sync {
    /// The stored token, which may have expired. An item that is no token counts as missing.
    ///
    /// # Errors
    ///
    /// When the storage can't be read.
    fn load(&self) -> BoxFuture<'_, Result<Option<AccessToken>, CallFailure>>;

    /// Stores a token, unless the storage holds one that expires later and is not `refused`, the token that WHOOP has just
    /// refused.
    ///
    /// # Errors
    ///
    /// When the storage can't be written.
    fn store<'a>(
        &'a self,
        token: &'a AccessToken,
        refused: Option<&'a AccessToken>,
    ) -> BoxFuture<'a, Result<StoreOutcome, CallFailure>>;
}
