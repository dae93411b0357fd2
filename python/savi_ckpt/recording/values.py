"""What is in arguments, outputs and attributes: tensors under names, and plain values."""
import dataclasses
import enum
import functools
import math
import sys
from collections.abc import Mapping

import numpy as np

from savi_ckpt.recording.arrays import is_array

# Containers within one another, as a limit for those that contain themselves.
MAXIMUM_DEPTH = 16
# Elements of a list that is an attribute: strides, padding, sizes of stages.
MAXIMUM_LIST = 64

# Parts of a configuration that say how weights began or are to be trained, not what is computed.
_TRAINING_ENDINGS = ("_init", "_initializer", "_regularizer", "_constraint")

MISSING = object()


def leaves(value, name, depth=0):
    """What containers hold: (name, leaf) for each, the keys and places joined by a dot."""
    items = _items(value) if depth < MAXIMUM_DEPTH else None
    if items is None:
        yield name, value
        return
    for key, inner in items:
        yield from leaves(inner, f"{name}.{key}" if name else str(key), depth + 1)


def _items(value):
    """The members of a container, or `None` for anything else."""
    if is_array(value):
        return None
    if isinstance(value, Mapping):
        return value.items()
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return zip(value._fields, value)
    if isinstance(value, (list, tuple)):
        return enumerate(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and not _is_module(value):
        return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    return None


def _is_module(value):
    """Linen's modules are dataclasses."""
    linen = sys.modules.get("flax.linen")
    return linen is not None and isinstance(value, linen.Module)


def attributes(members):
    """The members that have a plain form, of what a module was built with."""
    result = {}
    for name, value in members:
        if name.startswith("_") or name.endswith(_TRAINING_ENDINGS):
            continue
        value = plain(value)
        if value is not MISSING:
            result[name] = value
    return result


def plain(value, depth=0):
    """A value as JSON has it, or `MISSING`: numbers, texts, dtypes and functions by name, lists of these,
    and a mapping to them. Deeper ones are configurations of other modules."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, (int, float, np.bool_, np.integer, np.floating)):
        value = value.item() if isinstance(value, np.generic) else value
        # JSON has no infinities.
        return value if isinstance(value, int) or math.isfinite(value) else str(value)
    if isinstance(value, (list, tuple)):
        items = [plain(item, depth + 1) for item in value] if _is_short(value, depth) else [MISSING]
        return MISSING if MISSING in items else items
    if isinstance(value, Mapping):
        if depth or not _is_short(value, depth):
            return MISSING
        items = {str(key): plain(item, depth + 1) for key, item in value.items()}
        return MISSING if MISSING in items.values() else items
    return _dtype_name(value) or _function_name(value) or MISSING


def _is_short(container, depth):
    return len(container) <= MAXIMUM_LIST and depth < MAXIMUM_DEPTH


def _dtype_name(value):
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.dtype):
        return str(value)[len("torch."):]
    if isinstance(value, np.dtype):
        return value.name
    if isinstance(value, type) and issubclass(value, np.generic):
        return np.dtype(value).name
    # jax.numpy's float32 is an object of its own kind that carries a dtype.
    inner = getattr(value, "dtype", None)
    if callable(value) and isinstance(inner, np.dtype):
        return inner.name
    return None


def _function_name(value):
    if isinstance(value, functools.partial):
        function = _function_name(value.func)
        arguments = [plain(argument) for argument in value.args]
        arguments += [f"{key}={plain(item)}" for key, item in value.keywords.items()
                      if not key.endswith(_TRAINING_ENDINGS)]
        if function is None or any(argument is MISSING for argument in arguments):
            return None
        return f"{function}({', '.join(map(str, arguments))})"
    return getattr(value, "__name__", None) if callable(value) else None
