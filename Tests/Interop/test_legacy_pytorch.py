"""PyTorch files before 1.6, TorchScript, and NumPy objects inside checkpoints."""
import collections
import io
import pickle
import struct
import tarfile

import numpy as np
import pytest
import torch

from conftest import PLAIN, digests, found, random_array
from test_pytorch import DTYPES, expected, random_tensor

OLD = [d for d in DTYPES if "float8" not in d and d not in ("uint16", "uint32", "uint64",
                                                           "complex32")]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_reads_legacy_files(tool, tmp_path, protocol):
    base = random_tensor("float32", (6, 8))
    tensors = {dtype: random_tensor(dtype) for dtype in OLD}
    tensors |= {"base": base, "alias": base, "view": base[2:, 1::2].t(),
                "scalar": torch.tensor(1.5), "parameter": torch.nn.Parameter(base[0].clone())}
    path = tmp_path / "x.pth.tar"
    torch.save({"state_dict": tensors, "epoch": 3}, path, pickle_protocol=protocol,
               _use_new_zipfile_serialization=False)
    assert found(tool, path, "--key", "state_dict") == expected(tensors)


def test_reads_python_2_names(tool, tmp_path):
    """A Python 2 pickle: protocol 2 with byte strings for names."""
    path = tmp_path / "x.bin"
    torch.save(collections.OrderedDict(weight=random_tensor("float32")), path,
               _use_new_zipfile_serialization=False)
    data = path.read_bytes()
    # BINUNICODE with its four-byte length becomes SHORT_BINSTRING with one byte.
    old = data.replace(b"X\x06\x00\x00\x00weight", b"U\x06weight")
    assert old != data
    path.write_bytes(old)
    assert found(tool, path) == expected({"weight": random_tensor("float32")})


def test_reads_tar_files(tool, tmp_path):
    """The format of PyTorch 0.1, made by hand: no release that runs today writes it."""
    values = np.arange(12, dtype="<f4")

    def member(archive, name, data):
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))

    class Persistent(pickle.Pickler):
        def persistent_id(self, item):
            return item.key if isinstance(item, Tensor) else None

    class Tensor:
        def __init__(self, key):
            self.key = key

    storages = pickle.dumps(1, 2) + pickle.dumps(("10", "cpu", torch.FloatStorage), 2)
    storages += struct.pack("<q", 12) + values.tobytes()
    storages += pickle.dumps([("11", "10", 6, 6)], 2)
    tensors = pickle.dumps(2, 2)
    for key, storage, size, stride, offset in [("1", "10", (3, 4), (4, 1), 0),
                                               ("2", "11", (2, 3), (1, 2), 0)]:
        tensors += pickle.dumps((key, storage, torch.FloatTensor), 2)
        tensors += struct.pack("<ii2q2qq", 2, 0, *size, *stride, offset)
    buffer = io.BytesIO()
    Persistent(buffer, 2).dump({"a": Tensor("1"), "b": {"c": Tensor("2")}, "epoch": 1})
    path = tmp_path / "x.pt"
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        member(archive, "sys_info", pickle.dumps({}, 2))
        member(archive, "storages", storages)
        member(archive, "tensors", tensors)
        member(archive, "pickle", buffer.getvalue())
    assert found(tool, path) == digests(
        {"a": values.reshape(3, 4), "b.c": values[6:].reshape(3, 2).T})


def test_reads_torchscript(tool, tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    model.eval()
    torch.jit.save(torch.jit.script(model), tmp_path / "x.pt")
    assert found(tool, tmp_path / "x.pt") == expected(dict(model.state_dict()))


def test_reads_torchscript_lists(tool, tmp_path):
    class Lists(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.items = [torch.ones(2), torch.zeros(3)]

        def forward(self, x):
            return x + self.items[0]

    torch.jit.save(torch.jit.script(Lists()), tmp_path / "x.pt")
    assert found(tool, tmp_path / "x.pt") == expected(
        {"items.0": torch.ones(2), "items.1": torch.zeros(3)})


def test_reads_numpy_objects(tool, tmp_path):
    arrays = {"array": np.arange(6.0).reshape(2, 3), "fortran": np.asfortranarray(np.eye(3, 4)),
              "big": np.arange(4, dtype=">i2"), "scalar": np.float64(2.5), "bool": np.True_}
    for name, options in [("new.pt", {}), ("old.pt", {"_use_new_zipfile_serialization": False}),
                          ("four.pt", {"pickle_protocol": 4}), ("five.pt", {"pickle_protocol": 5})]:
        torch.save(arrays, tmp_path / name, **options)
        assert found(tool, tmp_path / name) == digests(arrays)


def test_whole_modules_with_sources(tool, tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.GRU(4, 2, num_layers=2))
    torch.save(model, tmp_path / "x.pt", _use_new_zipfile_serialization=False)
    assert found(tool, tmp_path / "x.pt").items() >= expected(dict(model.state_dict())).items()


def test_bare_pickles(tool, tmp_path):
    arrays = {dtype: random_array(dtype) for dtype in PLAIN}
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    for value in (arrays, tensors):
        for protocol in range(6):
            (tmp_path / "x.pkl").write_bytes(pickle.dumps(value, protocol))
            assert found(tool, tmp_path / "x.pkl") == digests(arrays), protocol
