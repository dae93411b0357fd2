"""Models of one's own: a draft from Flax's parameters and a fresh PyTorch twin, converted and loaded
strictly, gives the outputs that Flax gives."""
import subprocess

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax.serialization import to_bytes
from flax.traverse_util import flatten_dict, unflatten_dict

random = np.random.default_rng(0)


class FlaxCNN(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.Conv(4, (3, 3), padding="VALID")(x)
        x = nn.relu(nn.BatchNorm(use_running_average=True)(x))
        x = nn.relu(nn.Conv(8, (3, 3), padding="VALID")(x))
        x = nn.Conv(8, (3, 3), feature_group_count=8, padding="VALID")(x)
        x = nn.relu(nn.Dense(12)(x.reshape(x.shape[0], -1)))
        return nn.Dense(5)(x)


class TorchCNN(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 4, 3)
        self.bn1 = torch.nn.BatchNorm2d(4)
        self.conv2 = torch.nn.Conv2d(4, 8, 3)
        self.depthwise = torch.nn.Conv2d(8, 8, 3, groups=8)
        self.fc1 = torch.nn.Linear(72, 12)
        self.fc2 = torch.nn.Linear(12, 5)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x.permute(0, 3, 1, 2))))
        x = self.depthwise(torch.relu(self.conv2(x)))
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))


class FlaxBlock(nn.Module):
    scanned: bool = False

    @nn.compact
    def __call__(self, x, _=None):
        y = nn.LayerNorm(epsilon=1e-5)(x)
        x = x + nn.MultiHeadDotProductAttention(num_heads=4)(y, y)
        y = nn.gelu(nn.Dense(24)(nn.LayerNorm(epsilon=1e-5)(x)), approximate=False)
        x = x + nn.Dense(16)(y)
        return (x, None) if self.scanned else x


class FlaxTransformer(nn.Module):
    scanned: bool = False

    @nn.compact
    def __call__(self, x):
        x = nn.Dense(16, name="embedding")(x)
        if self.scanned:
            blocks = nn.scan(FlaxBlock, variable_axes={"params": 0},
                             split_rngs={"params": True}, length=3)
            x, _ = blocks(scanned=True, name="blocks")(x, None)
        else:
            for n in range(3):
                x = FlaxBlock(name=f"encoderblock_{n}")(x)
        return nn.Dense(7, name="head")(nn.LayerNorm(epsilon=1e-5, name="encoder_norm")(x))


class TorchBlock(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = torch.nn.LayerNorm(16)
        self.attn = torch.nn.MultiheadAttention(16, 4, batch_first=True)
        self.norm2 = torch.nn.LayerNorm(16)
        self.mlp = torch.nn.Sequential(
            torch.nn.Linear(16, 24), torch.nn.GELU(), torch.nn.Linear(24, 16))

    def forward(self, x):
        y = self.norm1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class TorchTransformer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Linear(9, 16)
        self.blocks = torch.nn.Sequential(*(TorchBlock() for _ in range(3)))
        self.norm = torch.nn.LayerNorm(16)
        self.head = torch.nn.Linear(16, 7)

    def forward(self, x):
        return self.head(self.norm(self.blocks(self.embed(x))))


class FlaxRecurrent(nn.Module):
    cell: str

    @nn.compact
    def __call__(self, x):
        cell = nn.OptimizedLSTMCell(6) if self.cell == "LSTM" else nn.GRUCell(6)
        return nn.Dense(3)(nn.RNN(cell)(x))


class TorchRecurrent(torch.nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.rnn = getattr(torch.nn, cell)(9, 6, batch_first=True)
        self.out = torch.nn.Linear(6, 3)

    def forward(self, x):
        return self.out(self.rnn(x)[0])


IMAGE, SEQUENCE = (2, 9, 9, 3), (2, 5, 9)
MODELS = {
    "cnn": (FlaxCNN(), TorchCNN(), IMAGE),
    "transformer": (FlaxTransformer(), TorchTransformer(), SEQUENCE),
    "scanned-transformer": (FlaxTransformer(scanned=True), TorchTransformer(), SEQUENCE),
    "lstm": (FlaxRecurrent("LSTM"), TorchRecurrent("LSTM"), SEQUENCE),
    "gru": (FlaxRecurrent("GRU"), TorchRecurrent("GRU"), SEQUENCE),
}


@pytest.mark.parametrize("name", MODELS)
def test_outputs(tool, tmp_path, name):
    flax_model, twin, shape = MODELS[name]
    x = random.normal(size=shape).astype(np.float32)
    variables = flatten_dict(flax_model.init(jax.random.key(0), jnp.asarray(x)))
    variables = unflatten_dict({
        path: np.asarray(value) + 0.1 * random.normal(size=value.shape).astype(np.float32)
        + (0.5 if path[-1] == "var" else 0) for path, value in variables.items()})
    source, fresh = tmp_path / "source.msgpack", tmp_path / "fresh.pt"
    source.write_bytes(to_bytes(variables))
    torch.save(twin.state_dict(), fresh)
    document, converted = tmp_path / "draft.json", tmp_path / "converted.pt"
    draft = subprocess.run(
        [str(part) for part in (tool.path, "map", "suggest", source, fresh, "-o", document)],
        capture_output=True, text=True)
    assert draft.returncode in (0, 1), draft.stderr
    tool.run("convert", source, "-o", converted, "--map", document, "--accept-unconfirmed")
    twin.load_state_dict(torch.load(converted, weights_only=True), strict=True)
    with torch.no_grad():
        ours = twin.eval()(torch.from_numpy(x)).numpy()
    theirs = np.asarray(flax_model.apply(variables, jnp.asarray(x)))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)
