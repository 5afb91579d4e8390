//! The base URL of the Partner API.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

use crate::protected_url::{ProtectedUrl, UrlError};

/// WHOOP's production environment.
const PRODUCTION: &str = "https://api.prod.whoop.com/developer";

/// The base URL of the Partner API. It is HTTPS, or plain HTTP to a loopback address for tests.
///
/// The default is WHOOP's production environment. Parse any other one from text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerApiBaseUrl(Url);

/// Why a text is not a base URL of the Partner API. It does not quote the text, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BaseUrlError {
    /// The credentials can't be sent to it.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// It holds a query or a fragment, so that paths can't be appended.
    #[error("holds a query or a fragment")]
    Query,
}

impl PartnerApiBaseUrl {
    /// Returns the URL of a path below the base. The segments are percent-encoded, so that none becomes another path.
    pub(crate) fn join(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        url.path_segments_mut()
            .expect("a URL with a host has path segments")
            .pop_if_empty()
            .extend(segments);
        url
    }
}

impl Default for PartnerApiBaseUrl {
    fn default() -> Self {
        Self(Url::parse(PRODUCTION).expect("the constant is a URL"))
    }
}

impl FromStr for PartnerApiBaseUrl {
    type Err = BaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ProtectedUrl(url) = text.parse()?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BaseUrlError::Query);
        }
        Ok(Self(url))
    }
}

impl fmt::Display for PartnerApiBaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_refused(text: &str, reason: impl Into<BaseUrlError>) {
        assert_eq!(
            text.parse::<PartnerApiBaseUrl>(),
            Err(reason.into()),
            "{text}"
        );
    }

    #[track_caller]
    fn assert_token_url(base: &str, expected: &str) {
        let base: PartnerApiBaseUrl = base.parse().expect(base);
        assert_eq!(base.join(&["v2", "partner", "token"]).as_str(), expected);
    }

    #[test]
    fn the_default_is_whoops_production_environment() {
        assert_eq!(
            PartnerApiBaseUrl::default()
                .join(&["v2", "partner", "token"])
                .as_str(),
            "https://api.prod.whoop.com/developer/v2/partner/token"
        );
    }

    #[test]
    fn a_trailing_slash_makes_no_difference() {
        let url = "https://whoop.example/developer/v2/partner/token";
        assert_token_url("https://whoop.example/developer", url);
        assert_token_url("https://whoop.example/developer/", url);
        let url = "https://whoop.example/v2/partner/token";
        assert_token_url("https://whoop.example", url);
        assert_token_url("https://whoop.example/", url);
    }

    #[test]
    fn a_segment_never_becomes_another_path() {
        let base = PartnerApiBaseUrl::default();
        let url = base.join(&["v2", "a/../b?c#d"]);
        assert_eq!(url.path(), "/developer/v2/a%2F..%2Fb%3Fc%23d");
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        assert_refused("api.prod.whoop.com/developer", UrlError::Malformed);
        assert_refused("http://whoop.example", UrlError::Unprotected);
        assert_refused("https://:secret@whoop.example", UrlError::UserInfo);
        assert_refused("https://whoop.example/?a=b", BaseUrlError::Query);
        assert_refused("https://whoop.example/#a", BaseUrlError::Query);
    }

    #[test]
    fn the_reason_does_not_quote_the_text() {
        let reason = "https://user:hunter2@whoop.example".parse::<PartnerApiBaseUrl>();
        assert_eq!(
            reason.unwrap_err().to_string(),
            "holds a user name or a password"
        );
    }
}
