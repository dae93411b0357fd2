"""`map suggest` on transformers' families: a draft made from a Flax file and a new PyTorch model
converts as transformers does, bit for bit; one made from transformers' conversion is proven."""
import json
import subprocess
import sys

import pytest
import torch

from conftest import ROOT, found, validator
from families import FAMILIES, write


@pytest.fixture(scope="module", params=FAMILIES)
def family(request, tmp_path_factory):
    files = write(tmp_path_factory.mktemp(request.param), *FAMILIES[request.param])
    return request.param, files


def draft(tool, source, target, path):
    """The report of `map suggest`, with the document that it wrote."""
    result = tool.run("map", "suggest", source, target, "-o", path, "--json", status=None)
    assert result.returncode in (0, 1), result.stderr
    report = json.loads(result.stdout)
    assert result.returncode == (1 if report["questions"] else 0)
    validator("suggest").validate(report)
    document = json.loads(path.read_text())
    validator("model").validate(document)
    tool.run("map", "lint", path)
    return report, document


def wrong_tensors(path, expected):
    """The names under which two PyTorch files differ."""
    found, expected = (torch.load(p, weights_only=True) for p in [path, expected])
    return [name for name in found.keys() | expected.keys()
            if name not in found or name not in expected
            or found[name].dtype != expected[name].dtype
            or not torch.equal(found[name], expected[name])]


def comes_back(tool, converted, document, source, tmp_path):
    """Whether the way back gives the Flax file again."""
    back = tmp_path / "back.msgpack"
    tool.run("convert", converted, "-o", back, "--map", document, "--reverse",
             "--accept-unconfirmed")
    # A file without collections has its parameters at the top.
    return {name.removeprefix("params/"): row for name, row in found(tool, back).items()} == \
        {name.removeprefix("params/"): row for name, row in found(tool, source).items()}


def test_draft_from_a_new_model(tool, family, tmp_path, suggest_table):
    name, files = family
    path, output = tmp_path / "draft.json", tmp_path / "out.pt"
    report, _ = draft(tool, files.source, files.fresh, path)
    convert = ["convert", files.source, "-o", output, "--map", path, "--template", files.fresh]
    if report["questions"]:
        refusal = tool.run(*convert, status=2).stderr
        assert report["questions"][0]["target"] in refusal
        convert.append("--accept-unconfirmed")
    tool.run(*convert)
    wrong = wrong_tensors(output, files.converted)
    suggest_table.append(
        [name, len(torch.load(output, weights_only=True)), report["rules"],
         len(report["questions"]), len(wrong)])
    assert wrong == [] and report["left_over"] == []
    assert comes_back(tool, output, path, files.source, tmp_path)


def test_draft_from_the_converted_model(tool, family, tmp_path):
    _, files = family
    path, output = tmp_path / "draft.json", tmp_path / "out.pt"
    report, document = draft(tool, files.source, files.converted, path)
    assert report["questions"] == [] and report["left_over"] == []
    assert {rule["evidence"] for rule in document["rules"] if "source" in rule or "sources" in rule} \
        == {"values"}
    tool.run("convert", files.source, "-o", output, "--map", path, "--template", files.converted)
    assert wrong_tensors(output, files.converted) == []
    assert comes_back(tool, output, path, files.source, tmp_path)


def test_sample_vision_transformer(tool, tmp_path):
    """A draft of nothing but names and shapes, and outputs that agree."""
    sample = ROOT / "samples/vit-tiny.flax.msgpack"
    path, output = tmp_path / "vit.json", tmp_path / "vit.safetensors"
    draft(tool, sample, ROOT / "samples/vit-tiny.fresh.safetensors", path)
    tool.run("convert", sample, "-o", output, "--map", path, "--accept-unconfirmed")
    script = ROOT / "samples/make_vit_tiny.py"
    result = subprocess.run([sys.executable, script, "--check", output], capture_output=True,
                            text=True)
    assert result.returncode == 0, result.stdout + result.stderr
