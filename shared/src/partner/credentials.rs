//! Where the client credentials come from.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;

use crate::secrets::{PartnerCredentials, PartnerCredentialsCache, SecretError};

/// Where the client takes the client credentials from when it has to ask for a token.
#[derive(Debug)]
pub enum CredentialsSource {
    /// These, as long as the process lives.
    Fixed(Arc<PartnerCredentials>),
    /// A secret in AWS Secrets Manager.
    Secret(PartnerCredentialsCache),
}

impl CredentialsSource {
    /// The credentials as they are at hand, or as they were a few minutes ago.
    pub(crate) async fn get(
        &self,
        deadline: Instant,
    ) -> Result<Arc<PartnerCredentials>, SecretError> {
        match self {
            Self::Fixed(credentials) => Ok(credentials.clone()),
            Self::Secret(cache) => cache.get(deadline).await,
        }
    }

    /// The credentials as they were at `time` or later.
    pub(crate) async fn get_as_of(
        &self,
        time: SystemTime,
        deadline: Instant,
    ) -> Result<Arc<PartnerCredentials>, SecretError> {
        match self {
            Self::Fixed(credentials) => Ok(credentials.clone()),
            Self::Secret(cache) => cache.get_as_of(time, deadline).await,
        }
    }
}

impl From<PartnerCredentials> for CredentialsSource {
    fn from(credentials: PartnerCredentials) -> Self {
        Self::Fixed(Arc::new(credentials))
    }
}

impl From<PartnerCredentialsCache> for CredentialsSource {
    fn from(cache: PartnerCredentialsCache) -> Self {
        Self::Secret(cache)
    }
}
