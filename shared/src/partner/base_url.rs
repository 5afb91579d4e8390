//! The base URL of the Partner API.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

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
    /// It is not an absolute URL.
    #[error("not an absolute URL")]
    Malformed,
    /// It is neither HTTPS nor plain HTTP to a loopback address, so the credentials would be unprotected.
    #[error("neither https nor plain http to a loopback address")]
    Unprotected,
    /// It holds a user name or a password.
    #[error("holds a user name or a password")]
    UserInfo,
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
        let url = Url::parse(text).map_err(|_| BaseUrlError::Malformed)?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            _ => return Err(BaseUrlError::Unprotected),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BaseUrlError::UserInfo);
        }
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

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_refused(text: &str, reason: BaseUrlError) {
        assert_eq!(text.parse::<PartnerApiBaseUrl>(), Err(reason), "{text}");
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
    fn plain_http_goes_to_loopback_only() {
        for host in [
            "127.0.0.1",
            "127.1.2.3:8080",
            "[::1]:80",
            "localhost:4000",
            "LOCALHOST",
        ] {
            let text = format!("http://{host}/developer");
            assert!(text.parse::<PartnerApiBaseUrl>().is_ok(), "{text}");
        }
        for host in [
            "whoop.example",
            "10.0.0.1",
            "128.0.0.1",
            "0.0.0.0",
            "[::2]",
            "localhost.example",
            "127.0.0.1.example",
        ] {
            assert_refused(&format!("http://{host}"), BaseUrlError::Unprotected);
        }
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        assert_refused("", BaseUrlError::Malformed);
        assert_refused("api.prod.whoop.com/developer", BaseUrlError::Malformed);
        assert_refused("https://", BaseUrlError::Malformed);
        assert_refused("ftp://whoop.example", BaseUrlError::Unprotected);
        assert_refused("file:///etc/passwd", BaseUrlError::Unprotected);
        assert_refused("https://user@whoop.example", BaseUrlError::UserInfo);
        assert_refused("https://:secret@whoop.example", BaseUrlError::UserInfo);
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
