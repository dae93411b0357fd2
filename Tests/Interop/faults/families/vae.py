"""A variational autoencoder of images: group norms, an attention of one head over the pixels, a sample
from noise that is given, and a decoder that enlarges by repeating pixels."""
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch.nn import functional as F

WIDTH = 8


class Block(nn.Module):
    @nn.compact
    def __call__(self, x):
        def step(x, n):
            x = nn.silu(nn.GroupNorm(num_groups=4, epsilon=1e-6, name=f"norm_{n}")(x))
            return nn.Conv(WIDTH, (3, 3), name=f"conv_{n}")(x)
        return x + step(step(x, 0), 1)


class Attention(nn.Module):
    @nn.compact
    def __call__(self, x):  # (n, y, x, c)
        y = nn.GroupNorm(num_groups=4, epsilon=1e-6, name="norm")(x)
        y = y.reshape(x.shape[0], -1, WIDTH)
        q, k, v = (nn.Dense(WIDTH, name=name)(y) for name in "qkv")
        weights = nn.softmax(jnp.einsum("nqc,nkc->nqk", q, k) * WIDTH ** -0.5)
        y = nn.Dense(WIDTH, name="out")(jnp.einsum("nqk,nkc->nqc", weights, v))
        return x + y.reshape(x.shape)


class Source(nn.Module):
    @nn.compact
    def __call__(self, images, noise):  # (n, 8, 8, 3), (n, 4, 4, 4)
        x = nn.Conv(WIDTH, (3, 3), name="conv_in")(images)
        x = Block(name="down_block")(x)
        x = nn.Conv(WIDTH, (3, 3), strides=2, padding=((0, 1), (0, 1)), name="down")(x)
        x = Attention(name="attention")(x)
        moments = nn.Conv(8, (1, 1), name="moments")(x)
        mean, log_variance = jnp.split(moments, 2, axis=-1)
        z = mean + jnp.exp(0.5 * jnp.clip(log_variance, -0.4, 0.4)) * noise
        x = nn.Conv(WIDTH, (3, 3), name="conv_z")(z)
        x = Block(name="up_block")(x)
        x = jax.image.resize(x, (x.shape[0], 8, 8, WIDTH), "nearest")
        x = nn.Conv(WIDTH, (3, 3), name="up")(x)
        x = nn.silu(nn.GroupNorm(num_groups=4, epsilon=1e-6, name="norm_out")(x))
        return jnp.tanh(nn.Conv(3, (3, 3), name="conv_out")(x))


class PortBlock(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = (torch.nn.GroupNorm(4, WIDTH, eps=1e-6) for _ in range(2))
        self.conv1, self.conv2 = (torch.nn.Conv2d(WIDTH, WIDTH, 3, padding=1) for _ in range(2))

    def forward(self, x):
        y = self.conv1(F.silu(self.norm1(x)))
        return x + self.conv2(F.silu(self.norm2(y)))


class PortAttention(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.group_norm = torch.nn.GroupNorm(4, WIDTH, eps=1e-6)
        self.to_q, self.to_k, self.to_v, self.to_out = (
            torch.nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, x):  # (n, c, y, x)
        y = self.group_norm(x).flatten(2).transpose(1, 2)
        q, k, v = self.to_q(y), self.to_k(y), self.to_v(y)
        weights = torch.softmax(torch.bmm(q, k.transpose(1, 2)) * WIDTH ** -0.5, dim=-1)
        return x + self.to_out(torch.bmm(weights, v)).transpose(1, 2).reshape(x.shape)


class Port(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_in = torch.nn.Conv2d(3, WIDTH, 3, padding=1)
        self.down_block = PortBlock()
        self.downsample = torch.nn.Conv2d(WIDTH, WIDTH, 3, stride=2)
        self.mid_attn = PortAttention()
        self.quant_conv = torch.nn.Conv2d(WIDTH, 8, 1)
        self.post_quant_conv = torch.nn.Conv2d(4, WIDTH, 3, padding=1)
        self.up_block = PortBlock()
        self.upsample = torch.nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.norm_out = torch.nn.GroupNorm(4, WIDTH, eps=1e-6)
        self.conv_out = torch.nn.Conv2d(WIDTH, 3, 3, padding=1)

    def forward(self, images, noise):
        x = self.down_block(self.conv_in(images.permute(0, 3, 1, 2)))
        x = self.mid_attn(self.downsample(F.pad(x, (0, 1, 0, 1))))
        mean, log_variance = torch.chunk(self.quant_conv(x), 2, dim=1)
        deviation = torch.exp(0.5 * torch.clamp(log_variance, -0.4, 0.4))
        x = self.post_quant_conv(mean + deviation * noise.permute(0, 3, 1, 2))
        x = F.interpolate(self.up_block(x), scale_factor=2.0, mode="nearest")
        x = self.conv_out(F.silu(self.norm_out(self.upsample(x))))
        return torch.tanh(x).permute(0, 2, 3, 1)


PAIRS = {
    "conv_in": "conv_in", "downsample": "down", "quant_conv": "moments", "post_quant_conv": "conv_z",
    "upsample": "up", "norm_out": "norm_out", "conv_out": "conv_out",
    **{f"{block}.{layer}{n}": f"{block}/{layer}_{n - 1}"
       for block in ("down_block", "up_block") for layer in ("norm", "conv") for n in (1, 2)},
    **{f"mid_attn.{layer}": f"attention/{source}" for layer, source in [
        ("group_norm", "norm"), ("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out", "out")]}}


def inputs(generator):
    return (generator.normal(size=(2, 8, 8, 3)).astype(np.float32),
            generator.normal(size=(2, 4, 4, 4)).astype(np.float32))
