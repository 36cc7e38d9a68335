//! BERT: Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding", 2018; the
//! small one of Turc et al., "Well-Read Students Learn Better", 2019. With its pooler and a head for two classes, as for
//! judging sentences.

use super::Entry;
use super::transformer::{Builder, Sizes, Tokens};
use piquet_nn_ops::model::{Function, Graph, ModelError, Shape};

static TOKENS: Tokens = Tokens {
    vocabulary: 30_522,
    types: 2,
    positions: 512,
};

/// Tokens of [`BERT_TEST`].
static FEW: Tokens = Tokens {
    vocabulary: 50,
    types: 2,
    positions: 12,
};

pub(super) const BERT_TINY: Entry = TOKENS.entry(
    128,
    ["bert-tiny", "BERT of 2 layers, 128 tokens, 2 classes"],
    (4_386_178, 567_230_720),
    |input| bert("bert-tiny", &input, [2, 128, 2, 512]),
);

pub(super) const BERT_BASE: Entry = TOKENS.entry(
    128,
    ["bert-base", "BERT of 12 layers, 128 tokens, 2 classes"],
    (109_483_778, 14_225_180_160),
    |input| bert("bert-base", &input, [12, 768, 12, 3072]),
);

pub(super) const BERT_TEST: Entry = FEW.entry(
    8,
    [
        "bert-test",
        "a BERT of 1 layer for tests, 8 tokens, 2 classes",
    ],
    (3_586, 26_912),
    |input| bert("bert-test", &input, [1, 16, 2, 32]),
);

fn bert(
    name: &str,
    input: &Shape,
    [layers, hidden, heads, inner]: [usize; 4],
) -> Result<Graph, ModelError> {
    let sizes = Sizes {
        hidden,
        heads,
        inner,
        eps: 1e-12,
        gelu: Function::Gelu,
        causal: false,
    };
    let mut b = Builder::new(name, input, sizes)?;
    let x = b.embed("embeddings");
    let mut x = b.norm("embeddings.norm", x);
    for i in 0..layers {
        let layer = format!("layer{i}");
        let y = b.attention(&format!("{layer}.attention"), x);
        let y = b.g.add(&format!("{layer}.attention.add"), y, x);
        let y = b.norm(&format!("{layer}.attention.norm"), y);
        let z = b.feed_forward(&format!("{layer}.mlp"), y);
        let z = b.g.add(&format!("{layer}.mlp.add"), z, y);
        x = b.norm(&format!("{layer}.mlp.norm"), z);
    }
    let x = b.pick("first", x, 0);
    let x = b.g.linear("pooler", x, hidden);
    let x = b.function("pooler.tanh", Function::Tanh, x);
    let y = b.g.linear("classifier", x, 2);
    b.g.finish(y)
}
