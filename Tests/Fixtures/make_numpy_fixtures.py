"""Writes the NumPy fixtures of this folder. Needs numpy and ml_dtypes (Tests/Interop).

Every array holds 0, 1, 2, … in C order, whatever its dtype and layout, so that a test can say
what it expects without this script.
"""
import io
import pathlib
import struct
import warnings
import zipfile

import ml_dtypes
import numpy as np

OUT = pathlib.Path(__file__).parent / "numpy"
DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
          "float16", "float32", "float64", "complex64", "complex128"]


def ramp(dtype, shape=(2, 3)):
    values = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    return (values % 2 == 1) if dtype == "bool" else values.astype(dtype)


def npy(array, version=None, header=None):
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.lib.format.write_array(buffer, array, version=version, allow_pickle=True)
    return buffer.getvalue()


def with_header(text, data, version=(1, 0)):
    size = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + size + text.encode("latin1") + data


def main():
    OUT.mkdir(exist_ok=True)
    little = {dtype: ramp(dtype) for dtype in DTYPES}
    np.savez(OUT / "dtypes.npz", **little)
    np.savez_compressed(OUT / "deflated.npz", **little)
    np.savez(OUT / "big_endian.npz", **{
        name: array.astype(array.dtype.newbyteorder(">")) for name, array in little.items()})
    np.savez(OUT / "layouts.npz", **{
        "fortran": np.asfortranarray(ramp("float32", (3, 4))),
        "fortran_3d": np.asfortranarray(ramp("int16", (2, 3, 4))),
        "fortran_big_endian": np.asfortranarray(ramp(">f8", (3, 4))),
        "scalar": np.float32(0),
        "empty": np.zeros((3, 0, 2), "float32"),
        "a/nested/name": ramp("float32"),
    })
    np.savez(OUT / "void.npz",
             bfloat16=ramp("float32").astype(ml_dtypes.bfloat16),
             float8=ramp("float32").astype(ml_dtypes.float8_e4m3fn))
    np.savez(OUT / "placeholders.npz",
             numbers=ramp("float32"),
             objects=np.array([{}, None], dtype=object),
             text=np.array(["a", "bc"]),
             raw_text=np.array([b"a", b"bc"]),
             dates=np.array(["2020-01-01"], dtype="datetime64[D]"),
             records=np.zeros(2, dtype=[("x", "f4"), ("y", "i4")]),
             long_double=np.zeros(2, dtype="longdouble"))
    with zipfile.ZipFile(OUT / "headers.npz", "w") as archive:
        data = ramp("<f4").tobytes()
        for version in [(1, 0), (2, 0), (3, 0)]:
            archive.writestr(f"version_{version[0]}.npy", npy(ramp("float32"), version))
        archive.writestr("key_order.npy", with_header(
            "{'shape': (2, 3), 'fortran_order': False, 'descr': '<f4'}\n", data))
        archive.writestr("double_quotes.npy", with_header(
            '{"descr": "<f4", "fortran_order": False, "shape": (2, 3,), }   \n', data))
        archive.writestr("python_2_long.npy", with_header(
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }\n", data))
        archive.writestr("named_bfloat16.npy", with_header(
            "{'descr': 'bfloat16', 'fortran_order': False, 'shape': (2, 3), }\n",
            ramp("float32").astype(ml_dtypes.bfloat16).tobytes()))
    (OUT / "single.npy").write_bytes(npy(ramp("float32")))
    np.savez(OUT / "none.npz")
    with zipfile.ZipFile(OUT / "not_npy.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
        archive.writestr("x.npy", npy(ramp("float32")))
    for path in OUT.glob("*.np*"):
        fix_times(path)
    streamed(OUT / "streamed.npz", npy(ramp("float32")))


def streamed(path, array):
    """A zip written to a stream: sizes and checksums follow the data, in data descriptors."""
    class Stream(io.BytesIO):
        def seekable(self):
            return False

        def seek(self, *_):
            raise io.UnsupportedOperation

        tell = seek

    stream = Stream()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, method in [("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)]:
            info = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            archive.writestr(info, array, method)
    path.write_bytes(stream.getvalue())


def fix_times(path):
    """Rewrites a zip with constant times, so that running this again gives the same bytes."""
    if path.suffix != ".npz":
        return
    with zipfile.ZipFile(path) as source:
        entries = [(info, source.read(info)) for info in source.infolist()]
    with zipfile.ZipFile(path, "w") as target:
        for info, data in entries:
            fixed = zipfile.ZipInfo(info.filename, (1980, 1, 1, 0, 0, 0))
            target.writestr(fixed, data, info.compress_type)


if __name__ == "__main__":
    main()
