//! The HTTP clients of the AWS SDK.

use std::time::Duration;

use aws_smithy_http_client::tls as aws_tls;
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::tls::{self, InvalidCertificates, POOL_IDLE_TIMEOUT};

/// The five roots of AWS's endpoints, as AWS promises. The web has 140.
const AMAZON_ROOTS: &[u8] = include_bytes!("../../roots/amazon-trust-services.pem");

/// The HTTP clients for the AWS SDK.
#[derive(Clone)]
pub struct AwsHttpClients {
    /// Keeps connections for the next call.
    pub usual: SharedHttpClient,
    /// Opens a connection for each call, for [second tries](super::Hedge), because a kept connection may have died together
    /// with the first try's. It costs nothing until it is used.
    pub unpooled: SharedHttpClient,
}

impl AwsHttpClients {
    /// Builds the clients. It opens no connection yet.
    ///
    /// # Errors
    ///
    /// If the file that `AWS_CA_BUNDLE` or `SSL_CERT_FILE` names can't be read or holds no certificates.
    pub fn from_env() -> Result<Self, InvalidCertificates> {
        let bundle = match tls::bundle("AWS_CA_BUNDLE")? {
            Some(bundle) => Some(bundle),
            None => tls::bundle("SSL_CERT_FILE")?,
        };
        let pem = bundle.map_or_else(|| AMAZON_ROOTS.to_vec(), |bundle| bundle.pem);
        Ok(Self::trusting(&pem, POOL_IDLE_TIMEOUT))
    }

    /// Makes clients that trust the certificates in `pem`. The usual client keeps idle connections for `idle`.
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
        assert_eq!(tls::roots(AMAZON_ROOTS).map(|roots| roots.len()), Ok(5));
    }

    #[test]
    fn a_damaged_certificate_among_good_ones_is_refused() {
        let damaged = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let error = tls::roots(&[AMAZON_ROOTS, damaged].concat()).unwrap_err();
        assert!(error.starts_with("certificate 6: "), "{error}");
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
