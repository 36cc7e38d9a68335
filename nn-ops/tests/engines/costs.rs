//! What functions cost in both engines: the table on the page of `function`.

#[allow(dead_code, reason = "the bench runs them as well")]
#[path = "../../benches/functions/operations.rs"]
mod operations;

use self::operations::{Made, Operation, operations};
use piquet_nn_ops::plan::PlanRow;
use piquet_nn_ops::rep3::Rep3Cost;
use piquet_nn_ops::semi2k::Semi2kCost;
use piquet_nn_ops::walk::{Visitor, Walk};

/// A visitor that has seen an operation online, and how many results there are.
fn walked<V: Visitor>(visitor: V, operation: &Operation) -> (V, usize) {
    let mut e = Walk::new(visitor);
    let given = operation.take(&mut e, None).unwrap();
    let results = match operation.run(&mut e, &given).unwrap() {
        Made::Value(y) => y.len(),
        Made::Bits(bits) => bits[0],
    };
    (e.into_visitor(), results)
}

#[test]
fn costs_of_the_page() {
    // Bytes of a result, framing included, and rounds: `rep3`, then two parties of `semi2k`, online.
    let page = [
        ("exp", [210, 52], [7, 6]),
        ("exp2", [100, 32], [3, 2]),
        ("log", [371, 280], [20, 19]),
        ("reciprocal", [398, 328], [22, 21]),
        ("division", [412, 376], [24, 23]),
        ("rsqrt", [466, 360], [22, 21]),
        ("sqrt", [450, 360], [22, 21]),
        ("sigmoid", [375, 361], [18, 17]),
        ("tanh", [375, 361], [18, 17]),
        ("gelu", [283, 297], [17, 16]),
        ("gelu-tanh", [283, 297], [17, 16]),
        ("silu", [451, 473], [23, 20]),
        ("truncation-exact", [61, 18], [4, 3]),
        ("truncation-nearest", [61, 18], [4, 3]),
        ("truncation-stochastic", [30, 16], [2, 1]),
        ("softmax", [228, 109], [94, 92]),
        ("log-softmax", [146, 53], [71, 70]),
        ("causal-softmax", [115, 57], [80, 78]),
        ("layer-norm", [49, 65], [65, 64]),
        ("layer-norm-affine", [85, 113], [67, 66]),
        ("layer-norm-wide", [134, 161], [87, 84]),
        ("batch-norm", [37, 49], [67, 65]),
        ("embedding", [57, 22], [39, 38]),
        ("look-up", [242, 130], [7, 8]),
        ("shift-left", [189, 52], [8, 7]),
        ("shift-right", [195, 68], [9, 8]),
        ("bits", [21, 12], [4, 3]),
        ("prefix-or", [30, 40], [5, 5]),
        ("highest-one", [30, 40], [5, 5]),
        ("one-hot", [10, 13], [3, 3]),
    ];
    let got = operations().unwrap().into_iter().map(|operation| {
        let (rep3, n) = walked(Rep3Cost::new(64), &operation);
        let (semi2k, _) = walked(Semi2kCost::new(2, 64), &operation);
        let rows = [rep3.plan(), semi2k.plan()].map(|p| operation.cost(p).unwrap());
        let bytes = |r: &PlanRow| (r.bytes as f64 / n as f64).round() as u64;
        (operation.name, rows.map(bytes), rows.map(|r| r.rounds))
    });
    assert_eq!(got.collect::<Vec<_>>(), page);
}
