//! URLs to which a secret or a signature may be sent (feature `client`).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;

/// An absolute URL without a user name and a password. It is HTTPS, or plain HTTP to a loopback address for tests.
///
/// `Debug` leaves out the query, which may hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct ProtectedUrl(pub(crate) Url);

/// Why a text is not a [`ProtectedUrl`]. It does not quote the text, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// It is not an absolute URL.
    #[error("not an absolute URL")]
    Malformed,
    /// It is neither HTTPS nor plain HTTP to a loopback address, so that others could read what is sent.
    #[error("neither https nor plain http to a loopback address")]
    Unprotected,
    /// It holds a user name or a password.
    #[error("holds a user name or a password")]
    UserInfo,
}

impl ProtectedUrl {
    /// Returns a copy of the URL for a request.
    #[must_use]
    pub fn to_url(&self) -> Url {
        self.0.clone()
    }
}

impl FromStr for ProtectedUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| UrlError::Malformed)?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            _ => return Err(UrlError::Unprotected),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::UserInfo);
        }
        Ok(Self(url))
    }
}

impl fmt::Debug for ProtectedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.clone();
        shown.set_query(None);
        shown.set_fragment(None);
        write!(f, "ProtectedUrl({shown})")
    }
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_refused(text: &str, reason: UrlError) {
        assert_eq!(text.parse::<ProtectedUrl>(), Err(reason), "{text}");
    }

    #[test]
    fn https_goes_everywhere_with_any_path_and_query() {
        for text in [
            "https://whoop.example/",
            "https://10.0.0.1:8443/webhooks?a=b",
        ] {
            let url: ProtectedUrl = text.parse().expect(text);
            assert_eq!(url.to_url().as_str(), text);
        }
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
            assert!(text.parse::<ProtectedUrl>().is_ok(), "{text}");
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
            assert_refused(&format!("http://{host}"), UrlError::Unprotected);
        }
    }

    #[test]
    fn what_is_no_protected_url_is_refused() {
        assert_refused("", UrlError::Malformed);
        assert_refused("whoop.example/webhooks", UrlError::Malformed);
        assert_refused("https://", UrlError::Malformed);
        assert_refused("ftp://whoop.example", UrlError::Unprotected);
        assert_refused("file:///etc/passwd", UrlError::Unprotected);
        assert_refused("https://user@whoop.example", UrlError::UserInfo);
        assert_refused("https://:secret@whoop.example", UrlError::UserInfo);
    }

    #[test]
    fn debug_leaves_the_query_out() {
        let url: ProtectedUrl = "https://whoop.example/webhooks?key=secret#secret"
            .parse()
            .unwrap();
        assert_eq!(
            format!("{url:?}"),
            "ProtectedUrl(https://whoop.example/webhooks)"
        );
    }
}
