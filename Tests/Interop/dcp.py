"""Writes distributed checkpoints of several kinds, and what PyTorch reads back from each.

    python dcp.py FOLDER WORLD_SIZE

Every process runs this; each checkpoint FOLDER/NAME has a FOLDER/NAME.expected.pt beside it.
"""
import pathlib
import sys

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
import torch.multiprocessing
from torch.distributed.checkpoint.format_utils import dcp_to_torch_save
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Replicate, Shard
from torch.distributed.tensor._utils import compute_local_shape_and_global_offset


def tensors(seed=0):
    torch.manual_seed(seed)
    return {
        "even": torch.randn(8, 6), "uneven": torch.randn(7, 5), "narrow": torch.randn(2, 3),
        "wide": torch.randn(3, 10), "cube": torch.randn(4, 6, 8), "bfloat16": torch.randn(9, 4).bfloat16(),
        "float8": torch.randn(5, 4).to(torch.float8_e4m3fn), "ids": torch.arange(11),
        "mask": torch.arange(12).reshape(3, 4) % 3 == 0, "complex": torch.randn(4, 2, dtype=torch.complex64),
    }


def distributed(tensor, mesh, placements):
    """This process's part of a tensor; unlike distribute_tensor, of every dtype."""
    shape, offset = compute_local_shape_and_global_offset(tensor.shape, mesh, placements)
    local = tensor[tuple(slice(o, o + s) for o, s in zip(offset, shape))].contiguous()
    return DTensor.from_local(local, mesh, placements, run_check=False, shape=tensor.shape,
                              stride=tensor.stride())


def sharded(mesh, placements):
    return {name: distributed(tensor, mesh, placements) for name, tensor in tensors().items()
            if not (tensor.dim() == 1 and any(p.is_shard(1) for p in placements))}


def train_state():
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.randn(5, 3)).sum().backward()
    optimizer.step()
    return {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 7,
            "config": {"name": "tiny", "lr": [0.1, None]}}


def checkpoints(size):
    """Name to (state dict, writer arguments)."""
    yield "plain", tensors(), {}
    yield "train_state", train_state(), {}
    yield "special", {"scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3),
                      "transposed": torch.randn(4, 6).t(), "view": torch.arange(20.)[5:9],
                      "list": [torch.ones(2), {"deep": torch.zeros(3)}], "é/x y": torch.ones(1)}, {}
    yield "threads", tensors(), {"thread_count": 2}
    yield "file_per_tensor", tensors(), {"single_file_per_rank": False}
    if size == 1:
        return
    line = init_device_mesh("cpu", (size,))
    grid = init_device_mesh("cpu", (2, size // 2))
    yield "rows", sharded(line, [Shard(0)]), {}
    yield "columns", sharded(line, [Shard(1)]), {}
    yield "replicated", sharded(line, [Replicate()]), {}
    yield "grid", sharded(grid, [Shard(0), Shard(1)]), {}
    yield "hybrid", sharded(grid, [Replicate(), Shard(0)]), {}
    yield "twice", sharded(grid, [Shard(0), Shard(0)]), {}


def write(rank, folder, size):
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=size)
    for name, state, options in checkpoints(size):
        dcp.save(state, storage_writer=dcp.FileSystemWriter(folder / name, **options))
        dist.barrier()
        if rank == 0:
            dcp_to_torch_save(folder / name, folder / f"{name}.expected.pt")
    whole = {name: tensor for name, tensor in tensors().items()
             if name not in ("complex", "float8")}  # What that writer has names for.
    if size == 1:
        dcp.save(whole, storage_writer=HuggingFaceStorageWriter(
            str(folder / "hugging_face"), {name: 1 + index % 2 for index, name in enumerate(whole)}))
    else:
        mesh = init_device_mesh("cpu", (2, size // 2))
        parts = {name: distributed(tensor, mesh, [Shard(0), Shard(tensor.dim() - 1)])
                 for name, tensor in whole.items()}
        dcp.save(parts, storage_writer=HuggingFaceStorageWriter(
            str(folder / "hugging_face"), save_distributed=True))
    if rank == 0:
        torch.save(whole, folder / "hugging_face.expected.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    folder, size = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    torch.multiprocessing.start_processes(write, (folder, size), nprocs=size)
