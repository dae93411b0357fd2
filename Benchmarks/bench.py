"""Times savi-ckpt commands beside the Python a user would otherwise run.

Every pair is run in turn, several times, after one run that warms the caches. Prints the minimum,
median and maximum of each and the ratio of the medians.
"""
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
RUNS = 7


def timed(command):
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.perf_counter() - start) * 1000


def compare(title, ours, peer, peer_title):
    times = {"savi-ckpt": [], peer_title: []}
    timed(ours), timed(peer)
    for _ in range(RUNS):
        times["savi-ckpt"].append(timed(ours))
        times[peer_title].append(timed(peer))
    print(title)
    for name, values in times.items():
        print(f"  {name:<44} min {min(values):8.1f}  median {statistics.median(values):8.1f}  "
              f"max {max(values):8.1f} ms")
    ours_median, peer_median = (statistics.median(values) for values in times.values())
    print(f"  savi-ckpt is {peer_median / ours_median:.1f} times as fast\n")


def main():
    tool = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        converted = f"{folder}/savi-small.pt"
        sample = ROOT / "samples/savi-small.flax.npz"
        subprocess.run([tool, "convert", "-q", sample, "-o", converted], check=True)
        load = f"import torch; torch.load({converted!r})"
        compare("List the 3.6 MB sample, converted to PyTorch", [tool, "ls", converted],
                [sys.executable, "-c", load], "python -c 'import torch; torch.load(…)'")
        table = (f"import torch\nfor k, v in torch.load({converted!r}).items():"
                 " print(k, tuple(v.shape), v.mean(), v.std())")
        compare("Print its parameter table", [tool, "stats", converted],
                [sys.executable, "-c", table], "the same figures in PyTorch")


if __name__ == "__main__":
    main()
