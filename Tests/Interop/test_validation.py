"""Validation: the corpus of damage, report formats against their schemas and readers, documents
against their JSON Schemas, and the shell steps of the integrations."""
import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ElementTree

import jsonschema
import numpy as np
import pytest
import xmlschema
import yaml

from conftest import ROOT, SAMPLE, Tool, validator
from sarif import SARIF


@pytest.fixture(scope="module")
def corpus(tool, tmp_path_factory):
    """The corpus of the Swift tests, which hold every finding against it."""
    folder = tmp_path_factory.mktemp("corpus")
    subprocess.run([ROOT / ".build/release/MakeCorpus", folder, tool.path], check=True)
    return folder


@pytest.fixture(scope="module")
def manifest(corpus):
    return json.loads((corpus / "manifest.json").read_text())


def test_reports_on_every_kind_of_damage_are_valid_documents(tool, corpus, manifest):
    for entry in manifest:
        schema = entry["schema"]
        against = ["--against", entry["against"]] if entry["against"] else []
        result = tool.run("validate", corpus / entry["file"], "--schema",
                          corpus / schema if "." in schema else schema, *against, "--json",
                          status=entry["status"])
        validator("validate").validate(json.loads(result.stdout))


def test_good_files_of_every_format_raise_nothing(tool, corpus, tmp_path):
    for name in ["a.pt", "a.npz", "a.h5"]:
        tool.run("convert", SAMPLE, "-o", tmp_path / name)
    result = tool.run("validate", tmp_path, "--schema", corpus / "tolerant.yaml", "--fail-on",
                      "warning")
    assert result.stdout.count(": ok, ") == 3
    for layout, name in [("savi-small-flax", SAMPLE), ("savi-small", tmp_path / "a.pt")]:
        document = tool.json("validate", "validate", name, "--schema", layout)
        # The sample is not trained: its biases are zeros and its norms ones.
        assert {f["id"] for f in document["files"][0]["findings"]} == {"W027", "W028"}


def test_shard_sets_and_folders(tool, corpus, tmp_path):
    tool.run("convert", corpus / "good.safetensors", "--map", "none", "-o",
             tmp_path / "m.safetensors", "--max-shard-size", "1MB")
    document = tool.json("validate", "validate", tmp_path, "--schema", corpus / "tolerant.yaml")
    assert [pathlib.Path(f["file"]).name for f in document["files"]] == [
        "m.safetensors.index.json"]
    # The shards keep the 23 second names beside the 59 tensors.
    assert document["files"][0]["checked_tensors"] == 82
    assert len(list(tmp_path.glob("m-*.safetensors"))) == 5


def documents():
    for folder in ["schemas", "schemas/models", "Tests/Fixtures/models"]:
        yield from sorted((ROOT / folder).glob("*.json"))
    yield ROOT / "Tests/Corpus/dimensions.yaml"


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_documents_of_the_project(tool, path):
    """Our reader and an independent one agree that each document is well formed."""
    document = (json.loads if path.suffix == ".json" else yaml.safe_load)(path.read_text())
    # What the tool carries it reads by itself, whenever a mapping is used.
    own = {"layouts": "layouts", "layers": "layers"}
    kind = next((own[key] for key in own if key in document and "rules" not in document), None)
    if path.name.endswith(".schema.json"):
        jsonschema.Draft202012Validator.check_schema(document)
    else:
        validator(kind or ("model" if "rules" in document else "checkpoint")).validate(document)
    if kind is None:
        tool.run("schema", "check", path)


def test_generated_schemas_and_other_documents(tool, corpus, tmp_path):
    check = validator("checkpoint")
    for name in ["tolerant.yaml", "exact.json"]:
        check.validate(yaml.safe_load((corpus / name).read_text()))
        assert tool.json("schema-lint", "schema", "lint", corpus / name)["schemas"][0][
            "findings"] == []
    tool.run("validate", corpus / "nan.safetensors", "--schema", corpus / "tolerant.yaml",
             "--baseline", tmp_path / "b.json", "--update-baseline", "--reason", "known")
    baseline = json.loads((tmp_path / "b.json").read_text())
    validator("baseline").validate(baseline)
    files = [corpus / "tolerant.yaml", tmp_path / "b.json"]
    assert [d["kind"] for d in tool.json("schema-check", "schema", "check", *files)["documents"]] \
        == ["checkpoint schema", "baseline"]


@pytest.mark.parametrize("text", [
    "schema_version: 1\nname: x\ntensors:\n  - {nme: a}\n",
    "schema_version: 1\nname: x\ntensors:\n  - {name: a, dtype: float31}\n",
    "schema_version: 1\nname: x\ntensors:\n  - {name: a, mean: {min: 2}, std: {}}\n",
    "schema_version: 2\nname: x\ntensors: []\n",
    "schema_version: 1\nname: x\n",
    "schema_version: 1\nname: x\ntensors:\n  - {name: a, sha256: abc}\n",
])
def test_both_readers_refuse(tool, tmp_path, text):
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    tool.run("schema", "check", path, status=1)
    with pytest.raises(jsonschema.ValidationError):
        validator("checkpoint").validate(yaml.safe_load(text))


def reports(tool, corpus, tmp_path):
    """One file of each severity, and a waived finding, in every form at once."""
    baseline = tmp_path / "baseline.yaml"
    baseline.write_text(
        "schema_version: 1\nwaivers:\n  - {id: W012, tensor: predictor.w_o.weight, reason: fp16 "
        "trial, expires: 2999-01-01}\n  - {id: W020, tensor: gone, reason: old, expires: "
        "2999-01-01}\n")
    forms = {form: tmp_path / f"report.{form}" for form in ["sarif", "junit", "markdown", "json"]}
    result = tool.run(
        "validate", corpus / "renamed.safetensors", corpus / "recast_to_half.safetensors",
        corpus / "transposed_square.safetensors", "--schema", corpus / "tolerant.yaml",
        "--baseline", baseline, "--output", "github",
        *(f"--output={form}={path}" for form, path in forms.items()), status=1)
    return result.stdout, {form: path.read_text() for form, path in forms.items()}


def test_sarif(tool, corpus, tmp_path):
    text = reports(tool, corpus, tmp_path)[1]["sarif"]
    document = json.loads(text)
    jsonschema.Draft202012Validator(
        SARIF, format_checker=jsonschema.FormatChecker()).validate(document)
    run = document["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])
    assert {result["level"] for result in run["results"]} == {"error", "warning", "note"}
    assert [r["ruleId"] for r in run["results"] if "suppressions" in r] == ["W012"]


@functools.cache
def junit_schema():
    """Jenkins' xUnit schema, from the sources of pytest, whose reports it describes."""
    folder = pathlib.Path(sys.prefix) / "sources"
    if not (folder / "junit-10.xsd").exists():
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary",
                        ":all:", "-d", folder, "pytest==9.0.3"], check=True)
        with tarfile.open(next(folder.glob("pytest-*.tar.gz"))) as archive:
            member = next(m for m in archive if m.name.endswith("/junit-10.xsd"))
            (folder / "junit-10.xsd").write_bytes(archive.extractfile(member).read())
    return xmlschema.XMLSchema(folder / "junit-10.xsd")


def test_junit(tool, corpus, tmp_path):
    text = reports(tool, corpus, tmp_path)[1]["junit"]
    junit_schema().validate(text)
    root = ElementTree.fromstring(text)
    assert root.get("failures") == "2"
    failed = [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None]
    assert failed == ["encoder.backbone.cnn_layers.conv_2.weight",
                      "encoder.backbone.cnn_layers.conv2.weight"]


def test_github_annotations(tool, corpus, tmp_path):
    lines = reports(tool, corpus, tmp_path)[0].splitlines()
    # The form that actions/runner reads: ::command key=value,key=value::data
    pattern = re.compile(r"^::(error|warning|notice) file=[^,:]+,title=W\d{3} [a-z-]+::[^\r\n]+$")
    assert [line for line in lines[:-1] if not pattern.match(line)] == []
    assert {line.split()[0] for line in lines[:-1]} == {"::error", "::warning", "::notice"}


def test_expiry(tool, corpus, tmp_path):
    path = tmp_path / "b.yaml"
    path.write_text("schema_version: 1\nwaivers:\n  - {id: W020, tensor: predictor.w_o.weight, "
                    "reason: known, expires: 2026-06-30}\n")
    arguments = ["validate", corpus / "nan.safetensors", "--schema", corpus / "tolerant.yaml",
                 "--baseline", path]
    waived = tool.json("validate", *arguments, "--today", "2026-06-30")
    assert waived["files"][0]["findings"] == []
    assert [w["id"] for w in waived["files"][0]["waived"]] == ["W020"]
    late = json.loads(tool.run(*arguments, "--today", "2026-07-01", "--json", status=1).stdout)
    assert [f["id"] for f in late["files"][0]["findings"]] == ["W020", "W060"]


def npz(path, **arrays):
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("scale, dtype", [(1, "float32"), (1, "float16"), (1.001, "float32")])
def test_against_a_source_sees_through_casts_and_training(tool, tmp_path, scale, dtype):
    rng = np.random.default_rng(3)
    right = {name: rng.standard_normal((64, 64), "float32") for name in "abc"}
    wrong = {"a": right["a"].T * scale, "b": right["c"] * scale, "c": right["b"] * scale}
    wrong = {name: (array + (scale - 1) * rng.standard_normal((64, 64))).astype(dtype)
             for name, array in wrong.items()}
    source = npz(tmp_path / "source.npz", **right)
    schema = tmp_path / "s.yaml"
    schema.write_text("schema_version: 1\nname: s\ntensors: [{name: \"*\"}]\n")
    document = tool.json("validate", "validate", npz(tmp_path / "w.npz", **wrong), "--schema", schema,
                         "--against", source)
    assert [(f["id"], f["tensor"]) for f in document["files"][0]["findings"]] == [
        ("W040", "a"), ("W042", "b"), ("W042", "c")]
    good = {name: (array * scale).astype(dtype) for name, array in right.items()}
    document = tool.json("validate", "validate", npz(tmp_path / "g.npz", **good), "--schema", schema,
                         "--against", source)
    assert document["files"][0]["findings"] == []
    other = npz(tmp_path / "other.npz", x=np.ones(3))
    result = tool.run("validate", tmp_path / "g.npz", "--schema", schema, "--against", other, status=2)
    assert "W051" in result.stdout


def test_what_cannot_be_checked_cannot_be_waived(tool, corpus, tmp_path):
    arguments = ["validate", corpus / "truncated.safetensors", "--schema", corpus / "tolerant.yaml",
                 "--baseline", tmp_path / "b.json"]
    tool.run(*arguments, "--update-baseline", "--reason", "x", status=2)
    assert json.loads((tmp_path / "b.json").read_text())["waivers"] == []
    (tmp_path / "b.json").write_text(json.dumps({"schema_version": 1, "waivers": [
        {"id": "W050", "reason": "x", "expires": "2999-01-01"}]}))
    assert "cannot be waived" in tool.run(*arguments, status=2).stderr


def test_a_waiver_is_for_one_file(tool, corpus, tmp_path):
    for folder in ["a", "b"]:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "m.safetensors").write_bytes((corpus / "nan.safetensors").read_bytes())
    common = ["--schema", corpus / "tolerant.yaml", "--baseline", tmp_path / "b.json"]
    tool.run("validate", tmp_path / "a/m.safetensors", *common, "--update-baseline", "--reason", "x")
    tool.run("validate", tmp_path / "a/m.safetensors", *common)
    tool.run("validate", tmp_path / "b/m.safetensors", *common, status=1)


def test_odd_names_and_numbers_survive_generate_and_every_report(tool, tmp_path):
    rng = np.random.default_rng(4)
    arrays = {"huge": rng.standard_normal((5, 5)) * 1e300, "scalar": np.float32(0.07),
              "infinite": np.full(3, np.inf), "not": np.full(2, np.nan),
              "steps": np.int64(100), "c1\x9f": np.ones(2), "e\ufffe": rng.standard_normal(3),
              "emoji \U0001f600": np.zeros(2), "del\x7f": rng.standard_normal(4)}
    path = npz(tmp_path / "odd.npz", **arrays)
    for options in [["-o", tmp_path / "s.yaml"], ["-o", tmp_path / "s.json"],
                    ["--exact", "-o", tmp_path / "e.json"]]:
        tool.run("schema", "generate", path, *options)
        tool.run("validate", path, "--schema", options[-1], "--fail-on", "warning")
    arrays["scalar"], arrays["steps"] = np.float32(0.0701), np.int64(101)
    tool.run("validate", npz(tmp_path / "later.npz", **arrays), "--schema", tmp_path / "s.yaml")
    # Python writes emoji as a pair of surrogates.
    document = json.loads((tmp_path / "s.json").read_text())
    (tmp_path / "ascii.json").write_text(json.dumps(document))
    tool.run("validate", path, "--schema", tmp_path / "ascii.json")
    (tmp_path / "empty.yaml").write_text("schema_version: 1\nname: s\ntensors: [{name: zz}]\n")
    for form in ["junit", "sarif", "json", "markdown", "github", "text"]:
        text = tool.run("validate", path, "--schema", tmp_path / "empty.yaml", "--output", form,
                        status=1).stdout
        if form == "junit":
            junit_schema().validate(text)
        if form == "sarif":
            jsonschema.Draft202012Validator(SARIF).validate(json.loads(text))


def test_numbers_with_leading_zeros_are_other_names(tool, tmp_path):
    path = npz(tmp_path / "z.npz", conv_0=np.arange(2.), conv_1=np.arange(3.), conv_01=np.arange(4.))
    schema = tmp_path / "s.yaml"
    schema.write_text("schema_version: 1\nname: s\ntensors: [{name: \"conv_{n}\", range: [0, 1]}]\n")
    assert "W002 unexpected-tensor conv_01" in tool.run(
        "validate", path, "--schema", schema, status=1).stdout


def test_thousands_of_tensors_and_hostile_patterns_take_no_time(tool, tmp_path):
    rng = np.random.default_rng(5)
    arrays = {f"layer{rng.integers(1 << 40):x}.w": rng.standard_normal(2) for _ in range(4000)}
    path = npz(tmp_path / "many.npz", **arrays)
    tool.run("schema", "generate", path, "-o", tmp_path / "s.yaml")
    (tmp_path / "p.yaml").write_text(
        "schema_version: 1\nname: s\nworld: open\ntensors: [{name: \"" + "**a" * 12 + "b\", "
        "required: false}]\n")
    npz(tmp_path / "a.npz", **{"a" * 100: np.arange(2.)})
    renamed = npz(tmp_path / "renamed.npz", **{f"x{name}": a for name, a in arrays.items()})
    for arguments, status in [((path, tmp_path / "s.yaml"), 0), ((renamed, tmp_path / "s.yaml"), 1),
                              ((tmp_path / "a.npz", tmp_path / "p.yaml"), 0)]:
        subprocess_result = subprocess.run(
            [tool.path, "validate", arguments[0], "--schema", arguments[1]], capture_output=True,
            timeout=60)
        assert subprocess_result.returncode == status


def test_a_missing_shard_and_an_empty_folder_are_named_beside_the_others(tool, corpus, tmp_path):
    tool.run("convert", corpus / "good.safetensors", "--map", "none", "-o",
             tmp_path / "m.safetensors", "--max-shard-size", "1MB")
    shard = sorted(tmp_path.glob("m-0*.safetensors"))[1]
    shard.unlink()
    (tmp_path / "nothing").mkdir()
    result = tool.run("validate", tmp_path, tmp_path / "nothing", corpus / "good.safetensors",
                      "--schema", corpus / "tolerant.yaml", status=2)
    assert shard.name in result.stdout
    assert "this folder holds no checkpoint" in result.stdout
    assert "good.safetensors: ok" in result.stdout


# The integrations, step by step, as their systems would run them.


def steps(path):
    return yaml.safe_load(path.read_text())["runs"]["steps"]


@pytest.mark.parametrize("file, status", [("good.safetensors", 0), ("nan.safetensors", 1)])
def test_github_action(tool, corpus, tmp_path, file, status):
    action = ROOT / "integration/github/action.yml"
    from check_jsonschema import builtin_schemas
    vendored = pathlib.Path(builtin_schemas.__file__).parent / "vendor/github-actions.json"
    jsonschema.validators.validator_for(json.loads(vendored.read_text()))(
        json.loads(vendored.read_text())).validate(yaml.safe_load(action.read_text()))
    archive = release_like(tool, tmp_path)
    inputs = {"files": str(corpus / file), "schema": str(corpus / "tolerant.yaml"),
              "baseline": "", "fail-on": "error", "sarif": str(tmp_path / "w.sarif"),
              "release": str(archive)}
    environment = dict(os.environ, GITHUB_ACTION_PATH=str(action.parent),
                       RUNNER_TEMP=str(tmp_path), GITHUB_PATH=str(tmp_path / "path"),
                       GITHUB_STEP_SUMMARY=str(tmp_path / "summary"))
    for step in steps(action):
        for key, value in step.get("env", {}).items():
            name = re.fullmatch(r"\$\{\{ inputs\.([a-z-]+) \}\}", value).group(1)
            environment[key] = inputs[name]
        result = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", step["run"]],
                                env=environment, cwd=tmp_path, capture_output=True, text=True)
        if (tmp_path / "path").exists():
            environment["PATH"] = (tmp_path / "path").read_text().strip() + ":" + os.environ["PATH"]
        if step["name"].startswith("Set up"):
            assert result.returncode == 0, result.stderr
    assert result.returncode == status, result.stderr
    assert ("::error file=" in result.stdout) == (status == 1)
    assert "Weights: 1 file against" in (tmp_path / "summary").read_text()
    assert json.loads((tmp_path / "w.sarif").read_text())["version"] == "2.1.0"


def release_like(tool, folder):
    """A tarball laid out as `make dist` makes it."""
    path = folder / "savi-ckpt.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(tool.path, "savi-ckpt-0-linux/bin/savi-ckpt")
    return path


def test_generic_shell(tool, corpus, tmp_path):
    script = ROOT / "integration/shell/check-weights.sh"
    for file, status in [("good.safetensors", 0), ("renamed.safetensors", 1)]:
        result = subprocess.run(
            ["sh", script, corpus / file], cwd=tmp_path, capture_output=True, text=True,
            env=dict(os.environ, SAVI_CKPT=tool.path, SCHEMA=str(corpus / "tolerant.yaml")))
        assert result.returncode == status, result.stderr
        junit_schema().validate((tmp_path / "weights.junit.xml").read_text())


def test_pre_commit(tool, corpus, tmp_path):
    hook, = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    entry = hook["entry"].split()
    assert entry[0] == "savi-ckpt"
    for file, status in [("good.safetensors", 0), ("renamed.safetensors", 1)]:
        assert re.search(hook["files"], file)
        command = [tool.path, *entry[1:], "--schema", corpus / "tolerant.yaml", corpus / file]
        assert subprocess.run(command, capture_output=True).returncode == status
