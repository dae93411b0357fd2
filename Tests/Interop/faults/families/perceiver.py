"""A Perceiver: learned latents attend to tokens with sines for their positions, then to themselves; the
first latent is the answer. Its port has one projection for keys and values."""
import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import torch
from torch.nn import functional as F

WIDTH, HEADS, LATENTS, LENGTH, WORDS, PLACES = 16, 2, 4, 7, 20, 12
HEAD = WIDTH // HEADS


def sines():
    """(t, e)"""
    angles = np.arange(LENGTH)[:, None] / 10000 ** (np.arange(WIDTH // 2)[None] * 2 / WIDTH)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=-1).astype(np.float32)


class Attention(nn.Module):
    @nn.compact
    def __call__(self, x, memory):
        def heads(name, y):
            return nn.DenseGeneral((HEADS, HEAD), name=name)(y)
        y = nn.dot_product_attention(heads("q", x), heads("k", memory), heads("v", memory))
        return nn.DenseGeneral(WIDTH, axis=(-2, -1), name="out")(y)


class Source(nn.Module):
    @nn.compact
    def __call__(self, tokens):  # (n, t)
        table = self.param("positions", nn.initializers.normal(0.3), (PLACES, WIDTH))
        memory = nn.Embed(WORDS, WIDTH, name="embed")(tokens) * WIDTH ** 0.5 + sines()
        memory = nn.LayerNorm(name="memory_norm")(memory + table[:LENGTH])
        latents = self.param("latents", nn.initializers.normal(0.3), (LATENTS, WIDTH))
        x = jnp.broadcast_to(latents, (tokens.shape[0], LATENTS, WIDTH))
        x = x + Attention(name="cross")(nn.LayerNorm(name="cross_norm")(x), memory)
        y = nn.LayerNorm(name="self_norm")(x)
        x = x + Attention(name="self")(y, y)
        y = nn.relu(nn.Dense(32, name="fc_0")(nn.LayerNorm(name="mlp_norm")(x)))
        x = x + nn.Dense(WIDTH, name="fc_1")(y)
        return nn.Dense(3, name="head")(x[:, 0])


class PortAttention(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.to_q, self.to_kv = torch.nn.Linear(WIDTH, WIDTH), torch.nn.Linear(WIDTH, 2 * WIDTH)
        self.to_out = torch.nn.Linear(WIDTH, WIDTH)

    def forward(self, x, memory):
        k, v = torch.chunk(self.to_kv(memory), 2, dim=-1)
        q, k, v = (y.view(*y.shape[:2], HEADS, HEAD).transpose(1, 2) for y in (self.to_q(x), k, v))
        y = F.scaled_dot_product_attention(q, k, v)
        return self.to_out(y.transpose(1, 2).flatten(2))


class Port(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(WORDS, WIDTH)
        self.pos = torch.nn.Parameter(torch.zeros(PLACES, WIDTH))
        self.latents = torch.nn.Parameter(torch.zeros(LATENTS, WIDTH))
        self.memory_norm, self.cross_norm, self.self_norm, self.mlp_norm = (
            torch.nn.LayerNorm(WIDTH, eps=1e-6) for _ in range(4))
        self.cross_attn, self.self_attn = PortAttention(), PortAttention()
        self.fc1, self.fc2 = torch.nn.Linear(WIDTH, 32), torch.nn.Linear(32, WIDTH)
        self.head = torch.nn.Linear(WIDTH, 3)

    def forward(self, tokens):
        memory = self.embed(tokens) * WIDTH ** 0.5 + torch.from_numpy(sines())
        memory = self.memory_norm(memory + self.pos[:LENGTH])
        x = self.latents.expand(tokens.shape[0], -1, -1)
        x = x + self.cross_attn(self.cross_norm(x), memory)
        y = self.self_norm(x)
        x = x + self.self_attn(y, y)
        x = x + self.fc2(F.relu(self.fc1(self.mlp_norm(x))))
        return self.head(x[:, 0])


PAIRS = {
    "embed": "embed", "pos": "positions", "latents": "latents", "memory_norm": "memory_norm",
    "cross_norm": "cross_norm", "self_norm": "self_norm", "mlp_norm": "mlp_norm", "fc1": "fc_0",
    "fc2": "fc_1", "head": "head",
    **{f"{port}.{layer}": sources for port, source in [("cross_attn", "cross"), ("self_attn", "self")]
       for layer, sources in [("to_q", f"{source}/q"), ("to_kv", [f"{source}/k", f"{source}/v"]),
                              ("to_out", f"{source}/out")]}}


def inputs(generator):
    return (generator.integers(0, WORDS, size=(2, LENGTH)),)
