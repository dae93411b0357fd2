"""Models of one's own in Flax linen, with the PyTorch twin and the input of each."""
import zlib

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import own_torch as twins
from flax.serialization import to_bytes
from flax.traverse_util import flatten_dict, unflatten_dict


class CNN(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.Conv(4, (3, 3), padding="VALID")(x)
        x = nn.relu(nn.BatchNorm(use_running_average=True)(x))
        x = nn.relu(nn.Conv(8, (3, 3), padding="VALID")(x))
        x = nn.Conv(8, (3, 3), feature_group_count=8, padding="VALID")(x)
        x = nn.relu(nn.Dense(12)(x.reshape(x.shape[0], -1)))
        return nn.Dense(5)(x)


class TransformerBlock(nn.Module):
    scanned: bool = False

    @nn.compact
    def __call__(self, x, _=None):
        y = nn.LayerNorm(epsilon=1e-5)(x)
        x = x + nn.MultiHeadDotProductAttention(num_heads=4)(y, y)
        y = nn.gelu(nn.Dense(24)(nn.LayerNorm(epsilon=1e-5)(x)), approximate=False)
        x = x + nn.Dense(16)(y)
        return (x, None) if self.scanned else x


class Transformer(nn.Module):
    scanned: bool = False

    @nn.compact
    def __call__(self, x):
        x = nn.Dense(16, name="embedding")(x)
        if self.scanned:
            blocks = nn.scan(TransformerBlock, variable_axes={"params": 0},
                             split_rngs={"params": True}, length=3)
            x, _ = blocks(scanned=True, name="blocks")(x, None)
        else:
            for n in range(3):
                x = TransformerBlock(name=f"encoderblock_{n}")(x)
        return nn.Dense(7, name="head")(nn.LayerNorm(epsilon=1e-5, name="encoder_norm")(x))


class Recurrent(nn.Module):
    cell: str

    @nn.compact
    def __call__(self, x):
        cell = nn.OptimizedLSTMCell(6) if self.cell == "LSTM" else nn.GRUCell(6)
        return nn.Dense(3)(nn.RNN(cell)(x))


class ResidualBlock(nn.Module):
    features: int
    stride: int

    @nn.compact
    def __call__(self, x):
        def conv(size, stride):
            pad = size // 2
            return nn.Conv(self.features, (size, size), stride, ((pad, pad), (pad, pad)),
                           use_bias=False)

        def norm():
            return nn.GroupNorm(num_groups=4, epsilon=1e-5)

        y = nn.relu(norm()(conv(3, self.stride)(x)))
        y = norm()(conv(3, 1)(y))
        if x.shape[-1] != self.features:
            x = norm()(conv(1, self.stride)(x))
        return nn.relu(x + y)


class GroupNormResNet(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.Conv(8, (3, 3), use_bias=False, name="conv_init")(x)
        x = nn.relu(nn.GroupNorm(num_groups=4, epsilon=1e-5, name="norm_init")(x))
        for features, stride in [(8, 1), (8, 1), (16, 2), (16, 1)]:
            x = ResidualBlock(features, stride)(x)
        return nn.Dense(5)(x.mean((1, 2)))


class UNet(nn.Module):
    @nn.compact
    def __call__(self, x):
        def conv(features, name):
            return nn.Conv(features, (3, 3), name=name)

        def up(features, name):
            return nn.ConvTranspose(features, (2, 2), (2, 2), name=name)

        first = nn.relu(conv(6, "down1")(x))
        second = nn.relu(conv(12, "down2")(nn.max_pool(first, (2, 2), (2, 2))))
        x = nn.relu(conv(12, "bottom")(nn.max_pool(second, (2, 2), (2, 2))))
        x = nn.relu(conv(6, "merge2")(jnp.concatenate([up(12, "up2")(x), second], -1)))
        x = nn.relu(conv(6, "merge1")(jnp.concatenate([up(6, "up1")(x), first], -1)))
        return nn.Conv(2, (1, 1), name="out")(x)


IMAGE, SEQUENCE = (2, 9, 9, 3), (2, 5, 9)
MODELS = {
    "cnn": (CNN, twins.CNN, IMAGE),
    "transformer": (Transformer, twins.Transformer, SEQUENCE),
    "scanned-transformer": (lambda: Transformer(scanned=True), twins.Transformer, SEQUENCE),
    "lstm": (lambda: Recurrent("LSTM"), lambda: twins.Recurrent("LSTM"), SEQUENCE),
    "gru": (lambda: Recurrent("GRU"), lambda: twins.Recurrent("GRU"), SEQUENCE),
    "group-norm-resnet": (GroupNormResNet, twins.GroupNormResNet, (2, 8, 8, 3)),
    "u-net": (UNet, twins.UNet, (2, 8, 8, 3)),
}


def moved(path, value):
    """A weight apart from its initial value, which zeros and ones would hide behind."""
    random = np.random.default_rng(zlib.crc32("/".join(map(str, path)).encode()))
    noise = 0.1 * random.normal(size=np.shape(value)).astype(np.float32)
    return np.asarray(value) + noise + (0.5 if "var" in path[-1] else 0)


def save(build, x, folder):
    """A checkpoint of the model, and its outputs."""
    model = build()
    variables = flatten_dict(model.init(jax.random.key(0), jnp.asarray(x)))
    variables = unflatten_dict({path: moved(path, value) for path, value in variables.items()})
    path = folder / "source.msgpack"
    path.write_bytes(to_bytes(variables))
    return path, np.asarray(model.apply(variables, jnp.asarray(x)))
