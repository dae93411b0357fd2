"""An array of any framework as bytes with a dtype and a shape."""
import sys
from typing import NamedTuple

import numpy as np

from savi_ckpt.recording import sampling


class Unrecordable(Exception):
    """An array whose elements cannot be read. The text says why, and what to do."""


class HostArray(NamedTuple):
    """Elements in C order and in the machine's byte order, as bytes."""
    # The name NumPy or ml_dtypes gives it.
    dtype: str
    # What is kept of `full_shape`.
    shape: tuple
    full_shape: tuple
    data: np.ndarray


def is_array(value):
    """Whether it is an array: NumPy's, PyTorch's, JAX's, or another that NumPy can read."""
    return _is_torch(value) or (
        all(hasattr(value, name) for name in ("__array__", "shape", "dtype"))
        and not isinstance(value, type))


def read(value, limit):
    """The elements of an array, sampled down to `limit` of them.

    Raises `Unrecordable` where a transformation, a device or a format hides them."""
    if _is_torch(value):
        return _read_torch(value, limit)
    if _is_jax(value):
        _require_visible(value)
    try:
        array = np.asarray(value)
    except Exception as error:
        # Whatever a library raises for an array that stands for one.
        raise Unrecordable(f"a {type(value).__name__} that NumPy cannot read ({_first_line(error)})") \
            from None
    return _read_numpy(array, limit)


def is_traced(value):
    """Whether this stands for an array in a function that JAX is tracing."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(value, jax.core.Tracer)


def why_traced(value):
    """What hides a tracer's elements, and what to do."""
    if "Jaxpr" in type(value).__name__:
        return ("traced under jax.jit, scan or the like, which hides the values: "
                "run the block inside `with jax.disable_jit():`")
    return "traced under jax.grad, vmap or the like, which hides the values: record a plain call"


def _is_torch(value):
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _is_jax(value):
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(value, jax.Array)


def _require_visible(value):
    import jax
    if is_traced(value):
        raise Unrecordable(why_traced(value))
    if jax.dtypes.issubdtype(value.dtype, jax.dtypes.extended):
        raise Unrecordable("random keys, which are no activation")
    if not value.is_fully_addressable:
        raise Unrecordable("spread over other processes: record with one process")


def _read_numpy(array, limit):
    if array.dtype.kind in "OSUMm" or array.dtype.names:
        raise Unrecordable(f"of dtype {array.dtype}, which is no tensor's")
    shape = array.shape
    counts = sampling.kept(shape, limit)
    if counts != shape:
        array = array[:counts[0]]
        for axis in range(1, len(shape)):
            if counts[axis] < shape[axis]:
                array = array.take(sampling.positions(shape[axis], counts[axis]), axis)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return HostArray(array.dtype.name, counts, shape, data)


def _read_torch(tensor, limit):
    import torch
    tensor = tensor.detach()
    if tensor.layout is not torch.strided or tensor.is_quantized:
        raise Unrecordable("sparse or quantized: record the model before it is compressed")
    shape = tuple(tensor.shape)
    counts = sampling.kept(shape, limit)
    try:
        if counts != shape:
            tensor = tensor[:counts[0]]
            for axis in range(1, len(shape)):
                if counts[axis] < shape[axis]:
                    index = torch.tensor(
                        sampling.positions(shape[axis], counts[axis]), device=tensor.device)
                    tensor = tensor.index_select(axis, index)
        tensor = tensor.cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
        data = tensor.view(torch.uint8).numpy()
    except (RuntimeError, NotImplementedError, TypeError) as error:
        # A meta, fake or functorch tensor holds no elements, and says so in its own words.
        raise Unrecordable(
            f"a {type(tensor).__name__} without readable elements ({_first_line(error)})") from None
    return HostArray(str(tensor.dtype)[len("torch."):], counts, shape, data)


def _first_line(error):
    return str(error).strip().split("\n")[0]
