"""Makes the samples that `savi-ckpt map suggest` and `savi-ckpt verify --recordings` are shown on: a
small vision transformer in Flax, the state dict of its PyTorch twin as it is built, and what both
compute.

Usage: python make_vit_tiny.py FOLDER
       python make_vit_tiny.py --check CONVERTED.safetensors
       python make_vit_tiny.py --record CONVERTED.safetensors FOLDER

The first writes vit-tiny.flax.msgpack and vit-tiny.fresh.safetensors. The second loads a conversion
of the former into the twin, strictly, and says how far the two models' outputs are apart. The third
records both as they run, the twin with a fault: its GELU is the approximation by tanh. Needs flax,
torch, safetensors, and to record, savi_ckpt (PYTHONPATH=python).
"""
import pathlib
import sys

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import safetensors.torch
import torch
from flax.serialization import msgpack_restore, to_bytes

WIDTH, HEADS, HIDDEN, DEPTH, PATCH, IMAGE, CLASSES = 16, 4, 32, 2, 4, 16, 10
TOKENS = (IMAGE // PATCH) ** 2 + 1
HERE = pathlib.Path(__file__).parent


class EncoderBlock(nn.Module):
    @nn.compact
    def __call__(self, x):
        y = nn.LayerNorm()(x)
        x = x + nn.MultiHeadDotProductAttention(num_heads=HEADS)(y, y)
        y = nn.Dense(HIDDEN)(nn.LayerNorm()(x))
        return x + nn.Dense(WIDTH)(nn.gelu(y, approximate=False))


class VisionTransformer(nn.Module):
    """(batch, height, width, channels) to (batch, classes)."""
    @nn.compact
    def __call__(self, images):
        x = nn.Conv(WIDTH, (PATCH, PATCH), strides=PATCH, padding="VALID", name="embedding")(images)
        x = x.reshape(x.shape[0], -1, WIDTH)
        cls = self.param("cls", nn.initializers.normal(), (1, 1, WIDTH))
        x = jnp.concatenate([jnp.tile(cls, (x.shape[0], 1, 1)), x], axis=1)
        x = x + self.param("pos_embedding", nn.initializers.normal(), (1, TOKENS, WIDTH))
        for index in range(DEPTH):
            x = EncoderBlock(name=f"encoderblock_{index}")(x)
        return nn.Dense(CLASSES, name="head")(nn.LayerNorm(name="encoder_norm")(x)[:, 0])


class TorchBlock(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = torch.nn.LayerNorm(WIDTH, eps=1e-6)
        self.attn = torch.nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.norm2 = torch.nn.LayerNorm(WIDTH, eps=1e-6)
        self.mlp = torch.nn.Sequential(
            torch.nn.Linear(WIDTH, HIDDEN), torch.nn.GELU(), torch.nn.Linear(HIDDEN, WIDTH))

    def forward(self, x):
        y = self.norm1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class TorchVisionTransformer(torch.nn.Module):
    """(batch, channels, height, width) to (batch, classes)."""
    def __init__(self):
        super().__init__()
        self.cls_token = torch.nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.pos_embed = torch.nn.Parameter(torch.zeros(1, TOKENS, WIDTH))
        self.patch_embed = torch.nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.blocks = torch.nn.ModuleList(TorchBlock() for _ in range(DEPTH))
        self.norm = torch.nn.LayerNorm(WIDTH, eps=1e-6)
        self.head = torch.nn.Linear(WIDTH, CLASSES)

    def forward(self, images):
        x = self.patch_embed(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


def with_noise(parameters):
    """Parameters of which no two are alike, as after training."""
    generator = np.random.default_rng(0)
    return jax.tree.map(
        lambda x: np.asarray(x) + generator.normal(0, 0.1, x.shape).astype(np.float32), parameters)


def make(folder):
    variables = VisionTransformer().init(jax.random.key(0), jnp.zeros((1, IMAGE, IMAGE, 3)))
    (folder / "vit-tiny.flax.msgpack").write_bytes(to_bytes(with_noise(variables)))
    torch.manual_seed(1)
    safetensors.torch.save_file(
        TorchVisionTransformer().state_dict(), folder / "vit-tiny.fresh.safetensors")


def sides(converted):
    """Both models with the same weights, each as a function of images."""
    variables = msgpack_restore((HERE / "vit-tiny.flax.msgpack").read_bytes())
    port = TorchVisionTransformer().eval()
    port.load_state_dict(safetensors.torch.load_file(converted), strict=True)

    def run_port(images):
        with torch.no_grad():
            return port(torch.from_numpy(images).permute(0, 3, 1, 2)).numpy()
    return lambda images: VisionTransformer().apply(variables, images), port, run_port


def images(count):
    return np.random.default_rng(2).normal(size=(count, IMAGE, IMAGE, 3)).astype(np.float32)


def check(converted):
    run_flax, _, run_port = sides(converted)
    difference = float(np.abs(run_port(images(3)) - np.asarray(run_flax(images(3)))).max())
    print(f"outputs differ by {difference:.1e} at most")
    return difference < 1e-5


def record(converted, folder):
    import savi_ckpt
    run_flax, port, run_port = sides(converted)
    for block in port.blocks:
        block.mlp[1] = torch.nn.GELU(approximate="tanh")
    with savi_ckpt.record(folder / "vit-tiny.flax.run.safetensors"):
        run_flax(images(2))
    with savi_ckpt.record(folder / "vit-tiny.port.run.safetensors", port):
        run_port(images(2))


if __name__ == "__main__":
    if sys.argv[1] == "--check":
        sys.exit(0 if check(sys.argv[2]) else 1)
    if sys.argv[1] == "--record":
        record(sys.argv[2], pathlib.Path(sys.argv[3]))
    else:
        make(pathlib.Path(sys.argv[1]))
