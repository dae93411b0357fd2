"""integration/slurm on a real Slurm: arrays of tasks, one of them killed in the middle and requeued.

Run by `make slurm`. Nothing here is skipped: where Slurm does not start, the tests fail.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from cluster import Cluster

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("SAVI_CKPT", str(ROOT / ".build/release/savi-ckpt"))
SCRIPTS = ROOT / "integration/slurm"
JOBS = 8
CHECKPOINTS = 200
DAMAGED = "run-117.safetensors"


class SlurmTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="savi-ckpt-slurm-")
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.addClassCleanup(cls.temporary.cleanup)
        (cls.folder / "cluster").mkdir()
        cls.cluster = Cluster(cls.folder / "cluster")
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.environment["SAVI_CKPT"] = BINARY
        cls.cluster.start()
        # Names of one file: a fleet of them takes no room.
        cls.model = cls.folder / "model.safetensors"
        cls.savi_ckpt("convert", ROOT / "samples/savi-small.flax.npz", "-o", cls.model, "-q")
        fleet = cls.folder / "fleet"
        fleet.mkdir()
        for number in range(CHECKPOINTS):
            os.link(cls.model, fleet / f"run-{number:03}.safetensors")
        damaged = fleet / DAMAGED
        damaged.unlink()
        damaged.write_bytes(cls.model.read_bytes()[:-1000])

    @classmethod
    def savi_ckpt(cls, *arguments, expected=0):
        run = subprocess.run(
            [BINARY, *map(str, arguments)], cwd=cls.folder, capture_output=True, text=True)
        assert run.returncode == expected, (arguments, run.returncode, run.stderr)
        return run.stdout

    def submit(self, script, tasks, *arguments):
        return self.cluster.submit(
            f"--array=1-{tasks}", "--cpus-per-task=1", f"--chdir={self.folder}",
            str(SCRIPTS / script), *map(str, arguments))

    def ledger(self, job):
        """The lines of a job's results; the first says whose they are."""
        path = self.folder / f"plan.results/job-{job:04}.jsonl"
        return path.read_text().splitlines() if path.exists() else []

    def test_fleet(self):
        self.savi_ckpt(
            "fleet", "plan", "fleet", "-o", "plan.json", "--jobs", JOBS,
            "--run", "validate", "--schema", "savi-small")
        array = self.submit("fleet.sbatch", JOBS, "plan.json")

        # One task loses its node in the middle of its work.
        victim = 3
        end = time.monotonic() + 120
        while len(self.ledger(victim)) < 4:
            self.assertLess(time.monotonic(), end, self.cluster.logs())
            time.sleep(0.002)
        self.cluster.run("scontrol", "requeue", f"{array}_{victim}")
        kept = self.ledger(victim)
        self.assertLess(len(kept), 1 + CHECKPOINTS // JOBS, "it was done before it could be killed")
        while f"{array}_{victim}" not in self.cluster.run(
                "squeue", "-h", "-r", "-t", "PENDING", "-o", "%i"):
            self.assertLess(time.monotonic(), end, self.cluster.run("squeue"))
            time.sleep(0.05)
        # Slurm would wait two minutes before it begins again.
        self.cluster.run("scontrol", "update", f"JobId={array}_{victim}", "StartTime=now")
        self.cluster.wait_for(array)

        # What was done before the task was killed was not done again.
        self.assertEqual(self.ledger(victim)[:len(kept)], kept)
        log = (self.folder / f"savi-ckpt-{array}_{victim}.log").read_text()
        self.assertRegex(log, r"checkpoints, \d+ done before")

        # The tasks' exit codes are the command's: one has the damaged checkpoint.
        codes = self.cluster.codes(array)
        self.assertEqual(sorted(codes.values()), ["0:0"] * (JOBS - 1) + ["2:0"], codes)

        # One report, failures first, each checkpoint as a single run finds it.
        merged = json.loads(self.savi_ckpt("fleet", "merge", "plan.json", "--json", expected=2))
        self.assertEqual(merged["checkpoints"], CHECKPOINTS)
        self.assertEqual(merged["unfinished_jobs"], [])
        self.assertEqual([merged["results"][0]["file"], merged["failures"]], [f"fleet/{DAMAGED}", 1])
        single = json.loads(self.savi_ckpt(
            "validate", *sorted(entry["file"] for entry in merged["results"]),
            "--schema", "savi-small", "--json", expected=2))
        self.assertEqual(
            {entry["file"]: entry["document"]["files"][0] for entry in merged["results"]},
            {file["file"]: file for file in single["files"]})

    def test_parts(self):
        array = self.submit("parts.sbatch", 4, "hash-parts", "hash", self.model)
        self.cluster.wait_for(array)
        self.assertEqual(set(self.cluster.codes(array).values()), {"0:0"})
        results = sorted((self.folder / "hash-parts").glob("*.json"))
        self.assertEqual(self.savi_ckpt("merge", *results), self.savi_ckpt("hash", self.model))

    def test_divided_conversion(self):
        sample = ROOT / "samples/savi-small.flax.npz"
        whole, divided = self.folder / "whole", self.folder / "divided"
        for folder in (whole, divided):
            folder.mkdir()
        self.savi_ckpt(
            "convert", sample, "-o", whole / "m.safetensors", "--max-shard-size", "200KB", "-q")
        array = self.submit(
            "parts.sbatch", 5, "convert-parts", "convert", sample, "-o", divided / "m.safetensors",
            "--max-shard-size", "200KB")
        self.cluster.wait_for(array)
        self.assertFalse((divided / "m.safetensors.index.json").exists())
        self.savi_ckpt("merge", *(self.folder / "convert-parts").glob("*.json"))
        self.assertEqual(
            {path.name: path.read_bytes() for path in whole.iterdir()},
            {path.name: path.read_bytes() for path in divided.iterdir()})


if __name__ == "__main__":
    unittest.main()
