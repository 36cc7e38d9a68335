//! Rewrites of a graph and its parameters that leave the function as it is and make it cheaper to share.
//!
//! Each takes a graph with its parameters and gives a graph with its parameters.

mod shift;

pub use shift::affine_into_conv;

use super::{Graph, ModelError, Node, NodeId, Op, Params, Role, Shape, Tensor};

/// All passes, in the order in which they help each other; no batch norm is left.
pub fn all(graph: &Graph, params: &Params) -> Result<(Graph, Params), ModelError> {
    let (mut graph, mut params) = batch_norms_to_affine(graph, params)?;
    loop {
        // Each pass takes one map of every chain.
        let before = graph.nodes().len();
        (graph, params) = fold_affine(&graph, &params)?;
        if graph.nodes().len() == before {
            return Ok((pool_before_relu(&graph)?, params));
        }
    }
}

/// Folds each affine map of channels into the convolution, linear layer or affine map before it, where nothing else takes
/// that layer's value.
pub fn fold_affine(graph: &Graph, params: &Params) -> Result<(Graph, Params), ModelError> {
    params.check(graph)?;
    let uses = graph.uses();
    let mut params = params.clone();
    let mut rewrite = Rewrite::default();
    let mut folded = vec![false; uses.len()];
    for (i, node) in graph.nodes().iter().enumerate() {
        if let (Some(map), Some(id)) = (affine(node, &params)?, node.inputs.first()) {
            let (at, before) = (id.index(), graph.node(*id)?);
            let takes = matches!(
                before.op,
                Op::Conv(_) | Op::Linear(_) | Op::ChannelAffine | Op::ChannelShift
            );
            // What has just become part of its own predecessor waits for the next pass.
            if takes && uses.get(at) == Some(&1) && folded.get(at) == Some(&false) {
                fold(before, node, map, &mut params)?;
                rewrite.replace(at, |linear| match &mut linear.op {
                    Op::Conv(a) => a.bias = true,
                    Op::Linear(a) => a.bias = true,
                    op if node.op != Op::ChannelShift => *op = Op::ChannelAffine,
                    _ => {}
                });
                rewrite.alias(at);
                if let Some(f) = folded.get_mut(i) {
                    *f = true;
                }
                continue;
            }
        }
        rewrite.push(node.clone());
    }
    Ok((rewrite.finish(graph)?, params))
}

/// Turns batch norms into a factor and a summand per channel.
pub fn batch_norms_to_affine(
    graph: &Graph,
    params: &Params,
) -> Result<(Graph, Params), ModelError> {
    params.check(graph)?;
    let mut params = params.clone();
    let mut rewrite = Rewrite::default();
    for node in graph.nodes() {
        let mut node = node.clone();
        if matches!(node.op, Op::BatchNorm(_))
            && let Some(Affine { scale, shift }) = affine(&node, &params)?
        {
            params.remove(&node.name);
            let shape = Shape::new(&[scale.len()])?;
            let weight = scale.iter().map(|v| *v as f32).collect();
            let bias = shift.iter().map(|v| *v as f32).collect();
            params.insert(
                &node.name,
                Role::Weight,
                Tensor::new(shape.clone(), weight)?,
            );
            params.insert(&node.name, Role::Bias, Tensor::new(shape, bias)?);
            node.op = Op::ChannelAffine;
        }
        rewrite.push(node);
    }
    Ok((rewrite.finish(graph)?, params))
}

/// Takes the maximum over windows before the ReLU or clip instead of after it, where nothing else takes its value.
///
/// Both are monotone, so they commute, and fewer comparisons are left: for windows of 3x3 with stride 2, a quarter of the ReLUs.
pub fn pool_before_relu(graph: &Graph) -> Result<Graph, ModelError> {
    let uses = graph.uses();
    let mut nodes = graph.nodes().to_vec();
    for i in 0..nodes.len() {
        let Some((earlier, later)) = nodes.split_at_mut_checked(i) else {
            continue;
        };
        let Some(pool) = later.first_mut() else {
            continue;
        };
        let at = pool.inputs.first().map_or(0, |id| id.index());
        if let (Op::MaxPool(_), Some(relu)) = (&pool.op, earlier.get_mut(at))
            && matches!(relu.op, Op::Relu | Op::Clip(_))
            && uses.get(at) == Some(&1)
        {
            core::mem::swap(&mut relu.op, &mut pool.op);
            core::mem::swap(&mut relu.name, &mut pool.name);
        }
    }
    Graph::new(
        graph.name(),
        graph.input_shape()?.clone(),
        nodes,
        graph.output(),
    )
}

struct Affine {
    scale: Vec<f64>,
    shift: Vec<f64>,
}

/// Factor and summand per channel of a map of channels; nothing for other operators.
fn affine(node: &Node, params: &Params) -> Result<Option<Affine>, ModelError> {
    let vector = |role| -> Result<Vec<f64>, ModelError> {
        let t = params.need(node, role)?;
        Ok(t.data().iter().map(|v| f64::from(*v)).collect())
    };
    let a = match &node.op {
        Op::BatchNorm(a) => a,
        Op::ChannelAffine => {
            return Ok(Some(Affine {
                scale: vector(Role::Weight)?,
                shift: vector(Role::Bias)?,
            }));
        }
        Op::ChannelShift => {
            let shift = vector(Role::Bias)?;
            let scale = vec![1.0; shift.len()];
            return Ok(Some(Affine { scale, shift }));
        }
        _ => return Ok(None),
    };
    let variance = vector(Role::Var)?;
    let scale: Vec<f64> = vector(Role::Gamma)?
        .into_iter()
        .zip(variance)
        .map(|(gamma, var)| gamma / (var + f64::from(a.eps)).sqrt())
        .collect();
    let shift = vector(Role::Beta)?
        .into_iter()
        .zip(vector(Role::Mean)?)
        .zip(&scale)
        .map(|((beta, mean), scale)| beta - mean * scale)
        .collect();
    Ok(Some(Affine { scale, shift }))
}

/// Takes `map`, that of `node`, into the parameters of `linear`.
fn fold(linear: &Node, node: &Node, map: Affine, params: &mut Params) -> Result<(), ModelError> {
    let Affine { scale, shift } = map;
    params.remove(&node.name);
    let channels = Shape::new(&[scale.len()])?;
    let mut weight = match (&linear.op, &node.op) {
        // Two summands are one.
        (Op::ChannelShift, Op::ChannelShift) => None,
        (Op::ChannelShift, _) => Some(Tensor::filled(channels.clone(), 1.0)),
        _ => Some(params.need(linear, Role::Weight)?.clone()),
    };
    if let Some(weight) = &mut weight {
        let per_output = (weight.data().len() / scale.len().max(1)).max(1);
        let rows = weight.data_mut().chunks_exact_mut(per_output);
        for (row, scale) in rows.zip(&scale) {
            for w in row {
                *w = (f64::from(*w) * scale) as f32;
            }
        }
    }
    let old = params.get(&linear.name, Role::Bias).map(|b| b.data());
    let bias: Vec<f32> = (0..scale.len())
        .zip(scale.iter().zip(&shift))
        .map(|(i, (scale, shift))| {
            let old = old.and_then(|b| b.get(i)).copied().unwrap_or(0.0);
            (f64::from(old) * scale + shift) as f32
        })
        .collect();
    if let Some(weight) = weight {
        params.insert(&linear.name, Role::Weight, weight);
    }
    params.insert(&linear.name, Role::Bias, Tensor::new(channels, bias)?);
    Ok(())
}

/// The nodes that take the value of node `at`.
fn users(graph: &Graph, at: usize) -> Vec<usize> {
    let takes = |n: &Node| n.inputs.iter().any(|id| id.index() == at);
    let all = graph.nodes().iter().enumerate();
    all.filter(|(_, n)| takes(n)).map(|(i, _)| i).collect()
}

/// The nodes of a new graph, and where the value of each old node is among them.
#[derive(Default)]
struct Rewrite {
    nodes: Vec<Node>,
    new_id: Vec<NodeId>,
}

impl Rewrite {
    fn map(&self, id: NodeId) -> NodeId {
        self.new_id.get(id.index()).copied().unwrap_or(id)
    }
    /// The next old node, kept.
    fn push(&mut self, mut node: Node) {
        for id in &mut node.inputs {
            *id = self.map(*id);
        }
        self.new_id.push(NodeId::new(self.nodes.len()));
        self.nodes.push(node);
    }
    /// The next old node is gone: its value is that of old node `at`.
    fn alias(&mut self, at: usize) {
        let id = self.map(NodeId::new(at));
        self.new_id.push(id);
    }
    /// One more node, whose inputs are new ones; it takes the place of the old node that was kept last.
    fn insert(&mut self, node: Node) {
        if let Some(id) = self.new_id.last_mut() {
            *id = NodeId::new(self.nodes.len());
        }
        self.nodes.push(node);
    }
    /// Changes what became of old node `at`.
    fn replace(&mut self, at: usize, f: impl FnOnce(&mut Node)) {
        let new = self.map(NodeId::new(at)).index();
        if let Some(node) = self.nodes.get_mut(new) {
            f(node);
        }
    }
    fn finish(self, old: &Graph) -> Result<Graph, ModelError> {
        let output = self.map(old.output());
        Graph::new(old.name(), old.input_shape()?.clone(), self.nodes, output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Conv, GraphBuilder, MaxPool, TensorF32, reference};

    fn noise(dims: &[usize], seed: usize) -> TensorF32 {
        let shape = Shape::new(dims).unwrap();
        let n = shape.elements();
        let v = (0..n).map(|i| ((i * 7919 + seed * 104_729 + i * i) % 1009) as f32 / 504.0 - 1.0);
        Tensor::new(shape, v.collect()).unwrap()
    }

    /// A norm behind a convolution, one behind a shared convolution, one behind an addition.
    fn network() -> (Graph, Params) {
        let mut g = GraphBuilder::new("norms", Shape::nchw(2, 3, 9, 9).unwrap());
        let x = g.input();
        let a = g.conv("a", x, Conv::new(8, 3).padding(1).bias());
        let a = g.batch_norm("a.norm", a);
        let a = g.relu("a.relu", a);
        let p = g.max_pool("pool", a, MaxPool::new(3, 2));
        let b = g.conv("b", p, Conv::new(8, 3).padding(1).groups(2));
        let c = g.batch_norm("b.norm", b);
        let d = g.add("sum", b, c);
        let d = g.batch_norm("sum.norm", d);
        let r = g.relu("shared", d);
        let q = g.max_pool("pool2", r, MaxPool::new(2, 1).padding(1));
        let f = g.flatten("flatten", q);
        let f2 = g.flatten("flatten2", r);
        let l = g.linear("l", f, 5);
        let l2 = g.linear("l2", f2, 5);
        let y = g.add("y", l, l2);
        let g = g.finish(y).unwrap();
        let mut p = Params::new();
        for (i, node) in g.nodes().iter().enumerate() {
            for (role, shape) in crate::model::expected(&g, node).unwrap() {
                let mut t = noise(shape.dims(), i * 8 + role as usize);
                if role == Role::Var {
                    t.data_mut().iter_mut().for_each(|v| *v = v.abs() + 0.1);
                }
                p.insert(&node.name, role, t);
            }
        }
        (g, p)
    }

    #[test]
    fn passes_keep_the_function() {
        let (g, p) = network();
        let x = noise(&[2, 3, 9, 9], 77);
        let want = reference::run(&g, &p, &x).unwrap();
        let (g1, p1) = batch_norms_to_affine(&g, &p).unwrap();
        let (g2, p2) = fold_affine(&g1, &p1).unwrap();
        let g3 = pool_before_relu(&g2).unwrap();
        for (g, p) in [(&g1, &p1), (&g2, &p2), (&g3, &p2)] {
            let got = reference::run(g, p, &x).unwrap();
            let (low, high) = want.range();
            for (a, b) in got.data().iter().zip(want.data()) {
                assert!((a - b).abs() < 1e-5 * (high - low), "{a} {b}");
            }
        }
        assert_eq!(all(&g, &p).unwrap().0, g3);
    }

    /// A batch norm as some exporters write it, and other chains of maps.
    #[test]
    fn chains_of_maps_become_one() {
        let mut g = GraphBuilder::new("chains", Shape::nchw(1, 3, 4, 4).unwrap());
        let x = g.input();
        let y = g.node("zeroth", Op::ChannelShift, &[x]);
        let y = g.node("first", Op::ChannelShift, &[y]);
        let y = g.node("second", Op::ChannelAffine, &[y]);
        let y = g.conv("conv", y, Conv::new(5, 3));
        let y = g.node("minus", Op::ChannelShift, &[y]);
        let y = g.node("times", Op::ChannelAffine, &[y]);
        let y = g.batch_norm("norm", y);
        let y = g.node("plus", Op::ChannelShift, &[y]);
        let y = g.relu("relu", y);
        let y = g.flatten("flatten", y);
        let y = g.linear("linear", y, 4);
        let y = g.batch_norm("features", y);
        let g = g.finish(y).unwrap();
        let mut p = Params::new();
        for (i, node) in g.nodes().iter().enumerate() {
            for (role, shape) in crate::model::expected(&g, node).unwrap() {
                let mut t = noise(shape.dims(), i * 8 + role as usize);
                if role == Role::Var {
                    t.data_mut().iter_mut().for_each(|v| *v = v.abs() + 0.1);
                }
                p.insert(&node.name, role, t);
            }
        }
        let (g1, p1) = all(&g, &p).unwrap();
        let ops: Vec<&str> = g1.nodes().iter().map(|n| n.op.name()).collect();
        assert_eq!(
            ops,
            [
                "input",
                "channel_affine",
                "conv",
                "relu",
                "flatten",
                "linear"
            ]
        );
        let x = noise(&[1, 3, 4, 4], 3);
        let (a, b) = (
            reference::run(&g, &p, &x).unwrap(),
            reference::run(&g1, &p1, &x).unwrap(),
        );
        let (low, high) = a.range();
        for (a, b) in a.data().iter().zip(b.data()) {
            assert!((a - b).abs() < 1e-5 * (high - low), "{a} {b}");
        }
    }

    #[test]
    fn passes_do_what_they_are_for() {
        let (g, p) = network();
        let (g1, p1) = batch_norms_to_affine(&g, &p).unwrap();
        let names = |g: &Graph, what: &str| -> Vec<String> {
            let all = g.nodes().iter().filter(|n| n.op.name() == what);
            all.map(|n| n.name.clone()).collect()
        };
        assert_eq!(names(&g1, "channel_affine").len(), 3);
        let (g2, _) = fold_affine(&g1, &p1).unwrap();
        assert_eq!(names(&g2, "channel_affine"), ["b.norm", "sum.norm"]);
        let g3 = pool_before_relu(&g2).unwrap();
        assert_eq!(g3.relus(), g2.relus() - 2 * 8 * 81 + 2 * 8 * 16);
        // The second ReLU is used twice and stays where it is.
        let pool = g3.nodes().iter().position(|n| n.name == "pool2").unwrap();
        let relu = g3.nodes().iter().position(|n| n.name == "shared").unwrap();
        assert!(relu < pool);
    }
}
