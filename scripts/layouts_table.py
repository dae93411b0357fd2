"""Writes the table of named layouts in docs/mapping.md from schemas/layouts.json.

With --check it writes nothing, and exits with 1 where the table is another one.
"""
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/mapping.md"
BEGIN, END = "<!-- layouts: made by scripts/layouts_table.py -->\n", "<!-- end of layouts -->\n"


def row(layout):
    """The name, the formula with what goes beyond it, and the comment."""
    parts = [f"`{layout['layout']}`"]
    if "flip" in layout:
        parts.append(" and ".join(layout["flip"]) + " flipped")
    if "sizes" in layout:
        parts += [f"{axis} = {size}" for axis, size in layout["sizes"].items()]
    for axis, places in layout.get("fill", {}).items():
        parts.append(f"{axis} = {', '.join(map(str, places))} zero")
    for axis, places in layout.get("order", {}).items():
        parts.append(f"{axis} in the order {', '.join(map(str, places))}")
    if "values" in layout:
        parts.append(f"`{layout['values']}`")
    for axis, labels in layout.get("labels", {}).items():
        parts.append(f"{axis}: {', '.join(labels['places'])}")
    return f"| `{layout['name']}` | {'; '.join(parts)} | {layout.get('comment', '')} |"


def table():
    layouts = json.loads((ROOT / "schemas/layouts.json").read_text())["layouts"]
    lines = ["| name | layout | |", "| --- | --- | --- |", *map(row, layouts)]
    return "\n".join(lines) + "\n"


def main():
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    made = before + BEGIN + table() + END + after
    if "--check" not in sys.argv:
        PAGE.write_text(made)
    elif made != text:
        sys.exit("docs/mapping.md: the table of layouts is not schemas/layouts.json's: "
                 "run scripts/layouts_table.py")


if __name__ == "__main__":
    main()
