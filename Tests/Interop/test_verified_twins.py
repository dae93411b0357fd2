"""transformers' models in Flax and in PyTorch, recorded as they are and put through `verify`: they agree,
with and without their checkpoints, however their modules are cut."""
import json

import pytest
from test_recorded_twins import RECORDED, record_twins


@pytest.mark.parametrize("name", RECORDED)
def test_twins_agree(tool, tmp_path, name):
    record_twins(name, tmp_path)
    recordings = ["--recordings", tmp_path / "flax.safetensors", tmp_path / "torch.safetensors"]
    for checkpoints in ([], [tmp_path / "source.msgpack", tmp_path / "converted.pt"]):
        report = json.loads(tool.run("verify", *checkpoints, *recordings, "--json").stdout)
        assert report["agrees"] and not report["faults"]
        assert report["calls"] >= 16
