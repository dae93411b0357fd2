"""The recorder in each framework: paths, names of arguments, attributes, shared modules, and results
that do not change."""
import dataclasses
import functools
import os

os.environ.setdefault("KERAS_BACKEND", "numpy")

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from recordings import Recording

import savi_ckpt

X = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype(np.float32)


@dataclasses.dataclass
class Result:
    hidden: object
    states: tuple


class TorchModel(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.norm = torch.nn.BatchNorm2d(4)
        self.shared = self.also = torch.nn.Linear(4, 4)
        self.lstm = torch.nn.LSTM(4, 5, batch_first=True)
        self.attention = torch.nn.MultiheadAttention(5, 1, batch_first=True)

    def forward(self, x, *, scale=1.0, masks=None):
        x = self.norm(self.conv(x)) * scale
        x = self.also(self.shared(x.flatten(2).transpose(1, 2)))
        y, state = self.lstm(x)
        y, _ = self.attention(y, y, value=y, need_weights=False)
        return Result(hidden=y, states=(state, {"mask": masks["pad"]}))


def test_pytorch(tmp_path):
    model = TorchModel().eval()
    x = torch.from_numpy(X).permute(0, 3, 1, 2)
    masks = {"pad": torch.ones(2, 9, dtype=torch.bool)}
    with torch.no_grad():
        expected = model(x, scale=2.0, masks=masks).hidden
        with savi_ckpt.record(tmp_path / "x.safetensors", model):
            found = model(x, scale=2.0, masks=masks).hidden
    assert torch.equal(found, expected)
    recording = Recording(tmp_path / "x.safetensors")
    assert [call["path"] for call in recording.calls] == [
        "", "conv", "norm", "shared", "shared", "lstm", "attention"]
    assert list(recording.inputs("")) == ["x", "masks.pad"]
    assert list(recording.outputs("")) == [
        "hidden", "states.0.0", "states.0.1", "states.1.mask"]
    assert list(recording.inputs("attention")) == ["query", "key", "value"]
    assert recording.call("")["attributes"]["scale"] == 2.0
    assert recording.call("shared", 1)["parent"] == 0
    np.testing.assert_array_equal(recording.inputs("shared", 1)["input"],
                                  recording.outputs("shared", 0)["output"])
    conv = recording.call("conv")
    assert conv["parameters"] == {"weight": [4, 3, 3, 3], "bias": [4]}
    assert conv["attributes"].items() >= {
        "stride": [2, 2], "padding": [1, 1], "groups": 1, "training": False}.items()
    assert recording.call("lstm")["bases"] == ["RNNBase"]
    assert recording.call("attention")["attributes"].items() >= {
        "num_heads": 1, "batch_first": True, "need_weights": False}.items()


class LinenBlock(nn.Module):
    activation: object = functools.partial(nn.gelu, approximate=False)

    @nn.compact
    def __call__(self, x, *, deterministic):
        x = self.activation(nn.Dense(4, dtype=jnp.bfloat16, name="dense")(x))
        return nn.Dropout(0.5)(x, deterministic=deterministic)


class LinenModel(nn.Module):
    @nn.compact
    def __call__(self, tokens, x):
        table = nn.Embed(7, 4, name="table")
        norm = nn.BatchNorm(use_running_average=True, epsilon=1e-3)
        conv = nn.Conv(4, (3, 3), strides=2, padding="SAME")
        x = norm(conv(x)).reshape(2, -1, 4) + table(tokens)[:, None]
        block = LinenBlock(name="block")
        x = block(block(x, deterministic=True), deterministic=True)
        return {"logits": table.attend(x), "hidden": nn.RNN(nn.LSTMCell(4), name="rnn")(x)}


def linen_run():
    model, tokens = LinenModel(), jnp.asarray([3, 4])
    variables = model.init(jax.random.key(0), tokens, X)
    return lambda: model.apply(variables, tokens, X)


def test_linen(tmp_path):
    run = linen_run()
    expected = run()
    with pytest.warns(savi_ckpt.RecordingWarning, match="LSTMCell_0/ii.*disable_jit"):
        with savi_ckpt.record(tmp_path / "x.safetensors"):
            found = run()
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
    recording = Recording(tmp_path / "x.safetensors")
    assert list(recording.inputs("")) == ["tokens", "x"]
    assert list(recording.outputs("")) == ["logits", "hidden"]
    assert recording.call("table", 0, "attend")["parameters"] == {"embedding": [7, 4]}
    assert recording.call("BatchNorm_0")["parameters"] == {
        "scale": [4], "bias": [4], "mean": [4], "var": [4]}
    assert recording.call("BatchNorm_0")["attributes"]["epsilon"] == 1e-3
    assert recording.call("Conv_0")["attributes"].items() >= {
        "strides": 2, "padding": "SAME", "kernel_size": [3, 3], "features": 4}.items()
    assert recording.call("block", 1)["attributes"] == {
        "activation": "gelu(approximate=False)", "deterministic": True}
    dense = recording.call("block/dense", 1)
    assert recording.calls[dense["parent"]] == recording.call("block", 1)
    assert dense["attributes"]["dtype"] == "bfloat16"
    assert recording.outputs("block/dense")["output"].dtype.name == "bfloat16"


def test_linen_s_inner_calls_of_a_scan_appear_without_jit(tmp_path):
    run = linen_run()
    with pytest.warns(savi_ckpt.RecordingWarning):
        with jax.disable_jit(), savi_ckpt.record(tmp_path / "x.safetensors"):
            run()
    recording = Recording(tmp_path / "x.safetensors")
    assert sum(call["class"] == "LSTMCell" for call in recording.calls
               if call.get("method") is None) == 9


def test_jit_is_an_error_that_says_what_to_do(tmp_path):
    model = nn.Dense(3)
    variables = model.init(jax.random.key(0), X)
    with pytest.raises(savi_ckpt.RecordingError), pytest.warns(
            savi_ckpt.RecordingWarning, match="the model itself: traced under jax.jit"):
        with savi_ckpt.record(tmp_path / "x.safetensors"):
            jax.jit(model.apply)(variables, X)
    assert os.listdir(tmp_path) == []


def test_init_is_no_run(tmp_path):
    model = nn.Dense(3)
    with pytest.warns(savi_ckpt.RecordingWarning, match="init, which makes weights"):
        with savi_ckpt.record(tmp_path / "x.safetensors"):
            model.apply(model.init(jax.random.key(0), X), X)
    assert [call["path"] for call in Recording(tmp_path / "x.safetensors").calls] == [""]


class NnxModel(nnx.Module):
    def __init__(self, rngs):
        self.blocks = nnx.List([nnx.Linear(3, 3, rngs=rngs) for _ in range(2)])
        self.shared = self.blocks[0]
        self.norm = nnx.LayerNorm(3, epsilon=1e-5, rngs=rngs)

    def __call__(self, x, *, scale):
        for block in [*self.blocks, self.shared]:
            x = nnx.gelu(block(x)) * scale
        return x, self.norm(x)


def test_nnx(tmp_path):
    model = NnxModel(nnx.Rngs(0))
    call = nnx.Linear.__call__
    expected = model(X, scale=3)
    with savi_ckpt.record(tmp_path / "x.safetensors", model):
        found = model(X, scale=3)
    assert all(np.array_equal(*pair) for pair in zip(found, expected))
    assert nnx.Linear.__call__ is call
    recording = Recording(tmp_path / "x.safetensors")
    assert [(call["path"], call["number"]) for call in recording.calls] == [
        ("", 0), ("blocks/0", 0), ("blocks/1", 0), ("blocks/0", 1), ("norm", 0)]
    assert recording.call("")["attributes"] == {"scale": 3}
    assert list(recording.outputs("")) == ["0", "1"]
    assert recording.call("norm")["attributes"]["epsilon"] == 1e-5
    assert recording.call("norm")["parameters"] == {"scale": [3], "bias": [3]}


def test_nnx_under_jit(tmp_path):
    model = NnxModel(nnx.Rngs(0))
    with pytest.raises(savi_ckpt.RecordingError), pytest.warns(
            savi_ckpt.RecordingWarning, match="disable_jit"):
        with savi_ckpt.record(tmp_path / "x.safetensors", model):
            nnx.jit(lambda model, x: model(x, scale=3))(model, X)


def test_keras(tmp_path):
    import keras
    inner = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3, activation="gelu")])
    model = keras.Sequential([
        keras.Input((6, 6, 3)), keras.layers.Conv2D(4, 3, strides=2), inner,
        keras.layers.LayerNormalization(epsilon=1e-4)])
    expected = np.asarray(model(X))
    with savi_ckpt.record(tmp_path / "x.safetensors", model):
        found = np.asarray(model(X))
    np.testing.assert_array_equal(found, expected)
    recording = Recording(tmp_path / "x.safetensors")
    # As the weights are called in a .weights.h5 file.
    assert [call["path"] for call in recording.calls] == [
        "", "layers/conv2d", "layers/sequential", "layers/sequential/layers/flatten",
        "layers/sequential/layers/dense", "layers/layer_normalization"]
    dense = recording.call("layers/sequential/layers/dense")
    assert dense["attributes"]["activation"] == "gelu" and dense["attributes"]["dtype"] == "float32"
    assert dense["parameters"] == {"vars/0": [16, 3], "vars/1": [3]}
    assert recording.call("layers/layer_normalization")["attributes"]["epsilon"] == 1e-4


@pytest.mark.parametrize("name", ["FlaxBertModel", "BertModel"])
def test_a_library_s_model(tmp_path, name):
    import transformers
    config = transformers.BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=16)
    model = getattr(transformers, name)(config)
    if name == "BertModel":
        with torch.no_grad(), savi_ckpt.record(tmp_path / "x.safetensors", model.eval()):
            output = model(input_ids=torch.tensor([[1, 2, 3]]), output_hidden_states=True)
    else:
        with savi_ckpt.record(tmp_path / "x.safetensors"):
            output = model(np.array([[1, 2, 3]]), output_hidden_states=True)
    recording = Recording(tmp_path / "x.safetensors")
    outputs = recording.outputs("")
    np.testing.assert_array_equal(outputs["last_hidden_state"], np.asarray(output.last_hidden_state))
    assert {"input_ids", "attention_mask"} & set(recording.inputs(""))
    assert {"hidden_states.0", "hidden_states.2"} <= set(outputs)
    separator = "." if name == "BertModel" else "/"
    path = separator.join(["encoder", "layer", "1", "output", "LayerNorm"])
    [epsilon] = {"eps", "epsilon"} & set(recording.call(path)["attributes"])
    assert recording.call(path)["attributes"][epsilon] == 1e-12
