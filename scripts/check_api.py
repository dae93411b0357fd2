"""Holds what a client of the library sees against what it is to be, and builds its documentation.

- Nothing is public but types, which the catalogue's page lists, and what they have; the compiler sees
  to it that no type of another module stands in a signature.
- Everything but initialisers, which take what the properties say, and cases is documented.
- docc makes the documentation without a warning.

    check_api.py [BUILD-FOLDER]    where Checkpoints was built; .build/debug without it
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
CATALOGUE = ROOT / "Sources/Checkpoints/Checkpoints.docc"
# What no catalogue says better than the protocol that asks for it.
WITNESSES = {"init(rawValue:)", "hash(into:)", "==(_:_:)", "<(_:_:)"}
UNDOCUMENTED = {"swift.init", "swift.enum.case"}


def symbol_graphs(build, folder):
    """Writes the symbol graphs of Checkpoints, with what it exports again, into the folder."""
    exported = re.findall(
        r"@_exported public import (\w+)",
        (ROOT / "Sources/Checkpoints/Checkpoints.swift").read_text())
    maps = [path.parent for path in (ROOT / "Sources").glob("C*/**/module.modulemap")]
    maps += [path.parent for path in build.glob("C*.build/module.modulemap")]
    target = json.loads(subprocess.run(
        ["swift", "-print-target-info"], check=True, capture_output=True).stdout)
    subprocess.run(
        ["swift", "symbolgraph-extract", "-module-name", "Checkpoints",
         "-target", target["target"]["unversionedTriple"], "-I", build / "Modules",
         *(word for path in maps for word in ("-I", path)),
         "-minimum-access-level", "public", "-skip-synthesized-members", "-skip-inherited-docs",
         "-omit-extension-block-symbols", "-output-dir", folder,
         "-experimental-allowed-reexported-modules=" + ",".join(exported)], check=True)


def problems(symbols):
    listed = set(re.findall(r"^- ``(\w+)``$", (CATALOGUE / "Checkpoints.md").read_text(), re.M))
    types = set()
    for symbol in symbols:
        path, kind = symbol["pathComponents"], symbol["kind"]["identifier"]
        name = ".".join(path)
        if len(path) == 1:
            types.add(name)
            if kind in ("swift.func", "swift.var"):
                yield f"{name}: no function or variable stands by itself: make it 'package'"
            elif name not in listed:
                yield f"{name}: list it in {CATALOGUE.name}/Checkpoints.md, or make it 'package'"
        if not ("docComment" in symbol or kind in UNDOCUMENTED or path[-1] in WITNESSES):
            yield f"{name}: document it, or make it 'package'"
    for name in sorted(listed - types):
        yield f"{name}: {CATALOGUE.name}/Checkpoints.md lists it, and it is not public"


def main():
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / ".build/debug").resolve()
    with tempfile.TemporaryDirectory() as name:
        graphs = pathlib.Path(name) / "graphs"
        graphs.mkdir()
        symbol_graphs(build, graphs)
        symbols = json.loads((graphs / "Checkpoints.symbols.json").read_text())["symbols"]
        found = list(problems(symbols))
        for problem in found:
            print(f"check_api.py: {problem}", file=sys.stderr)
        documented = subprocess.run(
            ["docc", "convert", CATALOGUE, "--additional-symbol-graph-dir", graphs,
             "--fallback-bundle-identifier", "savi-ckpt.Checkpoints", "--warnings-as-errors",
             "--output-path", pathlib.Path(name) / "Checkpoints.doccarchive"],
            capture_output=True, text=True)
        if found or documented.returncode:
            print(documented.stdout + documented.stderr, end="", file=sys.stderr)
            sys.exit(1)
    print(f"the library: {len(symbols)} public symbols, documented")


main()
