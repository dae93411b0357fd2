"""Fixtures of the interop suite: the real binary, and the project's folders."""
import functools
import hashlib
import json
import os
import pathlib
import subprocess
import sys

import jsonschema
import numpy as np
import pytest
import referencing

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "Tests/Fixtures"
SAMPLE = ROOT / "samples/savi-small.flax.npz"

# The package as a user has it after installing the wheel.
sys.path.insert(0, str(ROOT / "python"))


class Tool:
    """savi-ckpt, as a user runs it."""

    def __init__(self, path):
        self.path = path

    def run(self, *arguments, status=0):
        """Runs a command that is to end with an exit code; None allows any."""
        result = subprocess.run([self.path, *map(str, arguments)], capture_output=True, text=True)
        assert status is None or result.returncode == status, result.stderr
        return result

    def json(self, schema, *arguments):
        """The JSON output of a command, checked against its schema."""
        document = json.loads(self.run(*arguments, "--json").stdout)
        validator(schema).validate(document)
        return document


TABLE = pytest.StashKey[list]()


def pytest_configure(config):
    config.stash[TABLE] = []


@pytest.fixture(scope="session")
def suggest_table(request):
    """Rows that are shown at the end: family, tensors, rules, open questions, wrong tensors."""
    return request.config.stash[TABLE]


def pytest_terminal_summary(terminalreporter, config):
    if config.stash[TABLE]:
        terminalreporter.section("map suggest on a new model's names, beside transformers")
        for row in [["family", "tensors", "rules", "questions", "wrong"], *config.stash[TABLE]]:
            terminalreporter.write_line("{:12}{:>9}{:>9}{:>11}{:>9}".format(*row))


@functools.cache
def schemas():
    """The project's JSON Schemas, which refer to one another by their names."""
    documents = [json.loads(path.read_text()) for path in (ROOT / "schemas").glob("*.schema.json")]
    return referencing.Registry().with_resources(
        (document["$id"], referencing.Resource.from_contents(document)) for document in documents)


def validator(name):
    """What holds a document against schemas/NAME.schema.json."""
    return jsonschema.Draft202012Validator(
        {"$ref": f"https://savi-ckpt.invalid/schemas/{name}.schema.json"}, registry=schemas())


@pytest.fixture(scope="session")
def tool():
    path = os.environ.get("SAVI_CKPT", str(ROOT / ".build/release/savi-ckpt"))
    assert os.access(path, os.X_OK), f"{path} is not built: run make build"
    return Tool(path)


@pytest.fixture(scope="session")
def sample_pt(tool, tmp_path_factory):
    """The sample, converted."""
    path = tmp_path_factory.mktemp("sample") / "savi-small.pt"
    tool.run("convert", SAMPLE, "-o", path)
    return path


def digests(arrays):
    """Name to (dtype, shape, SHA-256 of the elements in C order), as hash --json reports."""
    result = {}
    for name, array in arrays.items():
        array = np.asarray(array)
        little = array.astype(array.dtype.newbyteorder("<")) if array.dtype.isnative is False \
            else array
        result[name] = (array.dtype.name, array.shape,
                        hashlib.sha256(little.tobytes()).hexdigest())
    return result


def found(tool, path, *options):
    """The same of a file, by the tool."""
    document = tool.json("hash", "hash", path, *options)
    return {row["name"]: (row["dtype"], tuple(row["shape"]), row["sha256"])
            for row in document["tensors"]}


def root(tool, path, *options):
    return tool.json("hash", "hash", path, *options)["root"]


def random_array(dtype, shape=(5, 7), seed=3):
    """Random bits as a dtype NumPy or ml_dtypes knows."""
    import ml_dtypes  # noqa: F401, registers its names
    kind = np.dtype(dtype)
    data = np.random.default_rng(seed).integers(
        0, 256, size=(*shape[:-1], shape[-1] * kind.itemsize), dtype=np.uint8)
    return data % 2 == 1 if kind == bool else data.view(kind)


PLAIN = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
         "float16", "float32", "float64", "complex64", "complex128"]
