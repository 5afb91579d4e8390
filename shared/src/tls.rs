//! TLS for every connection: rustls with ring, and root certificates compiled in.
//!
//! Ring, because AWS-LC spends 30 ms of CPU on jitter entropy at its first handshake; compiled-in roots, because reading
//! the system's costs milliseconds at each cold start. `SSL_CERT_FILE` (a PEM file) replaces the roots, for people behind an
//! inspecting proxy and for tests with an authority of their own; for AWS alone `AWS_CA_BUNDLE` does, as in every AWS SDK.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_http_client::tls as aws_tls;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::env::{self, EnvError};

/// The roots that AWS promises its endpoints chain to: five, where the web's are 140.
const AMAZON_ROOTS: &[u8] = include_bytes!("../roots/amazon-trust-services.pem");

/// How long connecting may take, TLS handshake included, when the caller sets nothing else.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a connection without a call is kept for the next one.
///
/// Long enough for a burst of deliveries. After a longer pause the function has probably been frozen and the other side may be
/// gone without a word: a new handshake costs milliseconds, waiting for a dead connection a whole attempt.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// The HTTP clients for the AWS SDK.
#[derive(Clone)]
pub struct AwsHttpClients {
    /// Keeps its connections for the next call.
    pub usual: SharedHttpClient,
    /// Opens a connection for each call, for [second tries](crate::hedge): a kept one may have died in the same freeze as the
    /// first try's. It costs nothing until it is used.
    pub unpooled: SharedHttpClient,
}

impl AwsHttpClients {
    /// Builds them; no connection yet.
    ///
    /// # Errors
    ///
    /// When the file that `AWS_CA_BUNDLE` or `SSL_CERT_FILE` names can't be read or is no bundle of certificates.
    pub fn from_env() -> Result<Self, EnvError> {
        let bundle = match bundle("AWS_CA_BUNDLE")? {
            Some(bundle) => Some(bundle),
            None => bundle("SSL_CERT_FILE")?,
        };
        let pem = bundle.map_or_else(|| AMAZON_ROOTS.to_vec(), |bundle| bundle.pem);
        Ok(Self::trusting(&pem, POOL_IDLE_TIMEOUT))
    }

    /// Clients that trust the certificates in `pem`; the usual one keeps connections without a call for this long.
    fn trusting(pem: &[u8], idle: Duration) -> Self {
        let context = aws_tls::TlsContext::builder()
            .with_trust_store(aws_tls::TrustStore::empty().with_pem_certificate(pem))
            .build()
            .expect("a context of checked certificates builds");
        let builder = || {
            aws_smithy_http_client::Builder::new()
                .tls_provider(aws_tls::Provider::Rustls(
                    aws_tls::rustls_provider::CryptoMode::Ring,
                ))
                .tls_context(context.clone())
        };
        Self {
            usual: builder().pool_idle_timeout(idle).build_https(),
            unpooled: builder().pool_max_idle_per_host(0).build_https(),
        }
    }
}

/// An HTTP client for the Partner API, as a builder to which the caller adds its own timeouts.
///
/// It follows no redirect: one would carry the client secret or the access token to wherever the answer points.
///
/// # Errors
///
/// When the file that `SSL_CERT_FILE` names can't be read or is no bundle of certificates.
pub fn client_builder() -> Result<reqwest::ClientBuilder, EnvError> {
    let roots = match bundle("SSL_CERT_FILE")? {
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

/// The certificates of a PEM file, each checked to be one: the SDK's own reading of a bundle panics where it is not.
struct Bundle {
    pem: Vec<u8>,
    roots: RootCertStore,
}

/// Reads the bundle that the variable `name` points at, if it is set.
fn bundle(name: &'static str) -> Result<Option<Bundle>, EnvError> {
    let Some(path) = env::optional(name)? else {
        return Ok(None);
    };
    let malformed = |reason: String| EnvError::Malformed { name, reason };
    let pem = std::fs::read(&path).map_err(|error| malformed(format!("{path}: {error}")))?;
    let roots = roots(&pem).map_err(|reason| malformed(format!("{path}: {reason}")))?;
    Ok(Some(Bundle { pem, roots }))
}

/// Collects the certificates of a PEM text, all or nothing.
fn roots(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| format!("not PEM: {error}"))?;
        roots
            .add(certificate)
            .map_err(|error| format!("certificate {}: {error}", roots.len() + 1))?;
    }
    if roots.is_empty() {
        return Err("holds no certificates".into());
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    use aws_smithy_async::time::SystemTimeSource;
    use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnector, HttpConnectorSettings};
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
    use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[test]
    fn amazons_five_roots_are_compiled_in() {
        assert_eq!(roots(AMAZON_ROOTS).map(|roots| roots.len()), Ok(5));
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        assert_eq!(
            roots(b"no certificate here").unwrap_err(),
            "holds no certificates"
        );
    }

    #[test]
    fn a_damaged_certificate_is_refused_by_its_number() {
        let damaged = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let error = roots(&[AMAZON_ROOTS, damaged].concat()).unwrap_err();
        assert!(error.starts_with("certificate 6: "), "{error}");
    }

    #[test]
    fn both_clients_build_with_the_compiled_in_roots() {
        AwsHttpClients::from_env().expect("the AWS clients build");
        client_builder()
            .expect("the bundle is compiled in")
            .build()
            .expect("the Partner API's client builds");
    }

    /// How many connections two calls take, one after the other.
    async fn connections_for_two_calls(client: &SharedHttpClient) -> usize {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let mut connections = 0;
            let mut answered = 0;
            while answered < 2 {
                let (mut stream, _) = listener.accept().await.unwrap();
                connections += 1;
                while answered < 2 && stream.read(&mut [0; 4096]).await.unwrap() > 0 {
                    let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
                    stream.write_all(answer).await.unwrap();
                    answered += 1;
                }
            }
            connections
        });
        let components = RuntimeComponentsBuilder::for_tests()
            .with_time_source(Some(SystemTimeSource::new()))
            .build()
            .unwrap();
        let connector = client.http_connector(&HttpConnectorSettings::default(), &components);
        for _ in 0..2 {
            let request = HttpRequest::get(&url).unwrap();
            assert!(connector.call(request).await.unwrap().status().is_success());
            // the connection goes back to the pool by a task of its own
            tokio::task::yield_now().await;
        }
        server.await.unwrap()
    }

    #[tokio::test]
    async fn a_connection_is_kept_for_a_while_and_not_used_after_that() {
        let clients = AwsHttpClients::trusting(AMAZON_ROOTS, POOL_IDLE_TIMEOUT);
        assert_eq!(connections_for_two_calls(&clients.usual).await, 1);
        let clients = AwsHttpClients::trusting(AMAZON_ROOTS, Duration::ZERO);
        assert_eq!(connections_for_two_calls(&clients.usual).await, 2);
    }

    #[tokio::test]
    async fn an_unpooled_client_opens_a_connection_for_each_call() {
        let clients = AwsHttpClients::trusting(AMAZON_ROOTS, POOL_IDLE_TIMEOUT);
        assert_eq!(connections_for_two_calls(&clients.unpooled).await, 2);
    }
}
