"""A vision transformer with norms before the layers; its port uses PyTorch's own attention and GELU as
a function."""
import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import torch
from torch.nn import functional as F


class Block(nn.Module):
    @nn.compact
    def __call__(self, x):
        y = nn.LayerNorm()(x)
        x = x + nn.MultiHeadDotProductAttention(num_heads=4)(y, y)
        y = nn.gelu(nn.Dense(32)(nn.LayerNorm()(x)), approximate=False)
        return x + nn.Dense(16)(y)


class Source(nn.Module):
    @nn.compact
    def __call__(self, images):  # (n, 12, 12, 3)
        x = nn.Conv(16, (4, 4), strides=4, padding="VALID", name="embedding")(images)
        x = x.reshape(x.shape[0], -1, 16)  # (n, 9, 16)
        token = self.param("cls", nn.initializers.normal(1), (1, 1, 16))
        x = jnp.concatenate([jnp.broadcast_to(token, (x.shape[0], 1, 16)), x], axis=1)
        x = x + self.param("pos_embedding", nn.initializers.normal(1), (1, 10, 16))
        for n in range(2):
            x = Block(name=f"block_{n}")(x)
        return nn.Dense(5, name="head")(nn.LayerNorm(name="norm")(x)[:, 0])


class PortBlock(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = torch.nn.LayerNorm(16, eps=1e-6)
        self.attn = torch.nn.MultiheadAttention(16, 4, batch_first=True)
        self.norm2 = torch.nn.LayerNorm(16, eps=1e-6)
        self.fc1 = torch.nn.Linear(16, 32)
        self.fc2 = torch.nn.Linear(32, 16)

    def forward(self, x):
        y = self.norm1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class Port(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.patch_embed = torch.nn.Conv2d(3, 16, 4, stride=4)
        self.cls_token = torch.nn.Parameter(torch.zeros(1, 1, 16))
        self.pos_embed = torch.nn.Parameter(torch.zeros(1, 10, 16))
        self.blocks = torch.nn.ModuleList([PortBlock(), PortBlock()])
        self.norm = torch.nn.LayerNorm(16, eps=1e-6)
        self.head = torch.nn.Linear(16, 5)

    def forward(self, images):
        x = self.patch_embed(images.permute(0, 3, 1, 2)).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], dim=1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


PAIRS = {
    "patch_embed": "embedding", "cls_token": "cls", "pos_embed": "pos_embedding", "norm": "norm",
    "head": "head", **{
        f"blocks.{n}.{layer}": f"block_{n}/{source}" for n in (0, 1) for layer, source in [
            ("norm1", "LayerNorm_0"), ("attn", "MultiHeadDotProductAttention_0"),
            ("norm2", "LayerNorm_1"), ("fc1", "Dense_0"), ("fc2", "Dense_1")]}}


def inputs(generator):
    return (generator.normal(size=(2, 12, 12, 3)).astype(np.float32),)
