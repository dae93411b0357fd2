"""A decoder of text with rotary positions, RMS norms, a gated layer and a tied head; its port calls
PyTorch's fused attention, a function."""
import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import torch
from torch.nn import functional as F

WIDTH, HEADS, WORDS, LENGTH, BASE = 16, 2, 20, 6, 10000.0
HEAD = WIDTH // HEADS


def angles(library):
    """(t, HEAD / 2)"""
    return library.arange(LENGTH)[:, None] * (
        BASE ** -(2 * library.arange(HEAD // 2) / HEAD))[None]


class Attention(nn.Module):
    @nn.compact
    def __call__(self, x):  # (n, t, e)
        def heads(name):
            return nn.DenseGeneral((HEADS, HEAD), use_bias=False, name=name)(x)

        def rotated(y):  # (n, t, h, d)
            cos, sin = jnp.cos(angles(jnp))[:, None], jnp.sin(angles(jnp))[:, None]
            a, b = jnp.split(y, 2, axis=-1)
            return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)
        mask = jnp.tril(jnp.ones((LENGTH, LENGTH), bool))
        y = nn.dot_product_attention(
            rotated(heads("q")), rotated(heads("k")), heads("v"), mask=mask)
        return nn.DenseGeneral(WIDTH, axis=(-2, -1), use_bias=False, name="o")(y)


class Block(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = x + Attention(name="attention")(nn.RMSNorm(epsilon=1e-5, name="norm_1")(x))
        y = nn.RMSNorm(epsilon=1e-5, name="norm_2")(x)
        gate = nn.silu(nn.Dense(24, use_bias=False, name="gate")(y))
        y = nn.Dense(24, use_bias=False, name="up")(y) * gate
        return x + nn.Dense(WIDTH, use_bias=False, name="down")(y)


class Source(nn.Module):
    @nn.compact
    def __call__(self, tokens):
        table = nn.Embed(WORDS, WIDTH, name="embed")
        x = table(tokens) * WIDTH ** 0.5
        for n in range(2):
            x = Block(name=f"block_{n}")(x)
        return table.attend(nn.RMSNorm(epsilon=1e-5, name="norm")(x))


class RMSNorm(torch.nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def rotate_half(x):
    a, b = x.chunk(2, dim=-1)
    return torch.cat([-b, a], dim=-1)


class PortAttention(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (
            torch.nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(4))

    def forward(self, x):
        q, k, v = (layer(x).view(*x.shape[:2], HEADS, HEAD).transpose(1, 2)
                   for layer in (self.q_proj, self.k_proj, self.v_proj))
        turn = torch.cat([angles(torch)] * 2, dim=-1)
        q, k = (y * turn.cos() + rotate_half(y) * turn.sin() for y in (q, k))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o_proj(y.transpose(1, 2).flatten(2))


class PortBlock(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.input_norm = RMSNorm(WIDTH, 1e-5)
        self.attention = PortAttention()
        self.post_norm = RMSNorm(WIDTH, 1e-5)
        self.gate_proj = torch.nn.Linear(WIDTH, 24, bias=False)
        self.up_proj = torch.nn.Linear(WIDTH, 24, bias=False)
        self.down_proj = torch.nn.Linear(24, WIDTH, bias=False)

    def forward(self, x):
        x = x + self.attention(self.input_norm(x))
        y = self.post_norm(x)
        return x + self.down_proj(F.silu(self.gate_proj(y)) * self.up_proj(y))


class Port(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed_tokens = torch.nn.Embedding(WORDS, WIDTH)
        self.layers = torch.nn.ModuleList([PortBlock(), PortBlock()])
        self.norm = RMSNorm(WIDTH, 1e-5)

    def forward(self, tokens):
        x = self.embed_tokens(tokens) * WIDTH ** 0.5
        for layer in self.layers:
            x = layer(x)
        return F.linear(self.norm(x), self.embed_tokens.weight)


PAIRS = {"embed_tokens": "embed", "norm": "norm", **{
    f"layers.{n}.{layer}": f"block_{n}/{source}" for n in (0, 1) for layer, source in [
        ("input_norm", "norm_1"), ("attention.q_proj", "attention/q"),
        ("attention.k_proj", "attention/k"), ("attention.v_proj", "attention/v"),
        ("attention.o_proj", "attention/o"), ("post_norm", "norm_2"), ("gate_proj", "gate"),
        ("up_proj", "up"), ("down_proj", "down")]}}


def inputs(generator):
    return (generator.integers(1, WORDS, size=(2, LENGTH)),)
