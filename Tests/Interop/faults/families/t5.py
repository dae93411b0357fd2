"""An encoder and a decoder of text after T5: RMS norms, learned biases for distances of positions in
place of position embeddings, attention without a scale, gated layers, one table for all words."""
import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import torch
from torch.nn import functional as F

WIDTH, HEADS, WORDS, SOURCE, TARGET = 16, 4, 20, 7, 5
HEAD = WIDTH // HEADS


def distances(library, length):
    """(q, k), counted from zero."""
    places = library.arange(length)
    return places[None, :] - places[:, None] + length - 1


class Attention(nn.Module):
    is_causal: bool = False

    @nn.compact
    def __call__(self, x, memory, bias=None):  # (n, q, e), (n, k, e), (h, q, k)
        def heads(name, y):
            return nn.DenseGeneral((HEADS, HEAD), use_bias=False, name=name)(y)
        q, k, v = heads("q", x), heads("k", memory), heads("v", memory)
        scores = jnp.einsum("nqhd,nkhd->nhqk", q, k)
        if bias is not None:
            scores = scores + bias
        if self.is_causal:
            seen = jnp.tril(jnp.ones(scores.shape[-2:], bool))
            scores = jnp.where(seen, scores, -1e9)
        y = jnp.einsum("nhqk,nkhd->nqhd", nn.softmax(scores), v)
        return nn.DenseGeneral(WIDTH, axis=(-2, -1), use_bias=False, name="o")(y)


class FeedForward(nn.Module):
    @nn.compact
    def __call__(self, x):
        gate = nn.gelu(nn.Dense(24, use_bias=False, name="wi_0")(x))
        x = gate * nn.Dense(24, use_bias=False, name="wi_1")(x)
        return nn.Dense(WIDTH, use_bias=False, name="wo")(x)


def norm(name):
    return nn.RMSNorm(epsilon=1e-6, name=name)


class Source(nn.Module):
    @nn.compact
    def __call__(self, tokens, targets):
        table = nn.Embed(WORDS, WIDTH, name="shared")

        def bias(name, length):
            places = nn.Embed(2 * length - 1, HEADS, name=name)(distances(jnp, length))
            return places.transpose(2, 0, 1)  # (h, q, k)
        x = table(tokens)
        y = norm("encoder_norm_0")(x)
        x = x + Attention(name="encoder_attention")(y, y, bias("encoder_bias", SOURCE))
        x = x + FeedForward(name="encoder_mlp")(norm("encoder_norm_1")(x))
        memory = norm("encoder_norm")(x)
        x = table(targets)
        y = norm("decoder_norm_0")(x)
        x = x + Attention(is_causal=True, name="decoder_attention")(y, y, bias("decoder_bias", TARGET))
        x = x + Attention(name="cross_attention")(norm("decoder_norm_1")(x), memory)
        x = x + FeedForward(name="decoder_mlp")(norm("decoder_norm_2")(x))
        return table.attend(norm("decoder_norm")(x) * WIDTH ** -0.5)


class RMSNorm(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(WIDTH))
        self.variance_epsilon = 1e-6

    def forward(self, x):
        return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)


class PortAttention(torch.nn.Module):
    def __init__(self, is_causal=False):
        super().__init__()
        self.q, self.k, self.v, self.o = (
            torch.nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(4))
        self.is_causal = is_causal

    def forward(self, x, memory, bias=None):
        def heads(y):
            return y.view(*y.shape[:2], HEADS, HEAD).transpose(1, 2)
        q, k, v = heads(self.q(x)), heads(self.k(memory)), heads(self.v(memory))
        scores = torch.matmul(q, k.transpose(2, 3))
        if bias is not None:
            scores = scores + bias
        if self.is_causal:
            seen = torch.tril(torch.ones(scores.shape[-2:], dtype=torch.bool))
            scores = scores.masked_fill(~seen, float("-inf"))
        weights = torch.softmax(scores, dim=-1)
        return self.o(torch.matmul(weights, v).transpose(1, 2).flatten(2))


class PortFeedForward(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.wi_0 = torch.nn.Linear(WIDTH, 24, bias=False)
        self.wi_1 = torch.nn.Linear(WIDTH, 24, bias=False)
        self.wo = torch.nn.Linear(24, WIDTH, bias=False)

    def forward(self, x):
        return self.wo(F.gelu(self.wi_0(x), approximate="tanh") * self.wi_1(x))


class Port(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.shared = torch.nn.Embedding(WORDS, WIDTH)
        self.encoder_bias = torch.nn.Embedding(2 * SOURCE - 1, HEADS)
        self.decoder_bias = torch.nn.Embedding(2 * TARGET - 1, HEADS)
        self.encoder_attention, self.encoder_mlp = PortAttention(), PortFeedForward()
        self.decoder_attention = PortAttention(is_causal=True)
        self.cross_attention, self.decoder_mlp = PortAttention(), PortFeedForward()
        self.encoder_norms = torch.nn.ModuleList(RMSNorm() for _ in range(3))
        self.decoder_norms = torch.nn.ModuleList(RMSNorm() for _ in range(4))

    def forward(self, tokens, targets):
        first, second, last = self.encoder_norms
        x = self.shared(tokens)
        y = first(x)
        bias = self.encoder_bias(distances(torch, SOURCE)).permute(2, 0, 1)
        x = x + self.encoder_attention(y, y, bias)
        memory = last(x + self.encoder_mlp(second(x)))
        first, second, third, last = self.decoder_norms
        x = self.shared(targets)
        y = first(x)
        bias = self.decoder_bias(distances(torch, TARGET)).permute(2, 0, 1)
        x = x + self.decoder_attention(y, y, bias)
        x = x + self.cross_attention(second(x), memory)
        x = last(x + self.decoder_mlp(third(x)))
        return F.linear(x * WIDTH ** -0.5, self.shared.weight)


PAIRS = {
    "shared": "shared", "encoder_bias": "encoder_bias", "decoder_bias": "decoder_bias",
    **{f"{name}.{layer}": f"{name}/{layer}"
       for name in ("encoder_attention", "decoder_attention", "cross_attention") for layer in "qkvo"},
    **{f"{name}.{layer}": f"{name}/{layer}" for name in ("encoder_mlp", "decoder_mlp")
       for layer in ("wi_0", "wi_1", "wo")},
    **{f"encoder_norms.{n}": f"encoder_norm{name}" for n, name in enumerate(["_0", "_1", ""])},
    **{f"decoder_norms.{n}": f"decoder_norm{name}" for n, name in enumerate(["_0", "_1", "_2", ""])}}


def inputs(generator):
    return tuple(generator.integers(1, WORDS, size=(2, length)) for length in (SOURCE, TARGET))
