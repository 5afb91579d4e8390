//! The HTTP client that delivers webhooks.

use std::path::Path;
use std::sync::Arc;
use std::{env, io};

use reqwest::redirect::Policy;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Builds a client that trusts the web's certificate authorities, or those in the file that `SSL_CERT_FILE` names. It
/// uses no proxy and follows no redirect.
///
/// # Errors
///
/// If the file can't be read or holds no certificates.
pub(super) fn http_client() -> io::Result<reqwest::Client> {
    let roots = match env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()) {
        Some(path) => roots_in(Path::new(&path)).map_err(|reason| {
            io::Error::other(format!("SSL_CERT_FILE: {}: {reason}", path.display()))
        })?,
        None => RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    };
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .expect("ring serves the default protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(Policy::none())
        .no_proxy()
        // a kept connection that the endpoint closes meanwhile would look like a failed delivery
        .pool_max_idle_per_host(0)
        .build();
    Ok(client.expect("a client without special settings builds"))
}

/// The certificates of a PEM file, all of them or none.
fn roots_in(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| error.to_string())?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    match roots.is_empty() {
        true => Err("holds no certificates".into()),
        false => Ok(roots),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_missing_or_holds_no_certificates_is_refused() {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        assert_eq!(roots_in(&manifest).unwrap_err(), "holds no certificates");
        roots_in(&manifest.with_file_name("missing")).unwrap_err();
    }

    #[test]
    fn every_certificate_of_a_file_is_trusted() {
        let bundle = "../../shared/roots/amazon-trust-services.pem";
        let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join(bundle);
        assert_eq!(roots_in(&bundle).unwrap().len(), 5);
    }
}
