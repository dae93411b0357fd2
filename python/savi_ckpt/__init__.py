"""savi-ckpt from Python: the command's documents, and recordings of what a model computes.

    savi_ckpt.ls("model.safetensors")["tensors"]
    savi_ckpt.validate("checkpoints/", schema="weights.yaml")

    with savi_ckpt.record("torch.safetensors", model):   # PyTorch, Keras 3, Flax nnx
        model(x)
    with savi_ckpt.record("flax.safetensors"):           # Flax linen: every module called inside
        model.apply(variables, x)

`savi-ckpt verify --recordings flax.safetensors torch.safetensors` says where two of them part, and why.
"""
from savi_ckpt.tool import CommandError, diff, hash, ls, stats, validate, verify

_RECORDING = ["RecordingError", "RecordingWarning", "record"]
__all__ = ["CommandError", "diff", "hash", "ls", "stats", "validate", "verify", *_RECORDING]


def __getattr__(name):
    """The recorder needs NumPy; the rest needs nothing."""
    if name in _RECORDING:
        from savi_ckpt import recording
        return getattr(recording, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
