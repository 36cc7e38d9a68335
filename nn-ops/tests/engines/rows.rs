//! Functions of bits and of rows: the oracle against the definition, the engines against the oracle and the plan.

use crate::common;
use crate::common::{Case, Script, agree, plain, values, z64};
use crate::dealt;
use piquet_core::linalg::ConvShape;
use piquet_nn_ops::Error;
use piquet_nn_ops::engine::{LinearOp, Truncation};
use piquet_nn_ops::function::Table;
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
        assert!(plain(&case, &OfBits::OneHot).is_err());
    }
}

/// A table by its first input.
struct LookUp(Table);

impl Script for LookUp {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        e.look_up(&x[0], &self.0)
    }
}

#[test]
fn a_table_gives_its_rows() {
    for (rows, seed) in [(1, 1), (2, 2), (3, 3), (5, 4), (16, 5), (37, 6), (64, 7)] {
        let columns = vec![
            values(rows, 40, seed),
            values(rows, 3, seed + 1),
            vec![5; rows],
        ];
        let table = Table::new(columns.clone(), z64(7, 40)).unwrap();
        let m = rows.next_power_of_two().ilog2();
        for (frac, bound) in [(0, 8), (0, m.max(1)), (4, 13), (9, 8)] {
            // Every row, every place past the end, and indices that have more bits than a row.
            let most = (1i64 << bound) - 1;
            let x: Vec<i64> = (0..=most).step_by(if frac > 0 { 3 } else { 1 }).collect();
            let case = Case::default().input(&[1, x.len()], z64(frac, bound), x.clone());
            let got = plain(&case, &LookUp(table.clone())).unwrap();
            if frac < 9 && rows < 40 {
                assert_eq!(common::rep3(&case, &LookUp(table.clone())), got);
                assert_eq!(dealt::semi2k(3, &case, &LookUp(table.clone())), got);
            }
            for (column, got) in columns.iter().zip(got) {
                for (x, y) in x.iter().zip(got) {
                    let i = (x >> frac) as usize % rows.next_power_of_two();
                    assert_eq!(y, column.get(i).copied().unwrap_or(0), "{i} of {rows}");
                }
            }
        }
    }
}

#[test]
fn a_long_table_of_short_numbers_gives_its_rows() {
    // Fewer digits than rows; one column is the same everywhere but past the end.
    let first = values(200, 5, 1);
    let columns = vec![
        first.iter().map(|v| v * 4 - 1).collect(),
        first,
        vec![-2; 200],
        (0..200).map(|i| i % 7 - 3).collect(),
    ];
    let table = Table::new(columns.clone(), z64(2, 8)).unwrap();
    let x: Vec<i64> = (0..256).collect();
    let case = Case::default().input(&[2, 128], z64(0, 8), x.clone());
    let look_up = LookUp(table);
    let got = plain(&case, &look_up).unwrap();
    assert_eq!(common::rep3(&case, &look_up), got);
    assert_eq!(dealt::semi2k(2, &case, &look_up), got);
    for (column, got) in columns.iter().zip(got) {
        for (i, y) in x.iter().zip(got) {
            assert_eq!(y, column.get(*i as usize).copied().unwrap_or(0), "{i}");
        }
    }
}

#[test]
fn a_table_that_does_not_hold_is_refused() {
    let f = z64(0, 8);
    assert!(Table::new(vec![], f).is_err());
    assert!(Table::new(vec![vec![]], f).is_err());
    assert!(Table::new(vec![vec![0; 3], vec![0; 4]], f).is_err());
    assert!(Table::new(vec![vec![0; 4097]], f).is_err());
    assert!(Table::new(vec![vec![0, 256]], f).is_err());
    assert!(Table::new(vec![vec![0, i64::MIN]], f).is_err());
    assert!(Table::new(vec![vec![0; 2]], z64(0, 62)).is_err());
    assert!(Table::new(vec![vec![0, -255]], f).is_ok());
}

/// A secret table by secret index.
struct Embed;

impl Script for Embed {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        w: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let to = Format::new(e.spec(&x[0]).format.width(), 6, 12)?;
        Ok(vec![
            e.one_hot_rows(&x[0], w[0].0.shape.in_channels)?,
            e.embed(&x[0], &w[0].0, &w[0].1, to)?,
        ])
    }
}

#[test]
fn an_embedding_gives_the_rows_of_a_secret_table() {
    for (words, features, bound) in [(2, 3, 1), (11, 4, 5), (12, 1, 4), (30, 2, 3)] {
        let table = values(words * features, 9, 8);
        let x: Vec<i64> = (0..1 << bound).collect();
        let case = Case::default()
            .input(&[x.len()], z64(0, bound), x.clone())
            .weights(
                ConvShape::matmul(x.len(), words, features),
                &[x.len(), features],
                6,
                table.clone(),
                vec![],
            );
        let (got, _) = agree(&case, &Embed, 1);
        assert_eq!(dealt::semi2k(2, &case, &Embed), got);
        for row in 0..x.len() {
            let i = row % words.next_power_of_two();
            for j in 0..words {
                assert_eq!(got[0][row * words + j], i64::from(i == j));
            }
            for j in 0..features {
                // Weights lie by output; an index past the end finds nothing.
                let want = if i < words { table[j * words + i] } else { 0 };
                assert_eq!(got[1][row * features + j], want);
            }
        }
    }
}

/// The first input, to the left or to the right by the second.
struct Shift {
    most: u32,
    right: Option<Truncation>,
}

impl Script for Shift {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let f = e.spec(&x[0]).format;
        Ok(vec![match self.right {
            None => e.shift_left(
                &x[0],
                &x[1],
                self.most,
                f.with_bound(f.bound() + self.most)?,
            )?,
            Some(mode) => e.shift_right(&x[0], &x[1], self.most, mode)?,
        }])
    }
}

#[test]
fn shifts_by_a_secret_amount_are_those_by_a_public_one() {
    for (most, bound) in [(0, 20), (1, 60), (7, 20), (20, 41), (31, 30)] {
        let x = values(40 * (most as usize + 1), bound - 1, 3);
        let s: Vec<i64> = (0..x.len() as i64)
            .map(|i| i % (i64::from(most) + 1))
            .collect();
        let case = Case::default()
            .input(&[1, x.len()], z64(5, bound), x.clone())
            .input(&[1, s.len()], z64(0, 6), s.clone());
        let run = |right| agree(&case, &Shift { most, right }, 1).0.remove(0);
        let want = |f: fn(i64, i64) -> i64| -> Vec<i64> {
            x.iter().zip(&s).map(|(x, s)| f(*x, *s)).collect()
        };
        assert_eq!(run(None), want(|x, s| x << s));
        assert_eq!(run(Some(Truncation::Exact)), want(|x, s| x >> s));
        let nearest = want(|x, s| if s == 0 { x } else { (x + (1 << (s - 1))) >> s });
        assert_eq!(run(Some(Truncation::Nearest)), nearest);
    }
    let case =
        Case::default()
            .input(&[1, 1], z64(0, 40), vec![1])
            .input(&[1, 1], z64(0, 6), vec![1]);
    for right in [None, Some(Truncation::Exact)] {
        assert!(plain(&case, &Shift { most: 22, right }).is_err());
    }
}
