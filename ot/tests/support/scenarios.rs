//! One run of every protocol of the crate.
#![allow(dead_code, reason = "each test takes what it wants")]

use piquet_ot::{Malicious, SemiHonest};
use rand_core::Rng;

use super::pairs::{self, Batch, Mode, Pair, Source, rng};

pub(crate) struct Scenario {
    pub(crate) name: String,
    /// Whether a peer that deviates is found out: whoever ends without an error has what an honest run gives.
    pub(crate) checked: bool,
    make: Box<dyn Fn([u8; 32]) -> Pair>,
}

impl Scenario {
    pub(crate) fn pair(&self, session: [u8; 32]) -> Pair {
        (self.make)(session)
    }
}

fn scenario(
    name: impl Into<String>,
    checked: bool,
    make: impl Fn([u8; 32]) -> Pair + 'static,
) -> Scenario {
    Scenario {
        name: name.into(),
        checked,
        make: Box::new(make),
    }
}

fn bytes(n: usize, seed: u8) -> Vec<u8> {
    let mut b = vec![0; n];
    rng(seed).fill_bytes(&mut b);
    b
}

fn bools(n: usize, seed: u8) -> Vec<bool> {
    bytes(n, seed).iter().map(|b| b & 1 == 1).collect()
}

fn blocks(n: usize, seed: u8) -> Vec<u128> {
    let b = bytes(16 * n, seed);
    b.chunks(16)
        .map(|b| u128::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

fn pairs_of(n: usize, seed: u8) -> Vec<[u128; 2]> {
    blocks(2 * n, seed)
        .chunks(2)
        .map(|m| [m[0], m[1]])
        .collect()
}

fn extension<M: Mode>(name: &str, k: u32, n: usize) -> Scenario {
    let batches = [Batch::Random(17 * n), Batch::Chosen(bools(n / 2 + 3, 4))];
    scenario(
        format!("{name}-{k}-{}", M::NAME),
        M::MALICIOUS,
        move |session| {
            let delta = blocks(1, 5)[0];
            pairs::softspoken::<M>(session, k, delta, &pairs_of(128, 6), &batches, 7)
        },
    )
}

/// Those made from correlated OTs, of which there are n.
fn made<M: Mode>(n: usize) -> Vec<Scenario> {
    let of = move |session, n| Source {
        session,
        first: 3,
        n,
        seed: 9,
    };
    let both = move |session: [u8; 32], n| [of(session, n), of(session.map(|b| !b), n)];
    let name = |what: &str| format!("{what}-{}", M::NAME);
    vec![
        scenario(name("random"), false, move |s| {
            pairs::random::<M>(&of(s, n))
        }),
        scenario(name("chosen-blocks"), false, move |s| {
            let choices = bools(n, 10);
            pairs::chosen_blocks::<M>(&of(s, n), Some(&choices), &bytes(32 * n, 11))
        }),
        scenario(name("chosen-strings"), false, move |s| {
            pairs::chosen_strings::<M>(&of(s, n), None, 37, &bytes(74 * n, 11))
        }),
        scenario(name("one-of-16"), false, move |s| {
            let indices: Vec<_> = bytes(n, 12).iter().map(|i| i & 15).collect();
            let m = blocks(16 * n, 13);
            pairs::one_of_n::<M>(&of(s, 4 * n), 16, Some(&indices), Some((11, &m)))
        }),
        scenario(name("one-of-256"), false, move |s| {
            let m = blocks(256 * (n / 4 + 1), 13);
            pairs::one_of_n::<M>(&of(s, 8 * (n / 4 + 1)), 256, None, Some((77, &m)))
        }),
        scenario(name("additive-8"), false, move |s| {
            pairs::additive::<u8, M>(&of(s, n), 1, 7, &blocks(n, 14))
        }),
        scenario(name("additive-64"), false, move |s| {
            pairs::additive::<u64, M>(&of(s, n), 5, 61, &blocks(5 * n, 14))
        }),
        scenario(name("bit-triples"), false, move |s| {
            pairs::bit_triples::<M>(&both(s, n))
        }),
    ]
}

/// Every protocol, on batches of about n.
pub(crate) fn all(n: usize) -> Vec<Scenario> {
    let choices = bools(n.min(70), 1);
    let also = choices.clone();
    let mut list = vec![
        scenario("base", false, move |s| pairs::base(s, &choices, [2, 3])),
        scenario("uniform", false, move |s| {
            pairs::uniform(s, &pairs_of(also.len(), 8), &also, [2, 3])
        }),
        extension::<SemiHonest>("iknp", 1, n),
        extension::<Malicious>("softspoken", 1, n),
    ];
    #[cfg(feature = "ml-kem")]
    list.push(scenario("base-ml-kem", false, |s| {
        pairs::mlkem(s, &bools(3, 1), [2, 3])
    }));
    for k in [2, 4, 8] {
        list.push(extension::<SemiHonest>("softspoken", k, n));
        list.push(extension::<Malicious>("softspoken", k, n));
    }
    fn ferret<M: Mode>(n: usize) -> Scenario {
        scenario(
            format!("ferret-{}", M::NAME),
            M::MALICIOUS,
            move |session| {
                let source = Source {
                    session,
                    first: 0,
                    n: 400,
                    seed: 15,
                };
                pairs::ferret::<M>(&source, 1 + n / 4000, [16, 17])
            },
        )
    }
    list.extend([ferret::<SemiHonest>(n), ferret::<Malicious>(n)]);
    list.extend(made::<SemiHonest>(n));
    list.extend(made::<Malicious>(n));
    let of = move |session: [u8; 32], n| {
        [session, session.map(|b| !b)].map(|session| Source {
            session,
            first: 1,
            n,
            seed: 18,
        })
    };
    list.push(scenario("ring-triples-32", false, move |s| {
        pairs::ring_triples::<u32>(&of(s, 29 * n), n, 29, [19, 20])
    }));
    list.push(scenario("ring-triples-64", false, move |s| {
        let n = n / 8 + 1;
        pairs::ring_triples::<u64>(&of(s, 64 * n), n, 64, [19, 20])
    }));
    list.push(scenario("matrix-triple-64", false, move |s| {
        let n = n / 8 + 3;
        pairs::matrix_triple::<u64>(&of(s, 2 * 3 * 64), [2, 3, n], 64, [19, 20])
    }));
    list.push(scenario("matrix-triple-16", false, move |s| {
        let m = n / 8 + 4;
        pairs::matrix_triple::<u16>(&of(s, 3 * 5 * 13), [m, 5, 3], 13, [19, 20])
    }));
    list
}
