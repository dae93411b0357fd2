"""Files against NumPy and ml_dtypes: both directions, bit for bit."""
import hashlib
import io
import zipfile

import ml_dtypes
import numpy as np
import pytest

DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
          "float16", "float32", "float64", "complex64", "complex128"]


def random_array(dtype, shape=(5, 7)):
    kind = np.dtype(dtype)
    data = np.random.default_rng(2).integers(
        0, 256, size=(*shape[:-1], shape[-1] * kind.itemsize), dtype=np.uint8)
    return data % 2 == 1 if dtype == "bool" else data.view(kind)


def expected(arrays):
    return {name: (array.dtype.name, array.shape,
                   hashlib.sha256(np.asarray(array, array.dtype.newbyteorder("<")).tobytes())
                   .hexdigest()) for name, array in arrays.items()}


def hashes(tool, path, *options):
    document = tool.json("hash", "hash", path, *options)
    return {row["name"]: (row["dtype"], tuple(row["shape"]), row["sha256"])
            for row in document["tensors"]}


def every_layout():
    arrays = {dtype: random_array(dtype) for dtype in DTYPES}
    for dtype in DTYPES:
        swapped = random_array(dtype).astype(np.dtype(dtype).newbyteorder(">"))
        arrays[f"big/{dtype}"] = swapped
        arrays[f"fortran/{dtype}"] = np.asfortranarray(random_array(dtype, (3, 4, 5)))
        arrays[f"fortran_big/{dtype}"] = np.asfortranarray(swapped)
    arrays |= {"scalar": np.float32(2.5), "empty": np.zeros((3, 0, 2), "int16"),
               "one": np.ones((1,), "float64"), "name with spaces/é": np.arange(3)}
    return {name: np.asanyarray(array) for name, array in arrays.items()}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_reads_every_dtype_and_layout(tool, tmp_path, save):
    arrays = every_layout()
    save(tmp_path / "x.npz", **arrays)
    assert hashes(tool, tmp_path / "x.npz") == expected(arrays)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_reads_every_header_version(tool, tmp_path, version):
    array = random_array("float32")
    with open(tmp_path / "x.npy", "wb") as file:
        np.lib.format.write_array(file, array, version=version)
    assert hashes(tool, tmp_path / "x.npy") == expected({"": array})


def test_reads_zip64_entries(tool, tmp_path):
    """Streams of unknown size are written with zip64 fields, as np.savez does for all."""
    array = random_array("float32")
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        with archive.open("x.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array(file, array)
    assert hashes(tool, tmp_path / "x.npz") == expected({"x": array})


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_reads_raw_types_on_request(tool, tmp_path, dtype):
    array = random_array("uint16").astype(dtype)
    np.savez(tmp_path / "x.npz", x=array)
    found = hashes(tool, tmp_path / "x.npz", "--raw-as", dtype)
    assert found == {"x": (dtype, array.shape, hashlib.sha256(array.tobytes()).hexdigest())}


def test_writes_what_numpy_loads(tool, tmp_path):
    arrays = every_layout()
    np.savez(tmp_path / "a.npz", **arrays)
    tool.run("convert", "--map", "none", tmp_path / "a.npz", "-o", tmp_path / "b.npz")
    assert zipfile.ZipFile(tmp_path / "b.npz").testzip() is None
    with np.load(tmp_path / "b.npz") as loaded:
        assert list(loaded.files) == list(arrays)
        assert expected({name: loaded[name] for name in loaded.files}) == expected(arrays)


def test_entries_are_those_of_np_save(tool, tmp_path):
    """Each member is, to the byte, the file np.save writes for the same array."""
    arrays = {name: array for name, array in every_layout().items() if "big" not in name}
    np.savez(tmp_path / "a.npz", **arrays)
    tool.run("convert", "--map", "none", tmp_path / "a.npz", "-o", tmp_path / "b.npz")
    with zipfile.ZipFile(tmp_path / "b.npz") as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, np.ascontiguousarray(array).reshape(array.shape))
            assert archive.read(f"{name}.npy") == buffer.getvalue(), name


def test_writes_bfloat16_as_ml_dtypes_does(tool, tmp_path):
    array = random_array("float32").astype(ml_dtypes.bfloat16)
    np.savez(tmp_path / "a.npz", x=array)
    result = tool.run("convert", "--map", "none", "--raw-as", "bfloat16", tmp_path / "a.npz",
                      "-o", tmp_path / "b.npz")
    assert "read them with .view(ml_dtypes.bfloat16) or --raw-as bfloat16" in result.stderr
    with np.load(tmp_path / "b.npz") as loaded:
        assert loaded["x"].view(ml_dtypes.bfloat16).tobytes() == array.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_writes_single_arrays_as_np_save_does(tool, tmp_path, dtype):
    array = random_array(dtype)
    np.savez(tmp_path / "a.npz", x=array)
    tool.run("convert", "--map", "none", tmp_path / "a.npz", "-o", tmp_path / "b.npy")
    np.save(tmp_path / "c.npy", array)
    assert (tmp_path / "b.npy").read_bytes() == (tmp_path / "c.npy").read_bytes()
