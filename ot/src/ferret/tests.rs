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

#[test]
fn communication_is_at_most_a_twentieth_of_a_byte() {
    fn bytes<M: Security>() -> f64 {
        let p = Params::standard();
        let n = 1usize << 25;
        let expansions = n.div_ceil(p.cots_per_expansion::<M>());
        let one: usize = p.expansion_bytes::<M>().iter().sum();
        let set_up: usize = p.set_up_bytes::<M>().iter().sum();
        // Base correlations from SoftSpokenOT with k = 8: two bytes each.
        (expansions * one + set_up + 2 * p.base_cots::<M>()) as f64 / n as f64
    }
    let (semi, mal) = (bytes::<SemiHonest>(), bytes::<Malicious>());
    assert!(semi <= 0.05 && mal <= 0.05, "{semi} {mal}");
    assert!(Params::standard().check::<Malicious>().is_ok());
    assert!(Params::standard().check::<SemiHonest>().is_ok());
}

#[test]
#[ignore = "two seconds and a gigabyte"]
fn standard_parameters() {
    let p = Params::standard();
    let clock = std::time::Instant::now();
    let (s, r) = set_up::<Malicious>(p, 2);
    println!("set-up {:?}", clock.elapsed());
    let clock = std::time::Instant::now();
    let (mut s, mut r) = expand(p, s, r);
    println!("expansion, both {:?}", clock.elapsed());
    let n = s.available();
    assert!(n >= 1 << 24);
    correlated(s.take(n).unwrap(), r.take(n).unwrap());
}

#[test]
#[ignore = "timing"]
fn timing() {
    fn one<M: Security>() {
        let p = Params::standard();
        let (mut s, mut r) = set_up::<M>(p, 2);
        for _ in 0..3 {
            let mut messages = Vec::new();
            let (mut a, b) = (s.expand().unwrap(), r.expand().unwrap());
            let clock = std::time::Instant::now();
            let done = loop {
                let mut out = Vec::new();
                let step = a.step(&[], &mut out).unwrap();
                messages.push(out);
                match step {
                    piquet_core::wire::Step::Send(x) => a = x,
                    piquet_core::wire::Step::Recv(x) => break Err(x),
                    piquet_core::wire::Step::Done(x) => break Ok(x),
                }
            };
            let ts = clock.elapsed();
            let clock = std::time::Instant::now();
            let mut reply = Vec::new();
            let mut bd = None;
            let mut bb = Some(b);
            for m in &messages {
                match bb.take().unwrap().step(m, &mut reply).unwrap() {
                    piquet_core::wire::Step::Send(x) | piquet_core::wire::Step::Recv(x) => bb = Some(x),
                    piquet_core::wire::Step::Done(x) => bd = Some(x),
                }
            }
            let tr = clock.elapsed();
            s = match done {
                Ok(s) => s,
                Err(a) => {
                    let mut out = Vec::new();
                    let piquet_core::wire::Step::Done(s) = a.step(&reply, &mut out).unwrap() else { panic!() };
                    let piquet_core::wire::Step::Done(x) = bb.take().unwrap().step(&out, &mut reply).unwrap() else { panic!() };
                    bd = Some(x);
                    s
                }
            };
            r = bd.unwrap();
            let n = s.available();
            println!("{} sender {:.2} ns receiver {:.2} ns", M::NAME, ts.as_secs_f64() / n as f64 * 1e9, tr.as_secs_f64() / n as f64 * 1e9);
            let (x, y) = (s.take(n).unwrap(), r.take(n).unwrap());
            s.recycle(x);
            r.recycle(y);
        }
    }
    one::<SemiHonest>();
    one::<Malicious>();
}
