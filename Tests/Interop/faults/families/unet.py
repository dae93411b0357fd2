"""A U-Net: down by a pool, up by a transposed convolution, and what was before beside it."""
import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import torch
from torch.nn import functional as F


class Stage(nn.Module):
    width: int

    @nn.compact
    def __call__(self, x):
        x = nn.Conv(self.width, (3, 3), name="conv")(x)
        return nn.relu(nn.GroupNorm(num_groups=2, epsilon=1e-5, name="norm")(x))


class Source(nn.Module):
    @nn.compact
    def __call__(self, images):  # (n, 8, 8, 3)
        first = Stage(8, name="down_0")(images)
        second = Stage(8, name="down_1")(nn.avg_pool(first, (2, 2), strides=(2, 2)))
        middle = Stage(8, name="middle")(nn.max_pool(second, (2, 2), strides=(2, 2)))
        x = nn.ConvTranspose(8, (4, 4), strides=(2, 2), name="up_1")(middle)
        x = Stage(8, name="merge_1")(jnp.concatenate([x, second], axis=-1))
        x = nn.ConvTranspose(8, (3, 3), strides=(2, 2), name="up_0")(x)
        x = Stage(8, name="merge_0")(jnp.concatenate([x, first], axis=-1))
        return nn.sigmoid(nn.Conv(1, (1, 1), name="out")(x))


class PortStage(torch.nn.Module):
    def __init__(self, inputs, width):
        super().__init__()
        self.conv = torch.nn.Conv2d(inputs, width, 3, padding=1)
        self.norm = torch.nn.GroupNorm(2, width)
        self.act = torch.nn.ReLU(inplace=True)

    def forward(self, x):
        return self.act(self.norm(self.conv(x)))


class Port(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.down0, self.down1 = PortStage(3, 8), PortStage(8, 8)
        self.middle = PortStage(8, 8)
        self.up1 = torch.nn.ConvTranspose2d(8, 8, 4, stride=2, padding=1)
        self.merge1 = PortStage(16, 8)
        self.up0 = torch.nn.ConvTranspose2d(8, 8, 3, stride=2)
        self.merge0 = PortStage(16, 8)
        self.out = torch.nn.Conv2d(8, 1, 1)

    def forward(self, images):
        first = self.down0(images.permute(0, 3, 1, 2))
        second = self.down1(F.avg_pool2d(first, 2))
        x = self.up1(self.middle(F.max_pool2d(second, 2)))
        x = self.merge1(torch.cat([x, second], dim=1))
        # SAME leaves the last row and column out.
        x = self.up0(x)[..., :-1, :-1]
        x = self.merge0(torch.cat([x, first], dim=1))
        return torch.sigmoid(self.out(x)).permute(0, 2, 3, 1)


PAIRS = {"up1": "up_1", "up0": "up_0", "out": "out", **{
    f"{port}.{layer}": f"{source}/{layer}" for layer in ("conv", "norm") for port, source in [
        ("down0", "down_0"), ("down1", "down_1"), ("middle", "middle"), ("merge1", "merge_1"),
        ("merge0", "merge_0")]}}


def inputs(generator):
    return (generator.normal(size=(2, 8, 8, 3)).astype(np.float32),)
