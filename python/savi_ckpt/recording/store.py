"""The tensors of a recording, and the safetensors file made of them.

    0    8  length n of the header, little-endian
    8    n  JSON: {"__metadata__": {…}, NAME: {"dtype": …, "shape": […], "data_offsets": [begin, end]}, …}
    8+n     the elements

The specification is the README of the safetensors project. It asks for the header first, which is
known last: the elements wait in a file beside the target.
"""
import hashlib
import json
import os
import sys
import tempfile
from math import prod

from savi_ckpt.recording.arrays import Unrecordable

# By the names of NumPy and ml_dtypes, with the bytes of one element.
DTYPES = {
    "bool": ("BOOL", 1), "uint8": ("U8", 1), "int8": ("I8", 1), "uint16": ("U16", 2),
    "int16": ("I16", 2), "uint32": ("U32", 4), "int32": ("I32", 4), "uint64": ("U64", 8),
    "int64": ("I64", 8), "float16": ("F16", 2), "bfloat16": ("BF16", 2), "float32": ("F32", 4),
    "float64": ("F64", 8), "complex64": ("C64", 8), "float8_e4m3fn": ("F8_E4M3", 1),
    "float8_e5m2": ("F8_E5M2", 1), "float8_e8m0fnu": ("F8_E8M0", 1),
    "float8_e4m3fnuz": ("F8_E4M3FNUZ", 1), "float8_e5m2fnuz": ("F8_E5M2FNUZ", 1),
}

# The limit of the safetensors library for the header.
MAXIMUM_HEADER = 100_000_000

BLOCK = 8 << 20


class TensorStore:
    """Tensors under their names, on disk until the file is written. Equal ones are kept once."""

    def __init__(self, path):
        self.path = os.fspath(path)
        self.folder = os.path.dirname(os.path.abspath(self.path))
        self._data = tempfile.TemporaryFile(dir=self.folder)
        # Name to (dtype, shape, where its bytes begin), in the order of arrival.
        self._tensors = {}
        self._names = {}

    def add(self, name, array):
        """Keeps a `HostArray`, and returns the name it is found under: that of an equal one."""
        if array.dtype not in DTYPES:
            raise Unrecordable(f"of dtype {array.dtype}, which safetensors does not have")
        if sys.byteorder == "big" and DTYPES[array.dtype][1] > 1:
            raise Unrecordable("on a big-endian machine, which safetensors does not know")
        key = (array.dtype, array.shape, hashlib.blake2b(array.data, digest_size=16).digest())
        known = self._names.setdefault(key, name)
        if known == name:
            self._tensors[name] = (array.dtype, array.shape, self._data.tell())
            self._data.write(array.data)
        return known

    def write(self, metadata):
        """Writes the file whole, or leaves what is there."""
        # The elements of a tensor begin at a multiple of their size: larger ones first.
        tensors = sorted(self._tensors.items(), key=lambda entry: -DTYPES[entry[1][0]][1])
        header, offset = {"__metadata__": metadata}, 0
        for name, (dtype, shape, _) in tensors:
            code, size = DTYPES[dtype]
            end = offset + size * prod(shape)
            header[name] = {"dtype": code, "shape": list(shape), "data_offsets": [offset, end]}
            offset = end
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        if len(text) > MAXIMUM_HEADER:
            raise ValueError(
                f"{self.path}: the descriptions of its {len(tensors)} tensors take {len(text)} bytes, "
                f"and safetensors allows {MAXIMUM_HEADER}: record fewer calls")
        descriptor, temporary = tempfile.mkstemp(dir=self.folder, prefix=".savi-ckpt-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(len(text).to_bytes(8, "little") + text)
                for _, (dtype, shape, begin) in tensors:
                    self._copy(begin, DTYPES[dtype][1] * prod(shape), file)
                file.flush()
                os.fsync(file.fileno())
            # A temporary file is its owner's alone; this one is to be as any other.
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, self.path)
        except BaseException:
            os.unlink(temporary)
            raise

    def close(self):
        self._data.close()

    def _copy(self, begin, count, file):
        self._data.seek(begin)
        while count:
            block = self._data.read(min(count, BLOCK))
            file.write(block)
            count -= len(block)


def _umask():
    """There is no way to read it but to set it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
