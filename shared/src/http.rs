//! How the client sends its requests to WHOOP (feature `client`). You need this only to send them in your own way.
//!
//! It also reads the answers and decides when a request is repeated.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Request, Response, Url};
use rustls::RootCertStore;
use tokio::time::Instant;

use crate::call_failure::with_causes;
use crate::future::BoxFuture;
use crate::tls::{self, InvalidCertificates, POOL_IDLE_TIMEOUT};

/// Name and version of this library, sent with each request.
const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// How long connecting may take, including the TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest time to wait for the next byte of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// The least time for an attempt. If less than this would be left after a wait, the wait does not begin.
pub(crate) const SHORTEST_ATTEMPT: Duration = Duration::from_millis(500);

/// The longest of WHOOP's rate limit windows, a day.
pub(crate) const LONGEST_WINDOW: Duration = Duration::from_secs(86_400);

/// Sends requests to WHOOP. Clones share their connections.
#[derive(Clone)]
pub struct HttpClient(Arc<dyn Transport>);

/// What carries requests to WHOOP: real connections, or a simulated network.
///
/// Its types are those of `reqwest` 0.13, the only ones of that crate in this library's interface. Types of our own would
/// repeat them, and would copy each request and each answer.
///
/// A transport must follow no redirect: one would carry the client secret or the access token to wherever the answer points.
/// [`client_builder`] makes clients that follow none.
pub trait Transport: Send + Sync {
    /// Sends a request and returns the answer as soon as its headers have arrived. The request's own timeout includes the
    /// body of the answer.
    ///
    /// # Errors
    ///
    /// [`Unanswered`] if no answer arrives.
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, Unanswered>>;
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// What happened, in words that are safe to log: no URL and no identifier.
    pub reason: String,
    /// Whether the request may have reached WHOOP.
    pub sent: bool,
}

impl HttpClient {
    /// Makes a client that keeps idle connections for five seconds.
    ///
    /// # Errors
    ///
    /// [`InvalidCertificates`] if the file that `SSL_CERT_FILE` names can't be read or holds no certificates.
    pub fn from_env() -> Result<Self, InvalidCertificates> {
        Ok(Self::over(client_builder()?))
    }

    /// Makes a client that opens a connection for each request.
    ///
    /// # Errors
    ///
    /// As for [`from_env`](Self::from_env).
    pub fn unpooled_from_env() -> Result<Self, InvalidCertificates> {
        Ok(Self::over(client_builder()?.pool_max_idle_per_host(0)))
    }

    fn over(builder: reqwest::ClientBuilder) -> Self {
        let client = builder
            .user_agent(USER_AGENT)
            .read_timeout(READ_TIMEOUT)
            .build()
            .expect("a client with checked certificates builds");
        Self::new(client)
    }

    /// Makes a client that sends its requests over `transport`, which must follow no redirect.
    #[must_use]
    pub fn new(transport: impl Transport + 'static) -> Self {
        Self(Arc::new(transport))
    }

    /// Sends a request and returns the answer as soon as its headers have arrived. The request's own timeout includes the
    /// body of the answer. The Partner API's client does this by itself.
    ///
    /// # Errors
    ///
    /// [`Unanswered`] if no answer arrives.
    pub async fn send(&self, request: Request) -> Result<Response, Unanswered> {
        self.0.send(request).await
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpClient")
    }
}

impl Transport for reqwest::Client {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, Unanswered>> {
        let answer = self.execute(request);
        Box::pin(async {
            answer.await.map_err(|error| Unanswered {
                sent: !(error.is_connect() || error.is_builder()),
                reason: broken(error),
            })
        })
    }
}

/// Makes a builder of an HTTP client for WHOOP. The caller adds timeouts.
///
/// The client follows no redirect, because a redirect could send the client secret or the access token to another server.
///
/// # Errors
///
/// [`InvalidCertificates`] if the file that `SSL_CERT_FILE` names can't be read or holds no certificates.
pub fn client_builder() -> Result<reqwest::ClientBuilder, InvalidCertificates> {
    let roots = match tls::bundle("SSL_CERT_FILE")? {
        Some(bundle) => bundle.roots,
        None => RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    };
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .expect("ring serves the default protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT))
}

/// Makes a request. It may take `timeout`, including its answer. The body is JSON.
pub(crate) fn request(
    method: Method,
    url: Url,
    body: Option<Vec<u8>>,
    timeout: Duration,
) -> Request {
    let mut request = Request::new(method, url);
    *request.timeout_mut() = Some(timeout);
    if let Some(body) = body {
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        *request.body_mut() = Some(body.into());
    }
    request
}

/// Adds an access token to a request (RFC 6750, section 2.1). The token consists of visible ASCII.
pub(crate) fn with_bearer(mut request: Request, token: &str) -> Request {
    let mut value =
        HeaderValue::try_from(format!("Bearer {token}")).expect("visible ASCII makes a header");
    value.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, value);
    request
}

/// Why the body of an answer could not be read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It is longer than allowed.
    TooLong,
    /// The connection broke, or the time ran out.
    Broken(String),
}

/// Reads an answer to its end, and stops if it is longer than `max_bytes`.
pub(crate) async fn body(mut response: Response, max_bytes: usize) -> Result<Vec<u8>, Unread> {
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| Unread::Broken(broken(error)))?
    {
        if body.len() + chunk.len() > max_bytes {
            return Err(Unread::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Says why a connection broke, without the URL, which may hold an identifier.
pub(crate) fn broken(error: reqwest::Error) -> String {
    if error.is_timeout() {
        "no answer in time".into()
    } else {
        with_causes(&error.without_url())
    }
}

/// Returns the time until the nearest window of the rate limit ends (`X-RateLimit-Reset`, in whole seconds, a day at most).
pub(crate) fn rate_limit_reset(headers: &HeaderMap) -> Option<Duration> {
    let seconds = number(headers, "X-RateLimit-Reset")?;
    Some(Duration::from_secs(seconds).min(LONGEST_WINDOW))
}

/// Returns the number that a header holds.
pub(crate) fn number<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// When a request is repeated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retries {
    /// When the last attempt must have ended.
    pub(crate) deadline: Instant,
    /// The greatest number of attempts, including the first one. `None` means no limit.
    pub(crate) max_attempts: Option<usize>,
    /// The shortest wait after the first failed attempt. It doubles with each failure. A random time, up to the wait itself, is
    /// added.
    pub(crate) first_backoff: Duration,
}

/// Repeats `attempt` if it fails and `least_wait` returns a shortest wait for that failure.
///
/// A wait begins only if it leaves time for another attempt. Before each wait, `notify` gets the failure, the number of the
/// failed attempt, and the length of the wait.
pub(crate) async fn retry<T, E, F>(
    retries: Retries,
    attempt: impl FnMut() -> F,
    least_wait: impl Fn(&E) -> Option<Duration>,
    mut notify: impl FnMut(&E, u32, Duration),
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let backoff = ExponentialBuilder::new()
        .with_min_delay(retries.first_backoff)
        .with_jitter();
    let backoff = match retries.max_attempts {
        Some(attempts) => backoff.with_max_times(attempts - 1),
        None => backoff.without_max_times(),
    };
    let mut failed = 0;
    attempt
        .retry(backoff)
        .sleep(tokio::time::sleep)
        .adjust(|error, backoff| {
            let wait = backoff?.max(least_wait(error)?);
            let fits = Instant::now() + wait + SHORTEST_ATTEMPT <= retries.deadline;
            fits.then_some(wait)
        })
        .notify(|error, wait| {
            failed += 1;
            notify(error, failed, wait);
        })
        .await
}
