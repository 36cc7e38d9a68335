//! Functions of bits and of rows: the oracle against the definition, the engines against the oracle and the plan.

mod common;

use common::{Case, Script, agree, z64};
use piquet_nn_ops::Error;
use piquet_nn_ops::engine::LinearOp;
use piquet_nn_ops::layer::Layers;
use piquet_nn_ops::model::Format;

/// Functions of the bits that tell which inputs are not negative.
#[derive(Clone, Copy, PartialEq)]
enum OfBits {
    PrefixOr,
    MostSignificantOne,
    OneHot,
}

impl Script for OfBits {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let bits = e.non_negative(&x.iter().collect::<Vec<_>>())?;
        let out = match self {
            Self::PrefixOr => e.prefix_or(&bits)?,
            Self::MostSignificantOne => e.most_significant_one(&bits)?,
            Self::OneHot => e.one_hot(&bits)?,
        };
        let spec = e.spec(&x[0]).clone();
        let out: Vec<_> = out.iter().map(|b| (b, &spec.shape)).collect();
        e.to_arith(&out, Format::new(spec.format.width(), 0, 1)?)
    }
}

/// One tensor for each of `places` bits of some numbers, as signs.
fn signs(numbers: &[u64], places: u32) -> Case {
    (0..places).fold(Case::default(), |case, j| {
        let plane = numbers.iter().map(|v| if v >> j & 1 == 1 { 0 } else { -1 });
        case.input(&[1, numbers.len()], z64(0, 1), plane.collect())
    })
}

/// Numbers of so many bits: all of them, or some, the edges and every power of two among them.
fn numbers(places: u32) -> Vec<u64> {
    let most = (1 << places) - 1;
    if places < 7 {
        return (0..=most).collect();
    }
    let powers = (0..places).flat_map(|j| [1 << j, (2 << j) - 1, 3 << j & most]);
    powers.chain([0, most, 0x5555_5555 & most, 99]).collect()
}

#[test]
fn prefixes_and_the_highest_place_are_those_of_each_number() {
    for places in [1, 2, 3, 5, 6, 8, 13, 20, 33] {
        let numbers = numbers(places);
        let case = signs(&numbers, places);
        let (prefixes, _) = agree(&case, &OfBits::PrefixOr, 1);
        let (highest, _) = agree(&case, &OfBits::MostSignificantOne, 1);
        assert_eq!(
            (prefixes.len(), highest.len()),
            (places as usize, places as usize)
        );
        for (j, (prefix, highest)) in prefixes.iter().zip(&highest).enumerate() {
            for (v, (p, h)) in numbers.iter().zip(prefix.iter().zip(highest)) {
                assert_eq!(*p == 1, v & ((2 << j) - 1) != 0, "{v} {j}");
                assert_eq!(*h == 1, *v > 0 && v.ilog2() == j as u32, "{v} {j}");
            }
        }
    }
}

#[test]
fn a_unit_vector_has_its_one_at_the_number() {
    for places in [1, 2, 3, 4, 5, 7, 8] {
        let numbers = numbers(places);
        let (vector, _) = agree(&signs(&numbers, places), &OfBits::OneHot, 1);
        assert_eq!(vector.len(), 1 << places);
        for (i, place) in vector.iter().enumerate() {
            for (v, b) in numbers.iter().zip(place) {
                assert_eq!(*b == 1, *v == i as u64, "{v} {i} of {places} bits");
            }
        }
    }
    for places in [0, 13] {
        let case = signs(&[1], places.max(1));
        let case = if places == 0 { Case::default() } else { case };
        assert!(common::plain(&case, &OfBits::OneHot).is_err());
    }
}
