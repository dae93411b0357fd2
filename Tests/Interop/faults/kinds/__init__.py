"""The table of faults. A kind looks for places in any port, whatever its family: a layer of a class, or
a function that a forward pass calls. Nothing in it is written for one model."""
from .between import BETWEEN
from .modules import MODULES
from .weights import WEIGHTS

KINDS = [*WEIGHTS, *MODULES, *BETWEEN]
