"""Regenerates samples/savi-small.flax.npz from nothing: SAVi-S as initialised with seed 42.

Usage: python make_savi_small.py OUT.npz [--savi-ckpt PATH]

Builds the PyTorch layers in the order the published port constructs them, draws their default and
then their LeCun-normal initialisation from PyTorch's generator seeded with 42, writes the state
dict, converts it to Flax with savi-ckpt, and says how far the result agrees with the sample that
is beside this script. Needs torch and numpy.
"""
import argparse
import math
import pathlib
import subprocess
import tempfile

import numpy as np
import torch
from torch import nn


def lecun(weight, fan_in):
    nn.init.normal_(weight, std=math.sqrt(1 / fan_in))


def layer(module):
    """A layer whose default initialisation was just drawn: LeCun weights, zero biases."""
    lecun(module.weight, nn.init._calculate_correct_fan(module.weight, "fan_in"))
    nn.init.zeros_(module.bias)
    return module


def mlp(inputs, hidden, outputs):
    layers = [nn.Linear(inputs, hidden), nn.Linear(hidden, outputs)]
    return [layer(item) for item in layers]


def position_grid(height, width):
    """Coordinates from -1 to 1, y first, as the model's linear grid."""
    rows = np.linspace(-1, 1, height, dtype=np.float32)
    columns = np.linspace(-1, 1, width, dtype=np.float32)
    grid = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1)
    return torch.from_numpy(grid[None])


def build():
    torch.manual_seed(42)
    modules, tensors = {}, {}

    def norm(name, width):
        modules[name] = nn.LayerNorm(width)

    for n in range(4):
        modules[f"encoder.backbone.cnn_layers.conv_{n}"] = layer(
            nn.Conv2d(3 if n == 0 else 32, 32, 5, padding="same"))
    for n, item in enumerate(mlp(32, 64, 32)):
        modules[f"encoder.pos_emb.output_transform.model.dense_mlp_{n}"] = item
    modules["encoder.pos_emb.project_add_dense"] = layer(nn.Linear(2, 32))
    for name, width in [("q", 128), ("k", 32), ("v", 32)]:
        weight = torch.empty(1, width, 128)
        lecun(weight, weight.size(1) * weight.size(2))
        tensors[f"corrector.w_{name}"] = weight
    gru = nn.GRUCell(128, 128)
    lecun(gru.weight_ih, 128)
    nn.init.orthogonal_(gru.weight_hh)
    nn.init.zeros_(gru.bias_ih)
    nn.init.zeros_(gru.bias_hh)
    modules["corrector.gru"] = gru
    modules["predictor.w_qkv"] = layer(nn.Linear(128, 384))
    modules["predictor.w_o"] = layer(nn.Linear(128, 128))
    for n, item in enumerate(mlp(128, 256, 128)):
        modules[f"predictor.mlp.model.dense_mlp_{n}"] = item
    for n, item in enumerate(mlp(4, 256, 128)):
        modules[f"initializer.embedding_transform.model.dense_mlp_{n}"] = item
    modules["decoder.target_readout.readout_modules.0"] = layer(nn.Linear(64, 3))
    for n in range(3):
        modules[f"decoder.backbone.cnn_layers.convtranspose_{n}"] = layer(
            nn.ConvTranspose2d(128 if n == 0 else 64, 64, 5, stride=2, padding=2))
    modules["decoder.backbone.cnn_layers.conv_3"] = layer(nn.Conv2d(64, 64, 5, padding="same"))
    modules["decoder.pos_emb.project_add_dense"] = layer(nn.Linear(2, 128))
    modules["decoder.mask_pred"] = layer(nn.Linear(64, 1))

    norm("encoder.pos_emb.output_transform.layernorm_module", 32)
    norm("corrector.layernorm_input", 32)
    norm("corrector.layernorm_q", 128)
    norm("predictor.layernorm_query", 128)
    norm("predictor.layernorm_mlp", 128)
    tensors["encoder.pos_emb.pos_embedding"] = position_grid(64, 64)
    tensors["decoder.pos_emb.pos_embedding"] = position_grid(8, 8)
    for name, module in modules.items():
        for key, value in module.state_dict().items():
            tensors[f"{name}.{key}"] = value
    return {name: tensor.detach() for name, tensor in tensors.items()}


def compare(made, reference):
    """Prints how far two npz files of the same names agree."""
    with np.load(made) as a, np.load(reference) as b:
        assert sorted(a.files) == sorted(b.files), "the names differ"
        equal = [name for name in a.files if np.array_equal(a[name], b[name])]
        print(f"{len(equal)} of {len(a.files)} tensors equal {reference.name} bit for bit")
        worst = 0.0
        for name in sorted(set(a.files) - set(equal)):
            difference = float(np.max(np.abs(a[name] - b[name])))
            worst = max(worst, difference)
            print(f"  {name}: largest difference {difference:.3g}")
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--savi-ckpt", default="savi-ckpt", help="the converter to use")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        state_dict = pathlib.Path(folder) / "savi-small.pt"
        torch.save(build(), state_dict)
        subprocess.run([arguments.savi_ckpt, "convert", state_dict, "--reverse", "--map",
                        "savi-small", "--force", "-o", arguments.out], check=True)
    worst = compare(arguments.out, pathlib.Path(__file__).parent / "savi-small.flax.npz")
    assert worst < 1e-6, "the weights drawn are not those of the published table"


if __name__ == "__main__":
    main()
