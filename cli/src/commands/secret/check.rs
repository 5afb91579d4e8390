//! Whether WHOOP takes client credentials, before they are stored.

use std::time::Duration;

use tokio::time::Instant;
use whoop_partner::PartnerCredentials;
use whoop_partner::http::HttpClient;
use whoop_partner::token::{TokenEndpoint, TokenError};

use crate::error::ToolError;
use crate::session::Session;

/// How long WHOOP may take, including further attempts.
const LIMIT: Duration = Duration::from_secs(20);

/// Requests a token with these credentials. The token is thrown away.
///
/// # Errors
///
/// If WHOOP refuses the credentials, or does not say whether it takes them.
pub(super) async fn check(
    session: &Session,
    credentials: &PartnerCredentials,
) -> Result<(), ToolError> {
    let base_url = session.stack().await?.partner_api_base_url()?;
    let http = HttpClient::from_env().map_err(|error| ToolError::Failed(error.to_string()))?;
    let endpoint = TokenEndpoint::new(http, &base_url);
    let answer = endpoint.request(credentials, Instant::now() + LIMIT).await;
    answer.map(drop).map_err(|error| match error {
        TokenError::InvalidCredentials { .. } | TokenError::NewTokenRefused => {
            ToolError::Remediable {
                message: format!("WHOOP refuses these credentials, and nothing is stored: {error}"),
                remedy: "check both values, and that the stack's PartnerApiBaseUrl is the environment they are for".into(),
            }
        }
        error => ToolError::Remediable {
            message: format!("it is unknown whether WHOOP takes these credentials, and nothing is stored: {error}"),
            remedy: "try again later, or store them unchecked: --unchecked".into(),
        },
    })
}
