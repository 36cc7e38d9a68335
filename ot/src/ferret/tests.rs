use super::params::Stage;
use super::*;
use crate::{Delta, Malicious, ReceivedCots, Security, SemiHonest, SentCots, ideal};
use piquet_core::wire::{Machine, run_pair};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const SESSION: SessionId = SessionId([9; 32]);

const SMALL: Params = Params::insecure(
    &[Stage {
        k: 50,
        trees: 40,
        depth: 5,
    }],
    Stage {
        k: 300,
        trees: 70,
        depth: 6,
    },
);

fn base<M: Security>(params: Params, rng: &mut ChaCha20Rng) -> (SentCots<M>, ReceivedCots<M>) {
    let n = params.base_cots::<M>();
    ideal::cots(SESSION, Delta::random_odd(rng), n, rng)
}

fn set_up<M: Security>(params: Params, seed: u8) -> (Sender<M>, Receiver<M>) {
    let rng = &mut ChaCha20Rng::from_seed([seed; 32]);
    let (s, r) = base(params, rng);
    let s = Sender::set_up(SESSION, params, s, rng).unwrap();
    let r = Receiver::set_up(SESSION, params, r, rng).unwrap();
    let (s, r, trace) = run_pair(s, r);
    assert_eq!(
        [trace.sent_by(0), trace.sent_by(1)],
        params.set_up_bytes::<M>()
    );
    (s.unwrap(), r.unwrap())
}

fn expand<M: Security>(params: Params, s: Sender<M>, r: Receiver<M>) -> (Sender<M>, Receiver<M>) {
    let (s, r, trace) = run_pair(s.expand().unwrap(), r.expand().unwrap());
    assert_eq!(
        [trace.sent_by(0), trace.sent_by(1)],
        params.expansion_bytes::<M>()
    );
    (s.unwrap(), r.unwrap())
}

fn correlated<M: Security>(s: SentCots<M>, r: ReceivedCots<M>) {
    assert_eq!((s.len(), s.first_index()), (r.len(), r.first_index()));
    let (q, delta) = s.into_raw();
    let (b, t) = r.into_raw();
    for (i, b) in b.to_bools().enumerate() {
        let d = if b { delta.block() } else { Block::ZERO };
        assert!(q[i] ^ d == t[i], "{i}");
        assert_eq!(t[i].to_u128() & 1 == 1, b);
    }
}

fn whole_runs<M: Security>() {
    let (mut s, mut r) = set_up::<M>(SMALL, 1);
    let per = SMALL.cots_per_expansion::<M>();
    let mut index = 0;
    for n in [1, 2, 7, 127, 128, 129, 1023, 1025, per, 0, 3 * per + 5, 63] {
        for _ in 0..s.expansions_for(n) {
            (s, r) = expand(SMALL, s, r);
        }
        let (got, have) = (s.take(n).unwrap(), r.take(n).unwrap());
        assert_eq!(got.first_index(), index);
        index += n as u64;
        correlated(got, have);
    }
}

#[test]
fn the_correlation_holds_over_many_expansions_and_odd_requests() {
    whole_runs::<SemiHonest>();
    whole_runs::<Malicious>();
}
