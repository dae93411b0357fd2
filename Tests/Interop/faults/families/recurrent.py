"""A classifier of sequences with two recurrent layers of one kind; Flax scans a cell, PyTorch's layer
is fused."""
import flax.linen as nn
import numpy as np
import torch

WIDTH, WORDS = 8, 20


class Source(nn.Module):
    cell: str

    @nn.compact
    def __call__(self, tokens):  # (n, t)
        cell = {"LSTM": nn.OptimizedLSTMCell, "GRU": nn.GRUCell}[self.cell]
        x = nn.Embed(WORDS, WIDTH, name="embed")(tokens)
        x = nn.RNN(cell(WIDTH, name="cell_0"), name="rnn_0")(x)
        x = nn.LayerNorm(name="norm")(x)
        x = nn.RNN(cell(WIDTH, name="cell_1"), name="rnn_1")(x)
        return nn.Dense(3, name="head")(nn.tanh(x[:, -1]))


class Port(torch.nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.embed = torch.nn.Embedding(WORDS, WIDTH)
        self.rnn1 = getattr(torch.nn, kind)(WIDTH, WIDTH, batch_first=True)
        self.norm = torch.nn.LayerNorm(WIDTH, eps=1e-6)
        self.rnn2 = getattr(torch.nn, kind)(WIDTH, WIDTH, batch_first=True)
        self.head = torch.nn.Linear(WIDTH, 3)

    def forward(self, tokens):
        x, _ = self.rnn1(self.embed(tokens))
        x, _ = self.rnn2(self.norm(x))
        return self.head(torch.tanh(x[:, -1]))


def pairs(kind):
    return {"embed": "embed", "rnn1": "cell_0", "norm": "norm", "rnn2": "cell_1", "head": "head"}


def inputs(generator):
    return (generator.integers(0, WORDS, size=(3, 6)),)
