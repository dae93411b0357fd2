"""Writes the PyTorch fixtures of this folder. Needs torch (Tests/Interop).

Every tensor holds 0, 1, 2, … in C order, unless its name says otherwise.
"""
import collections
import pathlib
import zipfile

import numpy
import torch

OUT = pathlib.Path(__file__).parent / "torch"
DTYPES = [torch.bool, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8,
          torch.uint16, torch.uint32, torch.uint64, torch.float16, torch.bfloat16, torch.float32,
          torch.float64, torch.complex64, torch.complex128, torch.float8_e4m3fn,
          torch.float8_e5m2]


def ramp(dtype=torch.float32, shape=(2, 3)):
    values = torch.arange(torch.Size(shape).numel()).reshape(shape)
    return (values % 2 == 1) if dtype == torch.bool else values.to(dtype)


def name(dtype):
    return str(dtype).removeprefix("torch.")


class Unknown:
    def __init__(self):
        self.value = 1


def main():
    OUT.mkdir(exist_ok=True)
    dtypes = {name(dtype): ramp(dtype) for dtype in DTYPES}
    torch.save(dtypes, OUT / "dtypes.pt")
    torch.save({k: v for k, v in dtypes.items() if "float8" not in k}, OUT / "protocol_4.pt",
               pickle_protocol=4)

    base = ramp(shape=(4, 6))
    complex_base = torch.complex(ramp(), -ramp())
    torch.save({
        "base": base,
        "same": base,
        "row_2": base[2],
        "transposed": ramp(shape=(3, 2)).t().contiguous().t(),
        "every_other_column": torch.arange(12.0).repeat_interleave(2).reshape(4, 6)[:, ::2],
        "expanded": torch.zeros(1, 3).expand(4, 3),
        "scalar": torch.tensor(0.0),
        "empty": torch.zeros(3, 0, 2),
        "conj": complex_base.conj(),
        "complex": complex_base,
        "empty_slice": torch.zeros(0, 4)[:, 2:],
        "neg": torch._neg_view(-ramp()),
        "parameter": torch.nn.Parameter(ramp()),
    }, OUT / "views.pt")

    model = torch.nn.Linear(2, 2)
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.copy_(ramp(shape=tensor.shape))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    torch.save({
        "model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3,
        "note": "text", "ordered": collections.OrderedDict(a=ramp()),
        "list": [ramp(), 5], 7: ramp(), "array": ramp().numpy(), "number": numpy.int64(0),
    }, OUT / "training.pt")
    torch.save(model, OUT / "module.pt")
    torch.save(ramp(), OUT / "bare.pt")
    torch.save({"x": ramp(), "object": Unknown()}, OUT / "unknown_global.pt")
    torch.save({"x": ramp(), "q": torch.quantize_per_tensor(ramp(), 1.0, 0, torch.qint8),
                "s": ramp().to_sparse()}, OUT / "unsupported.pt")

    torch.save({"x": ramp(), "t": ramp(torch.int16, (3, 2)).t().contiguous().t()},
               OUT / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.jit.save(torch.jit.script(model), OUT / "torchscript.pt")

    torch.serialization.set_crc32_options(False)
    torch.save({"x": ramp()}, OUT / "no_crc.pt")
    torch.serialization.set_crc32_options(True)
    make_big_endian()


def make_big_endian():
    """What a big-endian machine writes: the same pickle, swapped storages, byteorder 'big'."""
    torch.save({"x": ramp(), "i": ramp(torch.int16), "c": ramp(torch.complex64)},
               OUT / "big_endian.pt")
    path = OUT / "big_endian.pt"
    widths = {"0": 4, "1": 2, "2": 4}
    with zipfile.ZipFile(path) as source:
        entries = [(info.filename, source.read(info)) for info in source.infolist()]
    with zipfile.ZipFile(path, "w") as target:
        for filename, data in entries:
            key = filename.rsplit("/", 1)[1]
            if filename.endswith("byteorder"):
                data = b"big"
            elif "/data/" in filename:
                width = widths[key]
                data = b"".join(data[i:i + width][::-1] for i in range(0, len(data), width))
            target.writestr(zipfile.ZipInfo(filename, (1980, 1, 1, 0, 0, 0)), data)


if __name__ == "__main__":
    main()
