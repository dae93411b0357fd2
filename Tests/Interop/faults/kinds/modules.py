"""Faults in how a module computes."""
import torch
from torch import nn
from torch.nn import functional as F

from .kind import in_modules
from .weights import is_linear, is_norm


def kind(name, causes, condition, change):
    return in_modules("module", name, causes, condition, change)


def of(*classes):
    return lambda module, path: isinstance(module, classes)


def setting(**values):
    return lambda module: [setattr(module, name, value) for name, value in values.items()]


def pad_alike_on_both_sides(layer):
    """What `padding=1` does where SAME pads behind alone."""
    layer.padding = (layer.kernel_size[0] // 2,) * 2
    layer.forward = lambda x: nn.Conv2d.forward(layer, x)


def crop_in_front(layer):
    """The output of the same size, one pixel further: what a common choice of padding gives."""
    original = layer.forward
    layer.forward = lambda x: F.pad(original(x)[..., 1:, 1:], (0, 1, 0, 1))


def one_group_fewer(norm):
    norm.num_groups = norm.num_groups // 2


def compute_in(dtype):
    def change(layer):
        original = layer.forward

        def forward(x):
            with torch.autocast("cpu", dtype=dtype):
                return original(x).float()
        layer.forward = forward
    return change


def act_as(function):
    """The module keeps its name and class, and computes something else."""
    def change(module):
        module.forward = function
    return change


def with_variance(**settings):
    """A layer norm written by hand, another way."""
    def change(norm):
        def forward(x):
            axes = settings.get("axes", (-1,))
            mean = x.mean(axes, keepdim=True)
            variance = x.var(axes, keepdim=True, correction=settings.get("correction", 0))
            return (x - mean) * torch.rsqrt(variance + norm.eps) * norm.weight + norm.bias
        norm.forward = forward
    return change


def softplus(x):
    return F.softplus(x)


MODULES = [
    kind("epsilon", "*_epsilon", is_norm, setting(eps=1e-3)),
    kind("GELU by its tanh form", "gelu_approximation activation", of(nn.GELU),
         setting(approximate="tanh")),
    kind("another activation", "activation", of(nn.ReLU, nn.SiLU, nn.GELU, nn.Tanh), act_as(softplus)),
    kind("batch norm in training", "batch_norm_training", of(nn.BatchNorm1d, nn.BatchNorm2d), lambda m: m.train()),
    kind("number of groups", "group_norm_groups", of(nn.GroupNorm), one_group_fewer),
    kind("SAME padding alike on both sides", "same_padding padding",
         lambda module, path: type(module).__name__ == "SameConv2d" and module.stride[0] > 1,
         pad_alike_on_both_sides),
    kind("transposed convolution a pixel off", "transposed_convolution_padding padding",
         of(nn.ConvTranspose2d), crop_in_front),
    kind("dilation left out", "dilation",
         lambda module, path: isinstance(module, nn.Conv2d) and module.dilation[0] > 1,
         setting(dilation=(1, 1), padding=(1, 1))),
    kind("borders reflected", "padding_mode padding",
         lambda module, path: isinstance(module, nn.Conv2d) and isinstance(module.padding, tuple)
         and module.padding[0] == 1,
         lambda layer: setting(padding_mode="reflect",
                               _reversed_padding_repeated_twice=[1, 1, 1, 1])(layer)),
    kind("number of heads", "number_of_heads head_layout", of(nn.MultiheadAttention),
         setting(num_heads=2, head_dim=8)),
    kind("batch taken for time", "batch_time_order", of(nn.LSTM, nn.GRU), setting(batch_first=False)),
    kind("computed in bfloat16", "precision", is_linear, compute_in(torch.bfloat16)),
    kind("unbiased variance", "layer_norm_variance", of(nn.LayerNorm), with_variance(correction=1)),
    kind("norm over tokens and channels", "layer_norm_axis", of(nn.LayerNorm),
         with_variance(axes=(-2, -1))),
    kind("norm over the tokens", "layer_norm_axis", of(nn.LayerNorm), with_variance(axes=(-2,))),
    kind("zeros around what wraps around", "padding_mode padding",
         lambda module, path: getattr(module, "padding_mode", "zeros") == "circular",
         setting(padding_mode="zeros")),
    kind("RMS norm's scale is 1 + w", "rms_norm_offset scale_offset",
         lambda module, path: type(module).__name__ == "RMSNorm",
         lambda norm: setattr(norm, "forward", lambda x: type(norm).forward(norm, x)
                              * (1 + norm.weight) / norm.weight)),
]
