"""Where each framework tells us of a call. A listener is a context manager: in it, the calls of a model
are reported to a `Recorder`, and behind it nothing of it is left."""
import sys


def listen(recorder, model):
    """The listener for a model, or for Flax linen's modules where there is none."""
    if model is None:
        from savi_ckpt.recording.frameworks import linen
        return linen.listen(recorder)
    # Under its PyTorch backend, a Keras layer is a torch.nn.Module too.
    if _is_instance(model, "keras", "Layer"):
        from savi_ckpt.recording.frameworks import keras
        return keras.listen(recorder, model)
    if _is_instance(model, "torch", "nn.Module"):
        from savi_ckpt.recording.frameworks import torch
        return torch.listen(recorder, model)
    if _is_instance(model, "flax.nnx", "Module"):
        from savi_ckpt.recording.frameworks import nnx
        return nnx.listen(recorder, model)
    raise TypeError(
        f"expected a torch.nn.Module, a keras.Layer or a flax.nnx.Module, found {type(model).__name__}; "
        "modules of Flax linen are recorded without being given: savi_ckpt.record(path)")


def _is_instance(model, library, name):
    """Whether a model is of a library's class; a library that is not imported made no model."""
    kind = sys.modules.get(library)
    for part in name.split("."):
        kind = getattr(kind, part, None)
    return isinstance(kind, type) and isinstance(model, kind)
