"""Writes the pickles of this folder. Needs numpy and torch (Tests/Interop).

Every array holds 0, 1, 2, … in C order.
"""
import pathlib
import pickle

import numpy as np
import torch

OUT = pathlib.Path(__file__).parent / "pickle"


def ramp(*shape, dtype=np.float32):
    return np.arange(np.prod(shape), dtype=dtype).reshape(shape)


class Tensor:
    """Pickles as a tensor of PaddlePaddle does."""

    def __init__(self, name, array):
        self.name, self.array = name, array

    def __reduce__(self):
        return tuple, ((self.name, self.array),)


def main():
    OUT.mkdir(exist_ok=True)
    torch_tensor = torch.from_numpy(ramp(2, 2))
    state = {"layer": {"w": ramp(2, 3), "b": ramp(3, dtype=">f8")}, "epoch": 3,
             "torch": torch_tensor, "again": torch_tensor.view(-1)[:2]}
    for protocol in range(6):
        (OUT / f"protocol_{protocol}.pkl").write_bytes(pickle.dumps(state, protocol))
    (OUT / "model.pdparams").write_bytes(pickle.dumps(
        {"linear.weight": ramp(2, 3), "linear.bias": Tensor("b_0", ramp(3)),
         "StructuredToParameterName@@": {"linear.weight": "w_0"}}, 4))
    items = np.empty(2, dtype=object)
    items[:] = [ramp(2, dtype=np.int64), ramp(3)]
    np.savez(OUT / "objects.npz", params=np.array({"a": {"w": ramp(2, 3)}, "step": 5}, dtype=object),
             list=items, plain=np.array(["x", None], dtype=object))
    np.save(OUT / "objects.npy", np.array({"w": ramp(2, 3)}, dtype=object), allow_pickle=True)


if __name__ == "__main__":
    main()
