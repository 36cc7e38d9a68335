//! Mutual TLS 1.3 with pinned certificates.
//!
//! A peer has to show a certificate that the common authority signed and that is, byte for byte, the one configured for
//! whom it claims to be; the key behind it is proved by the handshake. Sessions are never resumed. Each connection carries data in one
//! direction only, so that no lock is ever held around a TLS state.

mod buffers;
mod stream;

use core::fmt;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::{Resumption, UnbufferedClientConnection};
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{UnbufferedServerConnection, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

pub(super) use stream::TlsStream;

use super::{NetError, Peer};

/// The name in a peer's certificate: `party-0.piquet`, `dealer.piquet`, `client.piquet`.
#[must_use]
pub fn server_name(peer: Peer) -> String {
    match peer {
        Peer::Party(id) => format!("party-{}.piquet", id.0),
        Peer::Dealer => "dealer.piquet".to_owned(),
        Peer::Client => "client.piquet".to_owned(),
    }
}

/// Who this peer is, and by which certificates it knows the others.
#[derive(Clone)]
pub struct Credentials {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    peers: BTreeMap<Peer, CertificateDer<'static>>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("peers", &self.peers.keys())
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// Reads the authority's certificate, this peer's certificate (and what is between it and the authority) and key, and each other peer's
    /// certificate, all from PEM files.
    pub fn from_pem(
        authority: &Path,
        certificate: &Path,
        key: &Path,
        peers: &BTreeMap<Peer, PathBuf>,
    ) -> Result<Self, NetError> {
        let bad = |path: &Path| {
            let path = path.to_owned();
            move |cause: &dyn fmt::Display| NetError::Credentials {
                path: path.clone(),
                cause: cause.to_string(),
            }
        };
        let mut roots = RootCertStore::empty();
        let root = read_certificate(authority)?;
        roots.add(root).map_err(|e| bad(authority)(&e))?;
        let roots = Arc::new(roots);
        let chain = read_chain(certificate)?;
        let private = PrivateKeyDer::from_pem_file(key).map_err(|e| bad(key)(&e))?;
        let provider = Arc::new(provider());

        let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone())
            .build()
            .map_err(|e| bad(authority)(&e))?;
        let mut server = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13])
            .map_err(|e| bad(key)(&e))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain.clone(), private.clone_key())
            .map_err(|e| bad(key)(&e))?;
        server.send_tls13_tickets = 0;
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(|e| bad(key)(&e))?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, private)
            .map_err(|e| bad(key)(&e))?;
        client.resumption = Resumption::disabled();

        let peers = peers
            .iter()
            .map(|(&peer, path)| Ok((peer, read_certificate(path)?)))
            .collect::<Result<_, NetError>>()?;
        Ok(Self {
            server: Arc::new(server),
            client: Arc::new(client),
            peers,
        })
    }

    /// Calls `peer`: its certificate must be its own before a byte of ours is sent.
    pub(super) fn call<S: Read + Write>(
        &self,
        peer: Peer,
        socket: S,
    ) -> Result<TlsStream<UnbufferedClientConnection, S>, TlsFailure> {
        let name = ServerName::try_from(server_name(peer)).map_err(TlsFailure::refused)?;
        let tls = UnbufferedClientConnection::new(self.client.clone(), name)
            .map_err(TlsFailure::refused)?;
        let stream = TlsStream::handshake(tls, socket)?;
        self.check(peer, stream.state().peer_certificates())?;
        Ok(stream)
    }

    /// Answers a call of someone whose certificate the authority signed; who it is has yet to be [checked](Self::check).
    pub(super) fn answer<S: Read + Write>(
        &self,
        socket: S,
    ) -> Result<TlsStream<UnbufferedServerConnection, S>, TlsFailure> {
        let tls =
            UnbufferedServerConnection::new(self.server.clone()).map_err(TlsFailure::refused)?;
        Ok(TlsStream::handshake(tls, socket)?)
    }

    /// Whether the certificate that was shown is `peer`'s.
    pub(super) fn check(
        &self,
        peer: Peer,
        shown: Option<&[CertificateDer<'_>]>,
    ) -> Result<(), TlsFailure> {
        let shown = shown.and_then(|chain| chain.first());
        let expected = self.peers.get(&peer);
        if expected.is_some() && shown == expected {
            return Ok(());
        }
        let owner = self.peers.iter().find(|(_, cert)| Some(*cert) == shown);
        Err(TlsFailure::refused(match (expected, owner) {
            (None, _) => format!("no certificate is configured for {peer}"),
            (_, Some((owner, _))) => format!("it shows the certificate of {owner}"),
            _ => format!("its certificate is not the one configured for {peer}"),
        }))
    }
}

/// Why there is no TLS connection.
#[derive(Debug)]
pub(super) enum TlsFailure {
    /// The stream broke; the peer may come back.
    Io(io::Error),
    /// The peer is not whom it should be; it will not help to try again.
    Refused(String),
}

impl TlsFailure {
    fn refused(cause: impl fmt::Display) -> Self {
        Self::Refused(cause.to_string())
    }
}

impl From<io::Error> for TlsFailure {
    fn from(e: io::Error) -> Self {
        match e
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        {
            Some(tls) => Self::refused(tls),
            None => Self::Io(e),
        }
    }
}

/// AES-128-GCM first: it is the fastest, and as strong as the rest.
fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![
            ring::cipher_suite::TLS13_AES_128_GCM_SHA256,
            ring::cipher_suite::TLS13_AES_256_GCM_SHA384,
            ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ],
        ..ring::default_provider()
    }
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, NetError> {
    let bad = |cause: String| NetError::Credentials {
        path: path.to_owned(),
        cause,
    };
    let chain = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| bad(e.to_string()))?;
    if chain.is_empty() {
        return Err(bad("no certificate in it".to_owned()));
    }
    Ok(chain)
}

fn read_certificate(path: &Path) -> Result<CertificateDer<'static>, NetError> {
    let mut chain = read_chain(path)?;
    Ok(chain.swap_remove(0))
}
