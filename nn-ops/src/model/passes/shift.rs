//! Batch norms that stand before a ReLU and have no convolution before them, as in DenseNet.
//!
//! A factor s and a summand b per channel would cost parties a product and a rescale for every element. With
//! u = x + b / s,
//!
//! ```text
//! relu(s x + b) = |s| relu(u) + min(s, 0) u
//! ```
//!
//! (for s < 0 the right side is |s| (relu(u) - u) = |s| relu(-u)), so a convolution with weights W after the ReLU can
//! take in both factors: it sees relu(u) and u side by side, with the weights W |s| and W min(s, 0). What is left
//! before the ReLU is a summand, [`Op::ChannelShift`], which is free. The price are twice the multiply-accumulates of
//! that convolution, and nothing is disclosed: which layers are rewritten follows from the graph alone.
//!
//! Where no s of a layer is negative, the second half of the weights is zero and can be left out. That shows: whoever
//! sees the program learns of each such layer that its factors are not negative, and of each other that one is. It is one
//! bit per layer, and done only if the owner of the model agrees.
//!
//! A channel whose |b / s| exceeds every |x| does not bend within its range: it is zero, or s x + b, and gets those
//! weights directly, so that a tiny s makes no huge b / s.

use super::{Rewrite, users};
use crate::model::{Graph, ModelError, Node, NodeId, Op, Params, Role, Shape, Tensor};

/// Takes the factors of per-channel affine maps into the convolutions after their ReLUs, where these have no padding and
/// one group, and nothing else takes those values.
///
/// `limits` has for each node a bound that its absolute value never exceeds. `disclose_positive` lets the result show
/// which layers have no negative factor, in exchange for fewer multiply-accumulates.
pub fn affine_into_conv(
    graph: &Graph,
    params: &Params,
    limits: &[f32],
    disclose_positive: bool,
) -> Result<(Graph, Params), ModelError> {
    params.check(graph)?;
    let uses = graph.uses();
    let mut params = params.clone();
    let mut rewrite = Rewrite::default();
    // By old node: what became of the map before this ReLU or convolution.
    let mut bends: Vec<Option<Bend>> = vec![None; uses.len()];
    for (i, node) in graph.nodes().iter().enumerate() {
        let mut node = node.clone();
        let bend = bends.get_mut(i).and_then(Option::take);
        match (&mut node.op, bend) {
            (Op::ChannelAffine, _) => {
                let Some((relu, convs)) = followers(graph, &uses, i) else {
                    rewrite.push(node);
                    continue;
                };
                let x = node.inputs.first().map_or(0, |id| id.index());
                let limit = limits.get(x).copied().unwrap_or(f32::MAX);
                let bend = Bend::new(&node, i, limit, &mut params, disclose_positive)?;
                for at in convs.into_iter().chain([relu]) {
                    if let Some(b) = bends.get_mut(at) {
                        *b = Some(bend.clone());
                    }
                }
                node.op = Op::ChannelShift;
                rewrite.push(node);
            }
            (Op::Relu, Some(bend)) => {
                let name = format!("{}.sides", node.name);
                rewrite.push(node);
                if bend.second.is_some() {
                    let sides = [NodeId::new(i), NodeId::new(bend.shift)];
                    let inputs = sides.map(|id| rewrite.map(id)).to_vec();
                    rewrite.insert(Node {
                        name,
                        op: Op::Concat,
                        inputs,
                    });
                }
            }
            (Op::Conv(conv), Some(bend)) => {
                conv.bias = true;
                bend.fold(&node, &mut params)?;
                rewrite.push(node);
            }
            _ => rewrite.push(node),
        }
    }
    Ok((rewrite.finish(graph)?, params))
}

/// The ReLU and the convolutions after a map, if that is all there is. Of the graph alone, so that it tells nothing.
fn followers(graph: &Graph, uses: &[usize], map: usize) -> Option<(usize, Vec<usize>)> {
    let only = |at: usize| uses.get(at).copied();
    let relus = users(graph, map);
    let [relu] = relus[..] else {
        return None;
    };
    let convs = users(graph, relu);
    let fits = |at: &usize| match graph.nodes().get(*at).map(|n| &n.op) {
        Some(Op::Conv(c)) => c.groups == 1 && c.padding == [0; 4],
        _ => false,
    };
    let is_relu = graph.nodes().get(relu).is_some_and(|n| n.op == Op::Relu);
    // A value that is also the result has one use more than users.
    let all = is_relu && only(map) == Some(1) && only(relu) == Some(convs.len());
    (all && !convs.is_empty() && convs.iter().all(fits)).then_some((relu, convs))
}

/// What a convolution takes over from the map before its ReLU, per channel.
#[derive(Clone)]
struct Bend {
    /// Old node of the map.
    shift: usize,
    /// Factors of relu(u).
    first: Vec<f64>,
    /// Factors of u, unless they are all zero and that may be shown.
    second: Option<Vec<f64>>,
    /// What is added to the convolution's input.
    rest: Vec<f64>,
}

impl Bend {
    /// Replaces the parameters of the map `node` by a summand.
    fn new(
        node: &Node,
        shift: usize,
        limit: f32,
        params: &mut Params,
        disclose_positive: bool,
    ) -> Result<Self, ModelError> {
        let mut bend = Self {
            shift,
            first: Vec::new(),
            second: None,
            rest: Vec::new(),
        };
        let limit = f64::from(limit);
        let (mut second, mut shifts) = (Vec::new(), Vec::new());
        let factors = params.need(node, Role::Weight)?.data();
        for (s, b) in factors.iter().zip(params.need(node, Role::Bias)?.data()) {
            let (s, b) = (f64::from(*s), f64::from(*b));
            let (first, negative, rest, shift) = if (b / s).abs() <= limit {
                (s.abs(), s.min(0.0), 0.0, b / s)
            } else if b > 0.0 {
                // s x + b all over the range, where x + limit is not negative.
                (s, 0.0, b - s * limit, limit)
            } else {
                (0.0, 0.0, 0.0, 0.0)
            };
            bend.first.push(first);
            bend.rest.push(rest);
            second.push(negative);
            shifts.push(shift as f32);
        }
        let shape = Shape::new(&[shifts.len()])?;
        params.remove(&node.name);
        params.insert(&node.name, Role::Bias, Tensor::new(shape, shifts)?);
        if !disclose_positive || second.iter().any(|s| *s != 0.0) {
            bend.second = Some(second);
        }
        Ok(bend)
    }

    /// Rewrites the parameters of a convolution, whose input is now relu(u), or that and u.
    fn fold(&self, conv: &Node, params: &mut Params) -> Result<(), ModelError> {
        let old = params.need(conv, Role::Weight)?;
        let [out, channels, kh, kw] = old.shape().as_nchw();
        let taps = (kh * kw).max(1);
        let mut weight = Vec::with_capacity(2 * old.data().len());
        let mut bias = match params.get(&conv.name, Role::Bias) {
            Some(b) => b.data().to_vec(),
            None => vec![0.0; out],
        };
        for (row, bias) in old.data().chunks(channels * taps).zip(&mut bias) {
            for factors in [Some(&self.first), self.second.as_ref()]
                .into_iter()
                .flatten()
            {
                for (w, factor) in row.chunks(taps).zip(factors) {
                    weight.extend(w.iter().map(|w| (f64::from(*w) * factor) as f32));
                }
            }
            let sums = row
                .chunks(taps)
                .map(|w| w.iter().map(|w| f64::from(*w)).sum::<f64>());
            let rest: f64 = sums.zip(&self.rest).map(|(w, r)| w * r).sum();
            *bias = (f64::from(*bias) + rest) as f32;
        }
        let sides = 1 + usize::from(self.second.is_some());
        let shape = Shape::nchw(out, sides * channels, kh, kw)?;
        params.insert(&conv.name, Role::Weight, Tensor::new(shape, weight)?);
        let bias = Tensor::new(Shape::new(&[out])?, bias)?;
        params.insert(&conv.name, Role::Bias, bias);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Conv, GraphBuilder, TensorF32, reference};

    /// Two convolutions, one of them 3x3, behind a map and its ReLU; behind one of them, a map, a ReLU and a third.
    fn network(scales: &[f32], shifts: &[f32]) -> (Graph, Params) {
        let c = scales.len();
        let mut g = GraphBuilder::new("maps", Shape::nchw(2, c, 5, 5).unwrap());
        let x = g.input();
        let m = g.node("map", Op::ChannelAffine, &[x]);
        let r = g.relu("relu", m);
        let a = g.conv("one", r, Conv::new(4, 1));
        let b = g.conv("two", r, Conv::new(3, 3).bias());
        let n = g.node("map2", Op::ChannelAffine, &[a]);
        let n = g.relu("relu2", n);
        let n = g.conv("three", n, Conv::new(3, 3));
        let y = g.add("y", b, n);
        let g = g.finish(y).unwrap();
        let mut p = Params::new();
        for (i, node) in g.nodes().iter().enumerate() {
            for (role, shape) in crate::model::expected(&g, node).unwrap() {
                let n = shape.elements();
                let v = (0..n).map(|k| ((k * 7919 + i * 31) % 101) as f32 / 50.0 - 1.0);
                p.insert(&node.name, role, Tensor::new(shape, v.collect()).unwrap());
            }
        }
        let vector = |v: &[f32]| Tensor::new(Shape::new(&[c]).unwrap(), v.to_vec()).unwrap();
        p.insert("map", Role::Weight, vector(scales));
        p.insert("map", Role::Bias, vector(shifts));
        (g, p)
    }

    fn sample(g: &Graph) -> TensorF32 {
        let shape = g.input_shape().unwrap().clone();
        let n = shape.elements();
        let v = (0..n).map(|k| ((k * 613) % 997) as f32 / 249.0 - 2.0);
        Tensor::new(shape, v.collect()).unwrap()
    }

    fn ops(g: &Graph) -> Vec<&'static str> {
        g.nodes().iter().map(|n| n.op.name()).collect()
    }

    /// Rewrites, and holds the result to the function.
    fn rewritten(scales: &[f32], shifts: &[f32], disclose: bool) -> Graph {
        let (g, p) = network(scales, shifts);
        let x = sample(&g);
        let limits = vec![4.0; g.nodes().len()];
        let (g2, p2) = affine_into_conv(&g, &p, &limits, disclose).unwrap();
        let want = reference::run(&g, &p, &x).unwrap();
        let got = reference::run(&g2, &p2, &x).unwrap();
        let (low, high) = want.range();
        for (a, b) in got.data().iter().zip(want.data()) {
            assert!((a - b).abs() < 1e-5 * (high - low), "{a} {b}");
        }
        let bias = p2.get("map", Role::Bias).unwrap();
        assert!(bias.data().iter().all(|b| b.abs() <= 4.0));
        g2
    }

    #[test]
    fn every_kind_of_channel_keeps_its_function() {
        // Positive, negative, zero factors; always on, always off, bending; both signs of tiny factors.
        let scales = [1.5, -0.7, 0.0, 0.0, 1e-6, -1e-6, 1e-6, -1e-6, 0.3, -2.0];
        let shifts = [0.4, 0.4, 1.0, -1.0, 1.0, 1.0, -1.0, -1.0, -0.2, 0.0];
        for disclose in [false, true] {
            let g = rewritten(&scales, &shifts, disclose);
            assert_eq!(ops(&g)[1..4], ["channel_shift", "relu", "concat"]);
        }
    }

    #[test]
    fn signs_show_only_where_the_owner_agrees() {
        let (scales, shifts) = ([1.5, 0.2, 3.0], [0.4, -0.4, 9.0]);
        let hidden = rewritten(&scales, &shifts, false);
        let other = rewritten(&scales.map(|s: f32| -s), &shifts, false);
        assert_eq!(hidden, other);
        assert_eq!(ops(&hidden)[1..4], ["channel_shift", "relu", "concat"]);
        let shown = rewritten(&scales, &shifts, true);
        assert_eq!(ops(&shown)[1..4], ["channel_shift", "relu", "conv"]);
    }

    #[test]
    fn padding_and_other_users_keep_the_map() {
        let mut g = GraphBuilder::new("kept", Shape::nchw(1, 2, 4, 4).unwrap());
        let x = g.input();
        let m = g.node("map", Op::ChannelAffine, &[x]);
        let r = g.relu("relu", m);
        let a = g.conv("padded", r, Conv::new(2, 3).padding(1));
        let n = g.node("map2", Op::ChannelAffine, &[a]);
        let r = g.relu("relu2", n);
        let b = g.conv("conv", r, Conv::new(2, 1));
        let y = g.add("y", b, n);
        let g = g.finish(y).unwrap();
        let mut p = Params::new();
        for node in g.nodes() {
            for (role, shape) in crate::model::expected(&g, node).unwrap() {
                p.insert(&node.name, role, Tensor::filled(shape, 0.5));
            }
        }
        let limits = vec![4.0; g.nodes().len()];
        assert_eq!(affine_into_conv(&g, &p, &limits, false).unwrap(), (g, p));
    }
}
