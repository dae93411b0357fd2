"""An encoder of sound after the Conformer: convolutions in one dimension, half-step residuals, a gated
convolution with a batch norm, the mean over time. Its port has channels first in the convolutions."""
import flax.linen as nn
import numpy as np
import torch
from torch.nn import functional as F

WIDTH = 16


class FeedForward(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.silu(nn.Dense(32, name="in")(nn.LayerNorm(name="norm")(x)))
        return nn.Dense(WIDTH, name="out")(x)


class Convolution(nn.Module):
    @nn.compact
    def __call__(self, x):  # (n, t, c)
        x = nn.Dense(2 * WIDTH, name="pointwise_in")(nn.LayerNorm(name="norm")(x))
        x = nn.glu(x)
        x = nn.Conv(WIDTH, (5,), feature_group_count=WIDTH, name="depthwise")(x)
        x = nn.silu(nn.BatchNorm(use_running_average=True, name="batch_norm")(x))
        return nn.Dense(WIDTH, name="pointwise_out")(x)


class Block(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = x + 0.5 * FeedForward(name="ff_0")(x)
        y = nn.LayerNorm(name="attention_norm")(x)
        x = x + nn.MultiHeadDotProductAttention(num_heads=4, name="attention")(y, y)
        x = x + Convolution(name="conv")(x)
        x = x + 0.5 * FeedForward(name="ff_1")(x)
        return nn.LayerNorm(name="norm")(x)


class Source(nn.Module):
    @nn.compact
    def __call__(self, sound):  # (n, 64, 1)
        x = nn.gelu(nn.Conv(8, (10,), strides=5, padding="VALID", name="conv_0")(sound))
        x = nn.gelu(nn.Conv(WIDTH, (3,), padding="VALID", name="conv_1")(x))
        x = Block(name="block")(x)
        return nn.Dense(5, name="head")(x.mean(axis=1))


class PortFeedForward(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer_norm = torch.nn.LayerNorm(WIDTH, eps=1e-6)
        self.linear1, self.linear2 = torch.nn.Linear(WIDTH, 32), torch.nn.Linear(32, WIDTH)

    def forward(self, x):
        return self.linear2(F.silu(self.linear1(self.layer_norm(x))))


class PortConvolution(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer_norm = torch.nn.LayerNorm(WIDTH, eps=1e-6)
        self.pointwise1 = torch.nn.Conv1d(WIDTH, 2 * WIDTH, 1)
        self.depthwise = torch.nn.Conv1d(WIDTH, WIDTH, 5, padding=2, groups=WIDTH)
        self.batch_norm = torch.nn.BatchNorm1d(WIDTH)
        self.pointwise2 = torch.nn.Conv1d(WIDTH, WIDTH, 1)

    def forward(self, x):
        x = self.pointwise1(self.layer_norm(x).transpose(1, 2))
        x = F.silu(self.batch_norm(self.depthwise(F.glu(x, dim=1))))
        return self.pointwise2(x).transpose(1, 2)


class PortBlock(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.ffn1, self.ffn2 = PortFeedForward(), PortFeedForward()
        self.self_attn_norm = torch.nn.LayerNorm(WIDTH, eps=1e-6)
        self.self_attn = torch.nn.MultiheadAttention(WIDTH, 4, batch_first=True)
        self.conv_module = PortConvolution()
        self.final_norm = torch.nn.LayerNorm(WIDTH, eps=1e-6)

    def forward(self, x):
        x = x + 0.5 * self.ffn1(x)
        y = self.self_attn_norm(x)
        x = x + self.self_attn(y, y, y, need_weights=False)[0]
        x = x + self.conv_module(x)
        x = x + 0.5 * self.ffn2(x)
        return self.final_norm(x)


class Port(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv0 = torch.nn.Conv1d(1, 8, 10, stride=5)
        self.conv1 = torch.nn.Conv1d(8, WIDTH, 3)
        self.block = PortBlock()
        self.head = torch.nn.Linear(WIDTH, 5)

    def forward(self, sound):
        x = F.gelu(self.conv0(sound.transpose(1, 2)), approximate="tanh")
        x = F.gelu(self.conv1(x), approximate="tanh").transpose(1, 2)
        return self.head(self.block(x).mean(dim=1))


PAIRS = {
    "conv0": "conv_0", "conv1": "conv_1", "head": "head", **{
        f"block.{layer}": f"block/{source}" for layer, source in [
            ("ffn1.layer_norm", "ff_0/norm"), ("ffn1.linear1", "ff_0/in"), ("ffn1.linear2", "ff_0/out"),
            ("ffn2.layer_norm", "ff_1/norm"), ("ffn2.linear1", "ff_1/in"), ("ffn2.linear2", "ff_1/out"),
            ("self_attn_norm", "attention_norm"), ("self_attn", "attention"),
            ("conv_module.layer_norm", "conv/norm"), ("conv_module.pointwise1", "conv/pointwise_in"),
            ("conv_module.depthwise", "conv/depthwise"), ("conv_module.batch_norm", "conv/batch_norm"),
            ("conv_module.pointwise2", "conv/pointwise_out"), ("final_norm", "norm")]}}


def inputs(generator):
    return (generator.normal(size=(2, 64, 1)).astype(np.float32),)
