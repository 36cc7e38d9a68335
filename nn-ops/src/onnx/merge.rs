//! What is left to do when the whole graph is there: exporters write a normalisation as several nodes, each with a
//! constant, and compute values of which only the shape is asked for.

use crate::model::{Node, NodeId, Op, Params, Role, Tensor};

/// Joins constants that are applied one after the other, and drops nodes that nothing depends on.
pub(super) fn merge(
    nodes: Vec<Node>,
    params: Params,
    output: NodeId,
) -> (Vec<Node>, Params, NodeId) {
    let (nodes, params, output) = join(nodes, params, output);
    prune(nodes, params, output)
}

/// Takes a summand per channel into the product before it, and a factor into the factor before it, where nothing else
/// takes the value between them.
fn join(nodes: Vec<Node>, mut params: Params, output: NodeId) -> (Vec<Node>, Params, NodeId) {
    let mut uses = vec![0; nodes.len()];
    for id in nodes.iter().flat_map(|n| &n.inputs).chain([&output]) {
        if let Some(u) = uses.get_mut(id.index()) {
            *u += 1;
        }
    }
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
    let linear = matches!(earlier.op, Op::Conv(_) | Op::Linear(_));
    match (&later.op, &mut earlier.op) {
        (Op::ChannelShift, Op::Conv(a)) => a.bias = true,
        (Op::ChannelShift, Op::Linear(a)) => a.bias = true,
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
    let old = data(params, earlier, Role::Bias);
    let bias = shift.iter().enumerate().map(|(i, s)| {
        let old = old.as_ref().and_then(|o| o.get(i)).copied().unwrap_or(0.0);
        old * factor(i) + s
    });
    let bias: Vec<f32> = bias.collect();
    if !linear && earlier.op == Op::ChannelAffine {
        let old = data(params, earlier, Role::Weight);
        let one = |i: usize| old.as_ref().and_then(|o| o.get(i)).copied().unwrap_or(1.0);
        let weight = (0..shift.len()).map(|i| one(i) * factor(i)).collect();
        set(params, earlier, Role::Weight, weight, later);
    }
    set(params, earlier, Role::Bias, bias, later);
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
