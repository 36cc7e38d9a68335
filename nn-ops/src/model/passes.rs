//! Rewrites of a graph and its parameters that leave the function as it is and make it cheaper to share.
//!
//! Each takes a graph with its parameters and gives a graph with its parameters.

mod shift;

pub use shift::affine_into_conv;

use super::{Graph, ModelError, Node, NodeId, Op, Params, Role, Shape, Tensor};

/// All passes, in the order in which they help each other; no batch norm is left.
pub fn all(graph: &Graph, params: &Params) -> Result<(Graph, Params), ModelError> {
    let (graph, params) = fold_batch_norms(graph, params)?;
    let (graph, params) = batch_norms_to_affine(&graph, &params)?;
    Ok((pool_before_relu(&graph)?, params))
}

/// Folds each batch norm into the convolution or linear layer before it, where nothing else takes that layer's value.
pub fn fold_batch_norms(graph: &Graph, params: &Params) -> Result<(Graph, Params), ModelError> {
    params.check(graph)?;
    let uses = graph.uses();
    let mut params = params.clone();
    let mut rewrite = Rewrite::default();
    for node in graph.nodes() {
        let before = node.inputs.first().map(|id| (id.index(), graph.node(*id)));
        if let (Op::BatchNorm(_), Some((at, before))) = (&node.op, before) {
            let before = before?;
            let linear = matches!(before.op, Op::Conv(_) | Op::Linear(_));
            if linear && uses.get(at) == Some(&1) {
                fold(before, node, &mut params)?;
                rewrite.replace(at, |linear| match &mut linear.op {
                    Op::Conv(a) => a.bias = true,
                    Op::Linear(a) => a.bias = true,
                    _ => {}
                });
                rewrite.alias(at);
                continue;
            }
        }
        rewrite.push(node.clone());
    }
    Ok((rewrite.finish(graph)?, params))
}

/// Turns the batch norms that are left into a factor and a summand per channel.
pub fn batch_norms_to_affine(
    graph: &Graph,
    params: &Params,
) -> Result<(Graph, Params), ModelError> {
    params.check(graph)?;
    let mut params = params.clone();
    let mut rewrite = Rewrite::default();
    for node in graph.nodes() {
        let mut node = node.clone();
        if let Some(Affine { scale, shift }) = affine(&node, &params)? {
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

/// Takes the maximum over windows before the ReLU instead of after it, where nothing else takes the ReLU's value.
///
/// The two commute, and fewer comparisons are left: for windows of 3x3 with stride 2, a quarter of the ReLUs.
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
            && relu.op == Op::Relu
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

/// Factor and summand per channel of a batch norm; nothing for other operators.
fn affine(node: &Node, params: &Params) -> Result<Option<Affine>, ModelError> {
    let Op::BatchNorm(a) = &node.op else {
        return Ok(None);
    };
    let vector = |role| {
        let t = params.need(node, role)?;
        Ok::<_, ModelError>(t.data().iter().map(|v| f64::from(*v)))
    };
    let scale: Vec<f64> = vector(Role::Gamma)?
        .zip(vector(Role::Var)?)
        .map(|(gamma, var)| gamma / (var + f64::from(a.eps)).sqrt())
        .collect();
    let shift = vector(Role::Beta)?
        .zip(vector(Role::Mean)?)
        .zip(&scale)
        .map(|((beta, mean), scale)| beta - mean * scale)
        .collect();
    Ok(Some(Affine { scale, shift }))
}

fn fold(linear: &Node, norm: &Node, params: &mut Params) -> Result<(), ModelError> {
    let Some(Affine { scale, shift }) = affine(norm, params)? else {
        return Ok(());
    };
    params.remove(&norm.name);
    let mut weight = params.need(linear, Role::Weight)?.clone();
    let per_output = weight.data().len() / scale.len().max(1);
    let rows = weight.data_mut().chunks_exact_mut(per_output.max(1));
    for (row, scale) in rows.zip(&scale) {
        for w in row {
            *w = (f64::from(*w) * scale) as f32;
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
    let bias = Tensor::new(Shape::new(&[bias.len()])?, bias)?;
    params.insert(&linear.name, Role::Weight, weight);
    params.insert(&linear.name, Role::Bias, bias);
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
        let (g1, p1) = fold_batch_norms(&g, &p).unwrap();
        let (g2, p2) = batch_norms_to_affine(&g1, &p1).unwrap();
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

    #[test]
    fn passes_do_what_they_are_for() {
        let (g, p) = network();
        let (g1, p1) = fold_batch_norms(&g, &p).unwrap();
        let names = |g: &Graph, what: &str| -> Vec<String> {
            let all = g.nodes().iter().filter(|n| n.op.name() == what);
            all.map(|n| n.name.clone()).collect()
        };
        assert_eq!(names(&g1, "batch_norm"), ["b.norm", "sum.norm"]);
        let (g2, _) = batch_norms_to_affine(&g1, &p1).unwrap();
        assert_eq!(names(&g2, "channel_affine"), ["b.norm", "sum.norm"]);
        let g3 = pool_before_relu(&g2).unwrap();
        assert_eq!(g3.relus(), g2.relus() - 2 * 8 * 81 + 2 * 8 * 16);
        // The second ReLU is used twice and stays where it is.
        let pool = g3.nodes().iter().position(|n| n.name == "pool2").unwrap();
        let relu = g3.nodes().iter().position(|n| n.name == "shared").unwrap();
        assert!(relu < pool);
    }
}
