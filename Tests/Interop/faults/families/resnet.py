"""A residual network with group norms, before the activations; its port's activations are modules, its
strided SAME convolution a subclass."""
import flax.linen as nn
import numpy as np
import torch
from torch.nn import functional as F


class Block(nn.Module):
    width: int
    stride: int

    @nn.compact
    def __call__(self, x):
        y = nn.swish(nn.GroupNorm(num_groups=4, name="norm_1")(x))
        y = nn.Conv(self.width, (3, 3), strides=self.stride, name="conv_1")(y)
        y = nn.swish(nn.GroupNorm(num_groups=4, name="norm_2")(y))
        y = nn.Conv(self.width, (3, 3), name="conv_2")(y)
        if self.stride > 1:
            x = nn.Conv(self.width, (1, 1), strides=self.stride, use_bias=False, name="shortcut")(x)
        return x + y


class Source(nn.Module):
    @nn.compact
    def __call__(self, images):  # (n, 8, 8, 3)
        x = nn.Conv(8, (3, 3), name="stem")(images)
        x = Block(8, 1, name="block_0")(x)
        x = Block(16, 2, name="block_1")(x)
        x = nn.swish(nn.GroupNorm(num_groups=8, name="norm")(x)).mean((1, 2))
        return nn.Dense(5, name="head")(x)


class SameConv2d(torch.nn.Conv2d):
    """Pads as SAME does: what is over goes behind."""

    def forward(self, x):
        pads = []
        for extent, kernel, stride in zip(
                reversed(x.shape[2:]), reversed(self.kernel_size), reversed(self.stride)):
            total = max((-(-extent // stride) - 1) * stride + kernel - extent, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(F.pad(x, pads))


class PortBlock(torch.nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.norm1 = torch.nn.GroupNorm(4, inputs, eps=1e-6)
        self.act1 = torch.nn.SiLU()
        self.conv1 = SameConv2d(inputs, width, 3, stride)
        self.norm2 = torch.nn.GroupNorm(4, width, eps=1e-6)
        self.act2 = torch.nn.SiLU()
        self.conv2 = torch.nn.Conv2d(width, width, 3, padding=1)
        self.shortcut = (torch.nn.Conv2d(inputs, width, 1, stride, bias=False) if stride > 1
                         else torch.nn.Identity())

    def forward(self, x):
        y = self.conv1(self.act1(self.norm1(x)))
        y = self.conv2(self.act2(self.norm2(y)))
        return self.shortcut(x) + y


class Port(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.blocks = torch.nn.Sequential(PortBlock(8, 8, 1), PortBlock(8, 16, 2))
        self.norm = torch.nn.GroupNorm(8, 16, eps=1e-6)
        self.act = torch.nn.SiLU()
        self.head = torch.nn.Linear(16, 5)

    def forward(self, images):
        x = self.blocks(self.stem(images.permute(0, 3, 1, 2)))
        return self.head(self.act(self.norm(x)).mean((2, 3)))


PAIRS = {"stem": "stem", "norm": "norm", "head": "head", "blocks.1.shortcut": "block_1/shortcut", **{
    f"blocks.{n}.{name}{i}": f"block_{n}/{name}_{i}"
    for n in (0, 1) for name in ("norm", "conv") for i in (1, 2)}}


def inputs(generator):
    return (generator.normal(size=(2, 8, 8, 3)).astype(np.float32),)
