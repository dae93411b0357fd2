"""What `report` and `describe` say, beside NumPy and their schemas."""
import numpy as np
import pytest

from conftest import SAMPLE


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i4"])
def test_histograms_and_quantiles_are_those_of_numpy(tool, tmp_path, dtype):
    generator = np.random.default_rng(0)
    values = (generator.standard_normal(50_000) * 100).astype(dtype)
    np.savez(tmp_path / "x.npz", x=values)
    document = tool.json("report", "report", tmp_path / "x.npz")
    tensor = document["tensors"][0]
    exact = values.astype("f8")
    for sign, bars in [(1, "positive"), (-1, "negative")]:
        exponents = np.floor(np.log2(sign * exact[sign * exact > 0])).astype(int)
        first = tensor["histogram"]["first_exponent"]
        counts = np.bincount(exponents - first, minlength=len(tensor["histogram"][bars]))
        assert counts.tolist() == tensor["histogram"][bars]
    assert tensor.get("zeros", 0) == (exact == 0).sum()
    wanted = np.quantile(exact, document["probabilities"])
    assert tensor["quantiles"] == pytest.approx(wanted, rel=1 / 16, abs=0.5)
    assert tensor["rms"] == pytest.approx(np.sqrt((exact**2).mean()), rel=1e-5)


def test_a_change_is_measured_as_numpy_does(tool, tmp_path):
    generator = np.random.default_rng(1)
    a = generator.standard_normal((60, 50)).astype("f4")
    b = a + (generator.random(a.shape) < 0.25) * generator.standard_normal(a.shape).astype("f4")
    np.savez(tmp_path / "a.npz", x=a)
    np.savez(tmp_path / "b.npz", x=b.astype("f4"))
    document = tool.json("report", "report", tmp_path / "a.npz", tmp_path / "b.npz")
    change = document["tensors"][0]["change"]
    x, y = a.astype("f8").ravel(), b.astype("f4").astype("f8").ravel()
    assert change["relative"] == pytest.approx(np.linalg.norm(y - x) / np.linalg.norm(x), rel=1e-5)
    assert change["cosine"] == pytest.approx(x @ y / np.linalg.norm(x) / np.linalg.norm(y), rel=1e-5)
    assert change["changed_share"] == pytest.approx((x != y).mean(), rel=1e-5)


def test_documents_match_their_schemas(tool, sample_pt):
    assert tool.json("describe-checkpoint", "describe", SAMPLE)["framework"] == "Flax"
    assert tool.json("describe-checkpoint", "describe", sample_pt)["framework"] == "PyTorch"
    assert len(tool.json("report", "report", SAMPLE)["tensors"]) == 69
