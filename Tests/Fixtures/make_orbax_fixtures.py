"""Writes the Orbax and zarr fixtures of this folder. Needs orbax-checkpoint and tensorstore
(Tests/Interop). Every array holds 0, 1, 2, … in C order, unless its name says otherwise.
"""
import os
import pathlib
import shutil

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import numpy as np
import orbax.checkpoint as ocp
import tensorstore as ts
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from orbax.checkpoint import msgpack_utils

OUT = pathlib.Path(__file__).resolve().parent / "orbax"


def ramp(shape, dtype="float32"):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def save(name, tree, ocdbt, zarr3):
    handler = ocp.PyTreeCheckpointHandler(use_ocdbt=ocdbt, use_zarr3=zarr3)
    with ocp.Checkpointer(handler) as checkpointer:
        checkpointer.save(OUT / name, tree)


def trees():
    tree = {"params": {"dense": {"kernel": ramp((3, 4)), "bias": ramp((4,), "bfloat16")}},
            "list": [ramp((2,), "int8"), {"x": ramp((2, 2), "float8_e4m3fn")}],
            "pair": (ramp((), "int32"), None), "step": 0, "text": "abc", "nothing": {},
            "dotted.key": {"a/b": ramp((2,))}}
    save("ocdbt", tree, True, False)
    save("folders", tree, False, False)
    mesh = Mesh(np.array(jax.devices()).reshape(4, 2), ("a", "b"))
    put = lambda array, *axes: jax.device_put(array, NamedSharding(mesh, PartitionSpec(*axes)))
    save("sharded", {"both": put(ramp((8, 6)), "a", "b"), "columns": put(ramp((3, 4)), None, "b"),
                     "replicated": put(ramp((3,)))}, True, True)


def steps():
    options = ocp.CheckpointManagerOptions(best_fn=lambda metrics: metrics["loss"])
    with ocp.CheckpointManager(OUT / "steps", options=options) as manager:
        for step in (1, 2):
            manager.save(step, args=ocp.args.StandardSave({"w": ramp((step,))}),
                         metrics={"loss": 1.5})
        manager.wait_until_finished()


def zarr():
    """Orders, byte orders, codecs, fill values: what Orbax does not write."""
    def write(name, metadata, driver="zarr", part=...):
        spec = {"driver": driver, "kvstore": f"file://{OUT}/zarr/{name}/", "metadata": metadata}
        array = ts.open(spec, create=True).result()
        array[part].write(ramp((5, 7), array.dtype.numpy_dtype)[part]).result()

    v2 = {"shape": [5, 7], "chunks": [3, 4], "dtype": "<f4", "compressor": None}
    write("fortran", v2 | {"order": "F"})
    write("big_endian", v2 | {"dtype": ">i4"})
    write("gzip", v2 | {"compressor": {"id": "gzip", "level": 1}})
    write("blosc", v2 | {"compressor": {"id": "blosc"}})
    write("slash", v2 | {"dimension_separator": "/", "compressor": {"id": "zlib", "level": 1}})
    v3 = {"shape": [5, 7], "data_type": "float32",
          "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [4, 4]}}}
    little = {"name": "bytes", "configuration": {"endian": "little"}}
    write("transposed", v3 | {"codecs": [
        {"name": "transpose", "configuration": {"order": [1, 0]}}, little,
        {"name": "zstd", "configuration": {"level": 1}}]}, "zarr3")
    write("checksum", v3 | {"codecs": [little, {"name": "crc32c"}]}, "zarr3")
    write("shards", v3 | {"codecs": [{"name": "sharding_indexed", "configuration": {
        "chunk_shape": [2, 1], "codecs": [little], "index_location": "start",
        "index_codecs": [little, {"name": "crc32c"}]}}]}, "zarr3")
    write("filled", v3 | {"codecs": [little], "fill_value": 7.5}, "zarr3", np.s_[4:, 4:])


def database():
    """A database with several versions, in numbered manifests, of nodes of a few keys each, which
    several data files hold, without compression."""
    store = ts.KvStore.open({"driver": "ocdbt", "base": f"file://{OUT}/database/", "config": {
        "manifest_kind": "numbered", "max_decoded_node_bytes": 300, "max_inline_value_bytes": 8,
        "compression": None, "version_tree_arity_log2": 1}}).result()
    for number in range(6):
        array = ts.open({"driver": "zarr", "kvstore": store.spec().to_json() | {
            "path": f"array_{number}/"}, "metadata": {"compressor": None}}, create=True,
            dtype=ts.int32, shape=[3]).result()
        array.write(ramp((3,), "int32")).result()


def aggregated():
    """The tree in a msgpack file, as Orbax once did and T5X does."""
    def write(name, array, chunks):
        ts.open({"driver": "zarr", "kvstore": f"file://{OUT}/aggregated/{name}/", "metadata": {
            "compressor": {"id": "gzip", "level": 1}, "chunks": chunks}}, create=True,
            dtype=array.dtype.name, shape=array.shape).result().write(array).result()

    write("target.kernel", ramp((6, 4)), [4, 4])
    write("target.bias", ramp((4,)), [4])
    leaf = {"driver": "zarr", "dtype": "float32", "metadata": {"shape": [6, 4]},
            "kvstore": {"driver": "file", "path": "target.kernel"}}
    tree = {"version": 3, "target": {"kernel": leaf, "bias": "PLACEHOLDER://target.bias"},
            "pair": (ramp((2,), "int32"), ramp((3,), "bfloat16"))}
    (OUT / "aggregated/checkpoint").write_bytes(msgpack_utils.msgpack_serialize(tree))


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    for make in (trees, steps, zarr, database, aggregated):
        make()
    # Orbax notes where it wrote, which is nobody else's folder.
    for note in OUT.rglob("commit_success.txt"):
        note.write_text(note.read_text().replace(str(OUT), OUT.name))


if __name__ == "__main__":
    main()
