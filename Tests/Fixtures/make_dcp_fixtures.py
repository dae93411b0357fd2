"""Writes the distributed checkpoints of this folder. Needs torch (Tests/Interop).

Two processes share each tensor, which holds 0, 1, 2, … in C order.
"""
import os
import pathlib
import shutil
import tempfile

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
import torch.multiprocessing
from torch.distributed.checkpoint.filesystem import FileSystemWriter
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, Shard, distribute_tensor

OUT = pathlib.Path(__file__).parent / "dcp"


def ramp(*shape):
    return torch.arange(torch.Size(shape).numel()).reshape(shape).float()


def write(rank, rendezvous):
    dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=2)
    mesh = init_device_mesh("cpu", (2,))
    parts = {
        "rows": distribute_tensor(ramp(3, 2), mesh, [Shard(0)]),
        "columns": distribute_tensor(ramp(2, 5), mesh, [Shard(1)]),
        "both": distribute_tensor(ramp(2), mesh, [Replicate()]),
    }
    dcp.save({"model": parts, "epoch": 7, "config": {"lr": [0.1, None]}},
             checkpoint_id=OUT / "two")
    # Each process for itself; relative, for the metadata keeps the path.
    os.chdir(OUT)
    dcp.save({"model": parts, "epoch": 7 + rank}, storage_writer=FileSystemWriter("ranks"),
             use_collectives=False)
    del parts["both"]
    dcp.save(parts, storage_writer=HuggingFaceStorageWriter(str(OUT / "hub"), save_distributed=True))
    dist.destroy_process_group()


if __name__ == "__main__":
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.start_processes(write, (f"{folder}/rendezvous",), nprocs=2)
