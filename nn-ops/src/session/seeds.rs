//! Seeds that two parties have in common and nobody else knows.

use std::collections::BTreeMap;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::Session;
use crate::transport::{NetError, PartyId, Peer};

const LEN: usize = 32;

impl Session {
    /// A fresh secret seed with each other party, in one round: both contribute, so it is random if one of them is
    /// honest, and secret if the link is. Dealer and client take part with nothing and get
    /// none.
    pub fn pair_seeds<R: CryptoRng>(
        &mut self,
        rng: &mut R,
    ) -> Result<BTreeMap<PartyId, Zeroizing<[u8; LEN]>>, NetError> {
        let mut mine = BTreeMap::new();
        if let Peer::Party(_) = self.me() {
            for peer in self.peers() {
                if let Peer::Party(party) = peer {
                    let mut part = Zeroizing::new([0; LEN]);
                    rng.fill_bytes(&mut part[..]);
                    mine.insert(party, part);
                }
            }
        }
        let out = mine.iter().map(|(&p, part)| (p.into(), part.to_vec()));
        let want: Vec<_> = mine.keys().map(|&p| (p.into(), LEN)).collect();
        let theirs = self.exchange(out.collect(), &want)?;
        let me = self.me();
        let session = self.id();
        let seeds = mine.into_iter().zip(theirs).map(|((party, mine), theirs)| {
            let theirs = Zeroizing::new(theirs);
            let mut h = blake3::Hasher::new_derive_key("piquet 2026 pair seed");
            h.update(&session.0);
            let mut ends = [(me, &mine[..]), (party.into(), &theirs[..])];
            ends.sort_by_key(|(peer, _)| *peer);
            for (peer, part) in ends {
                h.update(&[peer.to_byte()]);
                h.update(part);
            }
            (party, Zeroizing::new(*h.finalize().as_bytes()))
        });
        Ok(seeds.collect())
    }
}
