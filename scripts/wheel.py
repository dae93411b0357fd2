"""Packs the wheel: the static binary with its libraries, and the Python package.

    scripts/wheel.py STAGE FOLDER [PLATFORM]

STAGE is what scripts/static.sh made. The binary goes to the environment's `bin`, its libraries to
`lib/savi-ckpt`, so that the command starts without Python. The same input gives the same bytes.
Prints the wheel's path. The format: https://packaging.python.org/en/latest/specifications/
"""
import base64
import hashlib
import pathlib
import platform
import subprocess
import sys
import tomllib

import dense_zip

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "python/savi_ckpt"


def contents(stage, project, version):
    """(name in the wheel, bytes, mode) of every file but RECORD."""
    base = f"savi_ckpt-{version}"
    data, info = f"{base}.data", f"{base}.dist-info"
    for path in sorted(PACKAGE.rglob("*.py")):
        yield f"savi_ckpt/{path.relative_to(PACKAGE).as_posix()}", path.read_bytes(), 0o644
    yield f"{data}/scripts/savi-ckpt", (stage / "bin/savi-ckpt").read_bytes(), 0o755
    for path in sorted((stage / "lib/savi-ckpt").iterdir()):
        yield f"{data}/data/lib/savi-ckpt/{path.name}", path.read_bytes(), 0o755
    licenses = sorted((stage / "licenses").iterdir())
    for path in licenses:
        yield f"{info}/licenses/{path.name}", path.read_bytes(), 0o644
    yield f"{info}/METADATA", metadata(project, version, licenses).encode(), 0o644


def metadata(project, version, licenses):
    lines = [
        "Metadata-Version: 2.4", f"Name: {project['name']}", f"Version: {version}",
        f"Summary: {project['description']}", f"Requires-Python: {project['requires-python']}",
        f"License-Expression: {project['license']}", f"Keywords: {','.join(project['keywords'])}",
        *(f"License-File: {path.name}" for path in licenses),
        *(f"Classifier: {item}" for item in project["classifiers"])]
    for extra, packages in project["optional-dependencies"].items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f'Requires-Dist: {package}; extra == "{extra}"' for package in packages]
    text = (ROOT / "python" / project["readme"]).read_text()
    return "\n".join([*lines, "Description-Content-Type: text/markdown", "", text])


def pack(stage, folder, tag):
    project = tomllib.loads((ROOT / "python/pyproject.toml").read_text())["project"]
    version = subprocess.run(
        [stage / "bin/savi-ckpt", "--version"], capture_output=True, text=True, check=True
    ).stdout.strip()
    info = f"savi_ckpt-{version}.dist-info"
    files = list(contents(stage, project, version))
    description = f"Wheel-Version: 1.0\nGenerator: savi-ckpt\nRoot-Is-Purelib: false\nTag: {tag}\n"
    files.append((f"{info}/WHEEL", description.encode(), 0o644))
    record = []
    for name, content, _ in files:
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record.append(f"{name},sha256={digest},{len(content)}")
    record += [f"{info}/RECORD,,", ""]
    files.append((f"{info}/RECORD", "\n".join(record).encode(), 0o644))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"savi_ckpt-{version}-{tag}.whl"
    dense_zip.write(path, files)
    return path


if __name__ == "__main__":
    stage, folder, *rest = sys.argv[1:]
    tag = rest[0] if rest else f"linux_{platform.machine()}"
    print(pack(pathlib.Path(stage), pathlib.Path(folder), f"py3-none-{tag}"))
