"""A model that says what every pixel is: means of windows that overlap the border, two scales enlarged
between their pixels and joined, a squeeze and excitation, a hard activation."""
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch.nn import functional as F

WIDTH = 8


class Squeeze(nn.Module):
    @nn.compact
    def __call__(self, x):
        y = nn.relu(nn.Conv(4, (1, 1), name="reduce")(x.mean(axis=(1, 2), keepdims=True)))
        return x * nn.sigmoid(nn.Conv(WIDTH, (1, 1), name="expand")(y))


class Source(nn.Module):
    @nn.compact
    def __call__(self, images):  # (n, 12, 12, 3)
        x = nn.Conv(WIDTH, (3, 3), name="stem")(images)
        x = nn.hard_swish(nn.BatchNorm(use_running_average=True, name="stem_norm")(x))
        fine = nn.avg_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)),
                           count_include_pad=False)  # (n, 6, 6, c)
        fine = Squeeze(name="squeeze")(nn.Conv(WIDTH, (3, 3), name="fine")(fine))
        coarse = nn.max_pool(fine, (2, 2), strides=(2, 2))
        coarse = nn.relu(nn.Conv(WIDTH, (3, 3), padding="CIRCULAR", name="coarse")(coarse))
        coarse = jax.image.resize(coarse, fine.shape, "bilinear")
        x = nn.Conv(WIDTH, (1, 1), name="join")(jnp.concatenate([fine, coarse], axis=-1))
        x = nn.softplus(x) - 0.5
        return nn.Conv(2, (1, 1), name="head")(x)


class PortSqueeze(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = torch.nn.Conv2d(WIDTH, 4, 1), torch.nn.Conv2d(4, WIDTH, 1)

    def forward(self, x):
        y = F.relu(self.fc1(F.adaptive_avg_pool2d(x, 1)))
        return x * torch.sigmoid(self.fc2(y))


class Port(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, WIDTH, 3, padding=1)
        self.stem_norm = torch.nn.BatchNorm2d(WIDTH)
        self.fine = torch.nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.squeeze = PortSqueeze()
        self.coarse = torch.nn.Conv2d(WIDTH, WIDTH, 3, padding=1, padding_mode="circular")
        self.join = torch.nn.Conv2d(2 * WIDTH, WIDTH, 1)
        self.head = torch.nn.Conv2d(WIDTH, 2, 1)

    def forward(self, images):
        x = F.hardswish(self.stem_norm(self.stem(images.permute(0, 3, 1, 2))))
        fine = F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)
        fine = self.squeeze(self.fine(fine))
        coarse = F.relu(self.coarse(F.max_pool2d(fine, 2)))
        coarse = F.interpolate(coarse, size=fine.shape[2:], mode="bilinear", align_corners=False)
        x = self.join(torch.cat([fine, coarse], dim=1))
        return self.head(F.softplus(x) - 0.5).permute(0, 2, 3, 1)


PAIRS = {
    "stem": "stem", "stem_norm": "stem_norm", "fine": "fine", "squeeze.fc1": "squeeze/reduce",
    "squeeze.fc2": "squeeze/expand", "coarse": "coarse", "join": "join", "head": "head"}


def inputs(generator):
    return (generator.normal(size=(2, 12, 12, 3)).astype(np.float32),)
