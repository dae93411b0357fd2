"""The layout changes of the mapping, written with NumPy from the roles' formulas.

Independent of the Swift code: explicit index formulas as einsum and reshape.
"""
import numpy as np


def to_torch(role, kernels):
    """The PyTorch tensor that Flax tensors of a role make."""
    k = kernels[0]
    if role == "conv2d.kernel":
        return np.einsum("abio->oiab", k)
    if role == "conv_transpose2d.kernel":
        return np.einsum("abio->ioab", k[::-1, ::-1])
    if role == "dense.kernel":
        return k.T
    if role == "attention.projection.kernel":
        return np.einsum("ihd->hid", k)
    if role == "attention.qkv.kernel":
        inputs, heads, width = k.shape
        return np.concatenate(
            [np.concatenate([s[:, h, :].T for s in kernels]) for h in range(heads)])
    if role == "attention.qkv.bias":
        return np.concatenate([np.concatenate([s[h] for s in kernels]) for h in range(k.shape[0])])
    if role == "attention.output.kernel":
        heads, width, outputs = k.shape
        return k.reshape(heads * width, outputs).T
    if role in ("gru.input_kernel", "gru.recurrent_kernel"):
        return np.concatenate([s.T for s in kernels])
    if role == "gru.input_bias":
        return np.concatenate(kernels)
    if role == "gru.recurrent_bias":
        return np.concatenate([np.zeros_like(k), np.zeros_like(k), k])
    return k
