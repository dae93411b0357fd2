"""savi-ckpt from Python: what a model computes, recorded call by call.

    with savi_ckpt.record("torch.safetensors", model):   # PyTorch, Keras 3, Flax nnx
        model(x)
    with savi_ckpt.record("flax.safetensors"):           # Flax linen: every module called inside
        model.apply(variables, x)

`savi-ckpt verify --recordings flax.safetensors torch.safetensors` says where two of them part, and why.
"""
from savi_ckpt.recording import RecordingError, RecordingWarning, record

__all__ = ["RecordingError", "RecordingWarning", "record"]
