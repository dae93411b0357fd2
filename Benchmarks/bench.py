"""Times savi-ckpt commands beside what a user would otherwise run, on this machine.

Every pair is run in turn, several times, after one run that warms the caches. Prints minimum,
median and maximum of each, the ratio of the medians, and the peak resident memory of both. The
large checkpoint is made in memory-backed storage (/dev/shm), so that no disk is measured.
"""
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import fleet_makespan

ROOT = pathlib.Path(__file__).resolve().parents[1]
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
SIDE = 2048


def timed(command):
    """Milliseconds and peak resident MiB of a command."""
    start = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, command
    return (time.perf_counter() - start) * 1000, usage.ru_maxrss / 1024


def compare(title, *commands, outputs=()):
    """Runs (name, command) pairs in turn; the first is ours. Outputs are removed before each run."""
    runs = {name: [] for name, _ in commands}
    for run in range(RUNS + 1):
        for name, command in commands:
            for path in outputs:
                path.unlink(missing_ok=True)
            result = timed(command)
            if run > 0:
                runs[name].append(result)
    print(title)
    medians = []
    for name, results in runs.items():
        times, memory = zip(*results)
        medians.append(statistics.median(times))
        print(f"  {name:<46} min {min(times):8.1f}  median {medians[-1]:8.1f}  max "
              f"{max(times):8.1f} ms   peak {max(memory):7.1f} MiB")
    for (name, _), median in list(zip(commands, medians))[1:]:
        print(f"  savi-ckpt takes {medians[0] / median:.2f} of the time of {name} "
              f"({median / medians[0]:.1f} times as fast)")
    print(flush=True)


def make_large(folder, count, name):
    """An npz of `count` float32 matrices with biases, as a Flax MLP, and its mapping."""
    code = f"""
import json, numpy as np
rng = np.random.default_rng(0)
arrays = {{}}
for n in range({count}):
    arrays[f"Dense_{{n}}/kernel"] = rng.standard_normal(({SIDE}, {SIDE}), dtype="float32")
    arrays[f"Dense_{{n}}/bias"] = rng.standard_normal({SIDE}, dtype="float32")
np.savez({str(folder / name)!r} + ".npz", **arrays)
last = {{"n": [0, {count - 1}]}}
json.dump({{"schema_version": 1, "name": "mlp", "title": "dense layers", "rules": [
    {{"target": "l_{{n}}.weight", "source": "Dense_{{n}}/kernel", "role": "dense.kernel",
      "range": last}},
    {{"target": "l_{{n}}.bias", "source": "Dense_{{n}}/bias", "role": "dense.bias",
      "range": last}}]}}, open({str(folder / name)!r} + ".json", "w"))
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def large(tool, folder):
    make_large(folder, 64, "one")
    make_large(folder, 128, "two")
    source, target = folder / "one.npz", folder / "one.pt"
    script = f"""
import numpy as np, torch
z = np.load({str(source)!r})
torch.save({{k: torch.from_numpy(np.ascontiguousarray(z[k].T)) for k in z.files}},
           {str(folder / "peer.pt")!r})
"""
    convert = [tool, "convert", "-q", "--force", source, "--map", folder / "one.json", "-o", target]
    compare("Convert 1 GiB npz to PyTorch, every matrix transposed", ("savi-ckpt convert", convert),
            ("np.load, transpose, torch.save", [sys.executable, "-c", script]),
            ("cp", ["cp", source, folder / "copy.npz"]),
            outputs=[target, folder / "copy.npz", folder / "peer.pt"])
    (folder / "copy.npz").unlink()
    subprocess.run(convert, check=True)
    script = f"""
import torch
for k, v in torch.load({str(target)!r}, mmap=True).items():
    v.mean().item(), v.std().item()
"""
    compare("Mean and standard deviation of every tensor of 1 GiB",
            ("savi-ckpt stats", [tool, "stats", target]),
            ("torch.load(mmap=True), mean, std", [sys.executable, "-c", script]))
    compare("SHA-256 of 1 GiB", ("savi-ckpt hash", [tool, "hash", target]),
            ("sha256sum", ["sha256sum", target]))
    for name, options in [("bounds.yaml", []), ("hashes.json", ["--exact"])]:
        subprocess.run([tool, "schema", "generate", target, *options, "-o", folder / name],
                       check=True)
    compare("Validate 1 GiB against bounds",
            ("savi-ckpt validate", [tool, "validate", target, "--schema", folder / "bounds.yaml"]),
            ("savi-ckpt stats", [tool, "stats", target]))
    compare("Validate 1 GiB against hashes",
            ("savi-ckpt validate", [tool, "validate", target, "--schema", folder / "hashes.json"]),
            ("sha256sum", ["sha256sum", target]))
    for name in ["npz", "h5", "flax", "safetensors", "pt"]:
        path = folder / f"list.{name}"
        subprocess.run([tool, "convert", "-q", "--map", "none", source, "-o", path], check=True)
        compare(f"List 1 GiB of {name}", ("savi-ckpt ls", [tool, "ls", path]))
        path.unlink()
    target.unlink()
    two = [tool, "convert", "-q", "--force", folder / "two.npz", "--map", folder / "two.json",
           "-o", target]
    compare("Convert 2 GiB: the memory stays", ("savi-ckpt convert", two), outputs=[target])
    compare("Statistics of 2 GiB", ("savi-ckpt stats", [tool, "stats", target]))


def save_orbax(path, tree):
    """Saves the tree that the expression `tree` makes of `rng`, in a process of its own."""
    code = f"""
import jax, numpy as np, orbax.checkpoint as ocp
rng = np.random.default_rng(0)
with ocp.PyTreeCheckpointer() as checkpointer:
    checkpointer.save({str(path)!r}, jax.tree.map(jax.numpy.asarray, {tree}))
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def orbax(tool, folder):
    """A tree of 64 matrices of 16 MiB to safetensors; then the names of 5,000 leaves."""
    source, target, peer = folder / "orbax", folder / "orbax.safetensors", folder / "peer.safetensors"
    save_orbax(source, f"{{f'w{{n}}': rng.standard_normal(({SIDE}, {SIDE}), dtype='float32') "
                       "for n in range(64)}")
    script = f"""
import numpy as np, orbax.checkpoint as ocp, safetensors.numpy
with ocp.PyTreeCheckpointer() as checkpointer:
    tree = checkpointer.restore({str(source)!r})
safetensors.numpy.save_file({{k: np.asarray(v) for k, v in tree.items()}}, {str(peer)!r})
"""
    compare("Convert 1 GiB of Orbax to safetensors",
            ("savi-ckpt convert", [tool, "convert", "-q", "--force", "--map", "none", source, "-o",
                                   target]),
            ("orbax restore, safetensors save_file", [sys.executable, "-W", "ignore", "-c", script]),
            outputs=[target, peer])
    target.unlink()
    peer.unlink()
    leaves = folder / "leaves"
    save_orbax(leaves, "{f'layer_{n}': {'kernel': rng.standard_normal((2, 3)), 'bias': np.ones(3)} "
                       "for n in range(2500)}")
    script = f"""
import orbax.checkpoint as ocp
with ocp.PyTreeCheckpointer() as checkpointer:
    checkpointer.metadata({str(leaves)!r})
"""
    compare("List 5,000 leaves of Orbax", ("savi-ckpt ls", [tool, "ls", leaves]),
            ("orbax metadata", [sys.executable, "-W", "ignore", "-c", script]))


def distributed(tool, folder):
    """A distributed checkpoint of 1 GiB to one file."""
    source, target = folder / "distributed", folder / "joined.safetensors"
    peer = folder / "joined.pt"
    script = f"""
import torch, torch.distributed.checkpoint as dcp
dcp.save({{f"layer_{{n}}.weight": torch.randn({SIDE}, {SIDE}) for n in range(64)}},
         checkpoint_id={str(source)!r})
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True)
    script = f"""
from torch.distributed.checkpoint.format_utils import dcp_to_torch_save
dcp_to_torch_save({str(source)!r}, {str(peer)!r})
"""
    convert = [tool, "convert", "-q", "--map", "none", source, "-o", target]
    compare("Convert a distributed checkpoint of 1 GiB to one file", ("savi-ckpt convert", convert),
            ("dcp_to_torch_save", [sys.executable, "-W", "ignore", "-c", script]),
            outputs=[target, peer])
    peer.unlink()


def listing(tool, folder):
    """Names and shapes of 100,000 tensors, beside the calls that give them."""
    script = f"""
import numpy as np, torch, flax.serialization, safetensors.numpy
arrays = {{f"model.layers.{{n // 10}}.block.{{n % 10}}.weight": np.zeros((2, 2), "float32")
          for n in range(100_000)}}
safetensors.numpy.save_file(arrays, {str(folder / "many.safetensors")!r})
open({str(folder / "many.msgpack")!r}, "wb").write(flax.serialization.msgpack_serialize(arrays))
torch.save({{k: torch.from_numpy(v) for k, v in arrays.items()}}, {str(folder / "many.pt")!r})
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True)
    peers = {
        "safetensors": ("safe_open, get_slice, get_shape", """
import safetensors
with safetensors.safe_open({!r}, "np") as file:
    shapes = {{name: file.get_slice(name).get_shape() for name in file.keys()}}
"""),
        "msgpack": ("flax.serialization.msgpack_restore", """
import flax.serialization
shapes = {{k: v.shape for k, v in
          flax.serialization.msgpack_restore(open({!r}, "rb").read()).items()}}
"""),
        "pt": ("torch.load(mmap=True)", """
import torch
shapes = {{k: v.shape for k, v in torch.load({!r}, mmap=True).items()}}
"""),
    }
    for suffix, (name, code) in peers.items():
        path = folder / f"many.{suffix}"
        compare(f"List 100,000 tensors of {suffix}", ("savi-ckpt ls", [tool, "ls", path]),
                (name, [sys.executable, "-W", "ignore", "-c", code.format(str(path))]))
        path.unlink()


def small(tool, start, folder):
    """With the static binary, as the wheel, the tarball and `make install` have it."""
    converted = folder / "savi-small.pt"
    subprocess.run([tool, "convert", "-q", ROOT / "samples/savi-small.flax.npz", "-o", converted],
                   check=True)
    load = f"import torch; torch.load({str(converted)!r})"
    compare("List the 3.6 MB sample, converted to PyTorch",
            ("savi-ckpt ls", [start, "ls", converted]),
            ("python -c 'import torch; torch.load(…)'", [sys.executable, "-c", load]))
    compare("Start and end", ("savi-ckpt --version", [start, "--version"]))


PEER = """
import sys, time
sys.path.insert(0, {tests!r})
import json, numpy, torch
torch.set_num_threads(2)
dimensions = json.load(open({document!r}))["dimensions"]
{module}
model = model.eval()
model.load_state_dict(torch.load({file!r}, weights_only=True))
size = dimensions["frame_height"], dimensions["frame_width"]
video, boxes = torch.rand(1, {frames}, *size, 3), torch.rand(1, {frames}, 10, 4)
"""
# As the published port and the module trees have it.
PORT = "from savi_torch import SAVi; model = SAVi(dimensions)"
RESIDUAL = "from savi_resnet_torch import PORT, SAVi; model = SAVi(dimensions, PORT)"
FRAMES = 6


def measured(command):
    """The numbers that a command prints, and its peak resident MiB."""
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, command
    return [float(line) for line in output.split()], usage.ru_maxrss / 1024


def setting(name, module, file):
    return PEER.format(tests=str(ROOT / "Tests/Interop"), file=str(file), frames=FRAMES,
                       document=str(ROOT / f"schemas/models/{name}.json"), module=module)


def forward(tool, title, name, module, file, runs, turns):
    """A model on 6 frames with 11 slots, its parameters in memory, beside eager PyTorch."""
    ours = [tool.parent / "ForwardPassBenchmark", file, FRAMES, runs]
    results, memory = {"savi-ckpt": []}, {}
    for turn in range(turns):
        (*times, rate, operations), memory["savi-ckpt"] = measured(ours)
        results["savi-ckpt"] += times[1:]
        for layout in ["contiguous_format", "channels_last"]:
            code = setting(name, module, file) + f"""
model = model.to(memory_format=torch.{layout})
with torch.inference_mode():
    for run in range({runs} + 1):
        start = time.perf_counter()
        model(video, boxes)
        print((time.perf_counter() - start) * 1000)
"""
            peer = f"PyTorch eager, {layout}"
            times, memory[peer] = measured([sys.executable, "-c", code])
            results.setdefault(peer, []).extend(times[1:])
    print(f"Forward pass of {title}, {FRAMES} frames, 11 slots, two threads, parameters in memory")
    medians = {}
    for peer, times in results.items():
        medians[peer] = statistics.median(times)
        print(f"  {peer:<46} min {min(times):8.1f}  median {medians[peer]:8.1f}  max "
              f"{max(times):8.1f} ms   peak {memory[peer]:7.1f} MiB")
    our, *peers = medians.values()
    print(f"  savi-ckpt takes {our / min(peers):.2f} of the time of the faster "
          f"({min(peers) / our:.2f} times as fast)")
    speed = operations / (our / 1000)
    print(f"  {operations / 1e9:.0f} GFLOP by the definition, {speed / 1e9:.0f} GFLOP/s: "
          f"{speed / rate:.2f} of the machine's sgemm rate, {rate / 1e9:.0f} GFLOP/s (Winograd's "
          "filter needs fewer)\n", flush=True)


def small_model(tool, folder):
    """SAVi-S in memory, then as a command with its start-up."""
    file = folder / "savi-small.pt"
    subprocess.run([tool, "convert", "-q", "--force", ROOT / "samples/savi-small.flax.npz", "-o",
                    file], check=True)
    forward(tool, "SAVi-S", "savi-small", PORT, file, max(RUNS, 5), 3)
    script = setting("savi-small", PORT, file) + f"""
with torch.inference_mode():
    stages = model(video, boxes)
numpy.savez({str(folder / "peer.npz")!r}, **{{k: v.numpy() for k, v in stages.items()}})
"""
    compare("The same as a command: start, load, run, write all stages",
            ("savi-ckpt run", [tool, "run", file, "--frames", str(FRAMES), "-o",
                               folder / "stages.npz"]),
            ("python, PyTorch, np.savez", [sys.executable, "-c", script]),
            outputs=[folder / "stages.npz", folder / "peer.npz"])
    compare("Verify the converted sample", ("savi-ckpt verify", [
        tool, "verify", ROOT / "samples/savi-small.flax.npz", file]))


def residual_models(tool, folder):
    """SAVi-L and SAVi++ at full size, with PyTorch's own initialisation."""
    for title, name in [("SAVi-L", "savi-large"), ("SAVi++", "savi-plus-plus")]:
        file = folder / f"{name}.pt"
        fresh = f"""
import sys; sys.path.insert(0, {str(ROOT / "Tests/Interop")!r})
import json, torch
dimensions = json.load(open({str(ROOT / f"schemas/models/{name}.json")!r}))["dimensions"]
{RESIDUAL}
torch.save(model.state_dict(), {str(file)!r})
"""
        subprocess.run([sys.executable, "-c", fresh], check=True)
        forward(tool, title, name, RESIDUAL, file, 2, 2)
        file.unlink()


def main():
    tool, start = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
    storage = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=storage) as folder:
        small(tool, start, pathlib.Path(folder))
        small_model(tool, pathlib.Path(folder))
        residual_models(tool, pathlib.Path(folder))
        listing(tool, pathlib.Path(folder))
        fleet_makespan.main(start)
        if "--quick" not in sys.argv:
            distributed(tool, pathlib.Path(folder))
            large(tool, pathlib.Path(folder))
            orbax(tool, pathlib.Path(folder))


if __name__ == "__main__":
    main()
