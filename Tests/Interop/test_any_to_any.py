"""Every pair of formats keeps names, dtypes, shapes and bytes; diff and casts against NumPy."""
import itertools
import json

import numpy as np
import pytest
import torch

from conftest import PLAIN, SAMPLE, random_array, root

FORMATS = ["npz", "h5", "flax", "safetensors", "pt"]
COMMON = [d for d in PLAIN if d != "complex128"]


@pytest.mark.parametrize("first, second", itertools.permutations(FORMATS, 2))
def test_round_trip(tool, tmp_path, first, second):
    arrays = {f"group/{dtype}": random_array(dtype) for dtype in COMMON}
    arrays |= {"scalar": np.float32(1.5), "empty": np.zeros((2, 0), "float32")}
    source = tmp_path / "a.npz"
    np.savez(source, **arrays)
    one, two = tmp_path / f"b.{first}", tmp_path / f"c.{second}"
    tool.run("convert", "--map", "none", source, "-o", one)
    tool.run("convert", "--map", "none", one, "-o", two)
    assert root(tool, source) == root(tool, one) == root(tool, two)
    result = tool.run("diff", one, two)
    assert result.stdout == f"{len(arrays)} tensors compared, no differences\n"


def test_diff_reports_every_kind(tool, tmp_path):
    a = {"same": np.ones(3, "f4"), "gone": np.ones(1), "shape": np.ones((2, 3)),
         "dtype": np.ones(2, "f4"), "values": np.array([[1, 2], [3, np.nan]], "f4")}
    b = {"same": np.ones(3, "f4"), "new": np.ones(1), "shape": np.ones((3, 2)),
         "dtype": np.ones(2, "f8"), "values": np.array([[1, 2.5], [3.25, np.nan]], "f4")}
    np.savez(tmp_path / "a.npz", **a)
    np.savez(tmp_path / "b.npz", **b)
    result = tool.run("diff", tmp_path / "a.npz", tmp_path / "b.npz", "--json", status=1)
    from conftest import validator
    document = json.loads(result.stdout)
    validator("diff").validate(document)
    kinds = {d["name"]: d for d in document["differences"]}
    assert {name: d["kind"] for name, d in kinds.items()} == {
        "gone": "only_in_first", "new": "only_in_second", "shape": "shape", "dtype": "dtype",
        "values": "values"}
    assert kinds["values"]["count"] == 2 and kinds["values"]["max"] == 0.5
    assert kinds["values"]["mean"] == pytest.approx(0.75 / 4)
    assert kinds["values"]["first_index"] == [0, 1]
    assert kinds["values"]["relative"] is None and kinds["values"]["changed_share"] == 0.5
    assert kinds["dtype"]["only_rounded"] and document["verdict"]["kind"] == "other_architecture"
    tool.run("diff", tmp_path / "a.npz", tmp_path / "b.npz", "--include", "values",
             "--atol", "0.3", status=1)
    tool.run("diff", tmp_path / "a.npz", tmp_path / "b.npz", "--include", "values",
             "--atol", "0.25", "--rtol", "0.1")


def test_diff_across_a_mapping(tool, tmp_path, sample_pt):
    assert "82 tensors compared, no differences" in tool.run(
        "diff", SAMPLE, sample_pt, "--map", "savi-small").stdout
    assert "69 tensors compared, no differences" in tool.run(
        "diff", sample_pt, SAMPLE, "--map", "savi-small").stdout
    state = torch.load(sample_pt, weights_only=True)
    state["corrector.w_q"][0, 3, 4] += 1
    torch.save(state, tmp_path / "x.pt")
    output = tool.run("diff", SAMPLE, tmp_path / "x.pt", "--map", "savi-small", status=1).stdout
    # The module has it under two names.
    assert output.startswith("same architecture, 2 of 82 tensors changed\n")
    assert "corrector.w_q " in output and "[0, 3, 4]: " in output


@pytest.mark.parametrize("source", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("target", ["float16", "bfloat16", "float32", "float64"])
def test_casts_as_torch_does(tool, tmp_path, source, target):
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(4000, generator=generator, dtype=torch.float64) * torch.logspace(
        -50, 6, 4000, dtype=torch.float64)
    ties = torch.tensor([1 + 2**-9, 1 + 3 * 2**-9, 1 + 2**-9 + 2**-40, 65519.99, 65520, -1e39,
                         3.4e38, 1e-46, float("inf"), -float("inf"), 0.0, -0.0],
                        dtype=torch.float64)
    tensor = torch.cat([values, ties]).to(getattr(torch, source))
    torch.save({"x": tensor, "i": torch.arange(3)}, tmp_path / "a.pt")
    result = tool.run("convert", "--map", "none", tmp_path / "a.pt", "-o", tmp_path / "b.pt",
                      "--dtype", target)
    state = torch.load(tmp_path / "b.pt", weights_only=True)
    exact = tensor.double()
    wanted = tensor.to(getattr(torch, target))
    assert state["i"].dtype == torch.int64
    assert torch.equal(state["x"].view(torch.uint8), wanted.view(torch.uint8))
    overflows = int((wanted.isinf() & exact.isfinite()).sum())
    assert (f"{overflows} value" in result.stderr) == (overflows > 0)


@pytest.mark.parametrize("a, b, options", [
    ([2**53, 0], [2**53 + 1, 0], []), ([0.0], [-0.0], []),
    ([1.0, -np.inf], [np.inf, np.inf], ["--rtol", "1e-5"]), ([1.0], [np.nan], ["--atol", "9"]),
])
def test_diff_is_exact_and_infinity_is_near_nothing(tool, tmp_path, a, b, options):
    np.savez(tmp_path / "a.npz", x=np.array(a))
    np.savez(tmp_path / "b.npz", x=np.array(b))
    tool.run("diff", tmp_path / "a.npz", tmp_path / "b.npz", *options, status=1)
    tool.run("diff", tmp_path / "a.npz", tmp_path / "a.npz", *options)


def test_diff_of_complex_and_real(tool, tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([1, 3 + 4j], "c8"))
    np.savez(tmp_path / "b.npz", x=np.array([1, 3], "f4"))
    output = tool.run("diff", tmp_path / "a.npz", tmp_path / "b.npz", "--json", status=1).stdout
    change = json.loads(output)["differences"][-1]
    assert (change["count"], change["max"], change["mean"]) == (1, 4, 2)
    assert (change["first_index"], change["first"], change["second"]) == ([1], 4, 0)
    assert change["relative"] == pytest.approx(4 / 26**0.5)


@pytest.mark.parametrize("name, target, message", [
    ("__metadata__", "safetensors", "keeps this name for itself"),
    ("a/__msgpack_chunked_array__", "flax", "keeps this name for itself"),
    ("a//b", "flax", "an empty part"), ("a/./b", "h5", "cannot name a dataset"),
])
def test_names_that_a_format_cannot_hold_are_refused(tool, tmp_path, name, target, message):
    torch.save({name: torch.ones(2)}, tmp_path / "a.pt")
    result = tool.run("convert", "--map", "none", tmp_path / "a.pt", "-o",
                      tmp_path / f"b.{target}", status=2)
    assert message in result.stderr
    assert not (tmp_path / f"b.{target}").exists()


@pytest.mark.parametrize("target", FORMATS)
def test_odd_names_survive(tool, tmp_path, target):
    names = ["\x1b[31mred", "ünï", "with space", "tab\there", "a.b", "x" * 300]
    torch.save({name: torch.full((2,), float(i)) for i, name in enumerate(names)},
               tmp_path / "a.pt")
    tool.run("convert", "--map", "none", tmp_path / "a.pt", "-o", tmp_path / f"b.{target}")
    assert root(tool, tmp_path / "a.pt") == root(tool, tmp_path / f"b.{target}")
