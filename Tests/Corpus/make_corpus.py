"""Makes a corpus of wrong weights from the sample checkpoint: one file per kind of damage.

    python3 Tests/Corpus/make_corpus.py FOLDER [SAVI_CKPT]

Needs nothing but Python's standard library and the binary. Beside the files it writes
`manifest.json`: for each the schema to validate it against, the id and the tensor of the finding it
must raise, and the exit code. safetensors is the format of the damage because its bytes are plain:
a JSON header, then the elements.
"""
import array
import json
import pathlib
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
CONV = "encoder.backbone.cnn_layers.conv_{}.weight"


class Checkpoint:
    """Tensors in memory: name to (dtype, shape, elements as float32 or raw bytes)."""

    def __init__(self, path):
        data = pathlib.Path(path).read_bytes()
        size, = struct.unpack("<Q", data[:8])
        header = json.loads(data[8:8 + size])
        self.metadata = header.pop("__metadata__", None)
        self.tensors = {}
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            raw = data[8 + size + begin:8 + size + end]
            self.tensors[name] = [entry["dtype"], entry["shape"], array.array("f", raw)]

    def __getitem__(self, name):
        return self.tensors[name]

    def values(self, name):
        return self.tensors[name][2]

    def write(self, path):
        header, blobs, offset = {}, [], 0
        if self.metadata:
            header["__metadata__"] = self.metadata
        for name, (dtype, shape, values) in self.tensors.items():
            blob = values if isinstance(values, bytes) else values.tobytes()
            header[name] = {"dtype": dtype, "shape": shape,
                            "data_offsets": [offset, offset + len(blob)]}
            offset += len(blob)
            blobs.append(blob)
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def rearranged(values, shape, source):
    """The elements with the one at `index` taken from `source(index)`."""
    strides = [1] * len(shape)
    for axis in range(len(shape) - 2, -1, -1):
        strides[axis] = strides[axis + 1] * shape[axis + 1]
    result = array.array("f", values)
    for position in range(len(values)):
        index = [position // stride % extent for stride, extent in zip(strides, shape)]
        result[position] = values[sum(i * s for i, s in zip(source(index), strides))]
    return result


DAMAGE = []


def damage(identifier, tensor=None, schema="tolerant.yaml", status=1, **options):
    """Registers a kind of damage; the function's name is the file's."""
    def register(function):
        DAMAGE.append((function, identifier, tensor, schema, status, options))
        return function
    return register


@damage("W001", CONV.format(2))
def renamed(c):
    """A tensor under another name: a layer was renamed in the code, not in the file."""
    c.tensors["encoder.backbone.cnn_layers.conv2.weight"] = c.tensors.pop(CONV.format(2))


@damage("W001", "predictor.w_o.bias")
def missing(c):
    del c.tensors["predictor.w_o.bias"]


@damage("W001", "encoder.backbone.cnn_layers.conv_3.bias")
def missing_from_a_range(c):
    del c.tensors["encoder.backbone.cnn_layers.conv_3.bias"]


@damage("W001", "corrector.w_q", schema="savi-small")
def wrapped_module(c):
    """Saved from DataParallel: everything below 'module', and one name lost on the way."""
    del c.tensors["corrector.w_q"]
    c.tensors = {f"module.{name}": value for name, value in c.tensors.items()}


@damage("W041", schema="savi-small")
def below_a_key(c):
    c.tensors = {f"model.{name}": value for name, value in c.tensors.items()}


@damage("W002", "optimizer.step")
def leftover(c):
    c.tensors["optimizer.step"] = ["F32", [1], array.array("f", [1])]


@damage("W010", CONV.format(0))
def reshaped(c):
    c[CONV.format(0)][1] = [32, 75]


@damage("W010", "encoder.pos_emb.output_transform.model.dense_mlp_0.weight")
def transposed_shape(c):
    c["encoder.pos_emb.output_transform.model.dense_mlp_0.weight"][1] = [32, 64]


@damage("W010", CONV.format(0), schema="savi-small")
def kernel_as_flax_has_it(c):
    """HWIO instead of OIHW, in one layer."""
    c[CONV.format(0)][1] = [5, 5, 3, 32]


@damage("W012", "predictor.w_o.weight")
def recast_to_half(c):
    tensor = c["predictor.w_o.weight"]
    tensor[0], tensor[2] = "F16", struct.pack(f"<{len(tensor[2])}e", *tensor[2])


@damage("W012", "decoder.mask_pred.bias")
def recast_to_integers(c):
    tensor = c["decoder.mask_pred.bias"]
    tensor[0], tensor[2] = "I32", bytes(4 * len(tensor[2]))


@damage("W020", "predictor.w_o.weight")
def nan(c):
    c.values("predictor.w_o.weight")[77] = float("nan")


@damage("W021", "predictor.w_o.weight")
def infinite(c):
    c.values("predictor.w_o.weight")[78] = float("-inf")


@damage("W027", "predictor.w_o.weight")
def zeroed(c):
    c["predictor.w_o.weight"][2] = array.array("f", bytes(4 * 128 * 128))


@damage("W026", "predictor.mlp.model.dense_mlp_0.weight")
def dead_units(c):
    """A tenth of the units lost all their weights."""
    values = c.values("predictor.mlp.model.dense_mlp_0.weight")
    for row in range(0, 256, 10):
        for column in range(128):
            values[row * 128 + column] = 0


@damage("W028", "corrector.w_k")
def filled(c):
    c["corrector.w_k"][2] = array.array("f", [0.02] * (32 * 128))


@damage("W022", "corrector.layernorm_input.weight")
def drifted_constant(c):
    c.values("corrector.layernorm_input.weight")[3] = 1.01


@damage("W023", "predictor.w_o.weight")
def shifted(c):
    c["predictor.w_o.weight"][2] = array.array("f", [v + 0.05 for v in c.values("predictor.w_o.weight")])


@damage("W024", "predictor.w_o.weight")
def exploded(c):
    c["predictor.w_o.weight"][2] = array.array("f", [3 * v for v in c.values("predictor.w_o.weight")])


@damage("W025", "predictor.w_o.weight")
def outlier(c):
    c.values("predictor.w_o.weight")[5] = 2.5


@damage("W040", "predictor.w_o.weight", status=0)
def transposed_square(c):
    tensor = c["predictor.w_o.weight"]
    tensor[2] = rearranged(tensor[2], tensor[1], lambda i: [i[1], i[0]])


@damage("W040", "decoder.backbone.cnn_layers.conv_3.weight", status=0)
def flipped_kernel(c):
    tensor = c["decoder.backbone.cnn_layers.conv_3.weight"]
    tensor[2] = rearranged(tensor[2], tensor[1], lambda i: [i[0], i[1], 4 - i[2], 4 - i[3]])


@damage("W040", CONV.format(1), status=0)
def transposed_kernel(c):
    tensor = c[CONV.format(1)]
    tensor[2] = rearranged(tensor[2], tensor[1], lambda i: [i[1], i[0], i[2], i[3]])


@damage("W040", "corrector.gru.weight_hh", schema="savi-small", status=0, against=True)
def transposed_gates(c):
    """Each gate's matrix transposed: only the source tells."""
    tensor = c["corrector.gru.weight_hh"]
    tensor[2] = rearranged(
        tensor[2], tensor[1], lambda i: [i[0] // 128 * 128 + i[1], i[0] % 128])


@damage("W042", CONV.format(1), schema="savi-small", status=0, against=True)
def exchanged_layers(c):
    a, b = CONV.format(1), CONV.format(3)
    c.tensors[a], c.tensors[b] = c.tensors[b], c.tensors[a]


@damage("W042", CONV.format(2), schema="exact.json")
def exchanged_content(c):
    a, b = CONV.format(1), CONV.format(2)
    c.tensors[a], c.tensors[b] = c.tensors[b], c.tensors[a]


@damage("W030", "corrector.w_v", schema="exact.json")
def one_bit(c):
    blob = bytearray(c.values("corrector.w_v").tobytes())
    blob[1000] ^= 1
    c["corrector.w_v"][2] = array.array("f", bytes(blob))


@damage("W031", CONV.format(2), status=0)
def copied_layer(c):
    c[CONV.format(2)][2] = c.values(CONV.format(1))


@damage("W005", "processor.corrector.w_q", schema="savi-small")
def split_alias(c):
    """A second name with elements of its own: loading gives whichever comes last."""
    c.metadata = None
    second = array.array("f", c.values("corrector.w_q"))
    second[0] += 1
    c.tensors["processor.corrector.w_q"] = ["F32", [1, 128, 128], second]


@damage("W004", "processor.predictor.w_o.bias", schema="savi-small", status=0)
def lost_alias(c):
    del c.metadata["processor.predictor.w_o.bias"]


@damage("W011", "predictor.mlp.model.dense_mlp_0.weight", schema="dimensions.yaml")
def wider_layer(c):
    """A layer for slots of another width than the rest of the model has."""
    c.tensors["predictor.mlp.model.dense_mlp_0.weight"] = [
        "F32", [256, 130], array.array("f", [0.01 * (n % 7) for n in range(256 * 130)])]


@damage("W003", "**.conv_{n}.bias", schema="dimensions.yaml")
def fewer_layers(c):
    del c.tensors["encoder.backbone.cnn_layers.conv_0.bias"]


@damage("W032", "corrector.layernorm_q.weight", schema="dimensions.yaml")
def untied(c):
    c.values("corrector.layernorm_q.weight")[0] = 1.5


@damage("W051", schema="dimensions.yaml", status=2)
def empty(c):
    c.tensors, c.metadata = {}, None


def main():
    folder = pathlib.Path(sys.argv[1])
    tool = sys.argv[2] if len(sys.argv) > 2 else str(ROOT / ".build/release/savi-ckpt")
    folder.mkdir(parents=True, exist_ok=True)

    def run(*arguments):
        subprocess.run([tool, *map(str, arguments)], check=True)

    sample, good = ROOT / "samples/savi-small.flax.npz", folder / "good.safetensors"
    run("convert", sample, "-o", good, "--force", "--quiet")
    run("schema", "generate", good, "-o", folder / "tolerant.yaml", "--force")
    run("schema", "generate", good, "--exact", "-o", folder / "exact.json", "--force")
    (folder / "dimensions.yaml").write_text((HERE / "dimensions.yaml").read_text())

    manifest = []

    def record(name, identifier, tensor, schema, status, against=False):
        manifest.append({"file": name, "schema": schema, "id": identifier, "tensor": tensor,
                         "status": status, "against": str(sample) if against else None})

    for function, identifier, tensor, schema, status, options in DAMAGE:
        checkpoint = Checkpoint(good)
        function(checkpoint)
        name = f"{function.__name__}.safetensors"
        checkpoint.write(folder / name)
        record(name, identifier, tensor, schema, status, **options)

    # Damage to the file itself.
    whole = good.read_bytes()
    (folder / "truncated.safetensors").write_bytes(whole[:-1000])
    record("truncated.safetensors", "W050", None, "tolerant.yaml", 2)
    (folder / "page.safetensors").write_text("<!DOCTYPE html><html>404: not found</html>\n")
    record("page.safetensors", "W050", None, "tolerant.yaml", 2)
    (folder / "pointer.safetensors").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 3583000\n")
    record("pointer.safetensors", "W050", None, "tolerant.yaml", 2)
    (folder / "flax.npz").write_bytes(sample.read_bytes())
    record("flax.npz", "W041", None, "savi-small", 1)
    objects = ROOT / "Tests/Fixtures/numpy/placeholders.npz"
    (folder / "objects.npz").write_bytes(objects.read_bytes())
    (folder / "open.yaml").write_text(
        "schema_version: 1\nname: open\nworld: open\ntensors:\n  - {name: \"**\", required: false}\n")
    record("objects.npz", "W013", None, "open.yaml", 1)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    print(f"{len(manifest)} kinds of damage in {folder}")


if __name__ == "__main__":
    main()
