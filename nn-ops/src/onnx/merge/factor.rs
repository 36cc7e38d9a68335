//! Factors of a single number, such as that of attention: they go into the weights of a layer before them, through
//! whatever commutes with a factor.

use super::{Node, NodeId, Op, Params, Role, Tensor, uses};
use std::collections::BTreeSet;

/// Takes each of these factors into a layer before it where nothing else takes the values between.
pub(super) fn apply(
    mut nodes: Vec<Node>,
    mut params: Params,
    output: NodeId,
    factors: &BTreeSet<String>,
) -> (Vec<Node>, Params) {
    let mut uses = uses(&nodes, output);
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (i, node) in nodes.iter().enumerate() {
        for id in &node.inputs {
            if let Some(users) = users.get_mut(id.index()) {
                users.push(i);
            }
        }
    }
    let mut work = MAX_WORK;
    // By node: what stands in its place.
    let mut now: Vec<NodeId> = (0..nodes.len()).map(NodeId::new).collect();
    for i in 0..nodes.len() {
        let Some(node) = nodes.get_mut(i) else {
            continue;
        };
        for id in &mut node.inputs {
            *id = now.get(id.index()).copied().unwrap_or(*id);
        }
        let Some(node) = nodes.get(i) else { continue };
        let from = match node.inputs.as_slice() {
            [from] if node.op == Op::ChannelAffine && factors.contains(&node.name) => *from,
            _ => continue,
        };
        let weight = params.get(&node.name, Role::Weight);
        let Some(factor) = weight.and_then(|w| w.data().first().copied()) else {
            continue;
        };
        // The result keeps its node, and so its name.
        if NodeId::new(i) == output {
            continue;
        }
        let mut graph = Uses {
            nodes: &nodes,
            uses: &uses,
            users: &users,
            work: &mut work,
        };
        let target = graph.layer(from, 0);
        if let (Some(target), Some(id)) = (target, now.get_mut(i)) {
            target.scale(&nodes, factor, &mut params);
            *id = from;
            // What took the product takes the factor's value now.
            let taken = uses.get(i).copied().unwrap_or(0);
            if let Some(u) = uses.get_mut(from.index()) {
                *u = taken;
            }
        }
    }
    (nodes, params)
}

struct Uses<'a> {
    nodes: &'a [Node],
    uses: &'a [usize],
    users: &'a [Vec<usize>],
    work: &'a mut usize,
}

/// A layer, and which of its features; all if there is no list.
struct Target {
    layer: usize,
    features: Option<Vec<bool>>,
}

/// Most operators that a factor is taken through.
const DEPTH: usize = 16;
/// Most elements of views that are looked at, in a whole graph.
const MAX_WORK: usize = 1 << 27;

impl Uses<'_> {
    /// The layer that can take in a factor of this value, if there is one and nothing else sees it.
    fn layer(&mut self, id: NodeId, depth: usize) -> Option<Target> {
        let (at, node) = (id.index(), self.nodes.get(id.index())?);
        if depth > DEPTH || self.uses.get(at) != Some(&1) {
            return None;
        }
        let features = None;
        let all = Target {
            layer: at,
            features,
        };
        match (&node.op, node.inputs.as_slice()) {
            (Op::Linear(_) | Op::Conv(_) | Op::ChannelAffine | Op::LayerNorm(_), _) => Some(all),
            (Op::View(_), [from]) => match self.layer(*from, depth + 1) {
                None => self.part(at, from.index()),
                found => found,
            },
            (Op::Flatten | Op::GlobalAvgPool, [from]) => self.layer(*from, depth + 1),
            (Op::MatMul(_), [a, b]) => match self.layer(*a, depth + 1) {
                None => self.layer(*b, depth + 1),
                found => found,
            },
            _ => None,
        }
    }

    /// The features of a layer that only this view of it sees, if those are all that it sees.
    fn part(&mut self, view: usize, layer: usize) -> Option<Target> {
        let Op::Linear(linear) = &self.nodes.get(layer)?.op else {
            return None;
        };
        let features = linear.out_features;
        let (mut own, mut seen) = (vec![false; features], vec![false; features]);
        let users = self.users.get(layer)?;
        for i in users {
            let Op::View(v) = &self.nodes.get(*i)?.op else {
                return None;
            };
            *self.work = self.work.checked_sub(v.dims.iter().product())?;
            let which = if *i == view { &mut own } else { &mut seen };
            for at in v.sources() {
                *which.get_mut(at % features)? = true;
            }
        }
        let apart = own.iter().zip(&seen).all(|(a, b)| !(a & b));
        // The result of the network counts as one more use.
        let known = self.uses.get(layer) == Some(&users.len());
        (apart && known).then_some(Target {
            layer,
            features: Some(own),
        })
    }
}

impl Target {
    fn scale(&self, nodes: &[Node], factor: f32, params: &mut Params) {
        let Some(node) = nodes.get(self.layer) else {
            return;
        };
        let roles = match node.op {
            Op::LayerNorm(_) => [Role::Gamma, Role::Beta],
            _ => [Role::Weight, Role::Bias],
        };
        for role in roles {
            let Some(tensor) = params.get(&node.name, role) else {
                continue;
            };
            let features = self.features.as_ref().map_or(1, Vec::len);
            let row = (tensor.data().len() / features.max(1)).max(1);
            let chosen = |i: usize| match &self.features {
                None => true,
                Some(all) => all.get(i / row).copied().unwrap_or(false),
            };
            let each = tensor.data().iter().enumerate();
            let data = each.map(|(i, v)| if chosen(i) { v * factor } else { *v });
            if let Ok(scaled) = Tensor::new(tensor.shape().clone(), data.collect()) {
                params.insert(&node.name, role, scaled);
            }
        }
    }
}
