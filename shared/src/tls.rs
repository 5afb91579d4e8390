//! TLS for every connection: rustls with ring, and root certificates compiled in.
//!
//! Ring, because AWS-LC spends 30 ms of CPU on jitter entropy at its first handshake. Compiled-in roots, because reading the
//! system's costs milliseconds at each cold start. `SSL_CERT_FILE` (a PEM file) replaces the roots, for people behind an
//! inspecting proxy and for tests with an authority of their own. `AWS_CA_BUNDLE` does so for AWS alone, as in every AWS SDK.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// How long a connection without a call is kept for the next one.
///
/// This is long enough for a burst of deliveries. After a longer pause the function has probably been frozen, and the other side
/// may be gone without a word. A new handshake costs milliseconds; waiting for a dead connection costs a whole attempt.
pub(crate) const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// An environment variable names a file that holds no usable certificates. `Debug` reads like `Display`, since a failing `main`
/// prints that.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("environment variable {variable} is malformed: {reason}")]
#[non_exhaustive]
pub struct InvalidCertificates {
    /// Which variable.
    pub variable: &'static str,
    /// What is wrong with the file that it names.
    pub reason: String,
}

impl fmt::Debug for InvalidCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The certificates of a PEM file, each checked to be one: the SDK's own reading of a bundle panics where it is not.
pub(crate) struct Bundle {
    #[cfg_attr(
        not(any(feature = "secrets", feature = "token-store")),
        expect(dead_code, reason = "for the AWS SDK")
    )]
    pub(crate) pem: Vec<u8>,
    #[cfg_attr(
        not(feature = "client"),
        expect(dead_code, reason = "for the Partner API")
    )]
    pub(crate) roots: RootCertStore,
}

/// Reads the bundle that the variable `name` names, if it is set.
pub(crate) fn bundle(variable: &'static str) -> Result<Option<Bundle>, InvalidCertificates> {
    let path = std::env::var_os(variable).filter(|path| !path.is_empty());
    let Some(path) = path.map(PathBuf::from) else {
        return Ok(None);
    };
    let malformed = |reason: String| InvalidCertificates {
        variable,
        reason: format!("{}: {reason}", path.display()),
    };
    let pem = std::fs::read(&path).map_err(|error| malformed(error.to_string()))?;
    let roots = roots(&pem).map_err(malformed)?;
    Ok(Some(Bundle { pem, roots }))
}

/// Collects the certificates of a PEM text, all or nothing.
pub(crate) fn roots(pem: &[u8]) -> Result<RootCertStore, String> {
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
        let error = roots(damaged).unwrap_err();
        assert!(error.starts_with("certificate 1: "), "{error}");
    }
}
