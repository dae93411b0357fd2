"""Flax linen: an interceptor of every method that is called."""
import contextlib

from flax import linen as nn

from savi_ckpt.recording import arrays, values
from savi_ckpt.recording.frameworks.facts import ModuleFacts, bases

# What linen itself keeps in a module.
_OWN = {"parent", "name", "scope"}


@contextlib.contextmanager
def listen(recorder):
    def interceptor(function, args, kwargs, context):
        module, method = context.module, context.method_name
        # A transformation such as nn.scan calls functions of its own as methods.
        if method == "setup" or not hasattr(type(module), method):
            return function(*args, **kwargs)
        path = "/".join(module.path)
        reason = _why_left_out(module, args, kwargs)
        if reason:
            recorder.miss(path, reason)
            return function(*args, **kwargs)
        call = recorder.begin(
            _facts(path, module), getattr(module, method), args, kwargs,
            method=None if method == "__call__" else method)
        try:
            output = function(*args, **kwargs)
        except BaseException:
            recorder.end(call, None, completed=False)
            raise
        # A compact module makes its parameters as it is called.
        call["parameters"] = _parameters(module)
        recorder.end(call, output)
        return output

    with nn.intercept_methods(interceptor):
        yield


def _why_left_out(module, args, kwargs):
    """Why a call is not recorded, or `None`."""
    if module.is_initializing():
        return "init, which makes weights and is no run"
    leaves = list(values.leaves((args, kwargs, module.variables), ""))
    for _, leaf in leaves:
        if arrays.is_traced(leaf):
            return arrays.why_traced(leaf)
    return None


def _facts(path, module):
    members = ((name, value) for name, value in vars(module).items() if name not in _OWN)
    return ModuleFacts(
        path=path, class_name=type(module).__name__, bases=bases(type(module), nn.Module),
        framework="flax.linen", parameters=_parameters(module),
        attributes=values.attributes(members))


def _parameters(module):
    """Of every collection, what is not an inner module's."""
    return {name: list(value.shape)
            for collection in module.variables.values()
            for name, value in collection.items() if arrays.is_array(value)}
