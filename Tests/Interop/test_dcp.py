"""Distributed checkpoints of one and of four processes against what PyTorch reads from them."""
import pathlib
import shutil
import subprocess
import sys

import pytest
import torch

from conftest import found
from test_pytorch import expected

SINGLE = ["plain", "train_state", "special", "threads", "file_per_tensor", "hugging_face"]
FOUR = [*SINGLE, "rows", "columns", "replicated", "grid", "hybrid", "twice"]


@pytest.fixture(scope="session", params=[1, 4], ids=["one_process", "four_processes"])
def checkpoints(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(f"dcp{request.param}")
    script = pathlib.Path(__file__).with_name("dcp.py")
    subprocess.run([sys.executable, "-W", "ignore", script, folder, str(request.param)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder, SINGLE if request.param == 1 else FOUR


def flat(value, name=""):
    """Names joined by dots to the tensors below `value`."""
    if isinstance(value, torch.Tensor):
        return {name: value}
    items = value.items() if isinstance(value, dict) else \
        enumerate(value) if isinstance(value, (list, tuple)) else ()
    return {path: tensor for key, item in items
            for path, tensor in flat(item, f"{name}.{key}" if name else str(key)).items()}


def test_reads_what_pytorch_reads(tool, checkpoints):
    folder, names = checkpoints
    for name in names:
        wanted = flat(torch.load(folder / f"{name}.expected.pt", weights_only=False))
        assert found(tool, folder / name) == expected(wanted), name


def test_objects_are_listed(tool, checkpoints):
    listing = tool.json("ls", "ls", checkpoints[0] / "train_state")
    assert listing["format"] == "dcp"
    reasons = {item["name"]: item["reason"] for item in listing["placeholders"]}
    assert reasons["epoch"] == "int 7"
    assert {item["kind"] for item in listing["placeholders"]} == {"value"}


def test_converts_to_safetensors(tool, checkpoints, tmp_path):
    folder, names = checkpoints
    name = "grid" if "grid" in names else "plain"
    tool.run("convert", folder / name, "--map", "none", "-o", tmp_path / "x.safetensors")
    assert found(tool, tmp_path / "x.safetensors") == found(tool, folder / name)


def test_damage_ends_in_one_sentence(tool, checkpoints, tmp_path):
    folder, _ = checkpoints
    data = sorted(path.name for path in (folder / "plain").glob("*.distcp"))[0]

    def damaged(change):
        path = tmp_path / "x"
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(folder / "plain", path)
        change(path)
        result = tool.run("hash", path, status=2)
        assert result.stderr.count("\n") == 1, result.stderr
        return result.stderr

    def flip(path, position):
        content = bytearray(path.read_bytes())
        content[position] ^= 1
        path.write_bytes(content)

    def cut(path, count):
        path.write_bytes(path.read_bytes()[:-count])

    assert data in damaged(lambda path: (path / data).unlink())
    assert data in damaged(lambda path: cut(path / data, 1))
    assert data in damaged(lambda path: (path / data).write_bytes((path / data).read_bytes() + b"x"))
    assert ".metadata" in damaged(lambda path: cut(path / ".metadata", 10))
    assert ".metadata" in damaged(lambda path: (path / ".metadata").unlink())
    elements = torch.load(folder / "plain.expected.pt")["cube"].numpy().tobytes()
    holder = next(path for path in (folder / "plain").iterdir() if elements in path.read_bytes())
    place = holder.read_bytes().index(elements)
    assert "CRC-32" in damaged(lambda path: flip(path / holder.name, place))
    assert "name the folder" in tool.run("ls", folder / "plain" / data, status=2).stderr
