"""Recordings of transformers' models in Flax and in PyTorch, which the recorder takes as they are."""
import inspect

import numpy as np
import pytest
import torch
from families import FAMILIES, build, convert
from flax.serialization import to_bytes
from recordings import Recording

import savi_ckpt

RECORDED = ["bert", "vit", "resnet", "gpt2", "llama", "bart", "wav2vec2", "clip"]


# Flax compiles every operation of every shape: fewer of them than mappings are drafted for.
SMALLER = {"resnet": {"depths": [1, 1], "hidden_sizes": [8, 16]}}


def inputs(name):
    generator = np.random.default_rng(0)
    ids = generator.integers(3, 50, size=(2, 6))
    mask = np.array([[1] * 6, [1] * 4 + [0] * 2])
    image = generator.normal(size=(2, 3, 16, 16)).astype(np.float32)
    text = {"input_ids": ids, "attention_mask": mask}
    return {
        "vit": {"pixel_values": image}, "clip": {**text, "pixel_values": image},
        "resnet": {"pixel_values": generator.normal(size=(2, 3, 32, 32)).astype(np.float32)},
        "bart": {**text, "decoder_input_ids": ids[:, ::-1].copy()},
        "wav2vec2": {"input_values": generator.normal(size=(2, 400)).astype(np.float32)},
    }.get(name, text)


def record_twins(name, folder):
    """Both recordings, and both checkpoints."""
    class_name, configuration = FAMILIES[name]
    twins, arguments = build(class_name, {**configuration, **SMALLER.get(name, {})}), inputs(name)
    convert(twins)
    (folder / "source.msgpack").write_bytes(to_bytes(twins.flax.params))
    torch.save(twins.torch.state_dict(), folder / "converted.pt")
    with savi_ckpt.record(folder / "flax.safetensors"):
        theirs = twins.flax(**arguments)
    known = inspect.signature(twins.torch.forward).parameters
    with torch.no_grad(), savi_ckpt.record(folder / "torch.safetensors", twins.torch):
        ours = twins.torch(**{key: torch.from_numpy(value) for key, value in arguments.items()
                              if key in known})
    return np.asarray(theirs[0]), ours[0].numpy()


@pytest.mark.parametrize("name", RECORDED)
def test_both_sides_are_recorded(tmp_path, name):
    theirs, ours = record_twins(name, tmp_path)
    for side in ("flax", "torch"):
        recording = Recording(tmp_path / f"{side}.safetensors")
        assert all(call["completed"] for call in recording.calls) and len(recording.calls) > 10
        assert [call["class"] for call in recording.calls if call["parent"] is None]
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5 * np.abs(theirs).max())
