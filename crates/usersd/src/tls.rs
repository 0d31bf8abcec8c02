//! The certificate and its key, read from their files, and again when those have changed.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use tokio::signal::unix::Signal;

use crate::config::TlsFiles;
use crate::failure::Failure;

/// How often is looked whether the files have changed.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What connections are served by, and where it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    pub(crate) served: RustlsConfig,
    files: TlsFiles,
}

impl Tls {
    /// Reads the files, and checks that they belong together.
    pub(crate) fn begin(files: &TlsFiles) -> Result<Self, Failure> {
        let served = RustlsConfig::from_config(load(files)?);
        Ok(Self { served, files: files.clone() })
    }

    /// Serves new connections by what the files hold now; by what they held before if they are not usable.
    fn reload(&self) {
        match load(&self.files) {
            Ok(config) => {
                self.served.reload_from_config(config);
                tracing::info!("the certificate was read again");
            }
            Err(failure) => {
                tracing::error!(%failure, "the certificate stays as it was: the files are not usable");
            }
        }
    }
}

/// Reads the files again when they have changed, and at a hangup. Never ends.
pub(crate) async fn keep_reading(tls: Option<Tls>, mut hangup: Signal) {
    let mut seen = tls.as_ref().map(|tls| changed(&tls.files));
    loop {
        let is_told = tokio::select! {
            told = hangup.recv() => told.is_some(),
            () = tokio::time::sleep(LOOK_EVERY) => false,
        };
        let Some(tls) = &tls else { continue };
        let now = Some(changed(&tls.files));
        if is_told || now != seen {
            tls.reload();
            seen = now;
        }
    }
}

/// When both files were last written, as far as that can be known.
fn changed(files: &TlsFiles) -> [Option<SystemTime>; 2] {
    [&files.cert, &files.key].map(|path| fs::metadata(path).and_then(|file| file.modified()).ok())
}

/// Reads both, and checks that they belong together.
pub(crate) fn load(files: &TlsFiles) -> Result<Arc<ServerConfig>, Failure> {
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
    Ok(Arc::new(config))
}

fn read(setting: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path)
        .map_err(|error| Failure::setting(setting, format!("{}: {error}", path.display())))
}
