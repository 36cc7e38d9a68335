#![allow(clippy::unwrap_used)]

use super::*;
use crate::bgi;
use piquet_core::Prg;
use piquet_core::cpu::Level;
use piquet_core::wire::{DecodeError, Header};
use proptest::prelude::*;

pub(super) const SESSION: SessionId = SessionId([11; 32]);
pub(super) const WIDTHS: [u32; 13] = [1, 2, 3, 5, 8, 13, 16, 32, 38, 64, 65, 127, 128];
/// Sizes around those of tiles.
const BATCHES: [usize; 10] = [1, 31, 32, 33, 63, 64, 65, 127, 128, 129];

pub(super) fn rng(seed: u128) -> Prg {
    Prg::new(Block::from_u128(seed))
}

/// Nonzero values of k bits.
fn betas(k: u32, n: usize) -> Vec<u128> {
    let mut v = vec![0u128; n];
    rng(k.into()).fill_ring(&mut v);
    v.iter().map(|b| (b | 1) & crate::shape::mask(k)).collect()
}

/// Both trees behind one face.
trait Both: Tree {
    fn at<P: Role>(keys: &Keys<P, Self>, x: &[u128], cpu: &Cpu) -> Result<RingVec<u128>, Error>;
    fn bits_at<P: Role>(keys: &Keys<P, Self>, x: &[u128], cpu: &Cpu) -> Result<BitVec, Error>;
    fn blocks_at<P: Role>(
        keys: &BlockKeys<P, Self>,
        x: &[u128],
        cpu: &Cpu,
    ) -> Result<Vec<Block>, Error>;
}

macro_rules! both {
    ($($tree:ty),*) => {$(
        impl Both for $tree {
            fn at<P: Role>(keys: &Keys<P, Self>, x: &[u128], cpu: &Cpu) -> Result<RingVec<u128>, Error> {
                keys.evaluate(x, cpu)
            }
            fn bits_at<P: Role>(keys: &Keys<P, Self>, x: &[u128], cpu: &Cpu) -> Result<BitVec, Error> {
                keys.evaluate_bits(x, cpu)
            }
            fn blocks_at<P: Role>(keys: &BlockKeys<P, Self>, x: &[u128], cpu: &Cpu) -> Result<Vec<Block>, Error> {
                keys.evaluate_blocks(x, cpu)
            }
        }
    )*};
}
both!(HalfTree, bgi::SeedTree);

fn sum(k: u32, a: &RingVec<u128>, b: &RingVec<u128>) -> Vec<u128> {
    let (a, b) = (a.as_slice(), b.as_slice());
    let low = crate::shape::mask(k);
    assert!(a.iter().chain(b).all(|v| *v <= low), "bits above the value");
    let sum = |(a, b): (&u128, &u128)| a.wrapping_add(*b) & low;
    a.iter().zip(b).map(sum).collect()
}

/// The function itself.
fn plain(alpha: u128, beta: u128, x: u128) -> u128 {
    if x == alpha { beta } else { 0 }
}

/// Every α as a key of one batch, at every point in every way there is.
fn exhaustive<T: Both>(domain: u32, k: u32) {
    let shape = Shape::new(domain, k).unwrap();
    let n = 1usize << domain;
    let alphas: Vec<u128> = (0..n as u128).collect();
    let betas = betas(k, n);
    let (k0, k1) =
        Keys::<P0, T>::generate(&SESSION, 3, shape, &alphas, &betas, &mut rng(1)).unwrap();
    let cpu = Cpu::new();
    let of = format!("{domain} bits to {k}");
    for x in 0..n as u128 {
        let points = vec![x; n];
        let y = sum(
            k,
            &T::at(&k0, &points, &cpu).unwrap(),
            &T::at(&k1, &points, &cpu).unwrap(),
        );
        for (j, y) in y.iter().enumerate() {
            assert_eq!(*y, plain(alphas[j], betas[j], x), "{of}: {j} at {x}");
        }
        if k == 1 {
            let mut bits = T::bits_at(&k0, &points, &cpu).unwrap();
            bits.xor_assign(&T::bits_at(&k1, &points, &cpu).unwrap());
            assert!(
                bits.to_bools()
                    .enumerate()
                    .all(|(j, b)| b == (j as u128 == x))
            );
        }
    }
    let all = [k0.expand_keys(&cpu).unwrap(), k1.expand_keys(&cpu).unwrap()];
    let y = sum(k, &all[0], &all[1]);
    for (j, y) in y.chunks(n).enumerate() {
        for (x, y) in y.iter().enumerate() {
            assert_eq!(
                *y,
                plain(alphas[j], betas[j], x as u128),
                "{of}: {j} at {x}"
            );
        }
    }
    for j in 0..n {
        for (all, one, points) in [
            (
                &all[0],
                k0.expand::<u128>(j, &cpu),
                k0.evaluate_one(j, &alphas, &cpu),
            ),
            (
                &all[1],
                k1.expand::<u128>(j, &cpu),
                k1.evaluate_one(j, &alphas, &cpu),
            ),
        ] {
            let part = &all.as_slice()[j * n..(j + 1) * n];
            assert_eq!(one.unwrap().as_slice(), part, "{of}: whole domain of {j}");
            let points: RingVec<u128> = points.unwrap();
            assert_eq!(points.as_slice(), part, "{of}: points of {j}");
        }
    }
    if k == 1 {
        let bools = |v: &BitVec| v.to_bools().map(u128::from).collect::<Vec<_>>();
        for (keys, all) in [
            (k0.expand_keys_bits(&cpu).unwrap(), &all[0]),
            (k1.expand_keys_bits(&cpu).unwrap(), &all[1]),
        ] {
            assert_eq!(bools(&keys), all.as_slice(), "{of}");
        }
        for j in 0..n {
            let one = bools(&k0.expand_bits(j, &cpu).unwrap());
            assert_eq!(
                one,
                &all[0].as_slice()[j * n..(j + 1) * n],
                "{of}: bits of {j}"
            );
        }
    }
}

#[test]
fn all_points_of_small_domains() {
    for domain in 1..=8 {
        for k in WIDTHS {
            exhaustive::<HalfTree>(domain, k);
            exhaustive::<bgi::SeedTree>(domain, k);
        }
    }
}

fn exhaustive_blocks<T: Both>(domain: u32) {
    let n = 1usize << domain;
    let alphas: Vec<u128> = (0..n as u128).collect();
    let mut betas = vec![Block::ZERO; n];
    rng(9).fill_blocks(&mut betas);
    let (k0, k1) =
        BlockKeys::<P0, T>::generate(&SESSION, 3, domain, &alphas, &betas, &mut rng(1)).unwrap();
    let cpu = Cpu::new();
    let want = |j: usize, x: usize| if j == x { betas[j] } else { Block::ZERO };
    for x in 0..n {
        let points = vec![x as u128; n];
        let a = T::blocks_at(&k0, &points, &cpu).unwrap();
        let b = T::blocks_at(&k1, &points, &cpu).unwrap();
        assert!(
            (0..n).all(|j| a[j] ^ b[j] == want(j, x)),
            "{domain} bits at {x}"
        );
    }
    let all = [k0.expand_keys(&cpu).unwrap(), k1.expand_keys(&cpu).unwrap()];
    for j in 0..n {
        let part = j * n..(j + 1) * n;
        assert!((0..n).all(|x| all[0][part.clone()][x] ^ all[1][part.clone()][x] == want(j, x)));
        assert!(k0.expand(j, &cpu).unwrap() == all[0][part.clone()]);
        assert!(k1.evaluate_one(j, &alphas, &cpu).unwrap() == all[1][part]);
    }
}

#[test]
fn all_points_of_small_domains_with_blocks() {
    for domain in 1..=8 {
        exhaustive_blocks::<HalfTree>(domain);
        exhaustive_blocks::<bgi::SeedTree>(domain);
    }
}

/// Ends of wide domains and their neighbours, with wrap-around.
fn edges<T: Both>(domain: u32, k: u32) {
    let shape = Shape::new(domain, k).unwrap();
    let low = crate::shape::mask(domain);
    let top = 1u128 << (domain - 1);
    let alphas: Vec<u128> = [0, 1, low, low - 1, top, top - 1, top + 1, 127, 128, low / 3]
        .iter()
        .map(|a| a & low)
        .collect();
    let betas = betas(k, alphas.len());
    let (k0, k1) =
        Keys::<P0, T>::generate(&SESSION, 3, shape, &alphas, &betas, &mut rng(2)).unwrap();
    let cpu = Cpu::new();
    let moves = [0, 1, low, top, 64, 128u128.wrapping_neg()];
    for d in moves {
        let x: Vec<u128> = alphas.iter().map(|a| a.wrapping_add(d) & low).collect();
        let y = sum(
            k,
            &T::at(&k0, &x, &cpu).unwrap(),
            &T::at(&k1, &x, &cpu).unwrap(),
        );
        for j in 0..x.len() {
            let want = plain(alphas[j], betas[j], x[j]);
            assert_eq!(y[j], want, "{domain} to {k}: {:x} at {:x}", alphas[j], x[j]);
        }
    }
    for j in 0..alphas.len() {
        let x: Vec<u128> = moves
            .iter()
            .map(|d| alphas[j].wrapping_add(*d) & low)
            .collect();
        let y0 = k0.evaluate_one(j, &x, &cpu).unwrap();
        let y = sum(k, &y0, &k1.evaluate_one(j, &x, &cpu).unwrap());
        for (x, y) in x.iter().zip(y) {
            assert_eq!(y, plain(alphas[j], betas[j], *x), "{domain} to {k}");
        }
    }
}

#[test]
fn ends_of_wide_domains() {
    for domain in [16, 31, 32, 33, 38, 63, 64, 128] {
        for k in WIDTHS {
            edges::<HalfTree>(domain, k);
            edges::<bgi::SeedTree>(domain, k);
        }
    }
}

#[test]
fn batches_around_tiles() {
    fn of<T: Both>() {
        let cpu = Cpu::new();
        for n in BATCHES {
            for (domain, k) in [(20, 64), (9, 1), (6, 13)] {
                let shape = Shape::new(domain, k).unwrap();
                let alphas: Vec<u32> = (0..n as u32)
                    .map(|j| (j * 77 + 5) % (1 << domain))
                    .collect();
                let betas = betas(k, n);
                let (k0, k1) =
                    Keys::<P0, T>::generate(&SESSION, 3, shape, &alphas, &betas, &mut rng(3))
                        .unwrap();
                let at: Vec<u128> = alphas.iter().map(|a| (*a).into()).collect();
                let y = sum(
                    k,
                    &T::at(&k0, &at, &cpu).unwrap(),
                    &T::at(&k1, &at, &cpu).unwrap(),
                );
                assert_eq!(y, betas, "{n} keys");
                let last = n - 1;
                let y0 = k0.evaluate_one(last, &at, &cpu).unwrap();
                let y = sum(k, &y0, &k1.evaluate_one(last, &at, &cpu).unwrap());
                for (x, y) in at.iter().zip(y) {
                    assert_eq!(y, plain(at[last], betas[last], *x), "{n} keys");
                }
                if domain < 10 {
                    let all = sum(
                        k,
                        &k0.expand_keys(&cpu).unwrap(),
                        &k1.expand_keys(&cpu).unwrap(),
                    );
                    for (j, y) in all.chunks(1 << domain).enumerate() {
                        let right =
                            |(x, y): (usize, &u128)| *y == plain(at[j], betas[j], x as u128);
                        assert!(y.iter().enumerate().all(right), "{n} keys");
                    }
                }
            }
        }
    }
    of::<HalfTree>();
    of::<bgi::SeedTree>();
}

/// Domains that take several strides, in native words and others.
#[test]
fn large_domains_are_their_points() {
    fn of<T: Both, W: Ring>(domain: u32, k: u32) {
        let shape = Shape::new(domain, k).unwrap();
        let alpha = (1u32 << domain) - 3;
        let (k0, k1) =
            Keys::<P0, T>::generate(&SESSION, 3, shape, &[alpha], &[1u8], &mut rng(3)).unwrap();
        let cpu = Cpu::new();
        let points: Vec<u32> = (0..1 << domain).collect();
        let (e0, e1) = (
            k0.expand::<W>(0, &cpu).unwrap(),
            k1.expand::<W>(0, &cpu).unwrap(),
        );
        assert_eq!(
            e0.as_slice(),
            k0.evaluate_one::<_, W>(0, &points, &cpu)
                .unwrap()
                .as_slice()
        );
        assert_eq!(
            e1.as_slice(),
            k1.evaluate_one::<_, W>(0, &points, &cpu)
                .unwrap()
                .as_slice()
        );
        let low = W::from_i128(crate::shape::mask(k) as i128);
        for (x, (a, b)) in e0.as_slice().iter().zip(e1.as_slice()).enumerate() {
            let want = W::from_u64((x == alpha as usize).into());
            assert_eq!(a.add(*b).and(low), want, "{domain} to {k} at {x}");
        }
    }
    for domain in 10..=17 {
        of::<HalfTree, u64>(domain, 64);
        of::<HalfTree, u8>(domain, 1);
        of::<HalfTree, u64>(domain, 38);
    }
    of::<HalfTree, u8>(13, 8);
    of::<HalfTree, u16>(13, 16);
    of::<HalfTree, u32>(13, 32);
    of::<HalfTree, u128>(13, 128);
    of::<HalfTree, u64>(13, 32);
    of::<bgi::SeedTree, u64>(16, 64);
    of::<bgi::SeedTree, u8>(16, 1);
}

#[test]
fn all_levels_of_the_processor_agree() {
    let alphas: Vec<u32> = (0..129).map(|j| j * 31).collect();
    for k in [1, 8, 38, 64, 128] {
        let shape = Shape::new(12, k).unwrap();
        let betas = betas(k, alphas.len());
        let (keys, _) = generate(&SESSION, 3, shape, &alphas, &betas, &mut rng(3)).unwrap();
        let (seeds, _) = bgi::generate(&SESSION, 3, shape, &alphas, &betas, &mut rng(3)).unwrap();
        let run = |level| {
            let cpu = Cpu::with_level(level);
            let v = |v: RingVec<u128>| v.as_slice().to_vec();
            let mut all = vec![
                v(keys.evaluate(&alphas, &cpu).unwrap()),
                v(keys.evaluate_one(100, &alphas, &cpu).unwrap()),
                v(keys.expand(100, &cpu).unwrap()),
                v(keys.expand_keys(&cpu).unwrap()),
                v(seeds.evaluate(&alphas, &cpu).unwrap()),
                v(seeds.evaluate_one(100, &alphas, &cpu).unwrap()),
                v(seeds.expand(100, &cpu).unwrap()),
            ];
            let table = vec![3u128; 1 << 12];
            all.push(vec![keys.weighted_sum(100, &table, &cpu).unwrap()]);
            if k == 1 {
                let rows: Vec<u64> = (0..3 << 12).collect();
                let row = keys.inner_product(100, &rows, 3, &cpu).unwrap();
                all.push(row.as_slice().iter().map(|w| (*w).into()).collect());
            }
            all
        };
        let want = run(Level::Portable);
        assert!(Level::all().all(|l| run(l) == want), "{k} bits");
    }
}

mod misuse;
mod tables;
