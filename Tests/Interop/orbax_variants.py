"""Makes Orbax checkpoints, one folder per variant, and writes down what Orbax restores of each.

Run as a program: `python orbax_variants.py FOLDER`. It asks JAX for eight devices, which has to be
done before JAX starts. FOLDER/expected.json maps the variant's name to
{"tensors": {name: [dtype, shape, sha256]}, "values": [names of what is no tensor],
 "arguments": [of savi-ckpt, beside the folder]}.
"""
import hashlib
import json
import os
import pathlib
import sys

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_PLATFORMS"] = "cpu"

import flax.nnx as nnx
import flax.linen as nn
import flax.training.train_state
import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import optax
import orbax.checkpoint as ocp
import tensorstore as ts
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P

ROOT = pathlib.Path(sys.argv[1]).resolve() if __name__ == "__main__" else None
EXPECTED = {}
DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
          "float16", "bfloat16", "float32", "float64", "complex64", "complex128", "float8_e4m3fn",
          "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"]
LAYOUTS = {"ocdbt-zarr2": (True, False), "ocdbt-zarr3": (True, True),
           "folders-zarr2": (False, False), "folders-zarr3": (False, True)}


def random(shape, dtype="float32", seed=0):
    kind = np.dtype(dtype)
    data = np.random.default_rng(seed).integers(
        0, 256, (*shape[:-1], (shape or (1,))[-1] * kind.itemsize), dtype=np.uint8)
    array = data % 2 == 1 if kind == bool else data.view(kind)
    return array.reshape(shape)


def digest(leaf):
    array = np.asarray(leaf)
    return [array.dtype.name, list(array.shape),
            hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()]


def note(variant, tree, arguments=(), values=()):
    """Notes what Orbax restored of a variant: every leaf that is an array or a number."""
    tensors = {}
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        name = "/".join(str(getattr(k, "key", getattr(k, "idx", getattr(k, "name", None))))
                        for k in path)
        if not isinstance(leaf, str):
            tensors[name] = digest(leaf)
    EXPECTED[variant] = {"tensors": tensors, "arguments": list(arguments), "values": list(values)}


def save(variant, tree, ocdbt=True, zarr3=False, save_args=None, values=(), file_size=None,
         **options):
    handler = ocp.PyTreeCheckpointHandler(use_ocdbt=ocdbt, use_zarr3=zarr3, **options)
    with ocp.Checkpointer(handler) as checkpointer:
        checkpointer.save(ROOT / variant, args=ocp.args.PyTreeSave(
            tree, save_args=save_args, ocdbt_target_data_file_size=file_size))
        note(variant, checkpointer.restore(ROOT / variant), values=values)


def plain():
    tree = {dtype: random((5, 7), dtype, seed) for seed, dtype in enumerate(DTYPES)}
    tree["scalar"] = np.array(2.5, np.float32)
    leaves = {"params": {"dense": {"kernel": random((3, 4)), "bias": jnp.ones(4, jnp.bfloat16)}},
              "list": [random((2,), seed=1), {"x": random((2, 2), "int8")}],
              "tuple": (np.array(3, np.int32), None), "none": None, "dict": {}, "empty list": [],
              "step": 7, "rate": 0.5, "flag": True, "text": "abc", "numbers": {1: random((3,)),
                                                                              22: random((1,))},
              "a.b": {"c d/e": random((2, 3))}, "ключ": {"é": random((2,))}}
    values = ["dict", "empty list", "none", "text", "tuple/1"]
    for name, (ocdbt, zarr3) in LAYOUTS.items():
        save(f"dtypes-{name}", tree, ocdbt, zarr3)
        save(f"leaves-{name}", leaves, ocdbt, zarr3, values=values)


def sharded():
    devices = np.array(jax.devices()).reshape(4, 2)
    mesh = Mesh(devices, ("a", "b"))

    def put(array, *axes):
        return jax.device_put(array, NamedSharding(mesh, P(*axes)))

    tree = {"rows": put(random((8, 6)), "a"), "columns": put(random((6, 8)), None, "b"),
            "both": put(random((8, 4, 3)), "b", "a"), "one axis of two": put(random((16,)), ("a", "b")),
            "replicated": put(random((3, 5))), "half": put(random((4, 8), "bfloat16"), "a", "b"),
            "scalar": put(np.float32(4))}
    for name, (ocdbt, zarr3) in LAYOUTS.items():
        save(f"sharded-{name}", tree, ocdbt, zarr3)
    small = jax.tree.map(lambda _: ocp.SaveArgs(chunk_byte_size=40), tree)
    save("sharded-chunked-zarr3", tree, True, True, save_args=small)
    save("sharded-chunked-zarr2", tree, True, False, save_args=small)


def chunked():
    tree = {"matrix": jnp.asarray(random((30, 20))), "cube": jnp.asarray(random((8, 4, 6)))}
    args = jax.tree.map(lambda _: ocp.SaveArgs(chunk_byte_size=256), tree)
    for name, (ocdbt, zarr3) in LAYOUTS.items():
        save(f"chunked-{name}", tree, ocdbt, zarr3, save_args=args)
    save("small-data-files", {str(n): random((40, 50), seed=n) for n in range(20)},
         file_size=20_000)
    save("no-compression", tree, True, True, use_compression=False)


def many():
    tree = {f"layer_{n}": {"kernel": random((2, 3), seed=n), "bias": random((3,), seed=n)}
            for n in range(2500)}
    save("many", tree)


class Model(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.relu(nn.Conv(4, (3, 3))(x))
        return nn.Dense(3)(x.reshape((x.shape[0], -1)))


def states():
    model = Model()
    x = jnp.ones((1, 4, 4, 2))
    state = flax.training.train_state.TrainState.create(
        apply_fn=model.apply, params=model.init(jax.random.key(0), x)["params"],
        tx=optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(1e-3)))
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(ROOT / "linen-train-state", state)
        checkpointer.wait_until_finished()
        note("linen-train-state", checkpointer.restore(ROOT / "linen-train-state"),
             values=["opt_state/0", "opt_state/1/1", "opt_state/1/2"])

    class Network(nnx.Module):
        def __init__(self, rngs):
            self.layers = nnx.List([nnx.Linear(3, 4, rngs=rngs), nnx.BatchNorm(4, rngs=rngs)])
            self.out = nnx.Linear(4, 2, rngs=rngs)

    _, state = nnx.split(Network(nnx.Rngs(0)))
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(ROOT / "nnx-pure", nnx.to_pure_dict(state))
        checkpointer.save(ROOT / "nnx-state", state)
        checkpointer.wait_until_finished()
        for variant in ("nnx-pure", "nnx-state"):
            note(variant, checkpointer.restore(ROOT / variant))


def managers():
    def tree(step):
        return {"w": random((3, 4), seed=step), "step": step}

    with ocp.CheckpointManager(ROOT / "manager", options=ocp.CheckpointManagerOptions(
            max_to_keep=3)) as manager:
        for step in (1, 2, 10):
            manager.save(step, args=ocp.args.StandardSave(tree(step)))
        manager.wait_until_finished()
        note("manager", manager.restore(10))
    with ocp.CheckpointManager(ROOT / "manager-items", options=ocp.CheckpointManagerOptions(
            step_prefix="step", step_format_fixed_length=6)) as manager:
        for step in (3, 20):
            manager.save(step, args=ocp.args.Composite(
                state=ocp.args.StandardSave(tree(step)),
                extra=ocp.args.PyTreeSave({"m": random((2,), seed=step)}),
                info=ocp.args.JsonSave({"note": "abc"})))
        manager.wait_until_finished()
    note("manager-items", tree(20), ["--key", "state"])


def tensorstore_arrays():
    """Plain arrays by TensorStore itself: orders, byte orders, fill values, codecs, shards."""
    folder = ROOT / "tensorstore"
    zarr2 = {
        "fortran": {"order": "F", "dtype": "<f4", "chunks": [4, 3]},
        "big": {"dtype": ">i4", "chunks": [5, 7]}, "big-complex": {"dtype": ">c8", "chunks": [2, 7]},
        "gzip": {"dtype": "<f8", "chunks": [2, 2], "compressor": {"id": "gzip", "level": 1}},
        "zlib": {"dtype": "<u2", "chunks": [3, 9], "compressor": {"id": "zlib", "level": 1}},
        "slash": {"dtype": "|i1", "chunks": [2, 2], "dimension_separator": "/"},
        "raw": {"dtype": "<f4", "chunks": [5, 7], "compressor": None},
    }
    bytes_little = {"name": "bytes", "configuration": {"endian": "little"}}
    bytes_big = {"name": "bytes", "configuration": {"endian": "big"}}
    zstd = {"name": "zstd", "configuration": {"level": 1}}

    def shard(inner, codecs, location="end"):
        return {"name": "sharding_indexed", "configuration": {
            "chunk_shape": inner, "codecs": codecs, "index_location": location,
            "index_codecs": [bytes_little, {"name": "crc32c"}]}}

    transposed = {"name": "transpose", "configuration": {"order": [1, 0]}}
    zarr3 = {
        "v3-big": ("int16", [2, 3], [bytes_big]),
        "v3-gzip": ("float32", [5, 7], [bytes_little, {"name": "gzip", "configuration": {"level": 1}}]),
        "v3-crc": ("float32", [2, 4], [bytes_little, {"name": "crc32c"}]),
        "v3-crc-zstd": ("uint8", [2, 4], [bytes_little, zstd, {"name": "crc32c"}]),
        "v3-transpose": ("float64", [4, 4], [transposed, bytes_little, zstd]),
        "v3-shard": ("float32", [4, 4], [shard([2, 2], [bytes_little, zstd])]),
        "v3-shard-start": ("float32", [4, 4], [shard([4, 1], [transposed, bytes_big], "start")]),
        "v3-shard-twice": ("int32", [4, 8], [shard([4, 4], [shard([2, 2], [bytes_little])])]),
    }
    arrays = {}
    for name, metadata in zarr2.items():
        compressor = metadata.get("compressor", {"id": "zstd", "level": 1})
        spec = {"driver": "zarr", "kvstore": f"file://{folder}/{name}/", "metadata": {
            "shape": [5, 7], **metadata, "compressor": compressor}}
        arrays[name] = ts.open(spec, create=True).result()
    for name, (dtype, chunks, codecs) in zarr3.items():
        spec = {"driver": "zarr3", "kvstore": f"file://{folder}/{name}/", "metadata": {
            "shape": [5, 7], "data_type": dtype, "codecs": codecs,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunks}}}}
        arrays[name] = ts.open(spec, create=True).result()
    for seed, array in enumerate(arrays.values()):
        array.write(random((5, 7), array.dtype.numpy_dtype, seed)).result()
    for name, fill in {"fill": 1.5, "fill-nan": "NaN", "fill-bits": "0x7fc00001"}.items():
        spec = {"driver": "zarr3", "kvstore": f"file://{folder}/{name}/", "metadata": {
            "shape": [5, 7], "data_type": "float32", "fill_value": fill,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 3]}},
            "codecs": [bytes_little]}}
        arrays[name] = ts.open(spec, create=True).result()
        arrays[name][2:4, 1:4].write(np.float32(7)).result()
    note("tensorstore", {name: array.read().result() for name, array in arrays.items()})

    store = ts.KvStore.open({"driver": "ocdbt", "base": f"file://{ROOT}/numbered/",
                             "config": {"manifest_kind": "numbered", "max_decoded_node_bytes": 200,
                                        "max_inline_value_bytes": 1, "compression": None,
                                        "version_tree_arity_log2": 1}}).result()
    note("numbered", fill_database(store))
    store = ts.KvStore.open({"driver": "ocdbt", "base": f"file://{ROOT}/separate-metadata/",
                             "value_data_prefix": "data/", "btree_node_data_prefix": "meta/"})
    note("separate-metadata", fill_database(store.result()))


def fill_database(store):
    """Writes a dozen arrays into a database, a version each."""
    tree = {}
    for n in range(12):
        array = ts.open({"driver": "zarr", "kvstore": store.spec(retain_context=True).to_json()
                         | {"path": f"x{n}/"}, "metadata": {"compressor": None}},
                        create=True, dtype=ts.int32, shape=[3]).result()
        array.write(np.arange(3, dtype=np.int32) + n).result()
        tree[f"x{n}"] = np.arange(3, dtype=np.int32) + n
    return tree


def aggregated():
    """As Orbax saved before there was _METADATA, and as T5X does: a msgpack file with the tree, in
    which arrays stand for themselves or by where they are."""
    from orbax.checkpoint import msgpack_utils

    def write(folder, name, array, **metadata):
        array = np.asarray(array)
        spec = {"driver": "zarr", "dtype": array.dtype.name,
                "kvstore": {"driver": "file", "path": f"{folder}/{name}/"},
                "metadata": {"compressor": {"id": "gzip", "level": 1}, **metadata}}
        ts.open(spec, create=True, shape=array.shape).result().write(array).result()

    kernel, bias, inline = random((6, 4)), random((4,)), random((3,), "bfloat16")
    folder = ROOT / "aggregated"
    write(folder, "params.dense.kernel", kernel, chunks=[4, 4])
    write(folder, "params.dense.bias", bias)
    tree = {"params": {"dense": {"kernel": "PLACEHOLDER://params.dense.kernel",
                                 "bias": "PLACEHOLDER://params.dense.bias"}},
            "inline": inline, "pair": (np.float32(1), 2), "step": 5}
    (folder / "checkpoint").write_bytes(msgpack_utils.msgpack_serialize(tree))
    note("aggregated", {"params": {"dense": {"kernel": kernel, "bias": bias}}, "inline": inline,
                        "pair": (np.float32(1),)}, values=["pair/1", "step"])

    folder = ROOT / "t5x"
    write(folder, "target.decoder.kernel", kernel, chunks=[3, 4])
    leaf = {"driver": "zarr", "dtype": "float32",
            "kvstore": {"driver": "file", "path": "target.decoder.kernel"},
            "metadata": {"chunks": [3, 4], "compressor": {"id": "gzip"}, "shape": [6, 4]},
            "path": "", "transform": {"input_exclusive_max": [6, 4]}}
    tree = {"version": 3, "optimizer": {"target": {"decoder": {"kernel": leaf, "bias": bias}},
                                        "state": {"step": np.int32(9)}}}
    (folder / "checkpoint").write_bytes(msgpack_utils.msgpack_serialize(tree))
    note("t5x", {"optimizer": {"target": {"decoder": {"kernel": kernel, "bias": bias}},
                               "state": {"step": np.int32(9)}}}, values=["version"])


def main():
    for make in (plain, sharded, chunked, many, states, managers, tensorstore_arrays, aggregated):
        make()
    (ROOT / "expected.json").write_text(json.dumps(EXPECTED))


if __name__ == "__main__":
    main()
