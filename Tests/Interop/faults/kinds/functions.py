"""The functions that a forward pass calls between the library's layers, and others in their place.

While functions are watched, PyTorch leaves its fused paths for whole layers: runs that are compared bit
for bit are all watched."""
import contextlib
import dataclasses

import torch
from torch.overrides import TorchFunctionMode

# Those of interest; a recorder's own calls are not among them.
NAMES = {"add", "mul", "div", "gelu", "relu", "silu", "leaky_relu", "tanh", "sigmoid", "softmax",
         "flatten", "cat", "pad", "max_pool2d", "avg_pool2d", "scaled_dot_product_attention", "mean",
         "__getitem__", "transpose", "permute", "rsqrt", "glu", "chunk", "clamp", "interpolate", "flip",
         "tril", "triu", "sub", "exp", "hardswish", "softplus", "linear", "adaptive_avg_pool2d",
         "dropout"}

# The same function by the name of an operator.
OPERATORS = {"__add__": "add", "__radd__": "add", "__rmul__": "mul", "__mul__": "mul", "true_divide": "div",
             "__truediv__": "div", "__sub__": "sub", "__rsub__": "sub"}


@dataclasses.dataclass(frozen=True)
class FunctionCall:
    """`place`: the module whose forward pass calls it, the function's name, and how many of that name
    the pass called before. `shapes`: of the arguments, `None` for what is no tensor."""
    place: tuple
    args: tuple
    shapes: tuple
    kwargs: dict

    @property
    def name(self):
        return self.place[1]


class Functions(TorchFunctionMode):
    """Sees every function of interest; calls another in its place where there is one."""

    def __init__(self, port, replacements=None):
        super().__init__()
        self.port = port
        self.replacements = replacements or {}
        self.calls = {}
        # The modules under way: the path, counts by name; `None` for a layer of the library.
        self.frames = []
        self.hooks = []

    def __enter__(self):
        for path, module in self.port.named_modules():
            is_library = type(module).__module__.startswith("torch.") and not list(module.children())
            self.hooks.append(module.register_forward_pre_hook(
                lambda _m, _a, path=path, is_library=is_library:
                self.frames.append(None if is_library else (path, {}))))
            self.hooks.append(module.register_forward_hook(
                lambda _m, _a, _o: self.frames.pop() and None, always_call=True))
        return super().__enter__()

    def __exit__(self, *error):
        for hook in self.hooks:
            hook.remove()
        return super().__exit__(*error)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(function, "__name__", "")
        name = OPERATORS.get(name, name)
        if name not in NAMES or not self.frames or self.frames[-1] is None:
            return function(*args, **kwargs)
        path, counts = self.frames[-1]
        place = (path, name, counts.get(name, 0))
        counts[name] = place[2] + 1
        shapes = tuple(tuple(a.shape) if isinstance(a, torch.Tensor) else None for a in args)
        self.calls.setdefault(place, FunctionCall(place, args, shapes, kwargs))
        return self.replacements.get(place, _call)(function, args, kwargs)


def _call(function, args, kwargs):
    return function(*args, **kwargs)


def trace(port, arguments):
    """The functions a port calls, in order."""
    with torch.no_grad(), contextlib.ExitStack() as stack:
        functions = stack.enter_context(Functions(port))
        port(*map(torch.from_numpy, arguments))
    return list(functions.calls.values())
