//! The function's environment.

use whoop_partner::lambda::env::{self, EnvError};
use whoop_partner::partner::PartnerApiBaseUrl;

/// The settings that the environment holds.
#[derive(Debug, Clone)]
pub struct Config {
    /// `TOKEN_TABLE_NAME`: the table that holds the token.
    pub token_table_name: String,
    /// `PARTNER_CREDENTIALS_SECRET_ID`: name or ARN of the client credentials.
    pub partner_credentials_secret_id: String,
    /// `PARTNER_API_BASE_URL`: where the Partner API is. The default is WHOOP's production environment.
    pub partner_api_base_url: PartnerApiBaseUrl,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// [`EnvError`] if a variable is missing or malformed. The error names it.
    pub fn from_env() -> Result<Self, EnvError> {
        Ok(Self {
            token_table_name: env::required("TOKEN_TABLE_NAME")?,
            partner_credentials_secret_id: env::required("PARTNER_CREDENTIALS_SECRET_ID")?,
            partner_api_base_url: env::parsed(
                "PARTNER_API_BASE_URL",
                PartnerApiBaseUrl::default(),
            )?,
        })
    }
}
