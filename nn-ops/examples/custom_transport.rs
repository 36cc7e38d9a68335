//! Parties over byte streams of one's own: `cargo run --release --example custom_transport`
//!
//! Here each pair of peers talks over a pair of Unix sockets; anything that reads, writes and can be shut down will do.
//! **These streams are not encrypted**: on a network, a transport has to keep its bytes secret and know its peer.

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    sockets::run()
}

#[cfg(not(unix))]
fn main() {
    eprintln!("this example takes Unix sockets");
}

#[cfg(unix)]
mod sockets {
    use std::collections::BTreeMap;
    use std::io::Write;
    use std::net::Shutdown;
    use std::os::unix::net::UnixStream;

    use piquet_nn_ops::Error;
    use piquet_nn_ops::session::{Agreement, Limits, run_over};
    use piquet_nn_ops::transport::{Cast, Link, Links, Peer};

    /// What is dropped with it is the direction, after what was written.
    struct Outgoing(UnixStream);

    impl Write for Outgoing {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            self.0.flush()
        }
    }

    impl Drop for Outgoing {
        fn drop(&mut self) {
            let _ = self.0.shutdown(Shutdown::Write);
        }
    }

    /// One end of a link: a stream each way, and a way to break both from another thread.
    fn link(write: UnixStream, read: UnixStream) -> std::io::Result<Link> {
        let (w, r) = (write.try_clone()?, read.try_clone()?);
        Ok(Link::new(Outgoing(write), read, move || {
            let _ = w.shutdown(Shutdown::Both);
            let _ = r.shutdown(Shutdown::Both);
        }))
    }

    pub(super) fn run() -> Result<(), Box<dyn std::error::Error>> {
        let cast = Cast::parties(3);
        let peers: Vec<Peer> = cast.peers().collect();
        let mut ends: BTreeMap<Peer, BTreeMap<Peer, Link>> = BTreeMap::new();
        for (i, a) in peers.iter().enumerate() {
            for b in peers.iter().skip(i + 1) {
                let (there, here) = (UnixStream::pair()?, UnixStream::pair()?);
                let ours = link(there.0, here.1)?;
                let theirs = link(here.0, there.1)?;
                ends.entry(*a).or_default().insert(*b, ours);
                ends.entry(*b).or_default().insert(*a, theirs);
            }
        }
        let links = ends
            .into_iter()
            .map(|(me, by_peer)| Links::new(me, cast, by_peer))
            .collect::<Result<Vec<_>, _>>()?;
        let agreement = Agreement {
            engine: "greeting".to_owned(),
            program: *b"a digest of what all will run...",
            ring_bits: 64,
            options: [0; 32],
            computational_bits: 128,
            statistical_bits: 0,
        };
        let ends = run_over(links, &agreement, Limits::default(), |mut session| {
            let me = session.me();
            let out = session.peers().into_iter();
            let out = out
                .map(|p| (p, format!("hello {p}").into_bytes()))
                .collect();
            let want: Vec<_> = session.peers().into_iter().map(|p| (p, 13)).collect();
            let heard = session.exchange(out, &want)?;
            session.finish()?;
            Ok::<_, Error>((me, heard))
        });
        for end in ends {
            let (me, heard) = end?;
            for words in heard {
                println!("{me} heard `{}`", String::from_utf8_lossy(&words));
            }
        }
        Ok(())
    }
}
