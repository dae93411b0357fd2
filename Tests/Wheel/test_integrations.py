"""The integrations with the wheel, step by step, as their systems run them: without Swift."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
WHEEL = pathlib.Path(os.environ["WHEEL"])
SAMPLE = ROOT / "samples/savi-small.flax.npz"
TOOLS = sysconfig.get_path("scripts")
# The Python of these tests, and the system's programs; no Swift.
PATH = f"{TOOLS}:/usr/local/bin:/usr/bin:/bin"
# The sample is in Flax's layout.
CASES = pytest.mark.parametrize("schema, status", [("savi-small-flax", 0), ("savi-small", 1)])


def shell(command, folder, **variables):
    return subprocess.run(["bash", "-e", "-o", "pipefail", "-c", command], cwd=folder,
                          capture_output=True, text=True,
                          env={"PATH": PATH, "HOME": str(folder), **variables})


@CASES
def test_github_action(tmp_path, schema, status):
    action = ROOT / "integration/github/action.yml"
    inputs = {"files": str(SAMPLE), "schema": schema, "baseline": "", "fail-on": "error",
              "sarif": "", "release": str(WHEEL)}
    variables = dict(GITHUB_ACTION_PATH=str(action.parent), RUNNER_TEMP=str(tmp_path),
                     GITHUB_PATH=str(tmp_path / "path"),
                     GITHUB_STEP_SUMMARY=str(tmp_path / "summary"))
    for step in yaml.safe_load(action.read_text())["runs"]["steps"]:
        for key, value in step["env"].items():
            variables[key] = inputs[re.search(r"inputs\.([a-z-]+)", value).group(1)]
        result = shell(step["run"], tmp_path, **variables)
        if (tmp_path / "path").exists():
            variables["PATH"] = (tmp_path / "path").read_text().strip() + ":" + PATH
    assert result.returncode == status, result.stderr
    assert ("::error file=" in result.stdout) == (status == 1)
    assert "Weights: 1 file against" in (tmp_path / "summary").read_text()


@CASES
def test_gitlab(tmp_path, schema, status):
    job = yaml.safe_load((ROOT / "integration/gitlab/weights.gitlab-ci.yml").read_text())
    job = job["validate-weights"]
    variables = dict(job["variables"], SAVI_CKPT_WHEEL=str(WHEEL), WEIGHTS=str(SAMPLE),
                     SCHEMA=schema)
    for line in job["script"]:
        result = shell(line, tmp_path, **variables)
    assert result.returncode == status, result.stderr
    assert (tmp_path / job["artifacts"]["reports"]["junit"]).exists()


def git(folder, *arguments):
    return subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments], cwd=folder,
        capture_output=True, text=True, check=True).stdout.strip()


def test_pre_commit(tmp_path):
    """The hook is installed from a repository, with the wheel from a folder."""
    hooks, project = tmp_path / "hooks", tmp_path / "project"
    for folder in [hooks, project]:
        folder.mkdir()
        git(folder, "init", "-q")
    for name in [".pre-commit-hooks.yaml", "pyproject.toml"]:
        shutil.copy(ROOT / name, hooks)
    git(hooks, "add", "-A")
    git(hooks, "commit", "-q", "-m", "hooks")
    hook = {"id": "savi-ckpt-validate", "args": ["--schema", "weights.json"]}
    (project / ".pre-commit-config.yaml").write_text(yaml.safe_dump(
        {"repos": [{"repo": str(hooks), "rev": git(hooks, "rev-parse", "HEAD"), "hooks": [hook]}]}))

    def run():
        git(project, "add", "-A")
        return subprocess.run(
            [sys.executable, "-m", "pre_commit", "run", "--all-files", "--verbose"], cwd=project,
            capture_output=True, text=True,
            env={"PATH": PATH, "HOME": str(tmp_path), "PIP_FIND_LINKS": str(WHEEL.parent),
                 "PRE_COMMIT_HOME": str(tmp_path / "cache")})

    shutil.copy(ROOT / "schemas/savi-small-flax.checkpoint.json", project / "weights.json")
    shutil.copy(SAMPLE, project)
    result = run()
    assert result.returncode == 0, result.stdout + result.stderr
    shutil.copy(ROOT / "schemas/savi-small.checkpoint.json", project / "weights.json")
    result = run()
    assert result.returncode == 1 and "W041" in result.stdout, result.stdout + result.stderr


def test_versions_agree():
    """The hook asks for the version that the wheel has."""
    version = WHEEL.name.split("-")[1]
    text = (ROOT / "pyproject.toml").read_text()
    assert f'version = "{version}"' in text and f'"savi-ckpt=={version}"' in text
