//! Real sockets on the loopback, with certificates made on the spot.

use super::*;
use crate::session::tests::{agreement, everyone_to_everyone};
use crate::session::{Limits, run_over};
use crate::transport::HelloError;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;

const PATIENCE: Duration = Duration::from_secs(20);

/// Everyone that an office issues certificates to.
const OFFICE: Cast = Cast {
    parties: 4,
    dealer: true,
    client: true,
};

/// Certificates in a directory of their own.
struct Office {
    dir: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Office {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("piquet-tls-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, format!("authority {n}"));
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap();
        std::fs::write(dir.join("ca.pem"), root.pem()).unwrap();
        let office = Self {
            dir,
            issuer: Issuer::new(params, key),
        };
        for peer in OFFICE.peers() {
            office.issue(peer, &super::super::tls::server_name(peer));
        }
        office
    }

    fn issue(&self, peer: Peer, file: &str) {
        let name = super::super::tls::server_name(peer);
        let params = CertificateParams::new(vec![name]).unwrap();
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.file(file, "pem"), cert.pem()).unwrap();
        std::fs::write(self.file(file, "key"), key.serialize_pem()).unwrap();
    }

    fn file(&self, name: &str, extension: &str) -> PathBuf {
        self.dir.join(format!("{name}.{extension}"))
    }

    /// Credentials of whoever owns the files of this name.
    fn credentials(&self, name: &str) -> Result<Credentials, NetError> {
        let peers = OFFICE
            .peers()
            .map(|p| (p, self.file(&super::super::tls::server_name(p), "pem")))
            .collect();
        let (cert, key) = (self.file(name, "pem"), self.file(name, "key"));
        Credentials::from_pem(&self.dir.join("ca.pem"), &cert, &key, &peers)
    }

    fn security(&self, peer: Peer) -> Security {
        let name = super::super::tls::server_name(peer);
        Security::Tls(self.credentials(&name).unwrap())
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn plain(_: Peer) -> Security {
    Security::InsecurePlaintext
}

/// Everyone connects, each in a thread of its own.
fn mesh(
    cast: Cast,
    patience: Duration,
    security: impl Fn(Peer) -> Security + Sync,
) -> Vec<Result<Links, NetError>> {
    let listeners: Vec<_> = cast
        .peers()
        .map(|p| (p != Peer::Client).then(|| Listener::bind("127.0.0.1:0").unwrap()))
        .collect();
    let mut parties: Vec<_> = listeners
        .iter()
        .flatten()
        .map(|l| l.address().to_string())
        .collect();
    let addresses = Addresses {
        dealer: cast.dealer.then(|| parties.pop().unwrap()),
        parties,
        client: cast.client,
    };
    assert_eq!(addresses.cast(), cast);
    thread::scope(|scope| {
        let threads: Vec<_> = cast
            .peers()
            .zip(listeners)
            .map(|(me, listener)| {
                let (addresses, security) = (&addresses, &security);
                scope.spawn(move || connect(me, listener, addresses, &security(me), patience))
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    })
}

fn exchange_over(links: Vec<Result<Links, NetError>>, len: usize) {
    let links = links.into_iter().map(Result::unwrap).collect();
    let done = run_over(links, &agreement(), Limits::default(), |mut s| {
        for len in [0, 1, 100_000, len] {
            everyone_to_everyone(&mut s, len)?;
        }
        s.finish()
    });
    for ledger in done {
        ledger.unwrap();
    }
}

#[test]
fn plain_sockets_carry_a_session() {
    exchange_over(
        mesh(
            Cast::parties(3).with_dealer().with_client(),
            PATIENCE,
            plain,
        ),
        16 << 20,
    );
}

#[test]
fn tls_carries_a_session() {
    let office = Office::new();
    exchange_over(
        mesh(
            Cast::parties(3).with_dealer().with_client(),
            PATIENCE,
            |p| office.security(p),
        ),
        1 << 20,
    );
}

#[test]
fn large_messages_cross_three_tls_parties() {
    let office = Office::new();
    exchange_over(
        mesh(Cast::parties(3), PATIENCE, |p| office.security(p)),
        64 << 20,
    );
}

#[test]
fn a_port_in_use_is_named() {
    let first = Listener::bind("127.0.0.1:0").unwrap();
    let address = first.address().to_string();
    let e = Listener::bind(&address).unwrap_err();
    assert!(matches!(&e, NetError::Bind { .. }), "{e}");
    assert!(e.to_string().contains(&address), "{e}");
}

#[test]
fn an_absent_peer_is_named_with_its_address() {
    // A port below those that the system gives out: nothing of this machine listens there, and no other test will.
    let gone = "127.0.0.1:2".to_owned();
    let addresses = Addresses {
        parties: vec![gone.clone(), "127.0.0.1:1".into()],
        dealer: None,
        client: false,
    };
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let patience = Duration::from_millis(300);
    let e = connect(
        Peer::party(1),
        Some(listener),
        &addresses,
        &Security::InsecurePlaintext,
        patience,
    )
    .unwrap_err();
    let text = e.to_string();
    assert!(text.contains("party 0") && text.contains(&gone), "{text}");
    assert!(text.contains("refused"), "{text}");
}

/// Party 0 waits for party 1 while `stranger` does something to its port.
fn visited(
    security: &Security,
    stranger: impl FnOnce(SocketAddr) + Send,
) -> Result<Links, NetError> {
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.address();
    let addresses = Addresses {
        parties: vec![address.to_string(), String::new()],
        dealer: None,
        client: false,
    };
    thread::scope(|scope| {
        scope.spawn(move || stranger(address));
        let patience = Duration::from_millis(900);
        connect(
            Peer::party(0),
            Some(listener),
            &addresses,
            security,
            patience,
        )
    })
}

#[test]
fn strangers_are_turned_away_and_told_of() {
    let office = Office::new();
    let http = |address| {
        let mut socket = TcpStream::connect(address).unwrap();
        let _ = socket.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        let _silent = TcpStream::connect(address).unwrap();
        let _ = socket.read(&mut [0; 100]);
    };
    for security in [plain(Peer::Client), office.security(Peer::party(0))] {
        let e = visited(&security, http).unwrap_err();
        let NetError::NotConnected { peer, rejected, .. } = &e else {
            panic!("{e}");
        };
        assert_eq!(*peer, Peer::party(1));
        assert!(!rejected.is_empty(), "{e}");
    }
}

/// Party 1 calls party 0 with the given securities.
fn pair(zero: Security, one: Security) -> (NetError, NetError) {
    let both = mesh(Cast::parties(2), Duration::from_millis(900), |p| {
        if p == Peer::party(0) {
            zero.clone()
        } else {
            one.clone()
        }
    });
    let mut errors = both.into_iter().map(Result::unwrap_err);
    (errors.next().unwrap(), errors.next().unwrap())
}

#[test]
fn certificates_are_held_to_the_byte() {
    let office = Office::new();
    let good = |id| office.security(Peer::party(id));
    // Party 2's certificate, shown by one who calls itself party 1.
    let (zero, one) = pair(good(0), good(2));
    assert!(
        zero.to_string().contains("certificate of party 2"),
        "{zero}"
    );
    assert!(matches!(one, NetError::Refused { .. }), "{one}");
    // Signed by the authority for the right name, but another certificate.
    office.issue(Peer::party(1), "second");
    let second = || Security::Tls(office.credentials("second").unwrap());
    let (zero, one) = pair(good(0), second());
    assert!(
        zero.to_string().contains("not the one configured"),
        "{zero}"
    );
    assert!(matches!(one, NetError::Refused { .. }), "{one}");
    // The same on the side that is called.
    office.issue(Peer::party(0), "second");
    let (_, one) = pair(second(), good(1));
    assert!(matches!(one, NetError::Untrusted { .. }), "{one}");
    // Another authority.
    let other = Office::new();
    let (zero, one) = pair(good(0), other.security(Peer::party(1)));
    assert!(matches!(one, NetError::Untrusted { .. }), "{one}");
    let NetError::NotConnected { rejected, .. } = &zero else {
        panic!("{zero}");
    };
    assert!(!rejected.is_empty());
    // No TLS at all.
    let (_, one) = pair(plain(Peer::Client), good(1));
    assert!(one.to_string().contains("hung up before"), "{one}");
}

#[test]
fn a_listener_of_another_kind_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addresses = Addresses {
        parties: vec![
            listener.local_addr().unwrap().to_string(),
            "127.0.0.1:1".into(),
        ],
        dealer: None,
        client: false,
    };
    thread::spawn(move || {
        for socket in listener.incoming().take(2) {
            let _ = socket.unwrap().write_all(b"HTTP/1.1 400 Bad Request\r\n");
        }
    });
    let own = Listener::bind("127.0.0.1:0").unwrap();
    let security = Security::InsecurePlaintext;
    let e = connect(Peer::party(1), Some(own), &addresses, &security, PATIENCE).unwrap_err();
    let expected = NetError::NotPiquet {
        peer: Peer::party(0),
        problem: HelloError::Magic,
    };
    assert_eq!(e, expected);
}

#[test]
fn files_that_are_of_no_use_are_named() {
    let office = Office::new();
    let e = office.credentials("nobody").unwrap_err();
    assert!(e.to_string().contains("nobody.pem"), "{e}");
    std::fs::write(office.file("empty", "pem"), "no PEM here").unwrap();
    let e = office.credentials("empty").unwrap_err();
    assert!(e.to_string().contains("empty.pem"), "{e}");
    let (cert, other) = (Peer::party(0), Peer::party(1));
    let name = super::super::tls::server_name;
    std::fs::copy(office.file(&name(cert), "pem"), office.file("mixed", "pem")).unwrap();
    std::fs::copy(
        office.file(&name(other), "key"),
        office.file("mixed", "key"),
    )
    .unwrap();
    let e = office.credentials("mixed").unwrap_err();
    assert!(e.to_string().contains("mixed.key"), "{e}");
}

#[test]
fn a_process_that_dies_is_named_at_once() {
    let links = mesh(Cast::parties(3), PATIENCE, plain);
    let links = links.into_iter().map(Result::unwrap).collect();
    let began = Instant::now();
    let ends = run_over(links, &agreement(), Limits::default(), |mut s| {
        if s.me() == Peer::party(2) {
            drop(s);
            return Ok(());
        }
        let e = s.recv(Peer::party(2), 10).unwrap_err();
        assert!(e.to_string().contains("party 2"), "{e}");
        Err(e)
    });
    assert!(ends[0].is_err() && ends[1].is_err());
    assert!(began.elapsed() < Duration::from_secs(5));
}

/// Passes bytes on, but changes one bit of the byte at `place`.
fn pump(mut from: TcpStream, mut to: TcpStream, place: usize) {
    let (mut bytes, mut seen) = (vec![0; 10_000], 0);
    while let Ok(n @ 1..) = from.read(&mut bytes) {
        if (seen..seen + n).contains(&place) {
            bytes[place - seen] ^= 4;
        }
        seen += n;
        if to.write_all(&bytes[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

#[test]
fn a_bit_that_is_changed_on_the_way_is_noticed() {
    let office = Office::new();
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let (between, real) = (
        TcpListener::bind("127.0.0.1:0").unwrap(),
        listener.address(),
    );
    let addresses = Addresses {
        parties: vec![between.local_addr().unwrap().to_string(), String::new()],
        dealer: None,
        client: false,
    };
    thread::spawn(move || {
        for caller in between.incoming().take(2).map(Result::unwrap) {
            let called = TcpStream::connect(real).unwrap();
            let (back, forth) = (called.try_clone().unwrap(), caller.try_clone().unwrap());
            thread::spawn(move || pump(caller, called, 300_000));
            thread::spawn(move || pump(back, forth, usize::MAX));
        }
    });
    let (zero, one) = (Peer::party(0), Peer::party(1));
    let links = thread::scope(|scope| {
        let called = scope.spawn(|| {
            let security = office.security(zero);
            connect(zero, Some(listener), &addresses, &security, PATIENCE)
        });
        let own = Listener::bind("127.0.0.1:0").unwrap();
        let caller = connect(one, Some(own), &addresses, &office.security(one), PATIENCE);
        vec![called.join().unwrap().unwrap(), caller.unwrap()]
    });
    let ends = run_over(links, &agreement(), Limits::default(), |mut s| {
        everyone_to_everyone(&mut s, 100_000)?;
        everyone_to_everyone(&mut s, 1 << 20)?;
        s.finish()
    });
    let NetError::Io { peer, cause } = ends[0].as_ref().unwrap_err() else {
        panic!("{ends:?}");
    };
    assert!(*peer == one && cause.contains("decrypt"), "{ends:?}");
    assert!(ends[1].is_err(), "{ends:?}");
}
