"""Writes zip archives as small as deflate allows, by libdeflate's best level, which zlib has not.

The same input gives the same bytes: no times, and the order as it is given.
"""
import ctypes
import struct
import zipfile
import zlib

LEVEL = 12
# 1 January 1980, the first day that the format knows.
DATE = 0x0021


def deflate(data):
    """`data`, compressed."""
    library = ctypes.CDLL("libdeflate.so.0")
    library.libdeflate_alloc_compressor.restype = ctypes.c_void_p
    library.libdeflate_deflate_compress_bound.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    library.libdeflate_deflate_compress_bound.restype = ctypes.c_size_t
    library.libdeflate_deflate_compress.argtypes = [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    library.libdeflate_deflate_compress.restype = ctypes.c_size_t
    library.libdeflate_free_compressor.argtypes = [ctypes.c_void_p]
    compressor = library.libdeflate_alloc_compressor(LEVEL)
    bound = library.libdeflate_deflate_compress_bound(compressor, len(data))
    buffer = ctypes.create_string_buffer(bound)
    size = library.libdeflate_deflate_compress(compressor, data, len(data), buffer, bound)
    library.libdeflate_free_compressor(compressor)
    assert size > 0, "libdeflate made nothing"
    return buffer.raw[:size]


def write(path, files):
    """Writes (name, bytes, mode) of each file to the archive at `path`, which is then checked."""
    directory = b""
    with open(path, "wb") as archive:
        for name, content, mode in files:
            offset = archive.tell()
            packed = deflate(content)
            # Needed: version 2.0; names in UTF-8; deflated.
            common = struct.pack(
                "<HHHHHLLLHH", 20, 0x800, 8, 0, DATE, zlib.crc32(content), len(packed), len(content),
                len(name.encode()), 0)
            archive.write(b"PK\3\4" + common + name.encode() + packed)
            # Made on Unix, which keeps the file's mode.
            directory += b"PK\1\2" + struct.pack("<H", 0x314) + common + struct.pack(
                "<HHHLL", 0, 0, 0, (0o100000 | mode) << 16, offset) + name.encode()
        start = archive.tell()
        archive.write(directory + b"PK\5\6" + struct.pack(
            "<HHHHLLH", 0, 0, len(files), len(files), len(directory), start, 0))
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None and archive.namelist() == [name for name, *_ in files]
