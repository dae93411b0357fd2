"""Models of one's own: a draft from a framework's parameters and a fresh PyTorch twin, converted and
loaded strictly, gives the outputs that the framework gives."""
import subprocess

import numpy as np
import own_keras
import own_linen
import own_nnx
import pytest
import torch

FRAMEWORKS = {"linen": own_linen, "nnx": own_nnx, "keras": own_keras}
# A flatten, a square kernel that may be a transposed convolution's, and which of three equal norms is a
# shortcut's, are asked about; nothing else.
ASKED = {"cnn", "decoder", "u-net", "group-norm-resnet"}
MODELS = [(framework, name) for framework, module in FRAMEWORKS.items() for name in module.MODELS]


@pytest.mark.parametrize("framework, name", MODELS)
def test_outputs(tool, tmp_path, framework, name):
    module = FRAMEWORKS[framework]
    build, twin, shape = module.MODELS[name]
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    source, theirs = module.save(build, x, tmp_path)
    twin = twin()
    fresh, document, converted = (tmp_path / name for name in ("fresh.pt", "draft.json", "out.pt"))
    torch.save(twin.state_dict(), fresh)
    draft = subprocess.run(
        [str(part) for part in (tool.path, "map", "suggest", source, fresh, "-o", document)],
        capture_output=True, text=True)
    assert draft.returncode == (1 if name in ASKED else 0), draft.stderr
    tool.run("convert", source, "-o", converted, "--map", document, "--accept-unconfirmed")
    twin.load_state_dict(torch.load(converted, weights_only=True), strict=True)
    with torch.no_grad():
        ours = twin.eval()(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)
