//! Keys and certificates for mutual TLS: one authority, one certificate for each peer.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use piquet_nn_ops::transport::{Cast, Peer, tls::server_name};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// Why certificates could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertError {
    /// A file or folder.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The folder holds something already.
    #[error("{path} is not empty; keys are never overwritten", path = path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// Making or signing a certificate.
    #[error("certificate: {0}")]
    Make(#[from] rcgen::Error),
}

/// Writes `ca.pem`, and `NAME.pem` and `NAME.key.pem` for `party-0`, ..., `dealer` if there is one, and `client`, to a new or empty folder that only
/// this user can enter. The authority's own key is not kept: a new party means new certificates for all. If one file
/// cannot be written none is left.
pub fn create(folder: &Path, cast: Cast) -> Result<(), CertError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| CertError::Io { path, source }
    };
    private_folder(folder).map_err(io(folder))?;
    if fs::read_dir(folder).map_err(io(folder))?.next().is_some() {
        return Err(CertError::NotEmpty {
            path: folder.to_owned(),
        });
    }
    let mut written = Vec::new();
    let filled = fill(folder, cast, &mut written);
    if filled.is_err() {
        for path in written {
            let _ = fs::remove_file(path);
        }
    }
    filled
}

/// Notes each file before it writes it.
fn fill(folder: &Path, cast: Cast, written: &mut Vec<PathBuf>) -> Result<(), CertError> {
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    ca.distinguished_name
        .push(DnType::CommonName, "Piquet deployment authority");
    let ca_key = KeyPair::generate()?;
    let ca_cert = ca.self_signed(&ca_key)?;
    let issuer = Issuer::new(ca, ca_key);
    let mut write = |name: String, text: &str, secret: bool| {
        let path = folder.join(name);
        written.push(path.clone());
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        if secret {
            owner_only(&mut options);
        }
        options
            .open(&path)
            .and_then(|mut f| f.write_all(text.as_bytes()))
            .map_err(|source| CertError::Io { path, source })
    };
    write("ca.pem".to_owned(), &ca_cert.pem(), false)?;
    for peer in cast.peers() {
        let file = match peer {
            Peer::Party(id) => format!("party-{}", id.index()),
            Peer::Dealer => "dealer".to_owned(),
            Peer::Client => "client".to_owned(),
        };
        let mut params = CertificateParams::new(vec![server_name(peer)])?;
        params
            .distinguished_name
            .push(DnType::CommonName, peer.to_string());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate()?;
        let cert = params.signed_by(&key, &issuer)?;
        write(format!("{file}.pem"), &cert.pem(), false)?;
        write(format!("{file}.key.pem"), &key.serialize_pem(), true)?;
    }
    Ok(())
}

#[cfg(unix)]
fn private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

#[cfg(not(unix))]
fn private_folder(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(unix)]
fn owner_only(options: &mut fs::OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn owner_only(_: &mut fs::OpenOptions) {}
