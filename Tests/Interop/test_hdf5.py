"""HDF5 files against h5py and Keras."""
import os
import subprocess

import h5py
import ml_dtypes
import numpy as np
import pytest

from conftest import PLAIN, digests, found, random_array

os.environ.setdefault("KERAS_BACKEND", "numpy")


def test_reads_every_dtype_in_groups(tool, tmp_path):
    arrays = {f"group/{i % 3}/{dtype}": random_array(dtype) for i, dtype in enumerate(PLAIN)}
    arrays |= {f"big/{d}": random_array(d).astype(np.dtype(d).newbyteorder(">"))
               for d in PLAIN if d != "bool"}
    arrays |= {"scalar": np.float32(2.5), "empty": np.zeros((0, 3), "int16")}
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array)
    assert found(tool, tmp_path / "x.h5") == digests(arrays)


@pytest.mark.parametrize("options", [
    {"chunks": (3, 5)}, {"chunks": True, "compression": "gzip"},
    {"chunks": (4, 4), "compression": "gzip", "shuffle": True, "fletcher32": True},
    {"chunks": (7, 3), "fletcher32": True}, {"chunks": (2, 40), "shuffle": True},
])
@pytest.mark.parametrize("libver", ["earliest", "v108", "v110"])
def test_reads_chunks_and_filters(tool, tmp_path, options, libver):
    arrays = {dtype: random_array(dtype, (23, 17)) for dtype in PLAIN}
    with h5py.File(tmp_path / "x.h5", "w", libver=libver) as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, maxshape=(None, None), **options)
    assert found(tool, tmp_path / "x.h5") == digests(arrays)


def test_filters_in_any_order_and_partly_left_out(tool, tmp_path):
    array = random_array("int32", (64, 64)) % 5
    with h5py.File(tmp_path / "x.h5", "w") as file:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((16, 64))
        plist.set_deflate(6)
        plist.set_fletcher32()
        plist.set_shuffle()
        space = h5py.h5s.create_simple((64, 64))
        dataset = h5py.Dataset(h5py.h5d.create(
            file.id, b"x", h5py.h5t.STD_I32LE, space, plist))
        dataset[...] = array
        raw = file.create_dataset("raw", (64, 64), "int32", chunks=(16, 64), compression="gzip",
                                  shuffle=True)
        for row in range(0, 64, 16):
            # All filters left out of every other chunk, as for data that does not compress.
            if row % 32 == 0:
                raw.id.write_direct_chunk((row, 0), array[row:row + 16].tobytes(), 0b11)
            else:
                raw[row:row + 16] = array[row:row + 16]
    assert found(tool, tmp_path / "x.h5") == digests({"x": array, "raw": array})


@pytest.mark.parametrize("size", [512, 1024, 8192])
def test_user_blocks(tool, tmp_path, size):
    array = random_array("float32", (10, 10))
    with h5py.File(tmp_path / "x.h5", "w", userblock_size=size) as file:
        file["plain"] = array
        file.create_dataset("chunked", data=array, chunks=(3, 3), compression="gzip")
    assert found(tool, tmp_path / "x.h5") == digests({"plain": array, "chunked": array})


def test_fill_values_of_chunks_never_written(tool, tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        partial = file.create_dataset("partial", (10, 10), "float32", chunks=(4, 4), fillvalue=7)
        partial[0:4, 0:4] = 1
        file.create_dataset("never", (3, 3), "float64", fillvalue=-2)
        expected = {"partial": partial[()], "never": np.full((3, 3), -2.0)}
    assert found(tool, tmp_path / "x.h5") == digests(expected)


def test_compact_links_and_opaque(tool, tmp_path):
    array = random_array("float32", (4, 4))
    half = array.astype(ml_dtypes.bfloat16)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_layout(h5py.h5d.COMPACT)
        compact = h5py.Dataset(h5py.h5d.create(
            file.id, b"compact", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((4, 4)), plist))
        compact[...] = array
        file["hard"] = compact
        file["soft"] = h5py.SoftLink("/compact")
        named = file.create_dataset("bfloat16", data=half.view("V2"))
        named.attrs["dtype"] = "bfloat16"
    expected = {name: array for name in ["compact", "hard", "soft"]} | {"bfloat16": half}
    assert found(tool, tmp_path / "x.h5") == digests(expected)
    rows = tool.json("ls", "ls", tmp_path / "x.h5")["tensors"]
    assert {row["name"]: row["alias_of"] for row in rows}["hard"] == "compact"


def test_what_points_elsewhere_is_never_followed(tool, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["x"] = np.ones(3)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["link"] = h5py.ExternalLink("other.h5", "/x")
        layout = h5py.VirtualLayout((3,), "float64")
        layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "x", (3,))
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("external", (3,), "float64",
                            external=[(str(tmp_path / "raw"), 0, h5py.h5f.UNLIMITED)])
        file["dangling"] = h5py.SoftLink("/nowhere")
        file["null"] = h5py.Empty("f4")
        file["text"] = "hello"
        file.create_dataset("records", data=np.zeros(2, [("a", "f4"), ("b", "i4")]))
        file.create_group("loop")["up"] = file["/"]
        file["x"] = np.ones(3)
    document = tool.json("ls", "ls", tmp_path / "x.h5")
    assert [row["name"] for row in document["tensors"]] == ["x"]
    reasons = {row["name"]: row["reason"] for row in document["placeholders"]}
    assert reasons["link"] == "a link into another file, which is never followed"
    assert "never followed" in reasons["virtual"] and "never followed" in reasons["external"]
    assert "leads nowhere" in reasons["dangling"]
    assert "null dataspace" in reasons["null"]
    assert reasons["text"] == "strings"
    assert reasons["records"] == "a compound of 2 members"
    assert reasons["loop/up"] == "a link back to a group that contains it"


def test_lzf_and_scale_offset(tool, tmp_path):
    random = np.random.default_rng(0)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for size in (3, 500, 5000):
            data = random.integers(0, 4, (size, 7))
            for shuffle in (False, True):
                file.create_dataset(f"lzf/{size}/{shuffle}", data=data.astype("f8"), chunks=(64, 7)
                                    if size > 64 else None, compression="lzf", shuffle=shuffle)
            for dtype in ("i1", "u2", ">i4", "<i8", "u8"):
                file.create_dataset(f"integers/{size}/{dtype}", data=data.astype(dtype) * 5 + 1,
                                    scaleoffset=0, chunks=True, fillvalue=None)
            file.create_dataset(f"filled/{size}", (size + 20, 7), "i4", scaleoffset=0, chunks=(8, 7),
                                fillvalue=-3)[:size] = data
            for dtype in ("<f4", ">f8"):
                file.create_dataset(f"floats/{size}/{dtype}", data=random.normal(size=(size, 3))
                                    .astype(dtype), scaleoffset=3, chunks=True)
    with h5py.File(tmp_path / "x.h5") as file:
        arrays = {}
        file.visititems(lambda name, item: arrays.update({name: item[()]})
                        if isinstance(item, h5py.Dataset) else None)
    assert found(tool, tmp_path / "x.h5") == digests(arrays)


def test_objects_of_a_newer_format_are_said_to_be_so(tool, tmp_path):
    """HDF5 2 compresses with messages that the system's library may not know."""
    with h5py.File(tmp_path / "x.h5", "w", libver="latest") as file:
        file.create_dataset("x", data=np.arange(100.0), chunks=(10,), compression="gzip")
    document = tool.json("ls", "ls", tmp_path / "x.h5")
    assert document["tensors"] or "newer version" in document["placeholders"][0]["reason"]


def test_sizes_without_data_are_not_allocated(tool, tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("row", (1, 2**40), "u1", chunks=(1, 2**22))
        file.create_dataset("never", (2**50,), "u1")
        file["x"] = np.ones(3)
    assert list(found(tool, tmp_path / "x.h5", "--include", "^x$")) == ["x"]
    reasons = {row["name"]: row["reason"]
               for row in tool.json("ls", "ls", tmp_path / "x.h5")["placeholders"]}
    assert reasons["row"] == "uint8 (1, 1099511627776), expanded from 0 bytes"


@pytest.mark.parametrize("libver", ["earliest", "v108", "v110", "latest"])
def test_many_links_of_every_library_version(tool, tmp_path, libver):
    arrays = {f"g/{n:03}": np.float32(n) for n in range(300)}
    with h5py.File(tmp_path / "x.h5", "w", libver=libver) as file:
        for name, array in arrays.items():
            file[name] = array
    assert found(tool, tmp_path / "x.h5") == digests(arrays)


def test_damaged_files_end_in_one_line(tool, tmp_path):
    """libhdf5 crashes or loops on some of these; the tool must not."""
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for n in range(20):
            file.create_dataset(f"g{n % 4}/d{n}", data=np.arange(64.0).reshape(8, 8),
                                chunks=(4, 4), compression="gzip")
    good = (tmp_path / "x.h5").read_bytes()
    generator = np.random.default_rng(5)
    path = tmp_path / "bad.h5"
    for n in range(150):
        data = bytearray(good)
        for _ in range(1 + n % 6):
            data[int(generator.integers(8, len(data)))] = int(generator.integers(256))
        path.write_bytes(data if n % 5 else data[:int(generator.integers(9, len(data)))])
        result = subprocess.run([tool.path, "stats", path], capture_output=True, text=True,
                                timeout=120)
        assert result.returncode in (0, 2), (n, result.returncode, result.stderr)
        if result.returncode == 2:
            assert result.stderr.count("\n") == 1, result.stderr
            assert result.stderr.startswith("savi-ckpt: error: ")


def test_writes_what_h5py_reads(tool, tmp_path):
    arrays = {f"layer/{dtype}": random_array(dtype, (40, 30)) for dtype in PLAIN}
    arrays |= {"scalar": np.float32(1), "empty": np.zeros((0, 2), "float32"),
               "row": random_array("float32", (2000, 300))}
    np.savez(tmp_path / "a.npz", **arrays)
    for options in [[], ["--gzip", "4"]]:
        tool.run("convert", "--map", "none", tmp_path / "a.npz", "-o", tmp_path / "b.h5",
                 "--force", *options)
        with h5py.File(tmp_path / "b.h5") as file:
            read = {name: file[name][()] for name in arrays}
            assert digests(read) == digests(arrays)
            assert (file["row"].compression == "gzip") == bool(options)
        assert found(tool, tmp_path / "b.h5") == digests(arrays)


def test_keras_models(tool, tmp_path):
    import keras
    model = keras.Sequential([
        keras.Input((4,)), keras.layers.Dense(3, name="zeta"), keras.layers.Dense(2, name="alpha")],
        name="net")
    values = {"zeta": model.get_layer("zeta").get_weights(),
              "alpha": model.get_layer("alpha").get_weights()}
    model.save(tmp_path / "m.keras")
    model.save_weights(tmp_path / "m.weights.h5")
    for path, kind in [("m.keras", "Keras archive"), ("m.weights.h5", "HDF5")]:
        result = tool.run("ls", tmp_path / path)
        assert kind in result.stdout
        rows = found(tool, tmp_path / path)
        expected = {row for name in values for row in digests(dict(enumerate(values[name]))).values()}
        assert expected == set(rows.values())
    listing = tool.json("ls", "ls", tmp_path / "m.keras")
    config = {row["name"]: row["reason"] for row in listing["placeholders"]}
    assert '"Sequential"' in config["config.json"]


def keras_2_file(path, split):
    """What Keras 2's save_weights writes: names in attributes, split where they are long."""
    with h5py.File(path, "w") as file:
        group = file.create_group("model_weights")
        layers = [b"zeta", b"alpha"]
        if split:
            group.attrs["layer_names0"], group.attrs["layer_names1"] = [layers[0]], [layers[1]]
        else:
            group.attrs["layer_names"] = layers
        for layer in ["zeta", "alpha"]:
            sub = group.create_group(layer)
            sub.attrs["weight_names"] = [f"{layer}/kernel:0".encode(), f"{layer}/bias:0".encode()]
            sub[f"{layer}/kernel:0"] = np.ones((2, 2), "float32")
            sub[f"{layer}/bias:0"] = np.zeros(2, "float32")
        file.create_group("optimizer_weights").attrs["weight_names"] = [b"iterations:0"]
        file["optimizer_weights/iterations:0"] = np.int64(3)
        file.attrs["keras_version"] = "2.11.0"
        file.attrs["model_config"] = '{"class_name": "Sequential"}'


@pytest.mark.parametrize("split", [False, True])
def test_keras_2_files_list_weights_in_the_model_s_order(tool, tmp_path, split):
    keras_2_file(tmp_path / "x.h5", split)
    document = tool.json("ls", "ls", tmp_path / "x.h5")
    assert [row["name"] for row in document["tensors"]] == [
        "model_weights/zeta/zeta/kernel:0", "model_weights/zeta/zeta/bias:0",
        "model_weights/alpha/alpha/kernel:0", "model_weights/alpha/alpha/bias:0",
        "optimizer_weights/iterations:0"]
    reasons = {row["name"]: row["reason"] for row in document["placeholders"]}
    assert reasons["@model_config"] == 'attribute: {"class_name": "Sequential"}'
