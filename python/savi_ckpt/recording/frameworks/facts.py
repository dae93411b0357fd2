"""What a call says of its module."""
from typing import NamedTuple


class ModuleFacts(NamedTuple):
    path: str
    class_name: str
    # Names of the framework's classes it derives from, the nearest first.
    bases: list
    framework: str
    # Names of its own parameters and buffers to their shapes.
    parameters: dict
    attributes: dict


def bases(kind, root):
    """The names of the framework's classes that a class derives from, down to the root of all modules."""
    library = root.__module__.split(".")[0]
    ancestors = kind.__mro__[1:kind.__mro__.index(root)]
    return [base.__name__ for base in ancestors if base.__module__.split(".")[0] == library]
