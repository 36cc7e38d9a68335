//! The evaluation: rotate inputs, multiply, merge.

use super::Matvec;
use super::galois::{Key, Work};
use super::weights::Weights;
use crate::native::Ciphertext;
use crate::native::prime::Prime;
use crate::native::product::{self, Halves};

/// Factors that are transformed at a time.
const TOGETHER: usize = 8;

impl Matvec {
    /// The images of an input under every subset of the levels at inputs, times 2^-outer, in the form in which they
    /// are multiplied.
    pub(crate) fn expand(
        &self,
        keys: &[Key],
        input: Ciphertext,
        work: &mut Work,
    ) -> Vec<Ciphertext> {
        let mut images = vec![input];
        let levels = keys.iter().zip(&self.automorphisms);
        for (key, automorphism) in levels.take(self.plan.inner() as usize) {
            for i in 0..images.len() {
                images.push(self.galois.rotate(key, automorphism, &images[i], work));
            }
        }
        for image in &mut images {
            for half in [&mut image.first, &mut image.second] {
                self.each_prime(half, |j, p, x| {
                    p.mul_by(x, self.scale[j][0], self.scale[j][1])
                });
            }
        }
        images
    }
    fn each_prime(&self, planes: &mut [u64], f: impl Fn(usize, &Prime, u64) -> u64) {
        for (j, plane) in planes.chunks_exact_mut(self.plan.degree()).enumerate() {
            let p = self.galois.ntts[j].prime();
            plane.iter_mut().for_each(|x| *x = f(j, p, *x));
        }
    }
    /// The sum over images of `factors` (one polynomial for each of them) times image.
    pub(crate) fn multiply(
        &self,
        images: &[Ciphertext],
        factors: &[i32],
        work: &mut Work,
    ) -> Ciphertext {
        let n = self.plan.degree();
        let primes = self.galois.primes();
        let halves: Vec<Halves<'_>> = (images.iter()).map(|c| [&*c.first, &*c.second]).collect();
        let [mut first, mut second] = [(); 2].map(|()| vec![0; n * primes]);
        let mut points = vec![0; n * TOGETHER.min(images.len())];
        for j in 0..primes {
            let ntt = &self.galois.ntts[j];
            let p = ntt.prime();
            let range = j * n..(j + 1) * n;
            let factors = halves.chunks(TOGETHER).zip(factors.chunks(TOGETHER * n));
            for (chunk, (halves, factors)) in factors.enumerate() {
                let points = &mut points[..factors.len()];
                for (x, w) in points.iter_mut().zip(factors) {
                    // |w| is below 2^31, and p above.
                    let w = i64::from(*w);
                    *x = (w as u64).wrapping_add(p.p() & (w >> 63) as u64);
                }
                for points in points.chunks_exact_mut(n) {
                    ntt.forward(points);
                    work.transforms += 1;
                }
                let sums = [&mut first[range.clone()], &mut second[range.clone()]];
                product::chunk_by_points(ntt, halves, range.start, points, sums, chunk == 0);
            }
        }
        piquet_core::wipe(&mut points);
        Ciphertext { first, second }
    }
    /// One ciphertext from the products of a response: neighbours first.
    pub(crate) fn merge(
        &self,
        keys: &[Key],
        mut products: Vec<Ciphertext>,
        work: &mut Work,
    ) -> Option<Ciphertext> {
        for l in self.plan.inner() as usize..self.plan.depth() as usize {
            let mut merged = Vec::with_capacity(products.len().div_ceil(2));
            let mut pairs = products.into_iter();
            while let Some(a) = pairs.next() {
                merged.push(self.pair(keys, l, a, pairs.next(), work));
            }
            products = merged;
        }
        products.into_iter().next()
    }
    /// a + X^h b + tau(a - X^h b), without b where there is none.
    fn pair(
        &self,
        keys: &[Key],
        l: usize,
        a: Ciphertext,
        b: Option<Ciphertext>,
        work: &mut Work,
    ) -> Ciphertext {
        let n = self.plan.degree();
        let (mut sum, mut difference) = match b {
            None => (
                Ciphertext {
                    first: a.first.clone(),
                    second: a.second.clone(),
                },
                a,
            ),
            Some(mut b) => {
                let mut a = a;
                for (a, b) in [(&mut a.first, &mut b.first), (&mut a.second, &mut b.second)] {
                    for (j, (a, b)) in a.chunks_exact_mut(n).zip(b.chunks_exact_mut(n)).enumerate()
                    {
                        let p = self.galois.ntts[j].prime();
                        let shift = &self.shifts[l - self.plan.inner() as usize][j * n..][..n];
                        for ((a, b), [w, f]) in a.iter_mut().zip(b).zip(shift) {
                            let moved = p.mul_by(*b, *w, *f);
                            (*a, *b) = (p.add(*a, moved), p.sub(*a, moved));
                        }
                    }
                }
                (a, b)
            }
        };
        difference = self
            .galois
            .rotate(&keys[l], &self.automorphisms[l], &difference, work);
        for (s, d) in [
            (&mut sum.first, &difference.first),
            (&mut sum.second, &difference.second),
        ] {
            for (j, (s, d)) in s.chunks_exact_mut(n).zip(d.chunks_exact(n)).enumerate() {
                let p = self.galois.ntts[j].prime();
                s.iter_mut().zip(d).for_each(|(s, d)| *s = p.add(*s, *d));
            }
        }
        sum
    }
    /// All responses of a matrix, before they are masked.
    pub(crate) fn pack(
        &self,
        keys: &[Key],
        weights: &Weights,
        inputs: Vec<Ciphertext>,
        work: &mut Work,
    ) -> Vec<Ciphertext> {
        let images: Vec<Ciphertext> = (inputs.into_iter())
            .flat_map(|input| self.expand(keys, input, work))
            .collect();
        let mut factors = (weights.coefficients).chunks_exact(images.len() * self.plan.degree());
        (0..self.plan.responses())
            .filter_map(|r| {
                let products = (factors.by_ref().take(self.plan.products(r)))
                    .map(|factors| self.multiply(&images, factors, work))
                    .collect();
                self.merge(keys, products, work)
            })
            .collect()
    }
}
