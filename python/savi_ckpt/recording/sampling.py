"""Which elements of a large tensor are kept: a choice that both sides of a comparison make alike.

It may depend on neither values, which differ a little, nor on the layout, which differs altogether:
NHWC here, NCHW there. First whole items are left out, since what a layer computes of one item can
be computed again from that item alone. Only where not one item fits is it thinned out, along every
axis by a rule that looks at the axis' extent alone, so that a transposed tensor keeps the same
elements.
"""
from math import prod

# Elements: 64 MiB of float32. A convolution of the sizes in use recomputes within a second.
DEFAULT_LIMIT = 1 << 24


def kept(shape, limit):
    """How many positions of each axis are kept of a tensor of this shape: (n0, …) -> (k0, …)."""
    if prod(shape) <= limit:
        return tuple(shape)
    item = shape[1:]
    if prod(item) <= limit:
        return (limit // prod(item), *item)
    return (1, *(min(extent, _largest_extent(item, limit)) for extent in item))


def positions(extent, count):
    """The positions kept along an axis other than the leading one, evenly spread from the first."""
    return [index * extent // count for index in range(count)]


def _largest_extent(item, limit):
    """The largest m such that min(n, m) over all extents n of an item multiply to `limit` at most."""
    low, high = 1, max(item)
    while low < high:
        middle = (low + high + 1) // 2
        if prod(min(extent, middle) for extent in item) <= limit:
            low = middle
        else:
            high = middle - 1
    return low
