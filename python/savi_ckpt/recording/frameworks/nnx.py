"""Flax nnx: the classes' `__call__`, which nothing else calls."""
import contextlib

from flax import nnx

from savi_ckpt.recording import arrays, values
from savi_ckpt.recording.frameworks.classes import wrapped_calls
from savi_ckpt.recording.frameworks.facts import ModuleFacts, bases


@contextlib.contextmanager
def listen(recorder, model):
    # By identity, for a module's equality is its own business.
    paths = {id(module): "/".join(map(str, path)) for path, module in nnx.iter_modules(model)}
    classes = {type(module) for _, module in nnx.iter_modules(model) if callable(module)}

    def report(module, function, args, kwargs):
        path = paths.get(id(module))
        traced = [leaf for _, leaf in values.leaves((args, kwargs), "") if arrays.is_traced(leaf)]
        if traced:
            # Under nnx.jit, the modules that run are copies.
            recorder.miss(path or type(module).__name__, arrays.why_traced(traced[0]))
        if traced or path is None:
            return function(*args, **kwargs)
        call = recorder.begin(_facts(path, module), function, args, kwargs)
        try:
            output = function(*args, **kwargs)
        except BaseException:
            recorder.end(call, None, completed=False)
            raise
        recorder.end(call, output)
        return output

    with wrapped_calls(classes, report):
        yield


def _facts(path, module):
    members = vars(module)
    own = {name: value for name, value in members.items() if isinstance(value, nnx.Variable)}
    return ModuleFacts(
        path=path, class_name=type(module).__name__, bases=bases(type(module), nnx.Module),
        framework="flax.nnx",
        parameters={name: list(value.shape) for name, value in own.items()
                    if arrays.is_array(value.get_value())},
        attributes=values.attributes(
            (name, value) for name, value in members.items() if name not in own))
