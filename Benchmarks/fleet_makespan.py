"""How long a fleet of 10,000 checkpoints takes on 1, 16 and 256 workers, beside the best possible.

The costs are recorded: real checkpoints of several sizes are looked at by `fleet run`, and the time of
each is fitted as a start and a rate. The fleet is simulated: `fleet plan` divides sparse files with
sizes like a public hub's, and each worker does one job. Usage: fleet_makespan.py SAVI_CKPT
"""

import json
import math
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy

COUNT = 10_000
RECORDED = [(1 << 12, 40), (1 << 20, 20), (1 << 24, 10), (1 << 27, 5)]


def safetensors(path: pathlib.Path, size: int) -> None:
    header = json.dumps(
        {"w": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}}).encode()
    values = numpy.random.default_rng(size).standard_normal(size // 4, dtype="float32")
    path.write_bytes(len(header).to_bytes(8, "little") + header + values.tobytes())


def results(plan: pathlib.Path) -> list[dict]:
    lines = (plan.parent / f"{plan.stem}.results/job-0001.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines[1:]]


def main(binary: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "real").mkdir()
        for size, copies in RECORDED:
            for copy in range(copies):
                safetensors(folder / f"real/{size}-{copy}.safetensors", size)
        plan = folder / "real.json"
        subprocess.run([binary, "fleet", "plan", "real", "-o", plan, "--jobs", "1"], cwd=folder,
                       check=True, stdout=subprocess.DEVNULL)
        subprocess.run([binary, "fleet", "run", plan, "--job", "1"], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)
        items = json.loads(plan.read_text())["items"]
        costs = [(items[r["item"]]["bytes"], r["seconds"]) for r in results(plan)]
        sizes, seconds = numpy.array(costs, dtype=float).T
        # Relative errors count alike, whatever the size.
        (start, rate), *_ = numpy.linalg.lstsq(
            numpy.stack([1 / seconds, sizes / seconds], axis=1), numpy.ones(len(costs)), rcond=None)
        fit = start + rate * sizes
        noise = (seconds / fit)
        print(f"recorded: {len(costs)} checkpoints, {start * 1000:.1f} ms each and "
              f"{1 / rate / 1e9:.2f} GB/s")

        generator = random.Random(7)
        (folder / "hub").mkdir()
        for number in range(COUNT):
            size = int(min(1e12, math.exp(generator.gauss(20, 1.9))))
            with open(folder / f"hub/{number:05}.safetensors", "wb") as file:
                file.truncate(size)
        for workers in (1, 16, 256):
            plan = folder / f"hub-{workers}.json"
            subprocess.run([binary, "fleet", "plan", "hub", "-o", plan, "--jobs", str(workers)],
                           cwd=folder, check=True, stdout=subprocess.DEVNULL)
            items = json.loads(plan.read_text())["items"]
            cost = [(start + rate * item["bytes"]) * generator.choice(noise) for item in items]
            loads = [0.0] * workers
            for item, value in zip(items, cost):
                loads[item["job"] - 1] += value
            bound = max(max(cost), sum(cost) / workers)
            print(f"{workers:4} workers: {max(loads) / 3600:7.2f} h, "
                  f"{max(loads) / bound:.3f} times the bound "
                  f"({'the largest checkpoint' if max(cost) == bound else 'total / workers'})")


if __name__ == "__main__":
    main(sys.argv[1])
