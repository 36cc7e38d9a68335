//! A function that was made has room for every number of its domain: formats are refused before anything runs.

use piquet_nn_ops::Error;
use piquet_nn_ops::engine::{Engine, Spec, Truncation};
use piquet_nn_ops::function::{Exp, LayerNorm, Log, Piecewise, Reciprocal, Rsqrt, Softmax, Sqrt};
use piquet_nn_ops::layer::Layers;
use piquet_nn_ops::model::{Clip, Format, Shape};
use piquet_nn_ops::plain::{Plain, PlainTensor};
use piquet_nn_ops::pool::Pool;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

type Ran = Result<Vec<PlainTensor>, Error>;
/// Applies a function that was made.
type Made = Box<dyn Fn(&mut Plain, &PlainTensor, Truncation) -> Ran>;

/// One of all functions of rows of `n` values, if it serves these formats.
fn made(which: u64, from: Format, to: Format, n: usize) -> Result<Made, Error> {
    let piecewise = |f: Piecewise| -> Made { Box::new(move |e, x, m| e.piecewise(&[x], &f, m)) };
    let exp = |f: Exp| -> Made { Box::new(move |e, x, m| e.exp(&[x], &f, m)) };
    let softmax = |f: Softmax| -> Made { Box::new(move |e, x, m| Ok(vec![e.softmax(x, &f, m)?])) };
    Ok(match which {
        0 => exp(Exp::natural(from, to)?),
        1 => exp(Exp::base2(from, to)?),
        2 => piecewise(Piecewise::sigmoid(from, to)?),
        3 => piecewise(Piecewise::tanh(from, to)?),
        4 => piecewise(Piecewise::gelu(from, to)?),
        5 => piecewise(Piecewise::gelu_tanh(from, to)?),
        6 => piecewise(Piecewise::silu(from, to)?),
        7 => softmax(Softmax::new(from, to, n)?),
        8 => softmax(Softmax::log(from, to, n)?),
        9 => {
            let f = Log::new(from, to)?;
            Box::new(move |e, x, m| e.log(&[x], &f, m))
        }
        10 => {
            let f = Reciprocal::new(from, to)?;
            Box::new(move |e, x, m| e.reciprocal(&[x], &f, m))
        }
        11 => {
            let f = Rsqrt::new(from, to)?;
            Box::new(move |e, x, m| e.rsqrt(&[x], &f, m))
        }
        12 => {
            let f = Sqrt::new(from, to)?;
            Box::new(move |e, x, m| e.sqrt(&[x], &f, m))
        }
        _ => {
            // How large results are is the caller's to say.
            let to = Format::z64(to.frac(), to.bound().max(to.frac() + 2))?;
            let f = LayerNorm::new(from, to, n, 1e-5)?;
            Box::new(move |e, x, m| Ok(vec![e.layer_norm(x, None, &f, m)?]))
        }
    })
}

#[test]
fn what_is_made_runs() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut below = |n: u64| rng.next_u64() % n;
    let mut engine = Plain::new(Pool::new(1).unwrap());
    let mut served = [0; 14];
    for _ in 0..1500 {
        let mut format = || Format::z64(below(30) as u32, 1 + below(50) as u32).unwrap();
        let (from, to) = (format(), format());
        let (which, n) = (below(14), 2 + below(6) as usize);
        let Ok(run) = made(which, from, to, n) else {
            continue;
        };
        served[which as usize] += 1;
        let end = (1i64 << from.bound()) - 1;
        let mut values = vec![end, -end, 0, 1, -1, end / 2, -end / 3];
        while values.len() < 8 * n {
            let bits = below(u64::from(from.bound()) + 1);
            let size = below(1 << bits) as i64;
            values.push(if below(2) == 0 { size } else { -size });
        }
        values.truncate(8 * n);
        let spec = Spec {
            shape: Shape::new(&[8, n]).unwrap(),
            format: from,
        };
        let x = engine.input(&spec, Some(&values)).unwrap();
        for mode in [
            Truncation::Exact,
            Truncation::Nearest,
            Truncation::Stochastic,
        ] {
            if let Err(e) = run(&mut engine, &x, mode) {
                panic!("{which} from {from:?} to {to:?}, {n} in a row, {mode:?}: {e}");
            }
        }
    }
    assert!(served.iter().all(|n| *n > 10), "{served:?}");
}

#[test]
fn a_bound_below_all_words_is_refused() {
    let mut engine = Plain::new(Pool::new(1).unwrap());
    let spec = Spec {
        shape: Shape::new(&[1, 2]).unwrap(),
        format: Format::z64(8, 12).unwrap(),
    };
    let x = engine.input(&spec, Some(&[5, -5])).unwrap();
    let clip = Clip {
        min: None,
        max: Some(-1e30),
    };
    assert!(engine.clip(&x, &clip, spec.format).is_err());
}
