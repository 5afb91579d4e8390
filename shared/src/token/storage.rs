//! Where several processes share an access token.

use super::{AccessToken, StoreOutcome};
use crate::call_failure::CallFailure;
use crate::future::BoxFuture;

/// Keeps an access token for several processes. `TokenStore` (feature `token-store`) does so in DynamoDB.
pub trait TokenStorage: std::fmt::Debug + Send + Sync {
    /// Returns the stored token, which may have expired. A stored value that is not a token counts as missing.
    ///
    /// # Errors
    ///
    /// [`CallFailure`] if the storage can't be read.
    fn load(&self) -> BoxFuture<'_, Result<Option<AccessToken>, CallFailure>>;

    /// Stores a token, unless the storage holds another one that expires later. `refused` is the token that WHOOP has just
    /// refused: it is replaced even if it expires later.
    ///
    /// # Errors
    ///
    /// [`CallFailure`] if the storage can't be written.
    fn store<'a>(
        &'a self,
        token: &'a AccessToken,
        refused: Option<&'a AccessToken>,
    ) -> BoxFuture<'a, Result<StoreOutcome, CallFailure>>;
}
