//! The stub itself.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use md5::{Digest, Md5};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{CipherSuite, ServerConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::{Calls, Endpoints};
use crate::delivery::SIGNING_SECRET;

/// Serves until standard input ends. Writes the certificate of its authority to `authority`.
pub async fn serve(latency: Duration, authority: &Path) -> Result<()> {
    let acceptor = TlsAcceptor::from(Arc::new(tls(authority)?));
    let counters = Arc::new(Counters::default());
    let mut ports = Vec::new();
    for _ in 0..2 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        ports.push(listener.local_addr()?);
        tokio::spawn(accept(
            listener,
            acceptor.clone(),
            counters.clone(),
            latency,
        ));
    }
    say(&Endpoints {
        secrets_manager: ports[0],
        sqs: ports[1],
    })?;
    let mut questions = BufReader::new(tokio::io::stdin()).lines();
    while questions.next_line().await?.is_some() {
        say(&counters.calls())?;
    }
    Ok(())
}

fn say(answer: &impl serde::Serialize) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(answer)?)?;
    Ok(out.flush()?)
}

/// A certificate for 127.0.0.1 with a P-256 key, from an authority of its own. Like AWS's endpoints, this one has its own
/// preference among the cipher suites, and takes AES-128 first.
fn tls(authority: &Path) -> Result<ServerConfig> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // under the name that it gives to any certificate, OpenSSL would take those for self-signed
    params
        .distinguished_name
        .push(DnType::CommonName, "authority of the benchmark");
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    std::fs::write(authority, issuer.pem())
        .with_context(|| format!("writing {}", authority.display()))?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["127.0.0.1".into()])?.signed_by(&key, &issuer)?;
    let mut ring = rustls::crypto::ring::default_provider();
    ring.cipher_suites
        .sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?,
        )?;
    config.ignore_client_order = true;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    counters: Arc<Counters>,
    latency: Duration,
) {
    while let Ok((stream, _)) = listener.accept().await {
        // a client that is killed is nothing to tell about
        tokio::spawn(connection(
            stream,
            acceptor.clone(),
            counters.clone(),
            latency,
        ));
    }
}

async fn connection(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    counters: Arc<Counters>,
    latency: Duration,
) -> Result<()> {
    stream.set_nodelay(true)?;
    let stream = acceptor.accept(stream).await?;
    let service = service_fn(|request| handle(request, &counters, latency));
    hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await?;
    Ok(())
}

async fn handle(
    request: Request<Incoming>,
    counters: &Counters,
    latency: Duration,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let due = Instant::now() + latency;
    let target = head
        .headers
        .get("x-amz-target")
        .map(|target| target.as_bytes());
    let (status, answer) = match target {
        Some(b"secretsmanager.GetSecretValue") => {
            counters.get_secret_value.fetch_add(1, Ordering::Relaxed);
            secret(&parsed(&body))
        }
        Some(b"AmazonSQS.SendMessage") => {
            counters.send_message.fetch_add(1, Ordering::Relaxed);
            receipt(&parsed(&body))
        }
        _ => {
            counters.other.fetch_add(1, Ordering::Relaxed);
            (
                StatusCode::NOT_FOUND,
                json!({"__type": "UnknownOperationException"}),
            )
        }
    };
    // the runtime's own timer has a resolution of a millisecond
    let _ = tokio::task::spawn_blocking(move || {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    })
    .await;
    let mut response = Response::new(Full::from(answer.to_string()));
    *response.status_mut() = status;
    Ok(response)
}

fn parsed(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

/// The signing secret, which was never rotated.
fn secret(request: &Value) -> (StatusCode, Value) {
    if request["VersionStage"] == "AWSPREVIOUS" {
        return (
            StatusCode::BAD_REQUEST,
            json!({"__type": "ResourceNotFoundException", "message": "no such version"}),
        );
    }
    let value = json!({
        "ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:signing-AbCdEf",
        "CreatedDate": 1_795_000_000.0,
        "Name": "signing",
        "SecretString": json!({"signing_secret": SIGNING_SECRET}).to_string(),
        "VersionId": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        "VersionStages": ["AWSCURRENT"],
    });
    (StatusCode::OK, value)
}

/// SQS's receipt; some SDKs check the digest.
fn receipt(request: &Value) -> (StatusCode, Value) {
    let body = request["MessageBody"].as_str().unwrap_or_default();
    let digest: String = Md5::digest(body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let value = json!({
        "MD5OfMessageBody": digest,
        "MessageId": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
    });
    (StatusCode::OK, value)
}

#[derive(Default)]
struct Counters {
    get_secret_value: AtomicU64,
    send_message: AtomicU64,
    other: AtomicU64,
}

impl Counters {
    fn calls(&self) -> Calls {
        Calls {
            get_secret_value: self.get_secret_value.load(Ordering::Relaxed),
            send_message: self.send_message.load(Ordering::Relaxed),
            other: self.other.load(Ordering::Relaxed),
        }
    }
}
