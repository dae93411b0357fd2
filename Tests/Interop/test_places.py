"""Folders, shard sets and small formats against the libraries that write them."""
import json

import flax.serialization
import numpy as np
import pytest
import safetensors.torch
import torch
from flax.traverse_util import flatten_dict

from conftest import digests, found
from test_pytorch import expected


def weights(count=6):
    torch.manual_seed(0)
    return {f"model.layers.{index}.weight": torch.randn(3, 4 + index) for index in range(count)}


def shards(folder, stem, suffix, save, state, parts=3):
    """A shard set as Hugging Face's libraries name one; returns its index."""
    weight_map = {}
    for part in range(parts):
        name = f"{stem}-{part + 1:05}-of-{parts:05}.{suffix}"
        own = {key: value for index, (key, value) in enumerate(state.items())
               if index % parts == part}
        save(own, folder / name)
        weight_map |= dict.fromkeys(own, name)
    index = folder / f"{stem}.{suffix}.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": weight_map}))
    return index


def save_flax(state, path):
    arrays = {key.replace(".", "/"): value.numpy() for key, value in state.items()}
    path.write_bytes(flax.serialization.to_bytes(arrays))


WRITERS = {"model.safetensors": safetensors.torch.save_file,
           "pytorch_model.bin": torch.save, "flax_model.msgpack": save_flax}


@pytest.mark.parametrize("name", WRITERS)
def test_shard_sets_by_index_and_by_folder(tool, tmp_path, name):
    stem, suffix = name.split(".", 1)
    state = weights()
    if suffix == "msgpack":
        state = {key.replace(".", "/"): value for key, value in state.items()}
    index = shards(tmp_path, stem, suffix, WRITERS[name], state)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "optimizer.pt").write_bytes(b"")
    assert found(tool, index) == expected(state)
    assert found(tool, tmp_path) == expected(state)
    second = sorted(tmp_path.glob("*-00002-of-*"))[0]
    content = second.read_bytes()
    second.unlink()
    assert second.name in tool.run("ls", tmp_path, status=2).stderr
    # The index says that a tensor is in a file which has it not.
    second.write_bytes(sorted(tmp_path.glob("*-00001-of-*"))[0].read_bytes())
    assert "but the index says" in tool.run("ls", tmp_path, status=2).stderr
    second.write_bytes(content)
    document = json.loads(index.read_text())
    document["weight_map"]["ghost"] = second.name
    index.write_text(json.dumps(document))
    assert "ghost" in tool.run("ls", tmp_path, status=2).stderr


def test_a_snapshot_of_the_hub(tool, tmp_path):
    """The links of Hugging Face's cache lead to the repository's own files."""
    state = weights()
    repository = tmp_path / "models--org--name"
    snapshot, blobs = repository / "snapshots/abc", repository / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    shards(snapshot, "model", "safetensors", safetensors.torch.save_file, state)
    for number, path in enumerate(sorted(snapshot.iterdir())):
        path.rename(blobs / str(number))
        path.symlink_to(f"../../blobs/{number}")
    assert found(tool, snapshot) == expected(state)
    stranger = sorted(snapshot.glob("*-00001-of-*"))[0]
    (tmp_path / "secret").write_bytes(stranger.read_bytes())
    stranger.unlink()
    stranger.symlink_to("../../../secret")
    assert "leads out of its folder" in tool.run("ls", snapshot, status=2).stderr


def test_steps(tool, tmp_path):
    for step in (9, 10, 100):
        (tmp_path / f"checkpoint-{step}").mkdir()
        torch.save({"w": torch.full((2,), float(step))}, tmp_path / f"checkpoint-{step}/pytorch_model.bin")
    assert found(tool, tmp_path) == expected({"w": torch.full((2,), 100.)})
    assert found(tool, tmp_path, "--step", "9") == expected({"w": torch.full((2,), 9.)})
    assert "took step 100" in tool.run("ls", tmp_path).stderr


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 2)
        self.norm = torch.nn.BatchNorm1d(2)
        self.offset = torch.nn.Parameter(torch.randn(2).bfloat16())
        self.tied = self.layer
        self.constant = torch.tensor([7., 8.])

    def forward(self, x):
        return self.norm(self.layer(x)) + self.constant + self.offset + self.tied.weight.sum()


def test_exported_programs(tool, tmp_path):
    model = Model().eval()
    program = torch.export.export(model, (torch.ones(2, 3),))
    torch.export.save(program, tmp_path / "x.pt2")
    state = {name: tensor.detach() for name, tensor in program.state_dict.items()}
    constants = {f"constants.{name}": value for name, value in program.constants.items()
                 if isinstance(value, torch.Tensor)}
    assert found(tool, tmp_path / "x.pt2") == expected(state | constants)


def test_object_arrays(tool, tmp_path):
    tree = {"layer": {"w": np.ones((2, 3), "f4"), "b": np.arange(3)}, "step": 5}
    np.save(tmp_path / "x.npy", tree, allow_pickle=True)
    wanted = {"/".join(path): value for path, value in flatten_dict(tree).items()
              if isinstance(value, np.ndarray)}
    assert found(tool, tmp_path / "x.npy") == digests(wanted)
    np.savez(tmp_path / "x.npz", params=np.array(tree, dtype=object), other=np.zeros(2))
    assert found(tool, tmp_path / "x.npz") == digests(
        {f"params/{name}": value for name, value in wanted.items()} | {"other": np.zeros(2)})


def test_what_is_not_read_is_named(tool, tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"\x08\x08\x12\x07pytorch\x1a\x032.0:\x10")
    assert "an ONNX model" in tool.run("ls", tmp_path / "x.onnx", status=2).stderr
    (tmp_path / "x.mlir").write_text("module @jit_f {\n  func.func public @main()\n}\n")
    assert "StableHLO" in tool.run("ls", tmp_path / "x.mlir", status=2).stderr
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved/saved_model.pb").write_bytes(b"\x08\x01")
    assert "a TensorFlow SavedModel" in tool.run("ls", tmp_path / "saved", status=2).stderr
    (tmp_path / "bundle").mkdir()
    magic = bytes.fromhex("57fb808b247547db")
    (tmp_path / "bundle/model.index").write_bytes(bytes(40) + magic)
    (tmp_path / "bundle/model.data-00000-of-00001").write_bytes(bytes(8))
    assert "tensor bundle" in tool.run("ls", tmp_path / "bundle", status=2).stderr
    assert "tensor bundle" in tool.run("ls", tmp_path / "bundle/model.index", status=2).stderr
