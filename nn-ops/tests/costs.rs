//! What functions cost in both engines: the table on the page of `function`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use piquet_nn_ops::Error;
use piquet_nn_ops::engine::{Engine, Spec, Truncation};
use piquet_nn_ops::function::{
    Division, Exp, LayerNorm, Log, Piecewise, Reciprocal, Rsqrt, Softmax, Sqrt,
};
use piquet_nn_ops::layer::Layers;
use piquet_nn_ops::ledger::Phase;
use piquet_nn_ops::model::{Format, Shape};
use piquet_nn_ops::rep3::Rep3Cost;
use piquet_nn_ops::semi2k::Semi2kCost;
use piquet_nn_ops::walk::{Visitor, Walk};

fn z64(bound: u32) -> Format {
    Format::z64(16, bound).unwrap()
}

/// Runs a function by name on shapes.
fn run<E: Layers>(e: &mut E, name: &str, x: &E::Arith, y: &E::Arith) -> Result<(), Error> {
    let mode = Truncation::Stochastic;
    let (small, wide) = (z64(20), z64(30));
    let piecewise =
        |f: Result<Piecewise, Error>, e: &mut E| e.piecewise(&[x], &f?, mode).map(|_| ());
    match name {
        "exp" => e
            .exp(&[x], &Exp::natural(small, z64(36))?, mode)
            .map(|_| ()),
        "exp2" => e.exp(&[x], &Exp::base2(small, z64(33))?, mode).map(|_| ()),
        "log" => e.log(&[y], &Log::new(wide, z64(21))?, mode).map(|_| ()),
        "reciprocal" => {
            let f = Reciprocal::new(wide, z64(33))?;
            e.reciprocal(&[y], &f, mode).map(|_| ())
        }
        "rsqrt" => e.rsqrt(&[y], &Rsqrt::new(wide, z64(25))?, mode).map(|_| ()),
        "sqrt" => e.sqrt(&[y], &Sqrt::new(wide, z64(24))?, mode).map(|_| ()),
        "division" => {
            let f = Division::new(small, wide, z64(31))?;
            e.divide(x, y, &f, mode).map(|_| ())
        }
        "sigmoid" => piecewise(Piecewise::sigmoid(small, z64(17)), e),
        "tanh" => piecewise(Piecewise::tanh(small, z64(17)), e),
        "gelu" => piecewise(Piecewise::gelu(small, z64(21)), e),
        "gelu_tanh" => piecewise(Piecewise::gelu_tanh(small, z64(21)), e),
        "silu" => piecewise(Piecewise::silu(small, z64(21)), e),
        "softmax" => {
            let f = Softmax::new(small, z64(17), 1000)?;
            e.softmax(x, &f, mode).map(|_| ())
        }
        "log_softmax" => {
            let f = Softmax::log(small, z64(27), 1000)?;
            e.softmax(x, &f, mode).map(|_| ())
        }
        _ => {
            let f = LayerNorm::new(small, z64(21), 800, 1e-5)?;
            e.layer_norm(x, None, &f, mode).map(|_| ())
        }
    }
}

fn walked<V: Visitor>(visitor: V, name: &str) -> V {
    let dims = match name {
        "softmax" | "log_softmax" => [100, 1000],
        "layer_norm" => [125, 800],
        _ => [1, 100_000],
    };
    let spec = |format| Spec {
        shape: Shape::new(&dims).unwrap(),
        format,
    };
    let mut e = Walk::new(visitor);
    e.begin_phase(Phase::Online);
    run(&mut e, name, &spec(z64(20)), &spec(z64(30))).unwrap();
    e.into_visitor()
}

#[test]
fn costs_of_the_page() {
    // Bytes of an element, framing included, and rounds: `rep3`, then two parties of `semi2k`, online.
    let page = [
        ("exp", [210, 52], [7, 6]),
        ("exp2", [100, 32], [3, 2]),
        ("log", [371, 280], [20, 19]),
        ("reciprocal", [398, 328], [22, 21]),
        ("rsqrt", [466, 360], [22, 21]),
        ("sqrt", [450, 360], [22, 21]),
        ("division", [412, 376], [24, 23]),
        ("sigmoid", [375, 361], [18, 17]),
        ("tanh", [375, 361], [18, 17]),
        ("gelu", [283, 297], [17, 16]),
        ("gelu_tanh", [283, 297], [17, 16]),
        ("silu", [451, 473], [23, 20]),
        ("softmax", [228, 109], [94, 92]),
        ("log_softmax", [146, 53], [71, 70]),
        ("layer_norm", [49, 65], [65, 64]),
    ];
    for (name, bytes, rounds) in page {
        let rep3 = walked(Rep3Cost::new(64), name);
        let semi2k = walked(Semi2kCost::new(2, 64), name);
        let totals = [rep3.plan(), semi2k.plan()].map(|p| p.total(Phase::Online));
        let each = [0, 1].map(|i| (totals[i].bytes as f64 / 1e5).round() as u64);
        assert_eq!(each, bytes, "bytes of {name}");
        assert_eq!([0, 1].map(|i| totals[i].rounds), rounds, "rounds of {name}");
    }
}
