"""Where a fault begins to show: the port's own recordings, with it and without, bit for bit."""
import json

import numpy as np
from safetensors.numpy import load_file
from safetensors import safe_open


def first_differences(clean, faulty, unpaired=()):
    """The paths at which a fault may be said to be, of the first event that differs: a call's inputs as
    it begins, its outputs as it ends. `None` where none does.

    An input that differs is that of every call that begins with it. An output of a module with inner
    calls that all agree comes from what the module does behind them, and the next calls show it too, as
    they do for a call that has no counterpart in the source."""
    sides = [_read(clean), _read(faulty)]
    calls = sides[0][1]
    events = _events(calls)
    for place, (index, side) in enumerate(events):
        if not _equal(sides, index, side):
            is_leaf = not any(call["parent"] == index for call in calls)
            if side == "outputs" and is_leaf and calls[index]["path"] not in unpaired:
                return {calls[index]["path"]}
            return _until_next_layer(calls, events[place:])
    return None


def _until_next_layer(calls, events):
    """The paths of the first of some events, and on to the first layer that begins and has a counterpart."""
    paths = {calls[events[0][0]]["path"]}
    for index, side in events:
        paths.add(calls[index]["path"])
        if side == "inputs" and not any(call["parent"] == index for call in calls):
            break
    return paths


def _read(path):
    with safe_open(path, "np") as file:
        return load_file(path), json.loads(file.metadata()["savi_ckpt.calls"])["calls"]


def _events(calls):
    """(place of the call, "inputs" or "outputs") in the order of execution."""
    result, under_way = [], []
    for index, call in enumerate(calls):
        while under_way and under_way[-1] != call["parent"]:
            result.append((under_way.pop(), "outputs"))
        under_way.append(index)
        result.append((index, "inputs"))
    return result + [(index, "outputs") for index in reversed(under_way)]


def _equal(sides, index, side):
    values = [[tensors[entry["tensor"]] for entry in calls[index][side]] for tensors, calls in sides]
    return len(values[0]) == len(values[1]) and all(
        np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(*values))
