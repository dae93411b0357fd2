"""A ConvNeXt: a patch stem, depthwise convolutions with a norm of the channels behind them, scaled
branches, a norm and a strided convolution between the stages, the mean of the pixels. Its port has
channels first, exchanges axes around its norms, and scales by a parameter."""
import flax.linen as nn
import numpy as np
import torch
from torch.nn import functional as F


class Block(nn.Module):
    width: int

    @nn.compact
    def __call__(self, x):  # (n, y, x, c)
        y = nn.Conv(self.width, (5, 5), feature_group_count=self.width, name="depthwise")(x)
        y = nn.LayerNorm(name="norm")(y)
        y = nn.gelu(nn.Dense(2 * self.width, name="wide")(y), approximate=False)
        y = nn.Dense(self.width, name="narrow")(y)
        gamma = self.param("gamma", nn.initializers.constant(0.5), (self.width,))
        return x + gamma * y


class Source(nn.Module):
    @nn.compact
    def __call__(self, images):  # (n, 16, 16, 3)
        x = nn.Conv(8, (4, 4), strides=4, padding="VALID", name="stem")(images)
        x = nn.LayerNorm(name="stem_norm")(x)
        x = Block(8, name="block_0")(x)
        x = nn.Conv(12, (2, 2), strides=2, padding="VALID", name="down")(
            nn.LayerNorm(name="down_norm")(x))
        x = Block(12, name="block_1")(x)
        return nn.Dense(5, name="head")(nn.LayerNorm(name="norm")(x.mean(axis=(1, 2))))


class PortBlock(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.dwconv = torch.nn.Conv2d(width, width, 5, padding=2, groups=width)
        self.norm = torch.nn.LayerNorm(width, eps=1e-6)
        self.pwconv1 = torch.nn.Linear(width, 2 * width)
        self.pwconv2 = torch.nn.Linear(2 * width, width)
        self.gamma = torch.nn.Parameter(torch.zeros(width))

    def forward(self, x):  # (n, c, y, x)
        y = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(y)))
        return x + y.permute(0, 3, 1, 2)


class Port(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 8, 4, stride=4)
        self.stem_norm = torch.nn.LayerNorm(8, eps=1e-6)
        self.stage0 = PortBlock(8)
        self.down_norm = torch.nn.LayerNorm(8, eps=1e-6)
        self.down = torch.nn.Conv2d(8, 12, 2, stride=2)
        self.stage1 = PortBlock(12)
        self.norm = torch.nn.LayerNorm(12, eps=1e-6)
        self.head = torch.nn.Linear(12, 5)

    @staticmethod
    def normalized(norm, x):
        return norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    def forward(self, images):
        x = self.normalized(self.stem_norm, self.stem(images.permute(0, 3, 1, 2)))
        x = self.down(self.normalized(self.down_norm, self.stage0(x)))
        return self.head(self.norm(self.stage1(x).mean((-2, -1))))


PAIRS = {
    "stem": "stem", "stem_norm": "stem_norm", "down_norm": "down_norm", "down": "down", "norm": "norm",
    "head": "head", **{
        f"stage{n}.{layer}": f"block_{n}/{source}" for n in (0, 1) for layer, source in [
            ("dwconv", "depthwise"), ("norm", "norm"), ("pwconv1", "wide"), ("pwconv2", "narrow"),
            ("gamma", "gamma")]}}


def inputs(generator):
    return (generator.normal(size=(2, 16, 16, 3)).astype(np.float32),)
