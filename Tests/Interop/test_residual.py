"""SAVi-L and SAVi++, narrow, against PyTorch: modules of the tests' own load our files strictly and
agree at every stage; each way in which a straightforward port differs moves what it was seen to move
in the real model, and `verify` names it; wrong conversions are caught, and located."""
import json

import numpy as np
import pytest
import torch

from conftest import FIXTURES, ROOT, root
from savi_resnet_torch import PORT, SAVi

SIZES = json.loads((FIXTURES / "residual/dimensions.json").read_text())
DOCUMENTS = {"tinylarge": "savi-large", "tinysavipp": "savi-plus-plus"}


class Model:
    """A recorded model with its document, its converted file and its inputs."""

    def __init__(self, tool, name, folder):
        self.tool, self.name, self.folder = tool, name, folder
        self.flax = FIXTURES / f"residual/{name}_perturbed_flax.npz"
        self.inputs = FIXTURES / f"residual/{name}_inputs.npz"
        document = json.loads((ROOT / f"schemas/models/{DOCUMENTS[name]}.json").read_text())
        document["dimensions"].update(SIZES[name])
        self.dimensions, self.document = document["dimensions"], folder / "model.json"
        self.document.write_text(json.dumps(document))
        self.converted = folder / "torch.pt"
        tool.run("convert", self.flax, "--map", self.document, "--dtype", "float32", "-o",
                 self.converted)
        self.state = torch.load(self.converted, weights_only=True)
        self.recorded = dict(np.load(
            FIXTURES / f"residual/{name}_perturbed_expected_flax_f64.npz"))
        self.exact = self.run()

    def run(self, quirks=frozenset(), state=None):
        """The stages of the PyTorch module, in float64."""
        module = SAVi(self.dimensions, quirks).double().eval()
        module.load_state_dict(state or self.state, strict=True)
        inputs = np.load(self.inputs)
        with torch.inference_mode():
            stages = module(*(torch.from_numpy(inputs[key]).double() for key in inputs.files))
        return {name: stage.numpy() for name, stage in stages.items()}

    def ours(self, file, *options):
        self.tool.run("run", file, "--map", self.document, "--inputs", self.inputs, "--precision",
                      "float64", "-o", self.folder / "stages.npz", "--force", *options)
        return dict(np.load(self.folder / "stages.npz"))

    def moved(self, stages, name):
        return np.abs(stages[name] - self.exact[name]).max()

    def verify(self, *arguments, status):
        """The report of `verify`, which must end with an exit code."""
        result = self.tool.run("verify", *arguments, "--map", self.document, "--inputs",
                               self.inputs, "--json", status=status)
        return json.loads(result.stdout)


@pytest.fixture(scope="module", params=list(DOCUMENTS))
def model(request, tool, tmp_path_factory):
    return Model(tool, request.param, tmp_path_factory.mktemp(request.param))


def expect_equal(found, expected, tolerance):
    for stage, b in expected.items():
        if stage == "seg_margin":
            continue
        assert found[stage].shape == b.shape, stage
        if stage == "segmentations":
            best = np.sort(expected["alpha_logits"], axis=2)
            assert (found[stage] == b)[best[:, :, -1] - best[:, :, -2] >= 1e-5].all()
        else:
            assert np.abs(found[stage] - b).max() <= tolerance, stage


@pytest.mark.parametrize("conventions", ["flax", "port"])
def test_pytorch(model, conventions):
    expected = model.exact if conventions == "flax" else model.run(PORT)
    expect_equal(model.ours(model.converted, "--conventions", conventions), expected, 1e-9)


def test_recorded(model):
    expect_equal(model.exact, {
        name: stage for name, stage in model.recorded.items() if name in model.exact}, 1e-9)


def nested(arrays):
    tree = {}
    for key, array in arrays.items():
        *groups, leaf = key.split("/")
        node = tree
        for group in groups:
            node = node.setdefault(group, {})
        node[leaf] = array
    return tree


def test_every_source_gives_the_same(model, tool):
    """Flax's parameters alone, as HDF5, and within the trainer's state, which has its moments too."""
    from flax import serialization
    parameters = nested(dict(np.load(model.flax)))
    (model.folder / "params.msgpack").write_bytes(serialization.to_bytes({"params": parameters}))
    moments = nested({f"{key}/grad_ema": array for key, array in np.load(model.flax).items()})
    (model.folder / "ckpt-500000.flax").write_bytes(serialization.to_bytes({
        "step": 500000, "variables": {}, "rng": np.zeros(2, "uint32"),
        "optimizer": {"target": parameters, "state": {"step": 500000, "param_states": moments}}}))
    tool.run("convert", model.flax, "--map", "none", "-o", model.folder / "flax.h5")
    expected = root(tool, model.converted)
    for name in ("params.msgpack", "ckpt-500000.flax", "flax.h5"):
        tool.run("convert", model.folder / name, "--map", model.document, "--dtype", "float32",
                 "-o", model.folder / "again.pt", "--force")
        assert root(tool, model.folder / "again.pt") == expected, name


@pytest.mark.parametrize("name", list(DOCUMENTS))
def test_full_size(tool, tmp_path, name):
    """The whole model, freshly initialised: found among all, loaded strictly, and brought back."""
    shapes = tool.json("map", "map", "show", DOCUMENTS[name])["tensors"]
    rng = np.random.default_rng(1)
    arrays = {}
    for row in shapes:
        for source in row["flax"]:
            arrays[source["name"]] = rng.standard_normal(source["shape"], dtype="float32")
    for key in arrays:
        if key.endswith("bn2/scale"):
            arrays[key][:] = 0
    np.savez(tmp_path / "flax.npz", **arrays)
    report = tool.json("convert", "convert", tmp_path / "flax.npz", "-o", tmp_path / "torch.pt")
    assert report["model"] == DOCUMENTS[name]
    state = torch.load(tmp_path / "torch.pt", weights_only=True, mmap=True)
    document = json.loads((ROOT / f"schemas/models/{DOCUMENTS[name]}.json").read_text())
    module = SAVi(document["dimensions"])
    assert list(state) == list(module.state_dict())
    module.load_state_dict(state, strict=True)
    tool.run("validate", tmp_path / "torch.pt", "--schema", DOCUMENTS[name])
    tool.run("validate", tmp_path / "flax.npz", "--schema", f"{DOCUMENTS[name]}-flax")
    tool.run("convert", tmp_path / "torch.pt", "--reverse", "-o", tmp_path / "back.npz")
    with np.load(tmp_path / "back.npz") as back:
        assert sorted(back.files) == sorted(arrays)
        assert all((back[key] == arrays[key]).all() for key in arrays)


# How far one change moves enc_cnn, corrected and flow, and the share of the labels, in SAVi-L and in
# SAVi++: as seen in the real models. None: the change has no place there.
FIGURES = {
    "group_norm_epsilon": [(6.1e-4, 1.7e-4, 4.9e-6, 0), (4.0e-4, 4.6e-5, 7.4e-7, 0)],
    "layer_norm_epsilon": [(0, 2.8e-4, 3.3e-6, 0), (0, 4.2e-5, 3.5e-7, 0)],
    "strided_convolution_padding": [(1.7, 0.74, 9.7e-3, .29), (2.0, 0.24, 3.9e-3, .13)],
    "stem_activation": [(1.7, 0.45, 6.4e-3, .23), (1.7, 0.22, 2.6e-3, .15)],
    "transposed_convolution_padding": [(0, 0, 0.31, .73), (0, 0, 0.12, .69)],
    "one_channel_per_group": [(1.5, 0.40, 1.1e-2, .23), (1.5, 0.13, 1.8e-3, .09)],
    "group_assignment": [(1.4, 1.0, 1.9e-2, .41), (1.7, 0.26, 4.4e-3, .16)],
    "16_groups": [(2.5, 0.60, 3.3e-3, .22), (2.2, 0.20, 2.9e-3, .14)],
    "16_channels_per_group": [(1.7, 0.83, 8.8e-3, .27), (2.4, 0.13, 2.2e-3, .12)],
    "statistics_across_frames": [(0.80, 0.71, 5.4e-3, .20), (0.88, 0.14, 1.7e-3, .08)],
    "attention_scale": [(0, 5.5e-3, 1.3e-4, .003), (0, 7.1e-2, 7.6e-4, .05)],
    "slot_attention_scale": [(0, 0, 0, 0), (0, 2.3e-2, 1.1e-4, .03)],
    "predictor_norm_order": [(0, 1.9, 5.4e-2, .26), (0, 2.2, 2.9e-2, .29)],
    "encoder_norm_order": [None, (0, 1.2, 1.3e-2, .40)],
    "encoder_activation": [None, (0, 0.91, 1.2e-2, .28)],
    "flattening_order": [(0, 0, 0, 0), (0, 0, 0, 0)],
}
CONVENTIONS = [quirk for quirk in FIGURES if quirk not in (
    "one_channel_per_group", "16_groups", "16_channels_per_group", "statistics_across_frames")]


def expect_figures(model, stages, figures):
    for name, figure in zip(("enc_cnn", "corrected", "flow"), figures):
        # Two digits were noted.
        assert model.moved(stages, name) == pytest.approx(figure, rel=0.06, abs=1e-12), name
    changed = (stages["segmentations"] != model.exact["segmentations"]).mean()
    assert changed == pytest.approx(figures[3], abs=0.006)


@pytest.mark.parametrize("quirk", FIGURES)
def test_a_difference_moves_what_it_moves_and_is_named(model, quirk):
    figures = FIGURES[quirk][list(DOCUMENTS).index(model.name)]
    if figures is None:
        pytest.skip("no such layer")
    stages = model.run(frozenset([quirk]))
    expect_figures(model, stages, figures)
    # The order of the pixels shows nowhere else than in what the slots attend to.
    assert quirk != "flattening_order" or model.moved(stages, "encoded") > 3
    recording = model.folder / f"{quirk}.npz"
    np.savez(recording, **stages)
    parts = any(figures) or quirk == "flattening_order"
    report = model.verify(model.converted, "--reference", recording, "--precision", "float64",
                          "--atol", "1e-9", "--rtol", "1e-9", status=1 if parts else 0)["weights"]
    if quirk in CONVENTIONS:
        assert [cause["convention"] for cause in report["causes"]] == [quirk] * parts
        assert report["unexplained"] is None
    else:
        assert report["causes"] == [] and report["unexplained"].startswith("enc_st")


def test_two_differences_at_once_are_both_named(model):
    stages = model.run(PORT)
    np.savez(model.folder / "port.npz", **stages)
    report = model.verify(model.converted, "--reference", model.folder / "port.npz", "--precision",
                          "float64", "--atol", "1e-9", "--rtol", "1e-9", status=1)["weights"]
    assert {cause["convention"] for cause in report["causes"]} == PORT
    assert report["unexplained"] is None


def heads_together(weight, heads):
    """[Q; K; V] in the place of these three per head."""
    return weight.reshape(heads, 3, -1, *weight.shape[1:]).transpose(0, 1).reshape(weight.shape)


def read_together(weight, heads):
    """The same numbers for a module that takes them for [Q; K; V]."""
    return weight.reshape(3, heads, -1, *weight.shape[1:]).transpose(0, 1).reshape(weight.shape)


def test_weights_laid_out_otherwise_move_what_they_move(model):
    index = list(DOCUMENTS).index(model.name)
    flipped = {key: value.flip(-1, -2) if "convtranspose" in key and value.ndim == 4 else value
               for key, value in model.state.items()}
    expect_figures(model, model.run(state=flipped),
                   [(0, 0, 0.17, .72), (0, 0, 0.066, .72)][index])
    packed = {key: read_together(value, 4) if "w_qkv" in key else value
              for key, value in model.state.items()}
    expect_figures(model, model.run(state=packed),
                   [(0, 1.6, 4.5e-2, .26), (0, 0.96, 2.3e-2, .48)][index])


def swap(a, b):
    def change(state):
        for name in [name for name in state if name.startswith(f"{a}.")]:
            other = b + name.removeprefix(a)
            state[name], state[other] = state[other], state[name]
    return change


def edit(name, function):
    def change(state):
        state[name] = function(state[name]).clone()
    return change


def gates(function):
    """Rows of the GRU's reset, update and candidate gates, in another order."""
    def change(state):
        for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            name = f"corrector.gru.{part}"
            state[name] = torch.cat(function(*state[name].chunk(3)))
    return change


def candidate_bias(state):
    hidden = state["corrector.gru.bias_hh"].clone()
    third = len(hidden) // 3
    state["corrector.gru.bias_ih"][-third:] += hidden[-third:]
    hidden[-third:] = 0
    state["corrector.gru.bias_hh"] = hidden


B = "encoder.backbone"
MISTAKES = {
    **{f"norms swapped in {block}": (f"{B}.{block}.bn1", swap(f"{B}.{block}.bn1",
                                                               f"{B}.{block}.bn2"))
       for block in ("layer1.0", "layer4.2")},
    **{f"convolutions swapped in {block}": (f"{B}.{block}.conv1", swap(
        f"{B}.{block}.conv1", f"{B}.{block}.conv2")) for block in ("layer2.1", "layer3.5")},
    "height and width swapped": (f"{B}.layer1.0.conv1", edit(
        f"{B}.layer1.0.conv1.weight", lambda w: w.transpose(2, 3))),
    "input and output swapped": (f"{B}.layer2.1.conv2", edit(
        f"{B}.layer2.1.conv2.weight", lambda w: w.transpose(0, 1))),
    "a kernel flipped": (f"{B}.layer4.2.conv1", edit(
        f"{B}.layer4.2.conv1.weight", lambda w: w.flip(2, 3))),
    "the shortcut's norm swapped": (f"{B}.layer3.0.bn2", swap(
        f"{B}.layer3.0.downsample.1", f"{B}.layer3.0.bn2")),
    "the shortcut transposed": (f"{B}.layer2.0.downsample.0", edit(
        f"{B}.layer2.0.downsample.0.weight", lambda w: w.transpose(0, 1))),
    "blocks swapped": (f"{B}.layer3.3.conv1", swap(f"{B}.layer3.3", f"{B}.layer3.4")),
    "the GRU's gates swapped": ("corrector.gru (reset gate)", gates(lambda r, z, n: (z, r, n))),
    "the GRU's matrix transposed": ("corrector.gru (reset gate)", edit(
        "corrector.gru.weight_hh",
        lambda w: torch.cat([part.T for part in w.chunk(3)]))),
    "the candidate's bias moved": ("corrector.gru (candidate, input part)", candidate_bias),
    "w_qkv packed otherwise": ("predictor.w_qkv (query)", edit(
        "predictor.w_qkv.weight", lambda w: heads_together(w, 4))),
    "the decoder's kernels not flipped": (
        "decoder.backbone.cnn_layers.convtranspose_1",
        edit("decoder.backbone.cnn_layers.convtranspose_1.weight", lambda w: w.flip(2, 3))),
}
T = "encoder.transformer.blocks"
TRANSFORMER_MISTAKES = {
    "encoder blocks swapped": (f"{T}.1.layernorm_query", swap(f"{T}.1", f"{T}.2")),
    "a block's norms swapped": (f"{T}.0.layernorm_query", swap(
        f"{T}.0.layernorm_query", f"{T}.0.layernorm_mlp")),
    "w_o transposed": (f"{T}.3.w_o", edit(f"{T}.3.w_o.weight", lambda w: w.T)),
    "a block's w_qkv packed otherwise": (f"{T}.2.w_qkv (query)", edit(
        f"{T}.2.w_qkv.weight", lambda w: heads_together(w, 4))),
}


@pytest.mark.parametrize("mistake", [*MISTAKES, *TRANSFORMER_MISTAKES])
def test_wrong_conversions_are_located(model, mistake):
    if mistake in TRANSFORMER_MISTAKES and model.name == "tinylarge":
        pytest.skip("no such layer")
    layer, change = {**MISTAKES, **TRANSFORMER_MISTAKES}[mistake]
    state = {key: value.clone() for key, value in model.state.items()
             if not key.startswith("processor.")}
    change(state)
    for part in ("corrector", "predictor"):
        state.update({f"processor.{key}": value for key, value in list(state.items())
                      if key.startswith(f"{part}.")})
    torch.save(state, model.folder / "wrong.pt")
    report = model.verify(model.flax, model.folder / "wrong.pt", status=1)
    assert not report["agrees"]
    assert report["weights"]["first_layer"]["layer"] == layer
    path = layer.split(" ")[0]
    assert any(suspect["tensor"].startswith(path) for suspect in report["weights"]["suspects"])


def test_verify_and_its_causes(model):
    report = model.verify(model.flax, model.converted, status=0)
    assert {cause["convention"] for cause in report["module"]["causes"]} == PORT
    assert report["module"]["unexplained"] is None
    blocks = [row["parameter"] for row in report["hidden"] if row["parameter"].endswith("(key)")]
    assert len(blocks) == (1 if model.name == "tinylarge" else 5)
    # A recording of the real model, rounded to what float32 gives.
    np.savez(model.folder / "recorded.npz", **{
        key: value.astype("float32") for key, value in model.recorded.items()})
    assert model.verify(model.converted, "--reference", model.folder / "recorded.npz",
                        status=0)["agrees"]
