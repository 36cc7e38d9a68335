//! A caller that speaks TLS and shows no certificate.

use std::io;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use piquet_nn_ops::transport::Peer;
use piquet_nn_ops::transport::tls::server_name;
use rustls::crypto::ring;
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};

use crate::faulty::Failure;

const PATIENCE: Duration = Duration::from_secs(10);

/// Calls each of these parties, whose certificates the authority in this file has signed. It is an error to be let in.
pub(crate) fn call_all(authority: &Path, parties: &[(Peer, String)]) -> Result<(), Failure> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority)?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    let mut told = String::new();
    for (peer, address) in parties {
        let since = Instant::now();
        let refused = loop {
            match call(config.clone(), *peer, address) {
                Ok(()) => return Err(format!("{peer} let a stranger in").into()),
                Err(e) if e.get_ref().is_some_and(|e| e.is::<rustls::Error>()) => break e,
                // It may not be there yet.
                Err(e) if since.elapsed() > PATIENCE => return Err(e.into()),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        told = format!("{peer} refused the connection: {refused}");
    }
    Err(told.into())
}

/// Well if the other side wants no more of the handshake.
fn call(config: Arc<ClientConfig>, peer: Peer, address: &str) -> io::Result<()> {
    let name = ServerName::try_from(server_name(peer)).map_err(io::Error::other)?;
    let mut tls = ClientConnection::new(config, name).map_err(io::Error::other)?;
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    // The handshake ends on this side before the other has looked for a certificate; what it says to it comes after.
    while tls.complete_io(&mut socket)? != (0, 0) {}
    Ok(())
}
