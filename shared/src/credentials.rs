//! The client credentials that WHOOP gave the partner, and where they come from (features `client` and `secrets`).
//!
//! Follows OAuth 2.0 (RFC 6749, section 2.3.1).

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::Instant;

use crate::call_failure::CallFailure;
use crate::future::BoxFuture;

/// Client ID and client secret. `Debug` shows neither.
#[derive(Clone, Deserialize)]
pub struct PartnerCredentials {
    /// The client ID.
    pub client_id: String,
    /// The client secret.
    pub client_secret: SecretString,
}

impl PartnerCredentials {
    /// Returns whether `other` holds the same ID and secret.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.client_id == other.client_id
            && self.client_secret.expose_secret() == other.client_secret.expose_secret()
    }
}

impl fmt::Debug for PartnerCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PartnerCredentials(REDACTED)")
    }
}

/// Where the client takes the credentials from when it requests a token.
///
/// [`PartnerCredentials`] are a source themselves: they never change. A `PartnerCredentialsCache` (feature `secrets`) reads
/// them from AWS Secrets Manager, and so notices a rotation.
pub trait CredentialsSource: fmt::Debug + Send + Sync {
    /// Returns the credentials. They may be a few minutes old.
    ///
    /// # Errors
    ///
    /// [`CallFailure`] if they can't be read before `deadline`.
    fn get(&self, deadline: Instant)
    -> BoxFuture<'_, Result<Arc<PartnerCredentials>, CallFailure>>;

    /// Returns the credentials as they were at `time` or later. The client calls this if WHOOP has refused older ones.
    ///
    /// # Errors
    ///
    /// [`CallFailure`] if they can't be read before `deadline`.
    fn get_as_of(
        &self,
        time: SystemTime,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<Arc<PartnerCredentials>, CallFailure>>;
}

impl CredentialsSource for PartnerCredentials {
    fn get(&self, _: Instant) -> BoxFuture<'_, Result<Arc<PartnerCredentials>, CallFailure>> {
        Box::pin(async { Ok(Arc::new(self.clone())) })
    }

    fn get_as_of(
        &self,
        _: SystemTime,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<Arc<PartnerCredentials>, CallFailure>> {
        self.get(deadline)
    }
}
