"""Documents of parts and fleets hold to their schemas, and merged hashes are hashlib's."""
import json

from conftest import SAMPLE, validator


def test_parts(tool, tmp_path):
    paths = []
    for number in (1, 2, 3):
        path = tmp_path / f"{number}.json"
        path.write_text(tool.run("hash", SAMPLE, "--part", f"{number}/3").stdout)
        validator("part").validate(json.loads(path.read_text()))
        paths.append(path)
    merged = json.loads(tool.run("merge", "--json", *paths).stdout)
    validator("hash").validate(merged)
    assert merged == json.loads(tool.run("hash", SAMPLE, "--json").stdout)


def test_fleet(tool, tmp_path):
    plan = tmp_path / "plan.json"
    tool.run("fleet", "plan", SAMPLE, "-o", plan, "--run", "stats")
    validator("fleet-plan").validate(json.loads(plan.read_text()))
    tool.run("fleet", "run", plan, "--job", "1")
    report = json.loads(tool.run("fleet", "merge", plan, "--json").stdout)
    validator("fleet-merge").validate(report)
    assert report["results"][0]["document"] == json.loads(tool.run("stats", SAMPLE, "--json").stdout)
