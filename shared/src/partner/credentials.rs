//! Where the client credentials come from.

use std::sync::Arc;

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
    pub(super) async fn get(&self) -> Result<Arc<PartnerCredentials>, SecretError> {
        match self {
            Self::Fixed(credentials) => Ok(credentials.clone()),
            Self::Secret(cache) => cache.get().await,
        }
    }

    /// Other credentials than `refused`, if the secret holds some by now.
    pub(super) async fn rotated(
        &self,
        refused: &PartnerCredentials,
    ) -> Result<Option<Arc<PartnerCredentials>>, SecretError> {
        match self {
            Self::Fixed(_) => Ok(None),
            Self::Secret(cache) => {
                let credentials = cache.refetch().await?;
                Ok((!credentials.same_as(refused)).then_some(credentials))
            }
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
