"""Runs the whole benchmark and prints its table; with a file, puts the table into it."""
import argparse
import pathlib
import sys
import tempfile

from conftest import Tool

from . import benchmark, report
from .families import FAMILIES
from .kinds import KINDS

BEGIN, END = "<!-- table -->\n", "<!-- end of the table -->\n"


def main():
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--tool", required=True, help="the binary")
    parser.add_argument("--write", type=pathlib.Path, help="the document whose table is to be replaced")
    parser.add_argument("--family", action="append", choices=FAMILIES, help="only this one")
    parser.add_argument("--kind", action="append", help="only the kinds with this in their name")
    parser.add_argument("--places", type=int, default=2, help="where one kind is tried in one model")
    options = parser.parse_args()
    kinds = [kind for kind in KINDS
             if not options.kind or any(part in kind.name for part in options.kind)]
    with tempfile.TemporaryDirectory() as folder:
        outcomes, alarms = benchmark.run(
            Tool(options.tool), pathlib.Path(folder), families=options.family or FAMILIES, kinds=kinds,
            most_places=options.places, tell=lambda outcome: print(report.line(outcome), flush=True))
    table = report.markdown(outcomes, alarms)
    print("\n".join(["", "Short of the goal:", *report.misses(outcomes, alarms), "", table]))
    if options.write:
        replace_table(options.write, table)
    return 0 if report.reaches_goals(outcomes, alarms) else 1


def replace_table(path, table):
    text = path.read_text()
    before, after = text.index(BEGIN) + len(BEGIN), text.index(END)
    path.write_text(text[:before] + "\n" + table + "\n\n" + text[after:])


sys.exit(main())
