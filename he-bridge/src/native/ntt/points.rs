//! Vectors of residues, one by one: products, sums, small numbers. All residues below p, in and out; slices of one
//! length.

#[cfg(target_arch = "x86_64")]
mod ifma;

use piquet_core::cpu::Ifma512;
use piquet_core::lanes;

use super::Ntt;

/// Residues that multiply often, in the form of the kernel, and the factor of each: see [`Ntt::fix`].
pub type Fixed<'a> = [&'a [u64]; 2];

impl Ntt {
    fn proof(&self) -> Option<Ifma512> {
        Ifma512::at(self.level)
    }
    /// Turns residues into what [`Ntt::multiply_add`] wants: in their place, and `factors`.
    pub fn fix(&self, values: &mut [u64], factors: &mut [u64]) {
        let p = &self.prime;
        let montgomery = self.proof().map(|_| p.montgomery_inverse());
        let shift = p.reduce(1 << 52);
        let shift = [shift, p.factor(shift)];
        for (w, f) in values.iter_mut().zip(factors) {
            match montgomery {
                Some(inverse) => {
                    *w = p.mul_by(*w, shift[0], shift[1]);
                    *f = w.wrapping_mul(inverse) & piquet_core::pack::mask(52);
                }
                None => *f = p.factor(*w),
            }
        }
    }
    /// `a` becomes `a` `b`.
    pub fn multiply(&self, a: &mut [u64], b: &[u64]) {
        let p = &self.prime;
        match self.proof() {
            #[cfg(target_arch = "x86_64")]
            Some(proof) => ifma::multiply(proof, p, a, b),
            _ => a.iter_mut().zip(b).for_each(|(a, b)| *a = p.mul(*a, *b)),
        }
    }
    /// Subtracts `a` `b`.
    pub fn subtract_product(&self, sum: &mut [u64], a: &[u64], b: &[u64]) {
        let p = &self.prime;
        match self.proof() {
            #[cfg(target_arch = "x86_64")]
            Some(proof) => ifma::subtract_product(proof, p, sum, a, b),
            _ => {
                for (s, (a, b)) in sum.iter_mut().zip(a.iter().zip(b)) {
                    *s = p.sub(*s, p.mul(*a, *b));
                }
            }
        }
    }
    /// Adds `a` times what was fixed.
    pub fn multiply_add(&self, sum: &mut [u64], a: &[u64], fixed: Fixed<'_>) {
        let p = &self.prime;
        match self.proof() {
            #[cfg(target_arch = "x86_64")]
            Some(proof) => ifma::multiply_add(proof, p, sum, a, fixed),
            _ => {
                for ((s, a), (w, f)) in sum.iter_mut().zip(a).zip(fixed[0].iter().zip(fixed[1])) {
                    *s = p.add(*s, p.mul_by(*a, *w, *f));
                }
            }
        }
    }
    /// Adds `w` times any numbers of 64 bits; `w` is a residue.
    pub fn add_multiple(&self, sum: &mut [u64], x: &[u64], w: u64) {
        let p = &self.prime;
        match self.proof() {
            #[cfg(target_arch = "x86_64")]
            Some(proof) => ifma::add_multiple(proof, p, sum, x, w),
            _ => {
                let factor = p.factor(w);
                for (s, x) in sum.iter_mut().zip(x) {
                    *s = p.add(*s, p.mul_by(*x, w, factor));
                }
            }
        }
    }
    /// Adds residues.
    pub fn add(&self, sum: &mut [u64], a: &[u64]) {
        let p = self.prime;
        lanes::zip(sum, a, |s, a| p.add(s, a));
    }
    /// Adds numbers of at most 2^7 in absolute value: p is at least 2^8.
    pub fn add_small(&self, sum: &mut [u64], a: &[i8]) {
        let p = self.prime;
        lanes::zip(sum, a, |s, a: i8| {
            // Between 0 and 2 p.
            let a = i64::from(a) as u64;
            p.once(
                s.wrapping_add(a)
                    .wrapping_add(p.p() & (a >> 63).wrapping_neg()),
            )
        });
    }
}

#[cfg(test)]
mod tests;
