//! Peers in threads of this process that take the same step whenever they are told to, over real sockets.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use piquet_nn_ops::session::{Agreement, Limits, Session};
use piquet_nn_ops::transport::tcp::{Addresses, Listener, Security, connect};
use piquet_nn_ops::transport::tls::{Credentials, server_name};
use piquet_nn_ops::transport::{Links, NetError, Peer};
use rand_core::UnwrapErr;

/// What a thread may fail with.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// The peers. Dropping it lets them end.
pub(crate) struct Rig {
    go: Vec<Sender<()>>,
    done: Receiver<Result<(), Failure>>,
}

/// What a peer hears from [`Rig::step`].
pub(crate) struct Steps {
    go: Receiver<()>,
    done: Sender<Result<(), Failure>>,
}

impl Steps {
    /// Takes a step each time, until the rig is dropped.
    pub(crate) fn each(
        &self,
        mut step: impl FnMut() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.done.send(Ok(()))?;
        while self.go.recv().is_ok() {
            step()?;
            self.done.send(Ok(()))?;
        }
        Ok(())
    }
}

impl Rig {
    /// Starts a thread for each end and waits until all have come to [`Steps::each`].
    pub(crate) fn new(
        ends: Vec<Links>,
        body: impl Fn(Session, &Steps) -> Result<(), Failure> + Clone + Send + 'static,
    ) -> Result<Self, Failure> {
        let (told, done) = channel();
        let mut go = Vec::new();
        for links in ends {
            let (send, recv) = channel();
            go.push(send);
            let (body, done) = (body.clone(), told.clone());
            thread::spawn(move || {
                let steps = Steps { go: recv, done };
                let work = || {
                    let mut rng = UnwrapErr(getrandom::SysRng);
                    let s = Session::establish(links, &agreement(), Limits::default(), &mut rng)?;
                    body(s, &steps)
                };
                if let Err(e) = work() {
                    // Nobody listens if the rig is gone.
                    let _ = steps.done.send(Err(e));
                }
            });
        }
        let rig = Self { go, done };
        rig.wait()?;
        Ok(rig)
    }

    /// One step of all peers, from the call to the end of the last.
    pub(crate) fn step(&self) -> Result<(), Failure> {
        for go in &self.go {
            go.send(())?;
        }
        self.wait()
    }

    fn wait(&self) -> Result<(), Failure> {
        for _ in &self.go {
            self.done.recv()??;
        }
        Ok(())
    }
}

fn agreement() -> Agreement {
    Agreement {
        engine: "bench".into(),
        program: [0; 32],
        ring_bits: 64,
        options: [0; 32],
        computational_bits: 128,
        statistical_bits: 40,
    }
}

/// Parties, and perhaps a dealer and a client, each with its own security, connected over TCP of this machine.
pub(crate) fn sockets(securities: &[(Peer, Security)]) -> Result<Vec<Links>, NetError> {
    let mut listeners = Vec::new();
    for (peer, _) in securities {
        listeners.push(match peer {
            Peer::Party(_) | Peer::Dealer => Some(Listener::bind("127.0.0.1:0")?),
            Peer::Client => None,
        });
    }
    let placed = || securities.iter().map(|(p, _)| p).zip(&listeners);
    let at = |l: &Option<Listener>| l.as_ref().map(|l| l.address().to_string());
    let parties = placed().filter(|(p, _)| matches!(p, Peer::Party(_)));
    let mut dealer = placed().filter(|(p, _)| **p == Peer::Dealer);
    let addresses = Addresses {
        parties: parties.filter_map(|(_, l)| at(l)).collect(),
        dealer: dealer.next().and_then(|(_, l)| at(l)),
        client: securities.iter().any(|(p, _)| *p == Peer::Client),
    };
    thread::scope(|scope| {
        let threads: Vec<_> = securities
            .iter()
            .zip(listeners)
            .map(|((peer, security), listener)| {
                let addresses = &addresses;
                let patience = Duration::from_secs(10);
                scope.spawn(move || connect(*peer, listener, addresses, security, patience))
            })
            .collect();
        threads
            .into_iter()
            .map(|t| t.join().unwrap_or_else(|p| std::panic::resume_unwind(p)))
            .collect()
    })
}

/// Fresh certificates for all.
pub(crate) fn certified(peers: &[Peer]) -> Result<Vec<(Peer, Security)>, Failure> {
    let dir = std::env::temp_dir().join(format!("piquet-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let result = certify(&dir, peers);
    std::fs::remove_dir_all(&dir)?;
    result
}

fn certify(dir: &Path, all: &[Peer]) -> Result<Vec<(Peer, Security)>, Failure> {
    let mut params = rcgen::CertificateParams::new(vec![])?;
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate()?;
    std::fs::write(dir.join("ca.pem"), params.self_signed(&key)?.pem())?;
    let issuer = rcgen::Issuer::new(params, key);
    let file = |peer: Peer, extension: &str| dir.join(format!("{peer}.{extension}"));
    for peer in all {
        let key = rcgen::KeyPair::generate()?;
        let cert = rcgen::CertificateParams::new(vec![server_name(*peer)])?;
        let cert = cert.signed_by(&key, &issuer)?;
        std::fs::write(file(*peer, "pem"), cert.pem())?;
        std::fs::write(file(*peer, "key"), key.serialize_pem())?;
    }
    let peers: BTreeMap<_, _> = all.iter().map(|p| (*p, file(*p, "pem"))).collect();
    all.iter()
        .map(|p| {
            let (cert, key) = (file(*p, "pem"), file(*p, "key"));
            let credentials = Credentials::from_pem(&dir.join("ca.pem"), &cert, &key, &peers)?;
            Ok((*p, Security::Tls(credentials)))
        })
        .collect()
}
