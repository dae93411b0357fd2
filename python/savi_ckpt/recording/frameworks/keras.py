"""Keras 3: the `__call__` of Layer, for the layers of the model."""
import contextlib

import keras
from keras.src.saving.keras_saveable import KerasSaveable
from keras.src.saving.saving_lib import _get_unique_name, _walk_saveable
from keras.src.utils.naming import to_snake_case

from savi_ckpt.recording import arrays, values
from savi_ckpt.recording.frameworks.classes import wrapped_calls
from savi_ckpt.recording.frameworks.facts import ModuleFacts, bases


@contextlib.contextmanager
def listen(recorder, model):
    paths = {}
    _find(model, "", paths)

    def report(layer, function, args, kwargs):
        if id(layer) not in paths:
            # A subclassed model may make its layers as it is first called.
            _find(model, "", paths)
        path = paths.get(id(layer))
        leaves = [leaf for _, leaf in values.leaves((args, kwargs), "")]
        if path is None or any(isinstance(leaf, keras.KerasTensor) for leaf in leaves):
            return function(*args, **kwargs)
        traced = [leaf for leaf in leaves if arrays.is_traced(leaf)]
        if traced:
            recorder.miss(path, "traced by Keras' own compilation (predict, fit) or by jax.jit, which "
                                "hides the values: call the model itself, `model(x)`")
            return function(*args, **kwargs)
        call = recorder.begin(_facts(path, layer), layer.call, args, kwargs)
        try:
            output = function(*args, **kwargs)
        except BaseException:
            recorder.end(call, None, completed=False)
            raise
        call["parameters"] = _parameters(layer)
        recorder.end(call, output)
        return output

    with wrapped_calls([keras.Layer], report):
        yield


def _find(saveable, path, paths):
    """The layers' paths, as the weights are called in a `.weights.h5` file: by attribute, and in a list
    by class. Keras' own walk gives them, as no public function does."""
    if id(saveable) in paths:
        return
    paths[id(saveable)] = path
    for name, child in _walk_saveable(saveable):
        inner = f"{path}/{name}" if path else name
        if isinstance(child, KerasSaveable):
            _find(child, inner, paths)
        elif isinstance(child, (list, dict, tuple)):
            _find_in_container(child, inner, paths)


def _find_in_container(container, path, paths, used=None):
    used = {}
    for child in container.values() if isinstance(container, dict) else container:
        if isinstance(child, KerasSaveable):
            name = _get_unique_name(to_snake_case(type(child).__name__), used)
            _find(child, f"{path}/{name}", paths)
        elif isinstance(child, (list, dict, tuple)):
            _find_in_container(child, f"{path}/{_get_unique_name('container', used)}", paths)


def _facts(path, layer):
    try:
        members = layer.get_config()
    except NotImplementedError:
        # A layer of one's own that takes arguments and says nothing of them.
        members = vars(layer)
    members = {**members, "dtype": layer.compute_dtype}
    members.pop("name", None)
    return ModuleFacts(
        path=path, class_name=type(layer).__name__, bases=bases(type(layer), keras.Layer),
        framework="keras", parameters=_parameters(layer),
        attributes=values.attributes(members.items()))


def _parameters(layer):
    own = [*layer._trainable_variables, *layer._non_trainable_variables]
    return {f"vars/{index}": list(value.shape) for index, value in enumerate(own)}
