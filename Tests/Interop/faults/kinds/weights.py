"""Faults in the weights: what a conversion gets wrong."""
import torch
from torch import nn

from .kind import in_modules

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
NORMS = (nn.LayerNorm, nn.GroupNorm, *BATCH_NORMS)
VALUE_LAYERS = ("value", "v_proj")


def kind(name, causes, condition, change):
    def changed(module):
        with torch.no_grad():
            change(module)
    return in_modules("weights", name, causes, condition, changed)


def is_linear(module, path):
    return type(module) is nn.Linear


def is_square(module, path):
    return is_linear(module, path) and module.in_features == module.out_features


def is_convolution(module, path):
    """With a kernel of more than a pixel over more than one channel."""
    return (isinstance(module, (nn.Conv1d, nn.Conv2d)) and module.kernel_size[0] > 1
            and module.groups == 1 and module.in_channels > 1)


def is_convolution_of_images(module, path):
    return is_convolution(module, path) and isinstance(module, nn.Conv2d)


def is_norm(module, path):
    return isinstance(module, NORMS) or type(module).__name__ == "RMSNorm"


def has_bias(module, path):
    return isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d)) and module.bias is not None


def reorder_gates(order):
    def change(layer):
        for name, parameter in layer.named_parameters():
            gates = parameter.chunk(len(order))
            parameter.copy_(torch.cat([gates[gate] for gate in order]))
    return change


def interleave_heads(layer, heads=2):
    parts = layer.weight.unflatten(0, (heads, -1))
    layer.weight.copy_(parts.transpose(0, 1).flatten(0, 1))
    if layer.bias is not None:
        layer.bias.copy_(layer.bias.unflatten(0, (heads, -1)).T.flatten())


def exchange_fused_parts(layer):
    for parameter in (layer.in_proj_weight, layer.in_proj_bias):
        query, key, value = parameter.chunk(3)
        parameter.copy_(torch.cat([key, query, value]))


def double_recurrent_bias(layer):
    for name, parameter in layer.named_parameters():
        if name.startswith("bias_ih"):
            parameter.add_(getattr(layer, name.replace("ih", "hh")))


def exchange_statistics(norm):
    mean = norm.running_mean.clone()
    norm.running_mean.copy_(norm.running_var)
    norm.running_var.copy_(mean.abs())


def exchange_scale_and_bias(norm):
    scale = norm.weight.clone()
    norm.weight.copy_(norm.bias)
    norm.bias.copy_(scale)


def randomize(layer):
    layer.weight.copy_(torch.randn(layer.weight.shape, generator=torch.Generator().manual_seed(0)) * 0.3)


WEIGHTS = [
    kind("square kernel transposed", "weight_transposed", is_square,
         lambda layer: layer.weight.copy_(layer.weight.T.clone())),
    kind("convolution kernel flipped", "kernel_flipped", is_convolution,
         lambda layer: layer.weight.copy_(layer.weight.flip(*range(2, layer.weight.ndim)))),
    kind("transposed convolution's kernel not flipped", "kernel_flipped",
         lambda module, path: isinstance(module, nn.ConvTranspose2d),
         lambda layer: layer.weight.copy_(layer.weight.flip(2, 3))),
    kind("kernel's height and width exchanged", "kernel_transposed", is_convolution_of_images,
         lambda layer: layer.weight.copy_(layer.weight.transpose(2, 3).clone())),
    kind("input and output channels exchanged", "weight_transposed",
         lambda module, path: is_convolution(module, path)
         and module.in_channels == module.out_channels,
         lambda layer: layer.weight.copy_(layer.weight.transpose(0, 1).clone())),
    kind("input channels in another order", "channels_permuted",
         lambda module, path: is_convolution(module, path) and module.in_channels > 2,
         lambda layer: layer.weight.copy_(layer.weight.flip(1))),
    kind("GRU gates in another order", "gate_order",
         lambda module, path: isinstance(module, (nn.GRU, nn.GRUCell)), reorder_gates([1, 0, 2])),
    kind("LSTM gates in another order", "gate_order",
         lambda module, path: isinstance(module, nn.LSTM), reorder_gates([0, 1, 3, 2])),
    kind("recurrent bias twice", "bias_doubled",
         lambda module, path: isinstance(module, (nn.LSTM, nn.GRU)), double_recurrent_bias),
    kind("bias missing", "bias_missing", has_bias, lambda layer: layer.bias.zero_()),
    kind("bias twice", "bias_doubled", has_bias, lambda layer: layer.bias.mul_(2)),
    kind("heads interleaved", "head_layout",
         lambda module, path: is_linear(module, path) and path.split(".")[-1] in VALUE_LAYERS,
         interleave_heads),
    kind("query and key exchanged in a fused layer", "weight_permuted other_weights",
         lambda module, path: isinstance(module, nn.MultiheadAttention), exchange_fused_parts),
    kind("running statistics as at the start", "other_weights",
         lambda module, path: isinstance(module, BATCH_NORMS),
         lambda norm: norm.reset_running_stats()),
    kind("mean and variance exchanged", "other_weights",
         lambda module, path: isinstance(module, BATCH_NORMS), exchange_statistics),
    kind("scale stored around zero", "scale_offset other_weights", is_norm,
         lambda norm: norm.weight.sub_(1)),
    kind("scale and bias exchanged", "other_weights",
         lambda module, path: isinstance(module, NORMS), exchange_scale_and_bias),
    kind("weight never loaded", "other_weights", is_linear, randomize),
    kind("embedding off by a row", "rows_shifted other_weights",
         lambda module, path: isinstance(module, nn.Embedding),
         lambda layer: layer.weight.copy_(layer.weight.roll(1, 0))),
    kind("weights rounded to bfloat16", "precision",
         lambda module, path: is_linear(module, path) or is_convolution(module, path),
         lambda layer: layer.weight.copy_(layer.weight.bfloat16())),
]
