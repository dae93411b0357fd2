"""Models of one's own in Flax nnx, with the PyTorch twin and the input of each."""
import jax
import jax.numpy as jnp
import numpy as np
import own_torch as twins
from flax import nnx
from flax.serialization import to_bytes
from flax.traverse_util import flatten_dict
from own_linen import IMAGE, SEQUENCE, moved


class CNN(nnx.Module):
    def __init__(self, rngs):
        self.conv1 = nnx.Conv(3, 4, (3, 3), padding="VALID", rngs=rngs)
        self.bn1 = nnx.BatchNorm(4, use_running_average=True, rngs=rngs)
        self.conv2 = nnx.Conv(4, 8, (3, 3), padding="VALID", rngs=rngs)
        self.depthwise = nnx.Conv(
            8, 8, (3, 3), feature_group_count=8, padding="VALID", rngs=rngs)
        self.linear1 = nnx.Linear(72, 12, rngs=rngs)
        self.linear2 = nnx.Linear(12, 5, rngs=rngs)

    def __call__(self, x):
        x = nnx.relu(self.bn1(self.conv1(x)))
        x = self.depthwise(nnx.relu(self.conv2(x)))
        return self.linear2(nnx.relu(self.linear1(x.reshape(x.shape[0], -1))))


class TransformerBlock(nnx.Module):
    def __init__(self, rngs):
        self.norm1 = nnx.LayerNorm(16, epsilon=1e-5, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(4, 16, decode=False, rngs=rngs)
        self.norm2 = nnx.LayerNorm(16, epsilon=1e-5, rngs=rngs)
        self.linear1 = nnx.Linear(16, 24, rngs=rngs)
        self.linear2 = nnx.Linear(24, 16, rngs=rngs)

    def __call__(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.linear2(nnx.gelu(self.linear1(self.norm2(x)), approximate=False))


class Transformer(nnx.Module):
    def __init__(self, rngs):
        self.embed = nnx.Linear(9, 16, rngs=rngs)
        self.blocks = nnx.List([TransformerBlock(rngs) for _ in range(3)])
        self.norm = nnx.LayerNorm(16, epsilon=1e-5, rngs=rngs)
        self.head = nnx.Linear(16, 7, rngs=rngs)

    def __call__(self, x):
        x = self.embed(x)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


class Recurrent(nnx.Module):
    def __init__(self, cell, rngs):
        self.rnn = nnx.RNN(getattr(nnx, cell)(9, 6, rngs=rngs))
        self.out = nnx.Linear(6, 3, rngs=rngs)

    def __call__(self, x):
        return self.out(self.rnn(x))


MODELS = {
    "cnn": (CNN, twins.CNN, IMAGE),
    "transformer": (Transformer, twins.Transformer, SEQUENCE),
    "lstm": (lambda rngs: Recurrent("OptimizedLSTMCell", rngs), lambda: twins.Recurrent("LSTM"),
             SEQUENCE),
    "gru": (lambda rngs: Recurrent("GRUCell", rngs), lambda: twins.Recurrent("GRU"), SEQUENCE),
}


def save(build, x, folder):
    """A checkpoint of the model's parameters and statistics, and its outputs."""
    model = build(nnx.Rngs(0))
    state = nnx.state(model, (nnx.Param, nnx.BatchStat))
    pure = nnx.to_pure_dict(state)
    values = {path: moved(path, value) for path, value in flatten_dict(pure).items()}

    def filled(tree, *path):
        return {key: filled(value, *path, key) if isinstance(value, dict)
                else jnp.asarray(values[(*path, key)]) for key, value in tree.items()}

    pure = filled(pure)
    nnx.replace_by_pure_dict(state, pure)
    nnx.update(model, state)
    path = folder / "source.msgpack"
    path.write_bytes(to_bytes(jax.tree.map(np.asarray, pure)))
    return path, np.asarray(model(jnp.asarray(x)))
