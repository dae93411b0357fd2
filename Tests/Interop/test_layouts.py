"""Every named layout and every feature of the notation, there and back, against einops and NumPy."""
import json

import numpy as np
import pytest
from einops import rearrange

from conftest import ROOT

LAYOUTS = {layout["name"]: layout for layout in
           json.loads((ROOT / "schemas/layouts.json").read_text())["layouts"]}
# The extents of the axes that a formula names; three rows for what "..." stands for.
EXTENTS = dict(k=3, kd=2, kh=3, kw=5, i=4, o=6, c=5, m=2, y=2, x=3, v=7, e=4, h=2, d=3, p=2)


def axes(side):
    return side.replace("(", " ").replace(")", " ").split()


def shape(side, extents):
    """The shape that a side of a formula has."""
    dimensions, group = [], None
    for word in side.replace("(", " ( ").replace(")", " ) ").split():
        if word == "(":
            group = 1
        elif word == ")":
            dimensions.append(group)
            group = None
        elif word == "...":
            dimensions += [3, 4]
        elif group is not None:
            group *= extents[word]
        else:
            dimensions.append(1 if word == "1" else extents[word])
    return tuple(dimensions)


def arrays(count, shape_, seed=0):
    generator = np.random.default_rng(seed)
    return [generator.standard_normal(shape_, dtype=np.float32) for _ in range(count)]


def convert(tool, folder, rules, sources, rounding=0):
    """The targets of a conversion by these rules; the way back must give the sources again, but for
    what an operation on the values rounds."""
    document = folder / "m.json"
    document.write_text(json.dumps(
        {"schema_version": 1, "name": "m", "title": "t", "rules": rules}))
    tool.run("map", "lint", document)
    np.savez(folder / "a.npz", **sources)
    tool.run("convert", folder / "a.npz", "--map", document, "-o", folder / "b.npz")
    tool.run("convert", folder / "b.npz", "--map", document, "-o", folder / "c.npz", "--reverse")
    with np.load(folder / "c.npz") as back:
        assert sorted(back.files) == sorted(sources)
        for name, value in sources.items():
            assert np.abs(back[name] - value).max() <= rounding, name
    with np.load(folder / "b.npz") as made:
        return {name: made[name] for name in made.files}


@pytest.mark.parametrize("name", LAYOUTS)
def test_named_layout(tool, tmp_path, name):
    layout = LAYOUTS[name]
    left, right = layout["layout"].split("->")
    extents = {**EXTENTS, **layout.get("sizes", {})}
    extents.update({axis: len(places) for axis, places in layout.get("order", {}).items()})
    filled = layout.get("fill", {})
    stack = next((a for a in ["s", "g"] if axes(left)[:1] == [a]), None)
    if stack:
        count = extents[stack] - len(filled.get(stack, []))
        sources = arrays(count, shape(left, extents)[1:])
        whole = np.zeros(shape(left, extents), np.float32)
        whole[[p for p in range(extents[stack]) if p not in filled.get(stack, [])]] = sources
    else:
        sources = arrays(1, shape(left, extents))
        whole = sources[0]
    rule = {"target": "t", "layout": name}
    names = [f"s{index}" for index in range(len(sources))]
    rule.update({"source": names[0]} if len(names) == 1 else {"sources": names})
    # What a model says of itself: the axes whose extents the source's shape does not tell.
    merged = {a for group in left.split("(")[1:] for a in axes(group.split(")")[0])}
    given = {a: extents[a] for a in merged & set(extents)}
    # The way back does not know how a merged dimension of the target is made up.
    given.update({a: extents[a] for group in right.split("(")[1:]
                  for a in axes(group.split(")")[0])})
    given.pop(stack, None)
    if given:
        rule["sizes"] = given
    found = convert(tool, tmp_path, [rule], dict(zip(names, sources)),
                    rounding=2e-7 if "values" in layout else 0)["t"]

    for axis in layout.get("flip", []):
        whole = np.flip(whole, axes(left).index(axis))
    sizes = {a: extents[a] for a in extents if a in axes(left)}
    if layout.get("order"):
        (axis, places), = layout["order"].items()
        parts = " ".join(axes(left))
        opened = rearrange(whole, f"{left} -> {parts}", **sizes)
        whole = rearrange(np.take(opened, places, axes(left).index(axis)), f"{parts} -> {left}")
    expected = rearrange(whole, layout["layout"], **sizes)
    if "values" in layout:
        expected = expected + np.float32(1)
    assert np.array_equal(found, expected)


def test_several_targets(tool, tmp_path):
    """One fused kernel becomes three."""
    fused, = arrays(1, (4, 18))
    found = convert(tool, tmp_path, [
        {"targets": ["q", "k", "v"], "source": "qkv", "layout": "i (s o) -> s o i"}], {"qkv": fused})
    expected = rearrange(fused, "i (s o) -> s o i", s=3)
    for index, name in enumerate("qkv"):
        assert np.array_equal(found[name], expected[index])


def test_layers_of_a_stack(tool, tmp_path):
    """The layer axis of nn.scan, beside a fixed index."""
    stacked, pair = arrays(1, (5, 4, 6))[0], arrays(1, (2, 7))[0]
    found = convert(tool, tmp_path, [
        {"target": "layers.{n}.weight", "source": "layers/kernel", "layout": "l i o -> o i",
         "at": {"l": "{n}"}},
        {"target": "first", "source": "pair", "layout": "b o -> o", "at": {"b": 0}},
        {"target": "second", "source": "pair", "layout": "b o -> o", "at": {"b": 1}},
    ], {"layers/kernel": stacked, "pair": pair})
    assert len(found) == 7 and np.array_equal(found["second"], pair[1])
    for index in range(5):
        assert np.array_equal(found[f"layers.{index}.weight"], stacked[index].T)


def test_sizes_from_a_sibling(tool, tmp_path):
    """A dense layer behind a flatten knows its channels from the convolution before it."""
    kernel, bias = arrays(1, (2 * 3 * 5, 6))[0], arrays(1, (5,))[0]
    found = convert(tool, tmp_path, [
        {"target": "conv.bias", "source": "conv/bias", "layout": "o -> o"},
        {"target": "fc.weight", "source": "fc/kernel", "layout": "dense.flattened_kernel",
         "sizes": {"y": 2, "c": {"of": "conv/bias", "axis": 0}}},
    ], {"conv/bias": bias, "fc/kernel": kernel})
    assert np.array_equal(
        found["fc.weight"], rearrange(kernel, "(y x c) o -> o (c y x)", y=2, c=5))


@pytest.mark.parametrize("formula", [
    "1 n e -> n e", "c -> 1 c 1 1", "() a b -> b a ()", "a (b c) d -> (d b) (a c)",
    "... a b -> ... b a", "(a b) ... -> (b a) ..."])
def test_dimensions_added_dropped_merged_and_split(tool, tmp_path, formula):
    extents = dict(n=7, e=4, a=2, b=3, c=5, d=4)
    left, right = formula.replace("()", "1").split("->")
    source, = arrays(1, shape(left, extents))
    used = {a: extents[a] for a in axes(left) if a in extents}
    found = convert(tool, tmp_path, [
        {"target": "t", "source": "s", "layout": formula, "sizes": used}], {"s": source})["t"]
    assert np.array_equal(found, rearrange(source, formula, **used))


def test_places_in_another_order_and_backwards(tool, tmp_path):
    """Gates from input, cell, forget, output to PyTorch's order, and an axis that runs backwards."""
    gates, rows = arrays(1, (4, 24))[0], arrays(1, (5, 3))[0]
    found = convert(tool, tmp_path, [
        {"target": "t", "source": "gates", "layout": "i (g o) -> (g o) i",
         "order": {"g": [0, 2, 1, 3]}},
        {"target": "u", "source": "rows", "layout": "a b -> b a", "flip": ["a"]},
    ], {"gates": gates, "rows": rows})
    parts = np.split(gates, 4, axis=1)
    assert np.array_equal(found["t"], np.concatenate([parts[p] for p in [0, 2, 1, 3]], 1).T)
    assert np.array_equal(found["u"], rows[::-1].T)


@pytest.mark.parametrize("operation, function", [
    ("x * 2", lambda x: x * 2), ("x / 4", lambda x: x / 4), ("x * -1", lambda x: -x)])
def test_values_that_come_back_exactly(tool, tmp_path, operation, function):
    source, = arrays(1, (4, 6))
    found = convert(tool, tmp_path, [
        {"target": "t", "source": "s", "layout": "i o -> o i", "values": operation}], {"s": source})
    assert np.array_equal(found["t"], function(source).T)


def test_constants_are_made_and_left_out_again(tool, tmp_path):
    source, = arrays(1, (3, 4))
    found = convert(tool, tmp_path, [
        {"target": "weight", "source": "s", "layout": "copy"},
        {"constant": "batches", "shape": [], "dtype": "int64", "value": 7},
        {"constant": "ids", "shape": [1, 5], "dtype": "int64", "value": "range"},
        {"constant": "zeros", "like": "weight", "dtype": "float32", "value": 0},
    ], {"s": source})
    assert found["batches"].dtype == np.int64 and found["batches"] == 7
    assert np.array_equal(found["ids"], np.arange(5)[None])
    assert np.array_equal(found["zeros"], np.zeros((3, 4), np.float32))
