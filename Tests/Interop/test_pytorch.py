"""Files against PyTorch: what we write loads there, what it writes reads here, bit for bit."""
import collections
import hashlib
import io
import json
import zipfile

import numpy as np
import pytest
import torch

from conftest import SAMPLE

DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
          "float16", "bfloat16", "float32", "float64", "complex64", "complex128",
          "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "complex32"]


def raw(tensor):
    """The elements in C order, as bytes."""
    tensor = tensor.detach().resolve_conj().resolve_neg().contiguous()
    return bytes(tensor.flatten().view(torch.uint8).numpy()) if tensor.numel() else b""


def random_tensor(dtype, shape=(5, 7)):
    kind = getattr(torch, dtype)
    generator = torch.Generator().manual_seed(1)
    size = torch.empty((), dtype=kind).element_size()
    data = torch.randint(0, 256, (*shape[:-1], shape[-1] * size), generator=generator,
                         dtype=torch.uint8)
    if dtype == "bool":
        return data % 2 == 1
    return data.view(kind)


def hashes(tool, path, *options):
    document = tool.json("hash", "hash", path, *options)
    return {row["name"]: (row["dtype"], tuple(row["shape"]), row["sha256"])
            for row in document["tensors"]}


def expected(tensors):
    return {name: (str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape),
                   hashlib.sha256(raw(tensor)).hexdigest()) for name, tensor in tensors.items()}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_reads_every_dtype(tool, tmp_path, protocol):
    tensors = {dtype: random_tensor(dtype) for dtype in DTYPES}
    if protocol > 2:
        tensors.pop("float8_e4m3fn")  # One new dtype is enough beside the others.
    path = tmp_path / "x.pt"
    torch.save(tensors, path, pickle_protocol=protocol)
    assert hashes(tool, path) == expected(tensors)


def test_reads_views(tool, tmp_path):
    base = random_tensor("float32", (6, 8))
    complex_base = random_tensor("complex64", (4, 4))
    tensors = {
        "base": base, "alias": base, "transposed": base.t(), "row": base[2], "column": base[:, 3],
        "step": base[::2, 1::3], "expanded": base[:1].expand(5, 8), "flat": base.view(-1)[5:9],
        "permuted": random_tensor("int16", (2, 3, 4)).permute(2, 0, 1),
        "diagonal": base.diagonal(), "scalar": base[1, 1], "empty": base[:0],
        "conj": complex_base.conj(), "conj_transposed": complex_base.mH,
        "neg": torch._neg_view(random_tensor("float64", (3, 3))),
        "large": torch.randn(700, 900).t(),
        "parameter": torch.nn.Parameter(torch.randn(3)),
        "frozen": torch.nn.Parameter(torch.randn(3), requires_grad=False),
    }
    path = tmp_path / "x.pt"
    torch.save(tensors, path)
    assert hashes(tool, path) == expected(tensors)
    document = tool.json("ls", "ls", path)
    assert {row["name"]: row["alias_of"] for row in document["tensors"]}["alias"] == "base"


def test_reads_training_checkpoints(tool, tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.AdamW(model.parameters(), amsgrad=True)
    model(torch.randn(5, 3)).sum().backward()
    optimizer.step()
    path = tmp_path / "x.ckpt"
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3,
                "args": {"lr": 0.1, "size": torch.Size([1, 2])}, "dtype": torch.float16,
                "counts": collections.Counter("aab"), 5: [torch.ones(2), (torch.zeros(1),)]}, path)
    found = hashes(tool, path)
    flat = {f"model.{k}": v for k, v in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        flat |= {f"optimizer.state.{index}.{k}": v for k, v in state.items()}
    flat |= {"5.0": torch.ones(2), "5.1.0": torch.zeros(1)}
    assert found == expected(flat)
    assert hashes(tool, path, "--key", "model") == expected(model.state_dict())


def test_reads_whole_modules(tool, tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4),
                                torch.nn.GRUCell(4, 2))
    path = tmp_path / "x.pt"
    torch.save(model, path)
    assert hashes(tool, path) == expected(dict(model.state_dict()))


def test_accepts_missing_checksums_and_data_descriptors(tool, tmp_path):
    tensor = random_tensor("float32")
    path = tmp_path / "x.pt"
    torch.serialization.set_crc32_options(False)
    try:
        torch.save({"x": tensor}, path)
    finally:
        torch.serialization.set_crc32_options(True)
    assert hashes(tool, path) == expected({"x": tensor})


def test_writes_what_torch_loads(tool, tmp_path):
    """Every dtype and an alias, through our reader and writer."""
    tensors = {dtype: random_tensor(dtype) for dtype in DTYPES}
    tensors |= {"scalar": torch.tensor(3.5), "empty": torch.zeros(0, 3),
                "alias": tensors["float32"], "big": random_tensor("int32", (300, 70_000))}
    source, target = tmp_path / "a.pt", tmp_path / "b.pt"
    torch.save(tensors, source)
    tool.run("convert", "--map", "none", source, "-o", target)
    for options in [{}, {"mmap": True}]:
        loaded = torch.load(target, weights_only=True, **options)
        assert expected(loaded) == expected(tensors)
        assert list(loaded) == list(tensors)
        assert loaded["alias"].data_ptr() == loaded["float32"].data_ptr()
    bare, again = tmp_path / "c.pt", tmp_path / "d.pt"
    torch.save(tensors["float32"], bare)
    tool.run("convert", "--map", "none", bare, "-o", again)
    assert raw(torch.load(again)) == raw(tensors["float32"])


def test_container_is_what_torch_writes(sample_pt):
    """The same entries, alignment and flags as torch.save."""
    state = torch.load(sample_pt, weights_only=True)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    ours, theirs = zipfile.ZipFile(sample_pt), zipfile.ZipFile(buffer)
    assert ours.testzip() is None
    assert ours.namelist() == theirs.namelist()
    for name in [".format_version", ".storage_alignment", "byteorder", "version"]:
        assert ours.read(f"archive/{name}") == theirs.read(f"archive/{name}")
    assert len(ours.read("archive/.data/serialization_id")) == 40
    with open(sample_pt, "rb") as file:
        for info in ours.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            file.seek(info.header_offset + 26)
            name, extra = (int.from_bytes(file.read(2), "little") for _ in range(2))
            assert (info.header_offset + 30 + name + extra) % 64 == 0


def build_module(tree):
    """A module tree with the published names, from a state dict's names and shapes."""
    root = torch.nn.Module()
    shared = {}
    for name, tensor in tree.items():
        *path, leaf = name.split(".")
        module = root
        for part in path:
            if part not in dict(module.named_children()):
                module.add_module(part, torch.nn.Module())
            module = getattr(module, part)
        key = tensor.data_ptr()
        parameter = shared.setdefault(key, torch.nn.Parameter(torch.zeros(tensor.shape)))
        module.register_parameter(leaf, parameter)
    return root


def test_sample_loads_strictly(tool, sample_pt):
    """82 keys, 59 parameters, and the elements of the Flax sample through the layouts."""
    from layouts import to_torch
    state = torch.load(sample_pt, weights_only=True)
    assert len(state) == 82
    description = tool.json("describe", "describe", "savi-small")
    assert {t["name"]: tuple(t["shape"]) for t in description["tensors"]} == \
        {name: tuple(tensor.shape) for name, tensor in state.items()}
    model = build_module(state)
    result = model.load_state_dict(state, strict=True)
    assert not result.missing_keys and not result.unexpected_keys
    parameters = dict(model.named_parameters())
    assert len(parameters) == 59
    assert sum(p.numel() for p in parameters.values()) == 895_524
    mapping = tool.json("map", "map", "show", "savi-small")
    with np.load(SAMPLE) as flax:
        for row in mapping["tensors"]:
            expected_value = to_torch(row["role"], [flax[f["name"]] for f in row["flax"]])
            found = parameters[row["torch"]].detach().numpy()
            assert np.array_equal(found, expected_value), row["torch"]


@pytest.mark.parametrize("model", ["savi-small", "savi-medium"])
def test_converts_random_parameters(tool, tmp_path, model):
    """Every layout of a model on random values, against NumPy, there and back."""
    from layouts import to_torch
    rows = tool.json("map", "map", "show", model)["tensors"]
    generator = np.random.default_rng(0)
    flax = {f["name"]: generator.standard_normal(f["shape"], dtype="float32")
            for row in rows for f in row["flax"]}
    source, target, back = (tmp_path / name for name in ["a.npz", "b.pt", "c.npz"])
    np.savez(source, **{f"optimizer/target/{k}": v for k, v in flax.items()}, step=np.int32(7))
    report = tool.json("convert", "convert", source, "-o", target)
    assert report["model"] == model and report["root"] == "optimizer/target"
    assert report["notes"] == ["left out 1 entry outside optimizer/target, not parameters: step"]
    state = torch.load(target, weights_only=True)
    for row in rows:
        value = to_torch(row["role"], [flax[f["name"]] for f in row["flax"]])
        assert np.array_equal(state[row["torch"]].numpy(), value), row["torch"]
    tool.run("convert", target, "--reverse", "-o", back)
    with np.load(back) as result:
        assert sorted(result.files) == sorted(flax)
        for name in result.files:
            assert np.array_equal(result[name], flax[name]), name


def test_stats_agree_with_torch(tool, sample_pt):
    state = torch.load(sample_pt, weights_only=True)
    for row in tool.json("stats", "stats", sample_pt)["tensors"]:
        tensor = state[row["name"]].double()
        assert row["mean"] == pytest.approx(tensor.mean().item(), rel=1e-9, abs=1e-12)
        if row["size"] > 1:
            assert row["std"] == pytest.approx(tensor.std().item(), rel=1e-9)
        else:
            assert row["std"] is None
        assert (row["min"], row["max"]) == (tensor.min().item(), tensor.max().item())
        assert row["zero_count"] == (tensor == 0).sum().item()


def test_sample_regenerates(tool, tmp_path):
    """samples/make_savi_small.py draws the published weights from the seed."""
    import subprocess
    import sys
    script = SAMPLE.parent / "make_savi_small.py"
    result = subprocess.run([sys.executable, script, tmp_path / "x.npz", "--savi-ckpt", tool.path],
                            capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "tensors equal savi-small.flax.npz bit for bit" in result.stdout


def test_json_outputs_match_their_schemas(tool, sample_pt):
    tool.json("map", "map", "list")
    tool.json("map", "map", "lint", "savi-small", "savi-medium")
    tool.json("map", "map", "explain", "corrector.w_q", "--map", "savi-small")
    tool.json("ls", "ls", sample_pt)
    tool.json("convert", "convert", SAMPLE, "-o", "never-written.pt", "--dry-run")
