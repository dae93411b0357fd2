"""The recorder, whatever the framework: the file, its limits, and what becomes of a failure."""
import os
import warnings

import numpy as np
import pytest
import torch
from conftest import digests
from recordings import Recording

import savi_ckpt
from savi_ckpt.recording import sampling


class Block(torch.nn.Module):
    """Returns what it is given, in every way a module may."""

    def forward(self, *tensors, **named):
        return {"first": tensors, "named": named}


def record(path, model, *arguments, limit=sampling.DEFAULT_LIMIT, **named):
    with savi_ckpt.record(path, model, limit=limit):
        model(*arguments, **named)
    return Recording(path)


def test_every_dtype_is_kept_to_the_bit(tool, tmp_path):
    import ml_dtypes
    names = ["bool", "uint8", "int16", "int64", "float16", "bfloat16", "float32", "float64",
             "complex64", "float8_e4m3fn", "float8_e5m2"]
    tensors = {}
    for name in names:
        bits = torch.from_numpy(np.random.default_rng(1).integers(0, 2, (3, 5, 16), dtype=np.uint8))
        tensors[name] = bits.view(getattr(torch, name)) if name != "bool" else bits.bool()
    path = tmp_path / "x.safetensors"
    model = Block()
    with savi_ckpt.record(path, model):
        model(**tensors)
    rows = {row["name"]: row for row in tool.json("ls", "ls", path)["tensors"]}
    hashes = {row["name"]: row for row in tool.json("hash", "hash", path)["tensors"]}
    for name, tensor in tensors.items():
        array = tensor.view(torch.uint8).numpy().view(
            getattr(ml_dtypes, name, None) or np.dtype(name)) if name != "bool" else tensor.numpy()
        stored = f"#0.inputs.{name}"
        assert rows[stored]["dtype"] == name
        assert hashes[stored]["sha256"] == digests({name: array})[name][2]


def test_equal_tensors_are_stored_once_and_changed_ones_are_not(tmp_path):
    class Doubling(torch.nn.Module):
        def forward(self, x):
            return x.mul_(2)

    model = torch.nn.Sequential(torch.nn.Identity(), Doubling(), torch.nn.Identity())
    recording = record(tmp_path / "x.safetensors", model, torch.ones(3))
    assert [recording.inputs(path)["input"][0] for path in ("0", "2")] == [1, 2]
    assert recording.inputs("1")["x"][0] == 1
    assert len(recording.tensors) == 2


@pytest.mark.parametrize("shape, limit, expected", [
    ((4, 5), 20, (4, 5)), ((4, 5), 19, (3, 5)), ((4, 5), 5, (1, 5)), ((4, 5), 3, (1, 3)),
    ((7,), 3, (3,)), ((2, 8, 8, 3), 48, (1, 4, 4, 3)), ((2, 3, 8, 8), 48, (1, 3, 4, 4)), ((3, 9), 1, (1, 1)),
])
def test_the_sample_of_a_large_tensor(shape, limit, expected):
    assert sampling.kept(shape, limit) == expected


@pytest.mark.parametrize("limit", [200, 40, 7])
def test_sides_of_other_layouts_keep_the_same_elements(tmp_path, limit):
    image = np.random.default_rng(0).normal(size=(3, 8, 6, 4)).astype(np.float32)
    samples = []
    for index, array in enumerate([image, image.transpose(0, 3, 1, 2)]):
        recording = record(
            tmp_path / f"{index}.safetensors", Block(), torch.from_numpy(array.copy()), limit=limit)
        [entry] = recording.call("")["inputs"]
        assert entry["shape"] == list(array.shape)
        samples.append(recording.tensors[entry["tensor"]])
    np.testing.assert_array_equal(samples[0], samples[1].transpose(0, 2, 3, 1))
    assert 0 < samples[0].size <= limit


def test_numpy_and_torch_keep_the_same_elements(tmp_path):
    image = np.random.default_rng(0).normal(size=(3, 8, 6, 4)).astype(np.float32)
    samples = [record(tmp_path / "x.safetensors", Block(), array, limit=30).inputs("")["tensors.0"]
               for array in (image, torch.from_numpy(image))]
    np.testing.assert_array_equal(*samples)


def test_an_exception_leaves_the_calls_until_then(tmp_path):
    class Failing(torch.nn.Module):
        def forward(self, x):
            raise ValueError("no")

    model = torch.nn.Sequential(torch.nn.ReLU(), Failing(), torch.nn.ReLU())
    path = tmp_path / "x.safetensors"
    with pytest.raises(ValueError, match="no"):
        record(path, model, torch.ones(3))
    recording = Recording(path)
    assert [(call["path"], call["completed"], len(call["outputs"])) for call in recording.calls] == [
        ("", False, 0), ("0", True, 1), ("1", False, 0)]
    assert os.listdir(tmp_path) == ["x.safetensors"]


def test_an_exception_that_the_model_handles_leaves_the_order_of_calls_right(tmp_path):
    class Failing(torch.nn.Module):
        def forward(self, x):
            raise ValueError

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fails, self.works = Failing(), torch.nn.ReLU()

        def forward(self, x):
            try:
                self.fails(x)
            except ValueError:
                return self.works(x)

    recording = record(tmp_path / "x.safetensors", Model(), torch.ones(3))
    assert [(call["path"], call["parent"], call["completed"]) for call in recording.calls] == [
        ("", None, True), ("fails", 0, False), ("works", 0, True)]


def test_nothing_recorded_is_an_error_and_leaves_what_was_there(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"before")
    with pytest.raises(savi_ckpt.RecordingError, match="the ReLU was not called in the block"):
        with savi_ckpt.record(path, torch.nn.ReLU()):
            pass
    assert path.read_bytes() == b"before" and os.listdir(tmp_path) == ["x.safetensors"]


def test_what_is_not_recorded_is_said_in_a_warning_and_in_the_file(tmp_path):
    path = tmp_path / "x.safetensors"
    with pytest.warns(savi_ckpt.RecordingWarning, match="a meta|meta tensor"):
        recording = record(path, Block(), torch.ones(2), torch.ones(2, device="meta"))
    assert len(recording.calls[0]["inputs"]) == 1 and len(recording.notes) == 2

    with pytest.warns(savi_ckpt.RecordingWarning, match="cache among its inputs is of the class object"):
        record(path, Block(), torch.ones(2), cache=object())


def test_nothing_is_left_on_the_model(tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(2, 2))
    record(tmp_path / "x.safetensors", model, torch.ones(1, 2))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


@pytest.mark.parametrize("model, error", [(object(), TypeError), (lambda x: x, TypeError)])
def test_a_model_of_no_framework_is_refused(tmp_path, model, error):
    with pytest.raises(error, match="expected a torch.nn.Module, a keras.Layer or a flax.nnx.Module"):
        with savi_ckpt.record(tmp_path / "x.safetensors", model):
            pass
    assert os.listdir(tmp_path) == []


def test_a_limit_below_one_element_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected at least 1 element, found 0"):
        with savi_ckpt.record(tmp_path / "x.safetensors", Block(), limit=0):
            pass


def test_a_recording_gives_no_warning_of_its_own(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        record(tmp_path / "x.safetensors", torch.nn.Linear(2, 2), torch.ones(1, 2))
