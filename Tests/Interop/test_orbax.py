"""Orbax folders against what Orbax restores of them."""
import json
import subprocess
import sys

import pytest

from conftest import ROOT, found

VARIANTS = (
    [f"{kind}-{layout}" for kind in ("dtypes", "leaves", "sharded", "chunked")
     for layout in ("ocdbt-zarr2", "ocdbt-zarr3", "folders-zarr2", "folders-zarr3")]
    + ["sharded-chunked-zarr2", "sharded-chunked-zarr3", "separate-metadata", "small-data-files",
       "no-compression", "many", "linen-train-state", "nnx-pure", "nnx-state", "manager",
       "manager-items", "tensorstore", "numbered", "aggregated", "t5x"])


@pytest.fixture(scope="session")
def variants(tmp_path_factory):
    """The folder with all variants, and what is expected of each. Eight devices need a process."""
    folder = tmp_path_factory.mktemp("orbax")
    subprocess.run([sys.executable, ROOT / "Tests/Interop/orbax_variants.py", folder], check=True,
                   capture_output=True)
    return folder, json.loads((folder / "expected.json").read_text())


def test_every_variant_is_named(variants):
    assert sorted(variants[1]) == sorted(VARIANTS)


@pytest.mark.parametrize("variant", VARIANTS)
def test_reads_what_orbax_restores(tool, variants, variant):
    folder, expected = variants
    expected = expected[variant]
    tensors = {name: (dtype, tuple(shape), digest)
               for name, (dtype, shape, digest) in expected["tensors"].items()}
    assert found(tool, folder / variant, *expected["arguments"]) == tensors
    listed = tool.json("ls", "ls", folder / variant, *expected["arguments"])
    assert [row["name"] for row in listed["placeholders"]] == expected["values"]
