"""An encoder of text with norms behind the layers, a mask of padding and a pooler; its port adds its
mask to the scores and has its activations as modules."""
import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import torch

WIDTH, HEADS, WORDS, LENGTH = 16, 4, 20, 7


class Attention(nn.Module):
    @nn.compact
    def __call__(self, x, mask):  # (n, t, e), (n, t)
        def heads(name):
            return nn.Dense(WIDTH, name=name)(x).reshape(*x.shape[:2], HEADS, -1)
        y = nn.dot_product_attention(
            heads("query"), heads("key"), heads("value"), mask=mask[:, None, None, :])
        return nn.Dense(WIDTH, name="output")(y.reshape(x.shape))


class Layer(nn.Module):
    @nn.compact
    def __call__(self, x, mask):
        x = nn.LayerNorm(epsilon=1e-12, name="attention_norm")(x + Attention(name="attention")(x, mask))
        y = nn.gelu(nn.Dense(32, name="intermediate")(x), approximate=False)
        return nn.LayerNorm(epsilon=1e-12, name="output_norm")(x + nn.Dense(WIDTH, name="output")(y))


class Source(nn.Module):
    @nn.compact
    def __call__(self, tokens, mask, kinds):
        x = nn.Embed(WORDS, WIDTH, name="words")(tokens)
        x = x + nn.Embed(LENGTH, WIDTH, name="positions")(jnp.arange(tokens.shape[1])[None])
        x = x + nn.Embed(2, WIDTH, name="kinds")(kinds)
        x = nn.LayerNorm(epsilon=1e-12, name="norm")(x)
        x = nn.Dropout(0.1)(x, deterministic=True)
        for n in range(2):
            x = Layer(name=f"layer_{n}")(x, mask)
        pooled = nn.tanh(nn.Dense(WIDTH, name="pooler")(x[:, 0]))
        return {"hidden": x, "logits": nn.Dense(3, name="classifier")(pooled)}


class PortAttention(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value, self.dense = (
            torch.nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, hidden_states, attention_mask):
        def heads(layer):
            return layer(hidden_states).view(*hidden_states.shape[:2], HEADS, -1).transpose(1, 2)
        scores = heads(self.query) @ heads(self.key).transpose(-1, -2) / (WIDTH // HEADS) ** 0.5
        context = torch.softmax(scores + attention_mask, dim=-1) @ heads(self.value)
        return self.dense(context.transpose(1, 2).reshape(hidden_states.shape))


class PortLayer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = PortAttention()
        self.attention_norm = torch.nn.LayerNorm(WIDTH, eps=1e-12)
        self.intermediate = torch.nn.Linear(WIDTH, 32)
        self.activation = torch.nn.GELU()
        self.output = torch.nn.Linear(32, WIDTH)
        self.output_norm = torch.nn.LayerNorm(WIDTH, eps=1e-12)

    def forward(self, x, mask):
        x = self.attention_norm(self.attention(x, attention_mask=mask) + x)
        return self.output_norm(self.output(self.activation(self.intermediate(x))) + x)


class Port(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.words = torch.nn.Embedding(WORDS, WIDTH)
        self.positions = torch.nn.Embedding(LENGTH, WIDTH)
        self.kinds = torch.nn.Embedding(2, WIDTH)
        self.norm = torch.nn.LayerNorm(WIDTH, eps=1e-12)
        self.dropout = torch.nn.Dropout(0.1)
        self.layers = torch.nn.ModuleList([PortLayer(), PortLayer()])
        self.pooler = torch.nn.Sequential(torch.nn.Linear(WIDTH, WIDTH), torch.nn.Tanh())
        self.classifier = torch.nn.Linear(WIDTH, 3)

    def forward(self, tokens, mask, kinds):
        x = self.words(tokens) + self.positions(torch.arange(tokens.shape[1])) + self.kinds(kinds)
        x = self.dropout(self.norm(x))
        additive = torch.where(mask, 0.0, torch.finfo(x.dtype).min)[:, None, None, :]
        for layer in self.layers:
            x = layer(x, mask=additive)
        return {"hidden": x, "logits": self.classifier(self.pooler(x[:, 0]))}


PAIRS = {
    "words": "words", "positions": "positions", "kinds": "kinds", "norm": "norm",
    "pooler.0": "pooler", "classifier": "classifier", **{
        f"layers.{n}.{layer}": f"layer_{n}/{source}" for n in (0, 1) for layer, source in [
            ("attention.query", "attention/query"), ("attention.key", "attention/key"),
            ("attention.value", "attention/value"), ("attention.dense", "attention/output"),
            ("attention_norm", "attention_norm"), ("intermediate", "intermediate"),
            ("output", "output"), ("output_norm", "output_norm")]}}


def inputs(generator):
    mask = np.arange(LENGTH)[None] < np.array([[7], [4]])
    return (generator.integers(1, WORDS, size=(2, LENGTH)), mask, generator.integers(0, 2, (2, LENGTH)))
