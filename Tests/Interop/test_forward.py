"""The forward pass against PyTorch and Flax: SAVis written from the paper load our files, run, and
their stages equal those of `savi-ckpt run`, which `verify` then finds too."""
import json

import numpy as np
import pytest
import torch

import savi_flax
from conftest import ROOT, SAMPLE
from savi_torch import SAVi

TOLERANCE = 1e-5


def dimensions(name):
    return json.loads((ROOT / f"schemas/models/{name}.json").read_text())["dimensions"]


def torch_model(name, flax):
    medium = name == "savi-medium"
    return SAVi(dimensions(name), flax, (2 if medium else 1, 1, 1, 1), medium).eval()


@pytest.fixture(scope="module", params=["savi-small", "savi-medium"])
def checkpoint(request, tool, tmp_path_factory):
    """(model, Flax npz, converted pt, inputs): every parameter noised, so that each matters."""
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    rng = np.random.default_rng(7)
    if name == "savi-small":
        parameters = dict(np.load(SAMPLE))
    else:
        shapes = tool.json("map", "map", "show", name)["tensors"]
        parameters = {source["name"]: np.zeros(source["shape"], "float32")
                      for row in shapes for source in row["flax"]}
        for key, array in parameters.items():
            if key.endswith("kernel"):
                array += rng.standard_normal(array.shape) / np.sqrt(np.prod(array.shape[:-1]))
            elif key.endswith("scale"):
                array += 1
            elif key.endswith("pos_embedding"):
                array += rng.uniform(-1, 1, array.shape)
    noised = {key: (array + 0.02 * rng.standard_normal(array.shape)).astype("float32")
              for key, array in parameters.items()}
    np.savez(folder / "flax.npz", **noised)
    tool.run("convert", folder / "flax.npz", "--map", name, "-o", folder / "torch.pt")
    d = dimensions(name)
    inputs = {
        "video": rng.uniform(0, 1, (1, 2, d["frame_height"], d["frame_width"], 3)),
        "boxes": rng.uniform(0, 1, (1, 2, 7, 4)),
    }
    inputs = {key: value.astype("float32") for key, value in inputs.items()}
    np.savez(folder / "inputs.npz", **inputs)
    return name, folder, inputs


def expect_equal(found, expected):
    assert list(found) == ["enc_cnn", "enc_pos", "init_slots", "attn", "corrected", "predicted",
                           "alpha_logits", "alphas", "flow", "segmentations"]
    for stage in found:
        a, b = found[stage], np.asarray(expected[stage])
        assert a.shape == b.shape, stage
        if stage == "segmentations":
            best = np.sort(expected["alpha_logits"], axis=2)
            sure = best[:, :, -1] - best[:, :, -2] >= TOLERANCE
            assert (a == b)[sure].all()
        else:
            np.testing.assert_allclose(a, b, rtol=TOLERANCE, atol=TOLERANCE, err_msg=stage)


def run_tool(tool, folder, file, name, *options):
    tool.run("run", folder / file, "--map", name, "--inputs", folder / "inputs.npz", "-o",
             folder / "stages.npz", "--force", *options)
    return dict(np.load(folder / "stages.npz"))


@pytest.mark.parametrize("conventions", ["port", "flax"])
def test_pytorch(tool, checkpoint, conventions):
    name, folder, inputs = checkpoint
    model = torch_model(name, conventions == "flax")
    state = torch.load(folder / "torch.pt", weights_only=True, mmap=True)
    model.load_state_dict(state, strict=True)
    with torch.inference_mode():
        stages = model(*map(torch.from_numpy, inputs.values()))
    expected = {key: value.numpy() for key, value in stages.items()}
    found = run_tool(tool, folder, "torch.pt", name, "--conventions", conventions)
    expect_equal(found, expected)


def test_flax(tool, checkpoint):
    name, folder, inputs = checkpoint
    parameters = {}
    for key, array in np.load(folder / "flax.npz").items():
        *groups, leaf = key.split("/")
        node = parameters
        for group in groups:
            node = node.setdefault(group, {})
        node[leaf] = array
    expected = savi_flax.run(
        dimensions(name), parameters, *inputs.values(), is_medium=name == "savi-medium")
    expect_equal(run_tool(tool, folder, "flax.npz", name), expected)
    # The recording of a real framework takes the place of our own other side.
    np.savez(folder / "recorded.npz", **expected)
    report = tool.json("verify", "verify", folder / "torch.pt", "--map", name, "--reference",
                       folder / "recorded.npz", "--inputs", folder / "inputs.npz")
    assert report["agrees"] and not report["module"]["agrees"]


def test_verify(tool, checkpoint):
    name, folder, _ = checkpoint
    report = tool.json("verify", "verify", folder / "flax.npz", folder / "torch.pt", "--map", name,
                       "--inputs", folder / "inputs.npz")
    assert report["agrees"]
    causes = [cause["convention"] for cause in report["module"]["causes"]]
    strided = ["strided_convolution_padding"] if name == "savi-medium" else []
    assert causes == strided + ["layer_norm_epsilon", "transposed_convolution_padding"]
    assert report["module"]["unexplained"] is None
    tool.run("verify", folder / "flax.npz", folder / "torch.pt", "--map", name, "--strict",
             "--frames", 1, status=1)


def test_fixes_make_the_module_agree(checkpoint):
    """The fixes that `verify` prints, written in PyTorch, give what Flax gives."""
    name, folder, inputs = checkpoint
    state = torch.load(folder / "torch.pt", weights_only=True)
    video, boxes = map(torch.from_numpy, inputs.values())
    flows = []
    for flax in (True, False):
        model = torch_model(name, flax)
        model.load_state_dict(state, strict=True)
        with torch.inference_mode():
            flows.append(model(video, boxes)["flow"])
    assert (flows[0] - flows[1]).abs().max() > 0.01


def test_run_json_and_certificate(tool, tmp_path):
    document = tool.json("run", "run", SAMPLE, "--frames", 1)
    assert [stage["name"] for stage in document["stages"]][0] == "enc_cnn"
    from conftest import validator
    tool.run("convert", SAMPLE, "-o", tmp_path / "a.pt", "--certificate", tmp_path / "c.json")
    certificate = json.loads((tmp_path / "c.json").read_text())
    validator("certificate").validate(certificate)
    assert tool.json("replay", "verify", "--certificate", tmp_path / "c.json")["holds"]
    hashes = tool.json("hash", "hash", SAMPLE)
    assert certificate["source"]["root"] == hashes["root"]


def test_png(tool, tmp_path):
    """The contact sheet is a PNG that another decoder reads."""
    tool.run("run", SAMPLE, "--frames", 2, "--png", tmp_path / "sheets")
    from PIL import Image
    with Image.open(tmp_path / "sheets/clip-0.png") as image:
        image.load()
        assert image.mode == "RGB" and image.size == (58 + 2 * 132, 4 + 14 * 132)
        # The input's blue is 0.25 where no box lies.
        assert image.getpixel((60, 6))[2] == 64
