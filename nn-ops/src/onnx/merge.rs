//! What is left to do when the whole graph is there: exporters write a normalisation as several nodes, each with a
//! constant, and compute values of which only the shape is asked for.

mod factor;

use crate::model::{Function, Node, NodeId, Op, Params, Role, Tensor};
use std::collections::BTreeSet;

/// Joins constants that are applied one after the other, and drops nodes that nothing depends on.
pub(super) fn merge(
    nodes: Vec<Node>,
    params: Params,
    output: NodeId,
    factors: &BTreeSet<String>,
) -> (Vec<Node>, Params, NodeId) {
    let (nodes, params, output) = prune(nodes, params, output);
    let (nodes, params, output) = join(nodes, params, output, factors);
    let (nodes, params) = factor::apply(nodes, params, output, factors);
    let nodes = inverse_roots(nodes, output);
    prune(nodes, params, output)
}

/// Writes one over a root as one function, where nothing else takes the root.
fn inverse_roots(mut nodes: Vec<Node>, output: NodeId) -> Vec<Node> {
    let uses = uses(&nodes, output);
    for i in 0..nodes.len() {
        let Some((earlier, [node, ..])) = nodes.split_at_mut_checked(i) else {
            continue;
        };
        let Some(at) = node.inputs.first().map(|id| id.index()) else {
            continue;
        };
        if let (Op::Function(Function::Reciprocal), Some(root)) = (&node.op, earlier.get(at))
            && root.op == Op::Function(Function::Sqrt)
            && uses.get(at) == Some(&1)
        {
            node.op = Op::Function(Function::Rsqrt);
            node.inputs.clone_from(&root.inputs);
        }
    }
    nodes
}

/// For each node, how many nodes take its value, the result counting as one more.
fn uses(nodes: &[Node], output: NodeId) -> Vec<usize> {
    let mut uses = vec![0; nodes.len()];
    for id in nodes.iter().flat_map(|n| &n.inputs).chain([&output]) {
        if let Some(u) = uses.get_mut(id.index()) {
            *u += 1;
        }
    }
    uses
}

/// Takes a summand per channel into the product before it, and a factor into the factor before it, where nothing else
/// takes the value between them.
///
/// A factor of one number stays by itself: it may still go to a layer before.
fn join(
    nodes: Vec<Node>,
    mut params: Params,
    output: NodeId,
    factors: &BTreeSet<String>,
) -> (Vec<Node>, Params, NodeId) {
    let uses = uses(&nodes, output);
    // Where the value of each node is.
    let mut now: Vec<NodeId> = Vec::with_capacity(nodes.len());
    let mut out: Vec<Node> = Vec::with_capacity(nodes.len());
    // Whether what stands at a place of `out` has one user.
    let mut single: Vec<bool> = Vec::with_capacity(nodes.len());
    for (i, mut node) in nodes.into_iter().enumerate() {
        for id in &mut node.inputs {
            *id = now.get(id.index()).copied().unwrap_or(*id);
        }
        let alone = uses.get(i) == Some(&1);
        let before = node.inputs.first().map_or(0, |id| id.index());
        let free = single.get(before).copied().unwrap_or(false);
        if let (true, Some(earlier)) = (free, out.get_mut(before))
            && !factors.contains(&earlier.name)
            && !factors.contains(&node.name)
            && absorb(earlier, &node, &mut params)
        {
            now.push(NodeId::new(before));
            if let Some(s) = single.get_mut(before) {
                *s = alone;
            }
            continue;
        }
        now.push(NodeId::new(out.len()));
        out.push(node);
        single.push(alone);
    }
    let output = now.get(output.index()).copied().unwrap_or(output);
    (out, params, output)
}

/// Whether `later` is now part of `earlier`.
fn absorb(earlier: &mut Node, later: &Node, params: &mut Params) -> bool {
    let data = |params: &Params, node: &Node, role| {
        params.get(&node.name, role).map(|t| t.data().to_vec())
    };
    let scale = data(params, later, Role::Weight);
    let Some(shift) = data(params, later, Role::Bias) else {
        return false;
    };
    let normalised = matches!(earlier.op, Op::LayerNorm(_));
    let length = |params: &Params| {
        params
            .get(&earlier.name, Role::Beta)
            .map(|t| t.data().len())
    };
    if normalised && length(params) != Some(shift.len()) {
        return false;
    }
    match (&later.op, &mut earlier.op) {
        (Op::ChannelShift, Op::Conv(a)) => a.bias = true,
        (Op::ChannelShift, Op::Linear(a)) => a.bias = true,
        (Op::ChannelShift | Op::ChannelAffine, Op::LayerNorm(_)) => {}
        (Op::ChannelShift, Op::ChannelShift | Op::ChannelAffine)
        | (Op::ChannelAffine, Op::ChannelAffine) => {}
        (Op::ChannelAffine, op @ Op::ChannelShift) => *op = Op::ChannelAffine,
        _ => return false,
    }
    let factor = |i: usize| {
        scale
            .as_ref()
            .and_then(|s| s.get(i))
            .copied()
            .unwrap_or(1.0)
    };
    let [weight_role, bias_role] = match normalised {
        true => [Role::Gamma, Role::Beta],
        false => [Role::Weight, Role::Bias],
    };
    let old = data(params, earlier, bias_role);
    let bias = shift.iter().enumerate().map(|(i, s)| {
        let old = old.as_ref().and_then(|o| o.get(i)).copied().unwrap_or(0.0);
        old * factor(i) + s
    });
    let bias: Vec<f32> = bias.collect();
    if normalised || earlier.op == Op::ChannelAffine {
        let old = data(params, earlier, weight_role);
        let one = |i: usize| old.as_ref().and_then(|o| o.get(i)).copied().unwrap_or(1.0);
        let weight = (0..shift.len()).map(|i| one(i) * factor(i)).collect();
        set(params, earlier, weight_role, weight, later);
    }
    set(params, earlier, bias_role, bias, later);
    params.remove(&later.name);
    true
}

/// A vector as long as the bias of `like`.
fn set(params: &mut Params, node: &Node, role: Role, data: Vec<f32>, like: &Node) {
    let shape = params
        .get(&like.name, Role::Bias)
        .map(|t| t.shape().clone());
    if let Some(Ok(tensor)) = shape.map(|s| Tensor::new(s, data)) {
        params.insert(&node.name, role, tensor);
    }
}

fn prune(nodes: Vec<Node>, mut params: Params, output: NodeId) -> (Vec<Node>, Params, NodeId) {
    let mut needed = vec![false; nodes.len()];
    let mark = |needed: &mut Vec<bool>, id: NodeId| {
        if let Some(n) = needed.get_mut(id.index()) {
            *n = true;
        }
    };
    mark(&mut needed, NodeId::new(0));
    mark(&mut needed, output);
    for (i, node) in nodes.iter().enumerate().rev() {
        if needed.get(i) == Some(&true) {
            node.inputs.iter().for_each(|id| mark(&mut needed, *id));
        }
    }
    let mut now = Vec::with_capacity(nodes.len());
    let mut out: Vec<Node> = Vec::with_capacity(nodes.len());
    for (mut node, needed) in nodes.into_iter().zip(needed) {
        now.push(NodeId::new(out.len()));
        if !needed {
            params.remove(&node.name);
            continue;
        }
        for id in &mut node.inputs {
            *id = now.get(id.index()).copied().unwrap_or(*id);
        }
        out.push(node);
    }
    let output = now.get(output.index()).copied().unwrap_or(output);
    (out, params, output)
}
