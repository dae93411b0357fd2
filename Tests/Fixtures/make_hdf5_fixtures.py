"""Writes the HDF5 fixtures of this folder. Needs h5py and ml_dtypes (Tests/Interop).

Every dataset holds 0, 1, 2, … in C order, unless its name says otherwise.
"""
import pathlib
import zipfile

import h5py
import ml_dtypes
import numpy as np

OUT = pathlib.Path(__file__).parent / "hdf5"
DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
          "float16", "float32", "float64", "complex64", "complex128"]


def ramp(dtype, shape=(2, 3)):
    values = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    return (values % 2 == 1) if dtype == "bool" else values.astype(dtype)


def main():
    OUT.mkdir(exist_ok=True)
    with h5py.File(OUT / "dtypes.h5", "w") as file:
        for dtype in DTYPES:
            file[f"little/{dtype}"] = ramp(dtype)
            if dtype != "bool":
                file[f"big/{dtype}"] = ramp(np.dtype(dtype).newbyteorder(">"))
        half = file.create_dataset("bfloat16", data=ramp("f4").astype(ml_dtypes.bfloat16).view("V2"))
        half.attrs["dtype"] = "bfloat16"
        file["scalar"] = np.float32(0)
        file["empty"] = np.zeros((3, 0), "f4")
    with h5py.File(OUT / "chunked.h5", "w") as file:
        data = ramp("float32", (23, 17))
        file.create_dataset("plain", data=data, chunks=(5, 4))
        file.create_dataset("gzip", data=data, chunks=(5, 4), compression="gzip")
        file.create_dataset("all", data=data, chunks=(8, 17), compression="gzip", shuffle=True,
                            fletcher32=True)
        file.create_dataset("sum", data=data, chunks=(3, 3), fletcher32=True)
        file.create_dataset("never_written_7", (2, 3), "f4", fillvalue=7)
    with h5py.File(OUT / "elsewhere.h5", "w") as file:
        file["link"] = h5py.ExternalLink("other.h5", "/x")
        layout = h5py.VirtualLayout((3,), "f8")
        layout[:] = h5py.VirtualSource("other.h5", "x", (3,))
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("external", (3,), "f8", external=[("raw", 0, h5py.h5f.UNLIMITED)])
        file["dangling"] = h5py.SoftLink("/nowhere")
        file["null"] = h5py.Empty("f4")
        file["text"] = "hello"
        file["group/x"] = ramp("f4")
        file["group/up"] = file["/"]
        file["alias"] = file["group/x"]
        file.create_dataset("lzf", data=np.zeros((9, 9)), compression="lzf")
    with h5py.File(OUT / "packed.h5", "w") as file:
        for shape in [(2, 3), (40, 5)]:
            size = shape[0]
            file.create_dataset(f"lzf/{size}", data=ramp("f4", shape), compression="lzf")
            for dtype in ("i1" if size == 2 else "i2", ">i4", "u8"):
                file.create_dataset(f"scale_offset/{size}/{dtype}", data=ramp(dtype, shape),
                                    chunks=(2, shape[1]), scaleoffset=0)
            file.create_dataset(f"scale_offset/{size}/f4", data=ramp("f4", shape), scaleoffset=2)
        # No bit is stored for equal numbers.
        file.create_dataset("equal", (1 << 18,), "i8", data=np.full(1 << 18, 5), chunks=(1 << 18,),
                            scaleoffset=0)
    with h5py.File(OUT / "keras.h5", "w") as file:
        file.attrs["layer_names"] = [b"zeta", b"alpha"]
        file.attrs["keras_version"] = "2.11.0"
        for layer in ["zeta", "alpha"]:
            group = file.create_group(layer)
            group.attrs["weight_names"] = [f"{layer}/kernel:0".encode(), f"{layer}/bias:0".encode()]
            group[f"{layer}/kernel:0"] = ramp("f4")
            group[f"{layer}/bias:0"] = ramp("f4", (3,))
    with h5py.File(OUT / "links.h5", "w") as file:
        file["group/inner/w"] = ramp("f4")
        file["second"] = file["group"]
        file["third"] = h5py.SoftLink("/group/inner")
    with h5py.File(OUT / "partial.h5", "w") as file:
        # Three of 24 chunks were written, with ones; the others are the fill value.
        partial = file.create_dataset("partial", (6, 8), "f4", chunks=(1, 2), fillvalue=7)
        partial[::2, 0:2] = 1
    with h5py.File(OUT / "unclosed.h5", "w", libver="v110") as file:
        file["w"] = ramp("f4")
        file.flush()
        marked = (OUT / "unclosed.h5").read_bytes()
    (OUT / "unclosed.h5").write_bytes(marked)
    with zipfile.ZipFile(OUT / "model.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in [("config.json", b'{"class_name": "Sequential"}'),
                           ("model.weights.h5", (OUT / "chunked.h5").read_bytes())]:
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data,
                             zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main()
