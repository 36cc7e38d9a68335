//! Throughput and latency of sessions between two parties of this process: in memory, over TCP, and over TLS.
//!
//! `cargo bench -p piquet-nn-ops --bench transport`

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use piquet_nn_ops::session::{Agreement, Limits, Session, run_over};
use piquet_nn_ops::transport::tcp::{Addresses, Listener, Security, connect};
use piquet_nn_ops::transport::tls::{Credentials, server_name};
use piquet_nn_ops::transport::{Links, NetError, Peer, memory};

const SIZE: usize = 256 << 20;
const PINGS: u32 = 2000;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::temp_dir().join(format!("piquet-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let securities = certify(&dir)?;
    let plain = vec![Security::InsecurePlaintext; 2];
    println!(
        "{:8} {:>12} {:>12} {:>12}",
        "", "one way", "both ways", "round"
    );
    report("memory", || memory::mesh(2, false))?;
    report("tcp", || sockets(&plain))?;
    report("tls", || sockets(&securities))?;
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

fn report(
    name: &str,
    links: impl Fn() -> Result<Vec<Links>, NetError>,
) -> Result<(), Box<dyn Error>> {
    let mut best = [0.0f64; 3];
    for _ in 0..3 {
        for (i, best) in best.iter_mut().enumerate() {
            let ends = run_over(links()?, &agreement(), Limits::default(), |s| measure(s, i));
            for end in ends {
                *best = best.max(end?);
            }
        }
    }
    let [one, both, rate] = best;
    println!(
        "{name:8} {:9.2} GB/s {:6.2} GB/s {:9.1} us",
        one / 1e9,
        both / 1e9,
        1e6 / rate
    );
    Ok(())
}

/// Bytes per second and direction, or rounds per second.
fn measure(mut s: Session, what: usize) -> Result<f64, NetError> {
    let peer = s.peers()[0];
    let first = s.me() < peer;
    let payload = vec![1; if what == 2 { 8 } else { SIZE }];
    s.exchange(vec![(peer, vec![0])], &[(peer, 1)])?;
    let began = Instant::now();
    let rate = match what {
        0 if first => {
            s.send(peer, payload)?;
            s.recv(peer, 1)?;
            SIZE as f64
        }
        0 => {
            s.recv(peer, SIZE)?;
            s.send(peer, vec![0])?;
            0.0
        }
        1 => {
            s.exchange(vec![(peer, payload)], &[(peer, SIZE)])?;
            SIZE as f64
        }
        _ => {
            for _ in 0..PINGS {
                s.exchange(vec![(peer, payload.clone())], &[(peer, 8)])?;
            }
            f64::from(PINGS)
        }
    } / began.elapsed().as_secs_f64();
    s.finish()?;
    Ok(rate)
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

fn sockets(securities: &[Security]) -> Result<Vec<Links>, NetError> {
    let listeners = [
        Listener::bind("127.0.0.1:0")?,
        Listener::bind("127.0.0.1:0")?,
    ];
    let addresses = Addresses {
        parties: listeners.iter().map(|l| l.address().to_string()).collect(),
        client: false,
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..)
            .zip(listeners)
            .zip(securities)
            .map(|((id, listener), security)| {
                let addresses = &addresses;
                let patience = Duration::from_secs(10);
                scope.spawn(move || {
                    connect(
                        Peer::party(id),
                        Some(listener),
                        addresses,
                        security,
                        patience,
                    )
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|t| t.join().unwrap_or_else(|p| std::panic::resume_unwind(p)))
            .collect()
    })
}

fn certify(dir: &Path) -> Result<Vec<Security>, Box<dyn Error>> {
    let mut params = rcgen::CertificateParams::new(vec![])?;
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate()?;
    std::fs::write(dir.join("ca.pem"), params.self_signed(&key)?.pem())?;
    let issuer = rcgen::Issuer::new(params, key);
    let file = |peer: Peer, extension: &str| dir.join(format!("{peer}.{extension}"));
    let both = [Peer::party(0), Peer::party(1)];
    for peer in both {
        let key = rcgen::KeyPair::generate()?;
        let cert =
            rcgen::CertificateParams::new(vec![server_name(peer)])?.signed_by(&key, &issuer)?;
        std::fs::write(file(peer, "pem"), cert.pem())?;
        std::fs::write(file(peer, "key"), key.serialize_pem())?;
    }
    let peers: BTreeMap<_, _> = both.into_iter().map(|p| (p, file(p, "pem"))).collect();
    both.into_iter()
        .map(|p| {
            let (cert, key) = (file(p, "pem"), file(p, "key"));
            let credentials = Credentials::from_pem(&dir.join("ca.pem"), &cert, &key, &peers)?;
            Ok(Security::Tls(credentials))
        })
        .collect()
}
