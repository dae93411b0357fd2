"""Flax msgpack files against flax itself."""
import flax.serialization
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from conftest import PLAIN, SAMPLE, digests, found, random_array

ML = ["bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"]


def flatten(tree, prefix=""):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{key}/")
        else:
            yield prefix + key, value


def test_reads_every_dtype_and_structure(tool, tmp_path):
    tree = {
        "params": {dtype: random_array(dtype) for dtype in PLAIN},
        "more": {dtype: random_array("uint8").astype(dtype) for dtype in ML},
        "jax": jnp.arange(6, dtype=jnp.bfloat16).reshape(2, 3),
        "list": [np.ones(2, "float32"), (np.zeros(3, "int8"),)],
        "scalar": np.float32(2.5), "step": 7, "name": "text", "none": None, "flag": True,
        "complex": 1 + 2j, "nested": {"empty": {}, "zero": np.zeros((0, 2), "float16")},
    }
    path = tmp_path / "x.flax"
    path.write_bytes(flax.serialization.to_bytes(tree))
    state = flax.serialization.to_state_dict(tree)
    arrays = {k: np.asarray(v) for k, v in flatten(state)
              if isinstance(v, (np.ndarray, np.generic, jnp.ndarray))}
    assert found(tool, path) == digests(arrays)
    reasons = {row["name"]: row["reason"]
               for row in tool.json("ls", "ls", path)["placeholders"]}
    assert reasons == {"step": "int 7", "name": "str 'text'", "none": "None", "flag": "bool True",
                       "complex": "a Python complex number", "nested/empty": "an empty map"}


def test_reads_chunked_arrays_in_the_order_of_numbers(tool, tmp_path, monkeypatch):
    monkeypatch.setattr(flax.serialization, "MAX_CHUNK_SIZE", 64)
    array = np.arange(1000, dtype="float32").reshape(10, 100)
    path = tmp_path / "x.flax"
    path.write_bytes(flax.serialization.msgpack_serialize({"a": {"b": array}}))
    assert found(tool, path) == digests({"a/b": array})


def test_a_map_without_arrays_says_so(tool, tmp_path):
    path = tmp_path / "x.flax"
    path.write_bytes(flax.serialization.msgpack_serialize({"step": 3}))
    assert "Flax msgpack: no tensors, 1 other entry" in tool.run("ls", path).stdout


def test_writes_what_flax_restores(tool, tmp_path):
    arrays = {f"params/layer/{d}": random_array(d) for d in PLAIN}
    arrays |= {"params/scalar": np.asarray(np.float32(3)), "params/empty": np.zeros((0, 3), "int8")}
    np.savez(tmp_path / "a.npz", **arrays)
    path = tmp_path / "b.flax"
    tool.run("convert", "--map", "none", tmp_path / "a.npz", "-o", path)
    restored = dict(flatten(flax.serialization.msgpack_restore(path.read_bytes())))
    assert digests(restored) == digests(arrays)
    # Byte for byte what flax writes for the same tree.
    tree = {"params": {"layer": {d: arrays[f"params/layer/{d}"] for d in PLAIN},
                       "scalar": arrays["params/scalar"], "empty": arrays["params/empty"]}}
    assert path.read_bytes() == flax.serialization.msgpack_serialize(tree)


def test_four_forms_of_the_parameters_make_one_file(tool, tmp_path):
    """npz, HDF5, msgpack and a train state convert to the same PyTorch file, byte for byte."""
    import h5py
    with np.load(SAMPLE) as archive:
        flat = {name: archive[name] for name in archive.files}
    tree = {}
    for name, array in flat.items():
        *groups, leaf = name.split("/")
        node = tree
        for group in groups:
            node = node.setdefault(group, {})
        node[leaf] = array
    (tmp_path / "p.msgpack").write_bytes(flax.serialization.msgpack_serialize({"params": tree}))
    state = {"step": np.int32(5), "rng": np.zeros(2, "uint32"), "variables": {},
             "optimizer": {"target": tree, "state": {"step": np.int32(5)}}}
    (tmp_path / "ckpt-5.flax").write_bytes(flax.serialization.msgpack_serialize(state))
    with h5py.File(tmp_path / "p.h5", "w") as file:
        for name, array in flat.items():
            file[name] = array
    outputs = []
    for source in [SAMPLE, tmp_path / "p.msgpack", tmp_path / "ckpt-5.flax", tmp_path / "p.h5"]:
        target = tmp_path / "out.pt"
        tool.run("convert", source, "-o", target, "--force")
        outputs.append(target.read_bytes())
    assert all(output == outputs[0] for output in outputs)


@pytest.mark.parametrize("damage", [b"\x81\xa1a\xc7\xff\x01", b"\xdf\xff\xff\xff\xff\xa1a",
                                    b"\x81\xa1a\xdd\xff\xff\xff\xff", b"\x81\xa1a\xc1"])
def test_damaged_files_are_errors(tool, tmp_path, damage):
    path = tmp_path / "x.flax"
    path.write_bytes(damage)
    tool.run("ls", path, status=2)


def test_bfloat16_keeps_its_bits(tool, tmp_path):
    array = random_array("uint16").view(ml_dtypes.bfloat16)
    path = tmp_path / "x.flax"
    path.write_bytes(flax.serialization.msgpack_serialize({"x": array}))
    tool.run("convert", "--map", "none", path, "-o", tmp_path / "y.flax")
    assert (tmp_path / "y.flax").read_bytes() == path.read_bytes()


def test_integer_keys_and_bare_scalars(tool, tmp_path):
    import msgpack
    array = np.arange(3, dtype="int16")
    packed = msgpack.ExtType(1, flax.serialization._ndarray_to_bytes(array))
    (tmp_path / "x").write_bytes(msgpack.packb({0: packed, 10: {b"bytes": packed}}))
    assert found(tool, tmp_path / "x") == digests({"0": array, "10/bytes": array})
    (tmp_path / "y").write_bytes(flax.serialization.msgpack_serialize(np.float32(1)))
    assert found(tool, tmp_path / "y") == digests({"": np.float32(1)})
