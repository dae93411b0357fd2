"""The wheel, as a Python team gets it: installed from its file into environments of its own, on a
PATH and a library path that hold neither Swift nor the C libraries."""
import json
import os
import pathlib
import re
import subprocess
import sys
import sysconfig
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
WHEEL = pathlib.Path(os.environ["WHEEL"])
SAMPLE = ROOT / "samples/savi-small.flax.npz"
HDF5 = ROOT / "Tests/Fixtures/hdf5/dtypes.h5"
# What every Linux system has: PEP 600's libraries of the C library.
SYSTEM = re.compile(r"/(libc|libm|libdl|librt|libpthread|libresolv|ld-linux[^/]*)\.so")


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """A clean virtual environment with nothing but the wheel."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin/pip", "install", "-q", "--no-index", WHEEL], check=True)
    return folder


def run(environment, *command, status=0, **variables):
    result = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True,
        env={"PATH": f"{environment}/bin", "HOME": str(environment), **variables})
    assert result.returncode == status, result.stderr
    return result


def test_the_command(environment, tmp_path):
    tool = environment / "bin/savi-ckpt"
    assert run(environment, tool, "--version").stdout.strip() in WHEEL.name
    converted = tmp_path / "savi.pt"
    run(environment, tool, "convert", SAMPLE, "-o", converted)
    run(environment, tool, "convert", converted, "--map", "none", "-o", tmp_path / "savi.h5")
    run(environment, tool, "diff", converted, tmp_path / "savi.h5")


def test_nothing_outside_is_loaded(environment, tmp_path):
    """Neither at the start, nor for HDF5, nor for the forward pass."""
    tool = environment / "bin/savi-ckpt"
    for arguments in [["ls", HDF5], ["run", SAMPLE, "-o", tmp_path / "stages.npz"]]:
        traced = run(environment, tool, *arguments, LD_DEBUG="files").stderr
        loaded = set(re.findall(r"calling init: (\S+)", traced))
        assert loaded and not [
            path for path in loaded if not SYSTEM.search(path) and str(environment) not in path]


def test_the_start_loads_little(environment):
    traced = run(environment, environment / "bin/savi-ckpt", "--version", LD_DEBUG="files").stderr
    assert not re.search("hdf5|openblas|curl|ldap|Foundation", traced)


def test_the_module(environment):
    code = f"""
import json, savi_ckpt
listing = savi_ckpt.ls({str(SAMPLE)!r})
findings = savi_ckpt.validate({str(SAMPLE)!r}, schema="savi-small")
same = savi_ckpt.diff({str(SAMPLE)!r}, {str(SAMPLE)!r})
table = savi_ckpt.stats({str(SAMPLE)!r}, include=["hn/bias"])
root = savi_ckpt.hash({str(SAMPLE)!r})["root"]
try:
    savi_ckpt.ls("/nowhere.pt")
except savi_ckpt.CommandError as error:
    problem = [error.exit_code, str(error)]
print(json.dumps([listing, findings, same, table, root, problem]))
"""
    result = run(environment, environment / "bin/python", "-c", code).stdout
    listing, findings, same, table, root, problem = json.loads(result)
    assert listing["schema_version"] == 1 and len(listing["tensors"]) == 69
    assert len(root) == 64 and same["schema_version"] == 1 and table["schema_version"] == 1
    assert "W041" in json.dumps(findings)
    assert problem[0] == 2 and "/nowhere.pt" in problem[1]
    module = run(environment, environment / "bin/python", "-m", "savi_ckpt", "hash", SAMPLE)
    assert root in module.stdout


def test_pipx(environment, tmp_path):
    folder = pathlib.Path(sysconfig.get_path("scripts"))
    result = run(
        environment, folder / "pipx", "run", "--no-cache", "--spec", WHEEL, "savi-ckpt", "--version",
        PIPX_HOME=str(tmp_path), PIPX_DEFAULT_PYTHON=sys.executable,
        PATH=f"{folder}:/usr/bin:/bin")
    assert result.stdout.strip() in WHEEL.name


def test_size_and_licenses():
    assert WHEEL.stat().st_size <= 25_000_000
    with zipfile.ZipFile(WHEEL) as archive:
        names = archive.namelist()
    licenses = [pathlib.Path(name).name for name in names if "/licenses/" in name]
    for part in ["savi-ckpt", "swift", "swift-argument-parser", "openblas", "hdf5", "libzip", "openssl",
                 "gcc"]:
        assert [name for name in licenses if name.startswith(part)], part
    # What libhdf5's driver for S3 would drag in is left out.
    assert not [name for name in names if re.search("ldap|krb5|gnutls", name)]
