//! The certificate and its key, read from their files.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::Tls;
use crate::failure::Failure;

/// Reads both, and checks that they belong together.
pub(crate) fn load(files: &Tls) -> Result<RustlsConfig, Failure> {
    let (cert, key) = (files.cert.display(), files.key.display());
    let certs: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(&read("tls_cert", &files.cert)?).collect();
    let certs = certs.map_err(|error| Failure::setting("tls_cert", format!("{cert}: {error}")))?;
    if certs.is_empty() {
        return Err(Failure::setting("tls_cert", format!("{cert}: there is no certificate in it")));
    }
    // The cause is left out: it may hold a line of the file.
    let private = PrivateKeyDer::from_pem_slice(&read("tls_key", &files.key)?)
        .map_err(|_| Failure::setting("tls_key", format!("{key}: there is no key in PEM in it")))?;
    let unusable = |error: rustls::Error| {
        Failure::setting("tls_cert, tls_key", format!("{cert}, {key}: {error}"))
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(certs, private)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

fn read(setting: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path)
        .map_err(|error| Failure::setting(setting, format!("{}: {error}", path.display())))
}
