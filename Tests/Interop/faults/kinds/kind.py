"""One kind of fault, and how it is put into a port."""
import contextlib
import copy
import dataclasses
from typing import Callable

from .functions import Functions, trace


@dataclasses.dataclass(frozen=True)
class Kind:
    name: str
    # Where it is: weights, module or between.
    group: str
    # The ids of causes that name it; * stands for any part of one.
    causes: tuple
    # From a port and the functions it calls to the places that can have this fault.
    places: Callable
    # Puts it at a place of a port; may return replacements of functions.
    apply: Callable


@dataclasses.dataclass
class Faulty:
    """A port with a fault in it, which is there for as long as `running` is entered."""
    port: object
    running: contextlib.AbstractContextManager


def put(kind, port, place):
    port = copy.deepcopy(port)
    return Faulty(port, Functions(port, kind.apply(port, place)))


def places(kind, port, arguments):
    return list(kind.places(port, trace(port, arguments)))


def in_modules(group, name, causes, condition, change):
    """A kind that changes one module: `condition(module, path)`, `change(module)`."""
    def find(port, _calls):
        return [path for path, module in port.named_modules() if condition(module, path)]

    def apply(port, path):
        change(port.get_submodule(path))
    return Kind(name, group, tuple(causes.split()), find, apply)


def in_functions(name, causes, condition, replace):
    """A kind that replaces a function's call: `condition(call)`, `replace(function, args, kwargs)`."""
    def find(port, calls):
        return [call.place for call in calls if condition(call)]

    def apply(port, place):
        return {place: replace}
    return Kind(name, "between", tuple(causes.split()), find, apply)
