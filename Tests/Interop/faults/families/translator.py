"""A translator with GRUs: one reads the sentence from its end, one writes from what that ended with, and
attends to all of it."""
import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import torch

WIDTH, WORDS, SOURCE, TARGET = 8, 20, 6, 5


class Source(nn.Module):
    @nn.compact
    def __call__(self, tokens, targets):  # (n, s), (n, t)
        table = nn.Embed(WORDS, WIDTH, name="embed")
        x = table(tokens)
        memory = nn.RNN(nn.GRUCell(WIDTH, name="encoder_cell"), name="encoder")(x[:, ::-1])
        y = nn.RNN(nn.GRUCell(WIDTH, name="decoder_cell"), name="decoder")(
            table(targets), initial_carry=memory[:, -1])
        keys = nn.Dense(WIDTH, use_bias=False, name="keys")(memory)
        weights = nn.softmax(jnp.einsum("nte,nse->nts", y, keys))
        context = jnp.einsum("nts,nse->nte", weights, memory)
        x = nn.tanh(nn.Dense(WIDTH, name="mix")(jnp.concatenate([y, context], axis=-1)))
        return nn.Dense(WORDS, name="head")(x)


class Port(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(WORDS, WIDTH)
        self.encoder = torch.nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.decoder = torch.nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.keys = torch.nn.Linear(WIDTH, WIDTH, bias=False)
        self.mix = torch.nn.Linear(2 * WIDTH, WIDTH)
        self.head = torch.nn.Linear(WIDTH, WORDS)

    def forward(self, tokens, targets):
        memory, last = self.encoder(torch.flip(self.embed(tokens), dims=(1,)))
        y, _ = self.decoder(self.embed(targets), last)
        weights = torch.softmax(torch.bmm(y, self.keys(memory).transpose(1, 2)), dim=-1)
        x = torch.cat([y, torch.bmm(weights, memory)], dim=-1)
        return self.head(torch.tanh(self.mix(x)))


PAIRS = {
    "embed": "embed", "encoder": "encoder_cell", "decoder": "decoder_cell", "keys": "keys",
    "mix": "mix", "head": "head"}


def inputs(generator):
    return tuple(generator.integers(1, WORDS, size=(2, length)) for length in (SOURCE, TARGET))
