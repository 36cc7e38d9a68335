//! GPT-2, the small one: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019. The result is what
//! comes after the last token: one logit for each word.

use super::Entry;
use super::transformer::{Builder, Sizes, Tokens};
use piquet_nn_ops::model::{Function, Graph, ModelError, Shape};

static TOKENS: Tokens = Tokens {
    vocabulary: 50_257,
    types: 0,
    positions: 1024,
};

/// Tokens of [`GPT2_TEST`].
static FEW: Tokens = Tokens {
    vocabulary: 60,
    types: 0,
    positions: 12,
};

pub(super) const GPT2: Entry = TOKENS.entry(
    128,
    [
        "gpt2",
        "GPT-2 small, 128 tokens, the next word; the tied head counts twice",
    ],
    (163_037_184, 16_253_350_656),
    |input| gpt2("gpt2", &input, &TOKENS, [12, 768, 12, 3072]),
);

pub(super) const GPT2_TEST: Entry = FEW.entry(
    8,
    ["gpt2-test", "a GPT-2 of 1 layer for tests, 8 tokens"],
    (4_368, 28_608),
    |input| gpt2("gpt2-test", &input, &FEW, [1, 16, 2, 32]),
);

fn gpt2(
    name: &str,
    input: &Shape,
    tokens: &Tokens,
    [layers, hidden, heads, inner]: [usize; 4],
) -> Result<Graph, ModelError> {
    let sizes = Sizes {
        hidden,
        heads,
        inner,
        eps: 1e-5,
        gelu: Function::GeluTanh,
        causal: true,
    };
    let mut b = Builder::new(name, input, sizes)?;
    let mut x = b.embed("embeddings");
    for i in 0..layers {
        let layer = format!("layer{i}");
        let y = b.norm(&format!("{layer}.attention.norm"), x);
        let y = b.attention(&format!("{layer}.attention"), y);
        x = b.g.add(&format!("{layer}.attention.add"), x, y);
        let y = b.norm(&format!("{layer}.mlp.norm"), x);
        let y = b.feed_forward(&format!("{layer}.mlp"), y);
        x = b.g.add(&format!("{layer}.mlp.add"), x, y);
    }
    let x = b.pick("last", x, b.tokens - 1);
    let x = b.norm("norm", x);
    let y = b.matrix("head", x, tokens.vocabulary);
    b.g.finish(y)
}
