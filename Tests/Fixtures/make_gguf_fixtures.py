"""Writes the GGUF files of this folder, by ggml/docs/gguf.md. Needs numpy (Tests/Interop).

Every tensor holds 0, 1, 2, … in C order.
"""
import pathlib
import struct

import numpy as np

OUT = pathlib.Path(__file__).parent / "gguf"
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


def write(path, keys, tensors, order="<", version=3):
    """Keys: name to (type, value); tensors: name to (type, shape, bytes)."""
    def pack(code, *values):
        return struct.pack(order + code, *values)

    def text(value):
        return pack("Q", len(value.encode())) + value.encode()

    def encoded(kind, value):
        if kind == 8:
            return text(value)
        if kind == 9:
            inner, items = value
            return pack("IQ", inner, len(items)) + b"".join(encoded(inner, item) for item in items)
        return pack(SCALARS[kind], value)

    head = b"GGUF" + pack("IQQ", version, len(tensors), len(keys))
    for name, (kind, value) in keys.items():
        head += text(name) + pack("I", kind) + encoded(kind, value)
    alignment = keys.get("general.alignment", (4, 32))[1]
    data = b""
    for name, (kind, shape, content) in tensors.items():
        head += text(name) + pack("I", len(shape)) + b"".join(pack("Q", n) for n in reversed(shape))
        head += pack("IQ", kind, len(data))
        data += content + bytes(-len(content) % alignment)
    path.write_bytes(head + bytes(-len(head) % alignment) + data)


def ramp(dtype, *shape):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype).tobytes()


def main():
    OUT.mkdir(exist_ok=True)
    keys = {"general.architecture": (8, "llama"), "general.alignment": (4, 64),
            "llama.context_length": (10, 1 << 40), "llama.scale": (6, 0.5), "llama.tied": (7, True),
            "tokenizer.ggml.tokens": (9, (8, ["<s>", "é", "a" * 90])),
            "nested": (9, (9, [(5, [-1, 2]), (12, [0.25])]))}
    bfloat16 = (np.arange(6, dtype="<f4").view("<u4") >> 16).astype("<u2").tobytes()
    tensors = {"token_embd.weight": (0, (2, 3), ramp("<f4", 2, 3)),
               "norm": (1, (3,), ramp("<f2", 3)), "b": (30, (3, 2), bfloat16),
               "ids": (27, (2, 1, 2), ramp("<i8", 2, 1, 2)),
               "blk.0.w": (2, (2, 64), bytes(2 * 2 * 18))}
    write(OUT / "tiny.gguf", keys, tensors)
    write(OUT / "big_endian.gguf", {"general.name": (8, "big")},
          {"w": (0, (2, 3), ramp(">f4", 2, 3))}, order=">", version=2)


if __name__ == "__main__":
    main()
