"""Makes the seeds that no fixture is, from the fixtures: one folder per fuzz target.

    python3 Fuzz/make_seeds.py FOLDER

Needs nothing but Python's standard library.
"""
import io
import json
import pathlib
import pickle
import struct
import sys
import tarfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
FIXTURES = ROOT / "Tests/Fixtures"


def npy_headers():
    """The header of every array of the NumPy fixtures."""
    for path in sorted((FIXTURES / "numpy").glob("*.npz")):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                data = archive.read(name)
                if data[:6] == b"\x93NUMPY":
                    start = 10 if data[6] == 1 else 12
                    size = int.from_bytes(data[8:start], "little")
                    yield data[start:start + size]


def pickles():
    """The pickle of every PyTorch fixture, and others in the oldest protocols."""
    for path in sorted((FIXTURES / "torch").glob("*.pt")):
        # Python insists on checksums.
        if zipfile.is_zipfile(path) and path.name != "no_crc.pt":
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if name.endswith(".pkl"):
                        yield archive.read(name)
    value = {"a": [1, -2.5, "é", b"b", None, True, 1 << 70], "b": {"c": (1, 2, {3})}}
    for protocol in range(6):
        yield pickle.dumps(value, protocol)


def distributed():
    """A distributed checkpoint's metadata and files, the first two behind their lengths."""
    parts = [(FIXTURES / "dcp/two" / name).read_bytes()
             for name in (".metadata", "__0_0.distcp", "__1_0.distcp")]
    yield b"".join(struct.pack("<H", len(part)) + part for part in parts[:2]) + parts[2]


def safetensors_headers():
    """Headers with their data behind a NUL."""
    def tensor(dtype, shape, begin, end):
        return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}

    yield json.dumps({}).encode() + b"\0"
    yield json.dumps({"a": tensor("F32", [2, 3], 0, 24), "b.c": tensor("I64", [], 24, 32),
                      "d": tensor("BF16", [0, 4], 32, 32)}).encode() + b"\0" + bytes(range(32))
    yield json.dumps({"__metadata__": {"format": "pt", "b": "a"},
                      "a": tensor("F8_E4M3", [8], 0, 8)}).encode() + b"    \0" + bytes(8)


def safetensors():
    for seed in safetensors_headers():
        header, data = seed.split(b"\0", 1)
        yield struct.pack("<Q", len(header)) + header + data


def safetensors_indexes():
    """An index and its one shard, behind 0xFF."""
    *_, shard, _ = safetensors()
    document = {"metadata": {"total_size": 32}, "weight_map": {"a": "s", "b.c": "s", "d": "s"}}
    yield json.dumps(document).encode() + b"\xff" + shard


def text(value):
    data = value.encode()
    return bytes([0xA0 | len(data)]) + data


def flax():
    """Arrays as flax.serialization writes them: an extension of (shape, dtype, bytes)."""
    def array(shape, dtype, data):
        body = (b"\x93" + bytes([0x90 | len(shape), *shape]) + text(dtype)
                + b"\xc4" + bytes([len(data)]) + data)
        return b"\xc7" + bytes([len(body), 1]) + body

    def mapping(**members):
        return bytes([0x80 | len(members)]) + b"".join(text(k) + v for k, v in members.items())

    kernel = array([2, 3], "float32", bytes(range(24)))
    yield mapping(params=mapping(kernel=kernel, bias=array([3], "bfloat16", bytes(6))),
                  step=b"\x07", rate=b"\xcb" + struct.pack(">d", 0.5), name=text("x"), none=b"\xc0")
    chunks = mapping(**{"0": array([3], "float32", bytes(12)), "1": array([3], "float32", bytes(12))})
    shape = mapping(**{"0": b"\x02", "1": b"\x03"})
    yield mapping(w=mapping(__msgpack_chunked_array__=b"\xc3", shape=shape, chunks=chunks))


def torch_tars():
    """A PyTorch 0.1 archive of one storage, a view of it, and two tensors."""
    def persistent(key):
        return b"X" + struct.pack("<I", len(key)) + key + b"Q"

    def triple(key, other, name):
        return (b"\x80\x02" + b"".join(b"X" + struct.pack("<I", len(s)) + s for s in (key, other))
                + b"ctorch\n" + name + b"\n\x87.")

    storages = (pickle.dumps(1, 2) + triple(b"10", b"cpu", b"FloatStorage") + struct.pack("<q", 12)
                + bytes(48) + pickle.dumps([("11", "10", 6, 6)], 2))
    tensors = pickle.dumps(2, 2)
    for key, storage, size, stride in [(b"1", b"10", (3, 4), (4, 1)), (b"2", b"11", (2, 3), (1, 2))]:
        tensors += triple(key, storage, b"FloatTensor")
        tensors += struct.pack("<ii2q2qq", 2, 0, *size, *stride, 0)
    state = (b"\x80\x02}(X\x01\x00\x00\x00a" + persistent(b"1") + b"X\x01\x00\x00\x00b"
             + persistent(b"2") + b"u.")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in [("sys_info", pickle.dumps({}, 2)), ("storages", storages),
                           ("tensors", tensors), ("pickle", state)]:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    yield buffer.getvalue()


def models():
    """Mappings of the tensors that the target has a file of: by role, by formula, in families."""
    def document(*rules):
        return json.dumps({"schema_version": 1, "name": "m", "title": "t",
                           "rules": list(rules)}).encode()

    drop = {"drop": "opt"}
    yield document({"target": "l_{n}.weight", "source": "D_{n}/kernel", "role": "dense.kernel",
                    "range": {"n": [0, 1]}},
                   {"constant": "scale", "shape": [2], "dtype": "float32", "value": 1},
                   {"alias": "m", "of": "l_0"}, drop)
    yield document({"target": "a.{n}", "source": "l_{n}.weight", "layout": "i o -> o i"},
                   {"target": "b", "sources": ["kernel", "bias"], "layout": "s i o -> (s o) i"},
                   {"target": "c", "source": "scale", "layout": "(a b) c -> b (a c)",
                    "sizes": {"a": 2}, "flip": ["c"]}, drop)


def schemas():
    yield b"""schema_version: 1
name: s
world: open
dimensions: {E: 32}
defaults: {finite: true}
tensors:
  - {name: "a.{n}.*", range: [1, 3], shape: [E, null, 5], dtype: [float32, float16]}
  - {name: "**bias", required: false, constant: 0, count: {min: 1, max: 8}}
  - {name: w, mean: {min: -1, max: 1}, std: {max: 2}, abs_max: {max: 9}, zero_fraction: {max: 0.5}}
  - {name: x, equals: w, duplicates: allow, centroid: [0.5, 0.25]}
  - {name: y, alias_of: x}
"""


def records():
    yield json.dumps({"schema_version": 1, "waivers": [
        {"file": "a.pt", "id": "W020", "tensor": "w", "reason": "known", "expires": "2999-12-31"},
    ]}).encode()
    side = {"file": "a.npz", "root": "0" * 64, "tensors": [
        {"name": "a", "dtype": "float32", "shape": [2], "sha256": "1" * 64}]}
    yield json.dumps({
        "schema_version": 1, "tool": {"name": "savi-ckpt", "version": "0.1.0"}, "map": None,
        "direction": None, "dtype": None,
        "selection": {"key": None, "include": ["a"], "exclude": []}, "source": side,
        "target": side, "tensors": [{"name": "a", "sources": ["a"], "role": "copy", "rule": None,
                                     "alias_of": None}]}).encode()
    head = {"schema_version": 1, "tool": {"name": "savi-ckpt", "version": "0.1.0"}}
    digest = "1" * 64
    error = {"kind": "bad_input", "file": "a", "entry": None, "message": "m", "advice": None}
    yield json.dumps({
        **head, "part": {"number": 1, "of": 2}, "arguments": ["hash", "a"],
        "checkpoints": [{"path": "a", "listing": {
            "path": "a", "format": "npz", "format_description": "NumPy npz", "notes": [],
            "files": ["a"], "identity": {"layout": digest, "samples": digest, "modified": 1},
            "count": 2, "sha256": digest, "first": 0, "entries": [
                {"name": "w", "name_in_file": "w", "dtype": "float32", "shape": [2],
                 "storage": {"key": "w", "file_offset": None, "offset": 0, "strides": [1],
                             "changes_values": False}},
                {"placeholder": "step", "kind": "value", "reason": "int 1", "value": 1,
                 "has_value": True, "is_metadata": False}]}},
            {"path": "b", "error": error}],
        "places": [{"path": "a", "found": ["a"]}],
        "documents": [{"path": "s.yaml", "sha256": digest}],
        "passes": [{"openings": 2, "number": 0, "count": 2, "sha256": digest, "outcomes": [
            {"item": 0, "outcome": digest}, {"item": 1, "error": error}]}]}).encode()
    yield json.dumps({**head, "command": ["hash"], "jobs": 1, "items": [
        {"path": "a", "job": 1, "bytes": 4, "modified": 1}]}).encode()
    yield json.dumps({"item": 0, "exit_code": 1, "seconds": 0.5, "message": "", "document": {
        "files": [{"findings": [{"severity": "error", "id": "W001", "message": "m"}]}]}}).encode()


def ocdbt(magic, paths):
    """The bodies of structures that are not compressed."""
    for path in sorted(paths):
        data = path.read_bytes()
        start = 0
        while (start := data.find(magic, start)) >= 0:
            size = int.from_bytes(data[start + 4:start + 12], "little")
            if data[start + 12:start + 14] == b"\0\0":
                yield data[start + 14:start + size - 4]
            start += 4


def ocdbt_nodes():
    yield from ocdbt(b"\x0c\xdb\x20\xde", (FIXTURES / "orbax/database/d").iterdir())


def ocdbt_manifests():
    yield from ocdbt(b"\x0c\xdb\x3a\x2a", (FIXTURES / "orbax/database").glob("manifest.*"))


def zarr():
    """The metadata of every array, whose one chunk gets the name by which the target looks for it."""
    for path in sorted((FIXTURES / "orbax/zarr").glob("*/*zarr*")):
        document = json.loads(path.read_text())
        if "chunk_key_encoding" in document:
            document["chunk_key_encoding"]["configuration"] = {"separator": "."}
        chunk = next(iter(sorted(path.parent.glob("0*")) + sorted(path.parent.glob("c/0/0"))), None)
        data = chunk.read_bytes() if chunk and chunk.is_file() else b""
        yield json.dumps(document).encode() + b"\xff" + data


def round_trips():
    yield from safetensors()
    yield from flax()


MAKERS = {
    "npy-header": npy_headers, "pickle": pickles, "dcp": distributed, "safetensors": safetensors, "flax": flax,
    "safetensors-header": safetensors_headers, "safetensors-index": safetensors_indexes,
    "torch-tar": torch_tars, "model": models, "schema": schemas,
    "ocdbt-node": ocdbt_nodes, "ocdbt-manifest": ocdbt_manifests, "zarr": zarr,
    "record": records, "round-trip": round_trips,
}


def main():
    for target, make in MAKERS.items():
        folder = pathlib.Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(make()):
            (folder / f"made-{number}").write_bytes(seed)


if __name__ == "__main__":
    main()
