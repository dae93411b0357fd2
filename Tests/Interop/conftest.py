"""Fixtures of the interop suite: the real binary, and the project's folders."""
import json
import os
import pathlib
import subprocess

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "Tests/Fixtures"
SAMPLE = ROOT / "samples/savi-small.flax.npz"


class Tool:
    """savi-ckpt, as a user runs it."""

    def __init__(self, path):
        self.path = path

    def run(self, *arguments, status=0):
        result = subprocess.run([self.path, *map(str, arguments)], capture_output=True, text=True)
        assert result.returncode == status, result.stderr
        return result

    def json(self, schema, *arguments):
        """The JSON output of a command, checked against its schema."""
        document = json.loads(self.run(*arguments, "--json").stdout)
        jsonschema.Draft202012Validator(load_schema(schema)).validate(document)
        return document


def load_schema(name):
    return json.loads((ROOT / f"schemas/{name}.schema.json").read_text())


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
