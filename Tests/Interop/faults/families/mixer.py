"""An MLP-Mixer: a dense layer over the tokens and one over the channels, in turn; the mean of the tokens."""
import flax.linen as nn
import numpy as np
import torch

TOKENS, WIDTH = 9, 16


class Mlp(nn.Module):
    hidden: int
    width: int

    @nn.compact
    def __call__(self, x):
        x = nn.gelu(nn.Dense(self.hidden, name="in")(x), approximate=False)
        return nn.Dense(self.width, name="out")(x)


class Block(nn.Module):
    @nn.compact
    def __call__(self, x):  # (n, t, c)
        y = nn.LayerNorm(name="token_norm")(x).swapaxes(1, 2)
        x = x + Mlp(12, TOKENS, name="tokens")(y).swapaxes(1, 2)
        return x + Mlp(24, WIDTH, name="channels")(nn.LayerNorm(name="channel_norm")(x))


class Source(nn.Module):
    @nn.compact
    def __call__(self, images):  # (n, 12, 12, 3)
        x = nn.Conv(WIDTH, (4, 4), strides=4, padding="VALID", name="stem")(images)
        x = x.reshape(x.shape[0], -1, WIDTH)
        for n in range(2):
            x = Block(name=f"block_{n}")(x)
        return nn.Dense(5, name="head")(nn.LayerNorm(name="norm")(x).mean(axis=1))


class PortMlp(torch.nn.Sequential):
    def __init__(self, width, hidden):
        super().__init__(
            torch.nn.Linear(width, hidden), torch.nn.GELU(), torch.nn.Linear(hidden, width))


class PortBlock(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = torch.nn.LayerNorm(WIDTH, eps=1e-6)
        self.mlp_tokens = PortMlp(TOKENS, 12)
        self.norm2 = torch.nn.LayerNorm(WIDTH, eps=1e-6)
        self.mlp_channels = PortMlp(WIDTH, 24)

    def forward(self, x):
        x = x + self.mlp_tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.mlp_channels(self.norm2(x))


class Port(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, WIDTH, 4, stride=4)
        self.blocks = torch.nn.Sequential(PortBlock(), PortBlock())
        self.norm = torch.nn.LayerNorm(WIDTH, eps=1e-6)
        self.head = torch.nn.Linear(WIDTH, 5)

    def forward(self, images):
        x = self.stem(images.permute(0, 3, 1, 2)).flatten(2).transpose(1, 2)
        return self.head(self.norm(self.blocks(x)).mean(dim=1))


PAIRS = {
    "stem": "stem", "norm": "norm", "head": "head", **{
        f"blocks.{n}.{layer}": f"block_{n}/{source}" for n in (0, 1) for layer, source in [
            ("norm1", "token_norm"), ("mlp_tokens.0", "tokens/in"), ("mlp_tokens.2", "tokens/out"),
            ("norm2", "channel_norm"), ("mlp_channels.0", "channels/in"),
            ("mlp_channels.2", "channels/out")]}}


def inputs(generator):
    return (generator.normal(size=(2, 12, 12, 3)).astype(np.float32),)
