//! TLS for every connection: rustls with ring, and root certificates that are compiled in.
//!
//! The environment variable `SSL_CERT_FILE` names a PEM file that replaces the roots. You need it behind a proxy that inspects
//! TLS, and in tests with an authority of their own. `AWS_CA_BUNDLE` does the same for AWS alone, as in every AWS SDK.
//!
//! The library uses ring because AWS-LC spends 30 ms of CPU on jitter entropy at its first handshake. The roots are compiled in
//! because reading the system's roots costs milliseconds at each cold start.

use std::env::VarError;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// How long an idle connection is kept.
///
/// This is long enough for a burst of deliveries. After a longer pause, Lambda has probably frozen the function, and the
/// other side may have closed the connection unnoticed. A new handshake costs milliseconds; waiting for a dead connection
/// costs a whole attempt.
pub(crate) const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// An environment variable names a file that holds no usable certificates. `Debug` prints the same as `Display`, because a
/// `main` that fails prints `Debug`.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("environment variable {variable} is malformed: {reason}")]
#[non_exhaustive]
pub struct InvalidCertificates {
    /// The name of the variable.
    pub variable: &'static str,
    /// What is wrong with the file.
    pub reason: String,
}

impl fmt::Debug for InvalidCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The certificates of a PEM file. Each one is checked, because the AWS SDK panics if one is malformed.
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

/// Reads the file that an environment variable names, if it is set.
pub(crate) fn bundle(variable: &'static str) -> Result<Option<Bundle>, InvalidCertificates> {
    let path = match std::env::var(variable) {
        Ok(path) if !path.is_empty() => PathBuf::from(path),
        Ok(_) | Err(VarError::NotPresent) => return Ok(None),
        Err(VarError::NotUnicode(_)) => {
            return Err(InvalidCertificates {
                variable,
                reason: "not UTF-8".into(),
            });
        }
    };
    let malformed = |reason: String| InvalidCertificates {
        variable,
        reason: format!("{}: {reason}", path.display()),
    };
    let pem = std::fs::read(&path).map_err(|error| malformed(error.to_string()))?;
    let roots = roots(&pem).map_err(malformed)?;
    Ok(Some(Bundle { pem, roots }))
}

/// Collects the certificates of a PEM text. If one is malformed, all are refused.
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
