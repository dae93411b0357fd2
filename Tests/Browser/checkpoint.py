"""Checkpoints for the page to show: safetensors files, written with the standard library alone."""
import json
import random
import struct


def save(path, tensors):
    """Writes {name: (shape, values)} as float32 tensors."""
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        own = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape,
                        "data_offsets": [len(data), len(data) + len(own)]}
        data += own
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def normal(source, shape, deviation):
    size = 1
    for extent in shape:
        size *= extent
    return shape, [source.gauss(0, deviation) for _ in range(size)]


def decoder(layers=12, width=16, seed=0):
    """A small transformer whose weights shrink with depth, with one of every kind of flag."""
    source = random.Random(seed)
    tensors = {"model.embed_tokens.weight": normal(source, [64, width], 1)}
    for layer in range(layers):
        prefix = f"model.layers.{layer}"
        deviation = 0.3 / (1 + layer / 4)
        for part in "qkvo":
            tensors[f"{prefix}.self_attn.{part}_proj.weight"] = normal(
                source, [width, width], deviation)
        for part in ["gate", "up"]:
            tensors[f"{prefix}.mlp.{part}_proj.weight"] = normal(
                source, [3 * width, width], deviation)
        tensors[f"{prefix}.mlp.down_proj.weight"] = normal(source, [width, 3 * width], deviation)
        tensors[f"{prefix}.input_layernorm.weight"] = ([width], [1.0] * width)
    dead = tensors["model.layers.3.mlp.up_proj.weight"][1]
    dead[5 * width:6 * width] = [0.0] * width
    tensors["model.layers.5.self_attn.q_proj.weight"][1][7] = float("nan")
    tensors["model.layers.6.self_attn.k_proj.weight"] = (
        [width, width], list(tensors["model.layers.6.self_attn.q_proj.weight"][1]))
    tensors["model.layers.8.mlp.gate_proj.weight"][1][0] = 90000.0
    # A histogram that can be told by heart.
    tensors["known"] = ([12], [0, 0, 0, 1, 1.5, 2, -1, -0.25, -0.3, 7, 4, 4])
    return tensors


def trained_on(tensors, seed=1):
    """The same model after some training: later layers moved further."""
    source = random.Random(seed)
    result = {}
    for name, (shape, values) in tensors.items():
        parts = name.split(".")
        depth = int(parts[2]) if len(parts) > 3 else 0
        step = 0.002 * depth if "self_attn" in name else 0
        result[name] = (shape, [value + source.gauss(0, step) if step else value
                                for value in values])
    return result
