"""Transformers as PyTorch exports them, with random weights of a seed: by TorchScript and by Dynamo."""

import io
import math
import warnings

import generate
import numpy as np
import onnxruntime
import torch
import torch.nn as nn
import torch.nn.functional as F
from from_torch import dynamo

VOCABULARY, TOKENS = 23, 6


def networks():
    warnings.filterwarnings("ignore")
    group = generate.Group("transformers")
    for name, (make, inputs, opsets) in ZOO.items():
        for opset in opsets:
            torch.manual_seed(7)
            net, (names, values) = randomised(make()), inputs()
            with torch.no_grad():
                want = net(*values).numpy()
            tag = f"dynamo_{opset[1]}" if isinstance(opset, tuple) else str(opset)
            data = export(net, names, values, opset)
            got = run(data, names, values)
            assert abs(got - want).max() <= 1e-4 * abs(want).max() + 1e-6, (name, tag)
            ending = "logsoftmax_rows" if name == "causal" else "none"
            group.add(f"{name}_{tag}", data, values[0].numpy(), ending, want)
    lengths(group)
    return group


def lengths(group):
    """Texts whose length the file leaves open, and so how many there are."""
    for name, make, inputs in [("bert", Bert, bert_inputs), ("gpt", Gpt, tokens)]:
        torch.manual_seed(7)
        net, (names, values) = randomised(make()), inputs(2)
        with torch.no_grad():
            want = net(*values).numpy()
        axes = {n: {0: "texts", 1: "length"} for n in names}
        script = export(net, names, values, 17, dynamic_axes=axes)
        dims = {0: torch.export.Dim("texts"), 1: torch.export.Dim("length", max=12)}
        data = export(net, names, values, ("dynamo", 18), dynamic_shapes=(dims,) * len(names))
        group.add(f"{name}_lengths", script, values[0].numpy(), "none", want, shape=[2, TOKENS])
        group.add(f"{name}_lengths_dynamo", data, values[0].numpy(), "none", want, shape=[2, TOKENS])


def export(net, names, values, opset, **more):
    if isinstance(opset, tuple):
        return dynamo(net, values, opset_version=opset[1], input_names=names, **more)
    out = io.BytesIO()
    torch.onnx.export(net, values, out, opset_version=opset, dynamo=False, input_names=names, **more)
    return out.getvalue()


def run(data, names, values):
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    there = {i.name for i in session.get_inputs()}
    return session.run(None, {n: v.numpy() for n, v in zip(names, values) if n in there})[0]


def randomised(net):
    """Weights that make attention uneven, and norms that are not those of a fresh network."""
    for m in net.modules():
        if isinstance(m, nn.LayerNorm):
            nn.init.uniform_(m.weight, 0.7, 1.3)
            nn.init.uniform_(m.bias, -0.2, 0.2)
        if isinstance(m, (nn.Linear, nn.MultiheadAttention)):
            for p in m.parameters(recurse=False):
                p.data *= 2
    return net.eval()


def tokens(batch=1):
    return ["input_ids"], (torch.randint(0, VOCABULARY, (batch, TOKENS)),)


def bert_inputs(batch=1):
    names, (ids,) = tokens(batch)
    return names + ["attention_mask", "token_type_ids"], (ids, torch.ones_like(ids), torch.zeros_like(ids))


def masked(inputs):
    return tuple(v[:2] for v in inputs)


def vectors(batch=1):
    return ["input"], (torch.randn(batch, TOKENS, 16),)


class BertAttention(nn.Module):
    """BERT's, by hand."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.dense, self.norm = nn.Linear(width, width), nn.LayerNorm(width, eps=1e-12)

    def split(self, x):
        return x.view(x.size()[:-1] + (self.heads, self.size)).permute(0, 2, 1, 3)

    def forward(self, x, mask):
        q, k, v = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        scores = torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(self.size)
        y = torch.matmul(F.softmax(scores + mask, dim=-1), v).permute(0, 2, 1, 3).contiguous()
        return self.norm(self.dense(y.view(y.size()[:-2] + (-1,))) + x)


class BertLayer(nn.Module):
    def __init__(self, width, heads, gelu):
        super().__init__()
        self.attention, self.gelu = BertAttention(width, heads), gelu
        self.up, self.down, self.norm = nn.Linear(width, 24), nn.Linear(24, width), nn.LayerNorm(width, eps=1e-12)

    def forward(self, x, mask):
        x = self.attention(x, mask)
        return self.norm(self.down(self.gelu(self.up(x))) + x)


def gelu_by_hand(x):
    return x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))


def gelu_new(x):
    return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))


class Bert(nn.Module):
    """Embeddings of words, kinds and places, a mask from `attention_mask`, a pooler with a tangent."""

    def __init__(self, gelu=F.gelu, width=16):
        super().__init__()
        self.words, self.places = nn.Embedding(VOCABULARY, width, padding_idx=0), nn.Embedding(12, width)
        self.kinds, self.norm = nn.Embedding(2, width), nn.LayerNorm(width, eps=1e-12)
        self.layers = nn.ModuleList([BertLayer(width, 2, gelu) for _ in range(1)])
        self.pooler, self.head = nn.Linear(width, width), nn.Linear(width, 3)
        self.register_buffer("position_ids", torch.arange(12).expand((1, -1)))

    def forward(self, input_ids, attention_mask, token_type_ids):
        x = self.words(input_ids) + self.kinds(token_type_ids)
        x = self.norm(x + self.places(self.position_ids[:, : input_ids.size(1)]))
        mask = attention_mask[:, None, None, :].to(x.dtype)
        mask = (1.0 - mask) * torch.finfo(x.dtype).min
        for layer in self.layers:
            x = layer(x, mask)
        return self.head(torch.tanh(self.pooler(x[:, 0])))


class Conv1D(nn.Module):
    """GPT-2's linear layer."""

    def __init__(self, out, width):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(width, out) * 0.3), nn.Parameter(torch.randn(out) * 0.1)

    def forward(self, x):
        return torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight).view(x.size()[:-1] + (self.bias.numel(),))


class GptBlock(nn.Module):
    """GPT-2's: a fused projection; `by_hand` writes the causal mask with `where`."""

    def __init__(self, width, heads, by_hand, gelu):
        super().__init__()
        self.heads, self.width, self.by_hand, self.gelu = heads, width, by_hand, gelu
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend, self.project = Conv1D(3 * width, width), Conv1D(width, width)
        self.up, self.down = Conv1D(2 * width, width), Conv1D(width, 2 * width)
        triangle = torch.tril(torch.ones((12, 12), dtype=torch.bool)).view(1, 1, 12, 12)
        self.register_buffer("triangle", triangle, persistent=False)

    def split(self, x):
        return x.view(x.size()[:-1] + (self.heads, self.width // self.heads)).transpose(1, 2)

    def forward(self, x):
        q, k, v = map(self.split, self.attend(self.first(x)).split(self.width, dim=2))
        if self.by_hand:
            w = torch.matmul(q, k.transpose(-1, -2))
            w = w / torch.full([], v.size(-1) ** 0.5, dtype=w.dtype)
            n, m = q.size(-2), k.size(-2)
            least = torch.full([], torch.finfo(w.dtype).min, dtype=w.dtype)
            w = torch.where(self.triangle[:, :, m - n : m, :m], w, least)
            y = torch.matmul(F.softmax(w, dim=-1), v)
        else:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        y = y.transpose(1, 2).contiguous()
        x = x + self.project(y.view(y.size()[:-2] + (-1,)))
        return x + self.down(self.gelu(self.up(self.second(x))))


class Gpt(nn.Module):
    """With the table of words as the last layer too."""

    def __init__(self, by_hand=False, gelu=gelu_new, width=16):
        super().__init__()
        self.words, self.places = nn.Embedding(VOCABULARY, width), nn.Embedding(12, width)
        self.blocks = nn.ModuleList([GptBlock(width, 2, by_hand, gelu) for _ in range(1)])
        self.norm = nn.LayerNorm(width)

    def forward(self, input_ids):
        ids = input_ids.view(-1, input_ids.size(-1))
        places = torch.arange(ids.size(-1), dtype=torch.long, device=ids.device).unsqueeze(0)
        x = self.words(ids) + self.places(places)
        for block in self.blocks:
            x = block(x)
        return self.norm(x) @ self.words.weight.T


class Encoder(nn.Module):
    """PyTorch's own."""

    def __init__(self, first, act, layers=1):
        super().__init__()
        one = nn.TransformerEncoderLayer(16, 4, 24, activation=act, batch_first=True, norm_first=first)
        self.body = nn.TransformerEncoder(one, layers, enable_nested_tensor=False)
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        return self.head(self.body(x).mean(1))


class Causal(nn.Module):
    """PyTorch's attention with a mask of minus infinity, and the probabilities of the next word."""

    def __init__(self):
        super().__init__()
        self.words, self.attend = nn.Embedding(VOCABULARY, 16), nn.MultiheadAttention(16, 2, batch_first=True)
        self.head = nn.Linear(16, VOCABULARY)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(TOKENS))

    def forward(self, ids):
        x = self.words(ids) * math.sqrt(16)
        x = x + self.attend(x, x, x, attn_mask=self.mask, need_weights=False)[0]
        return F.log_softmax(self.head(x), -1)


class Rms(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(width) + 0.5)

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


class Llama(nn.Module):
    """Rotated places, norms without a mean, a gate of x sigmoid(x), two queries to a key."""

    def __init__(self, width=16):
        super().__init__()
        self.words, self.first, self.second = nn.Embedding(VOCABULARY, width), Rms(width), Rms(width)
        self.q, self.k, self.v = (nn.Linear(width, n, bias=False) for n in (16, 8, 8))
        self.o, self.gate, self.up = (nn.Linear(width, n, bias=False) for n in (16, 24, 24))
        self.down, self.head = nn.Linear(24, width, bias=False), nn.Linear(width, VOCABULARY, bias=False)

    def turn(self, x, cos, sin):
        a, b = x[..., :2], x[..., 2:]
        return x * cos + torch.cat((-b, a), -1) * sin

    def forward(self, ids):
        b, t = ids.shape
        x = self.words(ids)
        angle = torch.arange(t, dtype=torch.float32)[:, None] * torch.tensor([1.0, 0.01])[None]
        cos, sin = torch.cat((angle, angle), -1).cos(), torch.cat((angle, angle), -1).sin()
        y = self.first(x)
        q = self.turn(self.q(y).view(b, t, 4, 4).transpose(1, 2), cos, sin)
        k = self.turn(self.k(y).view(b, t, 2, 4).transpose(1, 2), cos, sin)
        v = self.v(y).view(b, t, 2, 4).transpose(1, 2)
        k, v = (w[:, :, None].expand(b, 2, 2, t, 4).reshape(b, 4, t, 4) for w in (k, v))
        w = q @ k.transpose(2, 3) * 0.5
        w = w + torch.full((t, t), float("-inf")).triu(1)
        y = (F.softmax(w, -1, dtype=torch.float32) @ v).transpose(1, 2).reshape(b, t, 16)
        x = x + self.o(y)
        y = self.second(x)
        return self.head(x + self.down(F.silu(self.gate(y)) * self.up(y)))


class Written(nn.Module):
    """A mask that is filled in place, from triangles, places and `attention_mask`."""

    def __init__(self):
        super().__init__()
        self.words, self.q, self.k = nn.Embedding(VOCABULARY, 16), nn.Linear(16, 16), nn.Linear(16, 8)

    def mask(self, x, attention_mask):
        n, least = x.shape[1], torch.finfo(x.dtype).min
        mask = torch.triu(torch.full((n, n), least), diagonal=1)
        mask *= torch.arange(n) > torch.arange(n).reshape(-1, 1)
        mask = mask[None, None].expand(x.shape[0], 1, -1, -1).clone()
        padding = mask[:, :, :, :n] + attention_mask[:, None, None, :] == 0
        mask[:, :, :, :n] = mask[:, :, :, :n].masked_fill(padding, least)
        return mask

    def forward(self, input_ids, attention_mask):
        x = self.words(input_ids)
        b, n, _ = x.shape
        q, k = self.q(x).view(b, n, 2, 8).transpose(1, 2), self.k(x)[:, None].expand(b, 2, n, 8)
        v = x[:, :, :8][:, None].expand(b, 2, n, 8)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=self.mask(x, attention_mask))


class Chosen(Written):
    """A mask of truth values that are looked up."""

    def mask(self, x, attention_mask):
        texts, places = torch.arange(x.shape[0]), torch.arange(x.shape[1])
        known = attention_mask.to(torch.bool)[texts[:, None, None, None], places[None, None, None, :]]
        return (places[None, :] <= places[:, None])[None, None] & known


class Vision(nn.Module):
    """Patches, and a word of the network's own before them."""

    def __init__(self):
        super().__init__()
        self.patch, self.word = nn.Conv2d(3, 16, 4, stride=4), nn.Parameter(torch.randn(1, 1, 16))
        self.places = nn.Parameter(torch.randn(1, 5, 16) * 0.3)
        self.body = nn.TransformerEncoderLayer(16, 2, 24, activation="gelu", batch_first=True, norm_first=True)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.word.expand(x.size(0), -1, -1), x), 1) + self.places
        return self.head(self.body(x)[:, 0])


ZOO = {
    "bert": (Bert, bert_inputs, [13, ("dynamo", 20)]),
    "bert_by_hand": (lambda: Bert(gelu_by_hand), bert_inputs, [17, ("dynamo", 18)]),
    "gpt": (Gpt, tokens, [14, ("dynamo", 18)]),
    "gpt_by_hand": (lambda: Gpt(True, lambda x: F.gelu(x, approximate="tanh")), tokens, [17, ("dynamo", 20)]),
    "encoder": (lambda: Encoder(False, "gelu"), vectors, [14, ("dynamo", 18)]),
    "encoder_first": (lambda: Encoder(True, "relu"), vectors, [17, ("dynamo", 20)]),
    "causal": (Causal, tokens, [16, ("dynamo", 18)]),
    "llama": (Llama, tokens, [14, ("dynamo", 18)]),
    "written": (Written, lambda: masked(bert_inputs()), [17, ("dynamo", 23)]),
    "chosen": (Chosen, lambda: masked(bert_inputs()), [15, ("dynamo", 20), ("dynamo", 23)]),
    "vision": (Vision, lambda: (["input"], (torch.randn(1, 3, 8, 8),)), [15, ("dynamo", 20)]),
}
