"""safetensors files against the safetensors library."""
import json
import struct

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch

from conftest import found, root
from test_pytorch import expected, random_tensor

DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
          "float16", "bfloat16", "float32", "float64", "float8_e4m3fn", "float8_e5m2",
          "float8_e8m0fnu", "complex64"]


def test_reads_every_dtype(tool, tmp_path):
    tensors = {dtype: random_tensor(dtype) for dtype in DTYPES}
    tensors |= {"scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3)}
    safetensors.torch.save_file(tensors, tmp_path / "x.safetensors", metadata={"format": "pt"})
    assert found(tool, tmp_path / "x.safetensors") == expected(tensors)


def test_writes_what_the_library_reads(tool, tmp_path):
    tensors = {dtype: random_tensor(dtype) for dtype in DTYPES}
    tensors |= {"scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3)}
    torch.save(tensors, tmp_path / "x.pt")
    tool.run("convert", "--map", "none", tmp_path / "x.pt", "-o", tmp_path / "y.safetensors")
    loaded = safetensors.torch.load_file(tmp_path / "y.safetensors")
    assert expected(loaded) == expected(tensors)


def test_shared_tensors_come_back(tool, tmp_path, sample_pt):
    path, back = tmp_path / "x.safetensors", tmp_path / "y.pt"
    tool.run("convert", "--map", "none", sample_pt, "-o", path)
    with safetensors.safe_open(path, "pt") as file:
        assert len(file.keys()) == 59
        assert file.metadata()["processor.corrector.w_q"] == "corrector.w_q"
    assert root(tool, path) == root(tool, sample_pt)
    tool.run("convert", "--map", "none", path, "-o", back)
    state = torch.load(back, weights_only=True)
    assert len(state) == 82
    assert state["processor.corrector.w_q"].data_ptr() == state["corrector.w_q"].data_ptr()


def test_reads_what_save_model_shares(tool, tmp_path):
    model = torch.nn.ModuleDict({"a": torch.nn.Linear(2, 2), "b": torch.nn.Linear(2, 2)})
    model["b"].weight = model["a"].weight
    safetensors.torch.save_model(model, str(tmp_path / "x.safetensors"))
    assert found(tool, tmp_path / "x.safetensors") == expected(model.state_dict())


def test_shards(tool, tmp_path, sample_pt):
    path = tmp_path / "m.safetensors"
    tool.run("convert", "--map", "none", sample_pt, "-o", path, "--max-shard-size", "1MB")
    index = json.loads((tmp_path / "m.safetensors.index.json").read_text())
    assert index["metadata"]["total_size"] == 895_524 * 4
    files = sorted(set(index["weight_map"].values()))
    assert len(files) > 3
    for name in files:
        with safetensors.safe_open(tmp_path / name, "pt") as file:
            assert set(file.keys()) == {k for k, v in index["weight_map"].items() if v == name}
    assert root(tool, tmp_path / "m.safetensors.index.json") == root(tool, sample_pt)
    (tmp_path / files[0]).unlink()
    tool.run("ls", tmp_path / "m.safetensors.index.json", status=2)


def crafted(tmp_path, header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def entry(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize("header, data, message", [
    (b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},'
     b'"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', b"ab", "appears twice"),
    ({"a": entry([1], 0, 4), "b": entry([1], 8, 12)}, bytes(12), "a gap"),
    ({"a": entry([2], 0, 8), "b": entry([1], 4, 8)}, bytes(8), "within the tensor before it"),
    ({"a": entry([1], 0, 4)}, bytes(8), "but 8 follow the header"),
    ({"a": entry([2], 0, 8)}, bytes(4), "but 4 follow the header"),
    ({"a": entry([2], 0, 4)}, bytes(4), "does not take the 4 bytes"),
    ({"a": entry([1], 4, 0)}, bytes(4), "are not [begin, end]"),
    ({"a": entry([2**62, 4], 0, 4)}, bytes(4), "does not fit 64 bits"),
    ({"a": entry([1], 0, 4, "F99")}, bytes(4), "is not known"),
    ({"a": entry([1.0], 0, 4)}, bytes(4), "holds 1.0"),
    ({"a": {"dtype": "F32"}}, b"", "an object of dtype, shape and data_offsets expected"),
    ({"__metadata__": {"a": 1}}, b"", "strings expected"),
    (b"{", b"", "not valid JSON"),
])
def test_every_rule_is_enforced(tool, tmp_path, header, data, message):
    path = crafted(tmp_path, header, data)
    with pytest.raises(Exception):
        safetensors.numpy.load_file(path)
    assert message in tool.run("ls", path, "--format", "safetensors", status=2).stderr


def test_header_length_limits(tool, tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", 200_000_000) + b"{}" + bytes(100))
    assert "the format allows" in tool.run("ls", path, status=2).stderr
    path.write_bytes(struct.pack("<Q", 1000) + b"{}" + bytes(100))
    assert "claims 1000 bytes" in tool.run("ls", path, status=2).stderr


def test_accepts_null_metadata_padding_and_odd_lengths(tool, tmp_path):
    for header in [b'{"__metadata__":null,"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
                   b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}   ',
                   b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}} ']:
        assert list(found(tool, crafted(tmp_path, header, b"x"))) == ["a"]


def test_plain_metadata_makes_no_aliases(tool, tmp_path):
    path = crafted(tmp_path, {"__metadata__": {"format": "pt"}, "pt": entry([1], 0, 4)}, bytes(4))
    assert list(found(tool, path)) == ["pt"]


def test_pairs_of_four_bits_are_pytorchs(tool, tmp_path):
    values = torch.arange(256, dtype=torch.uint8).reshape(4, 64).view(torch.float4_e2m1fn_x2)
    safetensors.torch.save_file({"q": values}, tmp_path / "in.safetensors")
    tool.run("convert", tmp_path / "in.safetensors", "--map", "none", "-o",
         tmp_path / "out.safetensors")
    again = safetensors.torch.load_file(tmp_path / "out.safetensors")["q"]
    assert again.dtype == values.dtype and again.shape == values.shape
    assert torch.equal(again.view(torch.uint8), values.view(torch.uint8))


def test_types_of_less_than_a_byte_are_placeholders(tool, tmp_path):
    path = crafted(tmp_path, {"a": entry([4, 1], 0, 2, "F4"), "b": entry([4], 2, 5, "F6_E2M3")},
                   bytes(5))
    document = tool.json("ls", "ls", path)
    assert [row["name"] for row in document["placeholders"]] == ["a", "b"]
    assert np.all([row["kind"] == "data" for row in document["placeholders"]])
