"""One family as what a user has: two checkpoints, the mapping between them, and both recordings."""
import dataclasses
import functools
import pathlib
import warnings

import jax
import numpy as np
import torch
from flax.serialization import to_bytes
from flax.traverse_util import flatten_dict, unflatten_dict
from safetensors.torch import save_file

import savi_ckpt

from .families import Family
from .weights import load


@dataclasses.dataclass
class Source:
    """A family's Flax side, and its faithful port."""
    family: Family
    folder: pathlib.Path
    arguments: tuple
    port: torch.nn.Module

    @property
    def checkpoint(self):
        return self.folder / "source.msgpack"

    @property
    def recording(self):
        return self.folder / "source.safetensors"

    @property
    def mapping(self):
        return self.folder / "map.json"


def prepare(tool, family, folder, seed=0):
    """Runs the Flax model and writes what a user of the tool has of it; draws the mapping from the
    faithful port's weights, and holds that port's outputs to the source's."""
    generator = np.random.default_rng(seed)
    arguments = family.inputs(generator)
    variables = with_noise(family.source.init(jax.random.key(seed), *arguments), generator)
    port = family.port().eval()
    load(port, variables, family.pairs)
    source = Source(family, folder, arguments, port)
    source.checkpoint.write_bytes(to_bytes(variables))
    outputs = record_flax(family.source, variables, arguments, source.recording)
    run = run_port(port, arguments)
    for ours, theirs in zip(leaves(run), leaves(outputs), strict=True):
        if ours.dtype.kind == "i":
            # Labels: of two logits that are equal but for rounding either may be the larger.
            assert np.mean(ours != theirs) < 0.01, family.name
            continue
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-5, err_msg=family.name)
    converted = folder / "faithful.weights.safetensors"
    write_weights(port, converted)
    tool.run("map", "suggest", source.checkpoint, converted, "-o", source.mapping, status=None)
    return source


def with_noise(variables, generator):
    """Weights of which no two are alike, of a size at which the signal neither dies nor explodes."""
    result = {}
    for path, value in flatten_dict(variables).items():
        value = np.asarray(value)
        noise = generator.normal(size=value.shape).astype(np.float32)
        is_flat = value.ndim < 2 or "pos_embedding" in path
        result[path] = value + (0.2 * noise if is_flat else 0.05 * noise)
        if path[-1] == "var":
            result[path] = np.abs(result[path]) + np.float32(0.1)
    return unflatten_dict(result)


def record_flax(model, variables, arguments, path):
    with warnings.catch_warnings():
        # A scan hides the calls of the cell; the layer around it is recorded.
        warnings.simplefilter("ignore", savi_ckpt.RecordingWarning)
        with savi_ckpt.record(path):
            return model.apply(variables, *arguments)


@torch.no_grad()
def run_port(port, arguments):
    return port(*map(torch.from_numpy, arguments))


def record_port(port, arguments, path):
    with savi_ckpt.record(path, port):
        return run_port(port, arguments)


def write_weights(port, path):
    save_file({name: value.contiguous() for name, value in port.state_dict().items()
               if "num_batches" not in name and not name.startswith("processor.")}, path)


def leaves(value):
    if isinstance(value, dict):
        return [leaf for key in sorted(value) for leaf in leaves(value[key])]
    if isinstance(value, (tuple, list)):
        return [leaf for item in value for leaf in leaves(item)]
    return [np.asarray(value)]
