"""Pairs of checkpoints for drafting a mapping, in Tests/Fixtures/suggestion.

NAME.flax.msgpack  the parameters of a Flax model, every one noised
NAME.fresh.pt      the state dict of its PyTorch twin as it is built
NAME.torch.pt      that twin with the Flax model's weights, converted by hand here
odd.npz, odd.pt    arrays, and what an imaginary tool made of them

Run in the environment of scripts/interop-env.sh.
"""
import pathlib

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import torch
from flax.serialization import to_bytes
from flax.traverse_util import flatten_dict, unflatten_dict

FOLDER = pathlib.Path(__file__).parent / "suggestion"
random = np.random.default_rng(0)


def noised(variables):
    return unflatten_dict({
        path: np.asarray(value) + 0.1 * random.normal(size=value.shape).astype(np.float32)
        + (0.5 if path[-1] == "var" else 0)
        for path, value in flatten_dict(variables).items()})


def tensor(array):
    return torch.from_numpy(np.array(array))


def save(name, variables, module, converted):
    (FOLDER / f"{name}.flax.msgpack").write_bytes(to_bytes(variables))
    torch.save(module.state_dict(), FOLDER / f"{name}.fresh.pt")
    module.load_state_dict(converted, strict=True)
    torch.save(module.state_dict(), FOLDER / f"{name}.torch.pt")


class FlaxCNN(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.Conv(4, (3, 3))(x)
        x = nn.relu(nn.BatchNorm(use_running_average=True)(x))
        x = nn.Conv(8, (3, 3), strides=2)(x)
        x = nn.relu(nn.BatchNorm(use_running_average=True)(x))
        x = nn.Conv(8, (3, 3), feature_group_count=8)(x)
        x = nn.relu(nn.Dense(16)(x.reshape(x.shape[0], -1)))
        return nn.Dense(16)(x)


class TorchCNN(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 4, 3)
        self.bn1 = torch.nn.BatchNorm2d(4)
        self.conv2 = torch.nn.Conv2d(4, 8, 3)
        self.bn2 = torch.nn.BatchNorm2d(8)
        self.depthwise = torch.nn.Conv2d(8, 8, 3, groups=8)
        self.fc1 = torch.nn.Linear(72, 16)
        self.fc2 = torch.nn.Linear(16, 16)


def cnn():
    variables = noised(FlaxCNN().init(jax.random.key(0), jnp.zeros((1, 6, 6, 3))))
    params, statistics = variables["params"], variables["batch_stats"]
    converted = {}
    for flax, name in (("Conv_0", "conv1"), ("Conv_1", "conv2"), ("Conv_2", "depthwise")):
        converted[f"{name}.weight"] = tensor(params[flax]["kernel"].transpose(3, 2, 0, 1))
        converted[f"{name}.bias"] = tensor(params[flax]["bias"])
    for flax, name in (("BatchNorm_0", "bn1"), ("BatchNorm_1", "bn2")):
        converted[f"{name}.weight"] = tensor(params[flax]["scale"])
        converted[f"{name}.bias"] = tensor(params[flax]["bias"])
        converted[f"{name}.running_mean"] = tensor(statistics[flax]["mean"])
        converted[f"{name}.running_var"] = tensor(statistics[flax]["var"])
        converted[f"{name}.num_batches_tracked"] = torch.tensor(0)
    kernel = params["Dense_0"]["kernel"].reshape(3, 3, 8, 16)
    converted["fc1.weight"] = tensor(kernel.transpose(3, 2, 0, 1).reshape(16, 72))
    converted["fc2.weight"] = tensor(params["Dense_1"]["kernel"].T)
    converted["fc1.bias"] = tensor(params["Dense_0"]["bias"])
    converted["fc2.bias"] = tensor(params["Dense_1"]["bias"])
    save("cnn", variables, TorchCNN(), converted)


class FlaxGRU(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.RNN(nn.GRUCell(6))(nn.Embed(10, 4)(x))


class TorchGRU(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(10, 4)
        self.rnn = torch.nn.GRU(4, 6, batch_first=True)


def gru():
    variables = noised(FlaxGRU().init(jax.random.key(0), jnp.zeros((1, 3), int)))
    params = variables["params"]
    cell = params["GRUCell_0"]
    save("gru", params, TorchGRU(), {
        "embed.weight": tensor(params["Embed_0"]["embedding"]),
        "rnn.weight_ih_l0": tensor(np.concatenate([cell["i" + g]["kernel"].T for g in "rzn"])),
        "rnn.weight_hh_l0": tensor(np.concatenate([cell["h" + g]["kernel"].T for g in "rzn"])),
        "rnn.bias_ih_l0": tensor(np.concatenate([cell["i" + g]["bias"] for g in "rzn"])),
        "rnn.bias_hh_l0": tensor(np.concatenate([np.zeros(12, np.float32), cell["hn"]["bias"]])),
    })


def odd():
    def array(*shape):
        return random.normal(size=shape).astype(np.float32)

    source = {
        "flatten": array(24, 5), "flipped": array(3, 4, 6), "fused": array(8, 36),
        "square": array(3, 3, 4, 4), "rope": array(16, 6), "same": array(5, 7),
        "gate/1": array(4, 6), "gate/2": array(4, 6), "gate/3": array(4, 6),
        "stack": array(3, 4, 5), "squeezed": array(1, 1, 9), "last": array(4),
    }
    np.savez(FOLDER / "odd.npz", **source)
    flatten = source["flatten"].reshape(2, 3, 4, 5).transpose(3, 2, 0, 1).reshape(5, 24)
    rope = source["rope"].reshape(2, 4, 2, 6).transpose(0, 2, 1, 3).reshape(16, 6)
    target = {
        "x1": flatten, "x2": source["flipped"][::-1].transpose(2, 0, 1),
        "x3": source["fused"][:, :12].T, "x4": source["fused"][:, 12:24].T,
        "x5": source["fused"][:, 24:].T, "x6": source["square"].transpose(2, 3, 1, 0),
        "x7": rope, "x8": source["same"],
        "x9": np.concatenate([source[f"gate/{n}"].T for n in (3, 1, 2)]),
        "layer.0": source["stack"][0].T, "layer.1": source["stack"][1].T,
        "layer.2": source["stack"][2].T, "x10": source["squeezed"].reshape(9),
        "x11": np.concatenate([np.zeros(8, np.float32), source["last"]]),
    }
    torch.save({name: tensor(value) for name, value in target.items()}
               | {"positions": torch.arange(5)}, FOLDER / "odd.pt")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    cnn()
    gru()
    odd()
