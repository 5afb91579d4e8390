//! TLS with a private root: TLS 1.3 only, ring only.

use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore};

/// Trusts the certificates of a PEM file, and no others.
pub fn client_config(pem_file: &str) -> Result<Arc<ClientConfig>> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])?
        .with_root_certificates(roots(pem_file).with_context(|| format!("reading {pem_file}"))?)
        .with_no_client_auth();
    // The two services share a host name in the benchmark, as they do not on AWS: without this the second handshake could
    // resume the first.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn roots(pem_file: &str) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(pem_file)? {
        roots.add(certificate?)?;
    }
    Ok(roots)
}
