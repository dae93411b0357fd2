"""Faults in what a forward pass does between its layers, by functions."""
import torch
from torch.nn import functional as F

from .kind import Kind, in_functions as kind

ACTIVATIONS = {"relu", "silu", "gelu", "leaky_relu", "tanh", "sigmoid", "hardswish", "softplus"}


def named(*names):
    return lambda call: call.name in names


def is_sum_of_equals(call):
    """A residual, not a bias nor a mask."""
    return call.name == "add" and len(set(call.shapes)) == 1 and len(call.shapes[0] or ()) > 2


def adds_a_mask(call):
    return call.name == "add" and all(call.shapes) and call.shapes[1][1:3] == (1, 1)


def scales_by_a_number(name):
    return lambda call: call.name == name and call.shapes[1] is None


def joins_channels(call):
    return call.name == "cat" and call.kwargs.get("dim") == 1 and not call.shapes[0]


def merges_or_splits_heads(call):
    return call.name == "transpose" and len(call.shapes[0]) == 4


def argument(index):
    return lambda function, args, kwargs: args[index]


def another(replacement):
    return lambda function, args, kwargs: replacement(*args)


def with_arguments(**values):
    return lambda function, args, kwargs: function(*args, **{**kwargs, **values})


def add_ones_for_a_mask(function, args, kwargs):
    scores, mask = args
    return scores + (mask == 0).to(scores.dtype)


def flatten_channels_first(function, args, kwargs):
    return args[0].permute(0, 3, 1, 2).flatten(1)


def join_in_another_order(function, args, kwargs):
    return function(args[0][::-1], **kwargs)


def reshape_for_transpose(function, args, kwargs):
    shape = list(args[0].shape)
    a, b = args[1:]
    shape[a], shape[b] = shape[b], shape[a]
    return args[0].reshape(shape)


def attend_without_mask(function, args, kwargs):
    return function(*args, **{**kwargs, "is_causal": False})


def pad_in_front(function, args, kwargs):
    left, right, top, bottom = args[1]
    return function(args[0], (right, left, bottom, top))


def takes_a_token(call):
    """x[:, 0] of (items, tokens, channels)."""
    index = call.args[1] if call.name == "__getitem__" else None
    return (isinstance(index, tuple) and len(call.shapes[0]) == 3 and index[0] == slice(None)
            and index[1:] in [(0,), (-1,)])


def flattens_an_image(call):
    return call.name == "flatten" and len(call.shapes[0]) == 4 and call.args[1:] == (1,)


def mean_over_tokens(function, args, kwargs):
    return args[0].mean(1)


def tensor_of(call):
    """Which of the two arguments is a tensor where the other is a number."""
    return 0 if call.shapes[1] is None else 1


def is_by_a_number(name):
    return lambda call: (call.name == name and len(call.shapes) == 2 and None in call.shapes
                         and len(call.shapes[tensor_of(call)]) > 2)


def the_tensor(function, args, kwargs):
    return next(argument for argument in args if isinstance(argument, torch.Tensor))


def scales_channels(call):
    """Of a branch by a parameter."""
    return call.name == "mul" and isinstance(call.args[0], torch.nn.Parameter) and (
        call.shapes[0] != call.shapes[1])


def scales_a_branch(call):
    return call.name == "mul" and call.shapes[0] is None and len(call.shapes[1]) == 3


def takes_positions(call):
    """table[:length] of a parameter."""
    return (call.name == "__getitem__" and isinstance(call.args[0], torch.nn.Parameter)
            and isinstance(call.args[1], slice))


def one_position_further(function, args, kwargs):
    table, places = args
    return table[slice(1, places.stop + 1)]


def warmer(function, args, kwargs):
    return function(args[0] / 2, **kwargs)


def see_one_more(function, args, kwargs):
    return function(args[0], diagonal=1)


def parts_exchanged(function, args, kwargs):
    return function(*args, **kwargs)[::-1]


def halves_exchanged(function, args, kwargs):
    a, b = args[0].chunk(2, dim=kwargs["dim"])
    return function(torch.cat([b, a], dim=kwargs["dim"]), **kwargs)


def first_token(function, args, kwargs):
    return args[0][:, 0]


def averages_tokens(call):
    return call.name == "mean" and len(call.shapes[0]) == 3 and call.kwargs.get("dim") == 1


def with_other_weights(function, args, kwargs):
    return function(args[0], args[1].flip(0), *args[2:])


def rotary(name, causes, change_angles, change_rotation):
    """A kind of rotary positions as they are commonly written: a pass joins the angles with themselves,
    and then, of queries and of keys, the halves in another order."""
    def find(port, calls):
        joins = [call.place for call in calls if call.name == "cat" and call.place[2] == 2]
        return [path for path, _, _ in joins]

    def apply(port, path):
        return {(path, "cat", 0): change_angles, (path, "cat", 1): change_rotation,
                (path, "cat", 2): change_rotation}
    return Kind(name, "between", tuple(causes.split()), find, apply)


def angles_of_pairs(function, args, kwargs):
    return args[0][0].repeat_interleave(2, dim=-1)


def rotate_pairs(function, args, kwargs):
    minus_b, a = args[0]
    even, odd = torch.cat([a, -minus_b], dim=-1).unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack([-odd, even], dim=-1).flatten(-2)


def angles_of_another_base(function, args, kwargs):
    """Of Llama 3's base, 500,000, where the joined ones are of 10,000."""
    angles = args[0][0]
    places = torch.arange(angles.shape[-1]) / angles.shape[-1]
    return torch.cat([angles * (500_000 / 10_000) ** -places] * 2, dim=-1)


def as_it_is(function, args, kwargs):
    return function(*args, **kwargs)


BETWEEN = [
    kind("residual missing", "residual_missing", is_sum_of_equals, argument(1)),
    kind("layer's output left out of a residual", "residual_missing branch_missing",
         is_sum_of_equals, argument(0)),
    kind("GELU, a function, by its tanh form", "gelu_approximation activation", named("gelu"),
         with_arguments(approximate="tanh")),
    kind("activation, a function, missing", "activation activation_missing",
         named(*ACTIVATIONS), argument(0)),
    kind("another activation, a function", "activation",
         named("relu", "silu", "gelu"), another(lambda x: F.softplus(x))),
    kind("slope of a leaky ReLU", "leaky_slope activation", named("leaky_relu"),
         with_arguments(negative_slope=0.2)),
    kind("flattened with channels first", "flatten_order", flattens_an_image, flatten_channels_first),
    kind("softmax over another axis", "softmax_axis",
         lambda call: call.name == "softmax" and len(call.shapes[0]) == 4, with_arguments(dim=-2)),
    kind("attention not scaled", "attention_scale", scales_by_a_number("div"), argument(0)),
    kind("fused attention not scaled", "attention_scale", named("scaled_dot_product_attention"),
         with_arguments(scale=1.0)),
    kind("mask missing", "attention_mask", adds_a_mask, argument(0)),
    kind("mask of ones and zeros added", "attention_mask", adds_a_mask, add_ones_for_a_mask),
    kind("causal mask missing", "attention_mask", named("scaled_dot_product_attention"),
         attend_without_mask),
    kind("factor left out", "embedding_scale scale attention_scale",
         lambda call: scales_by_a_number("mul")(call) and len(call.shapes[0]) == 3, argument(0)),
    kind("joined in another order", "concatenation_order channels_permuted",
         lambda call: call.name == "cat" and call.kwargs.get("dim") == 1, join_in_another_order),
    kind("mean for a maximum", "pooling", named("max_pool2d"), another(F.avg_pool2d)),
    kind("maximum for a mean", "pooling", named("avg_pool2d"), another(F.max_pool2d)),
    kind("heads reshaped, not transposed", "head_layout reshape_order", merges_or_splits_heads,
         reshape_for_transpose),
    kind("padded in front", "same_padding padding", named("pad"), pad_in_front),
    rotary("rotary pairs for halves", "rotary*", angles_of_pairs, rotate_pairs),
    rotary("rotary base", "rotary*", angles_of_another_base, as_it_is),
    kind("softmax of halved scores", "attention_scale", named("softmax"), warmer),
    kind("causal mask off by one", "attention_mask", named("tril"), see_one_more),
    kind("positions off by one", "rows_shifted", takes_positions, one_position_further),
    kind("limits missing", "limits", named("clamp"), argument(0)),
    kind("parts exchanged", "parts_exchanged gate* weight_permuted channels_permuted concatenation_order",
         named("chunk"), parts_exchanged),
    kind("halves of a gated layer exchanged", "gate* parts_exchanged", named("glu"), halves_exchanged),
    kind("scale of a branch missing", "scale residual_scale", scales_a_branch, argument(1)),
    kind("parameter's scale of a branch missing", "scale layer_scale weight_missing", scales_channels, argument(1)),
    kind("pixels between pixels by another rule", "interpolation",
         lambda call: call.name == "interpolate" and call.kwargs["mode"] == "bilinear",
         with_arguments(align_corners=True)),
    kind("nearest pixels for those between", "interpolation",
         lambda call: call.name == "interpolate" and call.kwargs["mode"] == "bilinear",
         with_arguments(mode="nearest", align_corners=None)),
    kind("borders count in a mean", "pooling*",
         lambda call: call.name == "avg_pool2d" and call.kwargs.get("padding"),
         with_arguments(count_include_pad=True)),
    kind("sequence not reversed", "axis_reversed sequence_order", named("flip"), argument(0)),
    kind("constant left out", "constant", is_by_a_number("sub"), the_tensor),
    kind("first token for the mean", "token_selection pooling", averages_tokens, first_token),
    kind("tied table in another order", "other_weights channels_permuted", named("linear"),
         with_other_weights),
    kind("mean over tokens for one of them", "pooling token_selection", takes_a_token, mean_over_tokens),
]
