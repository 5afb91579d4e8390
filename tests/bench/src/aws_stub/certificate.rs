//! The stub's TLS.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{CipherSuite, ServerConfig};

/// A certificate for 127.0.0.1 with a P-256 key, from an authority of its own, whose certificate is written to `authority`. Like
/// AWS's endpoints, this one has its own preference among the cipher suites, and takes AES-128 first.
pub fn tls(authority: &Path) -> Result<ServerConfig> {
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
