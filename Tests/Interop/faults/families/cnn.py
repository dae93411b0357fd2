"""A convolutional classifier: batch norms, a strided and a dilated convolution, a depthwise one, a
flatten. Its port pads, activates and pools by functions."""
import flax.linen as nn
import numpy as np
import torch
from torch.nn import functional as F


class Source(nn.Module):
    @nn.compact
    def __call__(self, images):  # (n, 12, 12, 3)
        def norm(x):
            return nn.BatchNorm(use_running_average=True)(x)
        x = nn.relu(norm(nn.Conv(8, (3, 3), strides=2, use_bias=False)(images)))  # (n, 6, 6, 8)
        x = nn.leaky_relu(norm(nn.Conv(8, (3, 3), kernel_dilation=2)(x)))
        x = nn.relu(nn.Conv(8, (3, 3), feature_group_count=8)(x))
        x = nn.max_pool(x, (2, 2), strides=(2, 2)).reshape(x.shape[0], -1)  # (n, 3 * 3 * 8)
        x = nn.relu(nn.Dense(16, name="hidden")(x))
        return nn.Dense(5, name="head")(x)


class Port(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 8, 3, stride=2, bias=False)
        self.stem_norm = torch.nn.BatchNorm2d(8)
        self.middle = torch.nn.Conv2d(8, 8, 3, padding=2, dilation=2)
        self.middle_norm = torch.nn.BatchNorm2d(8)
        self.depthwise = torch.nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.hidden = torch.nn.Linear(72, 16)
        self.head = torch.nn.Linear(16, 5)

    def forward(self, images):
        x = F.pad(images.permute(0, 3, 1, 2), (0, 1, 0, 1))
        x = F.relu(self.stem_norm(self.stem(x)))
        x = F.leaky_relu(self.middle_norm(self.middle(x)))
        x = F.max_pool2d(F.relu(self.depthwise(x)), 2)
        x = torch.flatten(x.permute(0, 2, 3, 1), 1)
        return self.head(F.relu(self.hidden(x)))


PAIRS = {
    "stem": "Conv_0", "stem_norm": "BatchNorm_0", "middle": "Conv_1", "middle_norm": "BatchNorm_1",
    "depthwise": "Conv_2", "hidden": "hidden", "head": "head"}


def inputs(generator):
    return (generator.normal(size=(3, 12, 12, 3)).astype(np.float32),)
