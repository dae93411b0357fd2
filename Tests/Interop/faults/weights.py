"""Gives a port the weights of its Flax source, layer by layer, by the definitions of both."""
import numpy as np
import torch


def load(model, variables, pairs):
    """`pairs`: the path of a PyTorch module or parameter to that of its source, to several in the order
    they are fused, or to a function from Flax's arrays by path to the parameter's values."""
    flat = flatten(variables)
    modules, parameters = dict(model.named_modules()), dict(model.named_parameters())
    with torch.no_grad():
        for path, source in pairs.items():
            if path in parameters:
                values = source(flat) if callable(source) else flat[source]
                _fill(parameters[path], values)
            else:
                sources = [source] if isinstance(source, str) else source
                _load_layer(modules[path], [under(flat, name) for name in sources])


def flatten(variables):
    """Every collection's arrays by path, the collection's name left out."""
    result = {}

    def walk(tree, path):
        for key, value in tree.items():
            inner = f"{path}/{key}" if path else key
            walk(value, inner) if hasattr(value, "items") else result.update({inner: np.asarray(value)})
    for collection in variables.values():
        walk(collection, "")
    return result


def under(flat, path):
    return {name[len(path) + 1:]: value for name, value in flat.items() if name.startswith(path + "/")}


def _fill(parameter, values):
    parameter.copy_(torch.from_numpy(np.array(values, order="C")).reshape(parameter.shape))


def _load_layer(layer, sources):
    kinds = [
        (torch.nn.MultiheadAttention, _attention), (torch.nn.Linear, _linear),
        (torch.nn.ConvTranspose2d, _transposed),
        (torch.nn.Conv1d, _convolution), (torch.nn.Conv2d, _convolution),
        (torch.nn.LSTM, _lstm), (torch.nn.GRU, _gru), (torch.nn.GRUCell, _gru),
        (torch.nn.Embedding, _embedding)]
    for kind, rule in kinds:
        if isinstance(layer, kind):
            return rule(layer, *sources)
    return _norm(layer, *sources)


def _linear(layer, *sources):
    kernels = [source["kernel"].reshape(layer.in_features, -1).T for source in sources]
    _fill(layer.weight, np.concatenate(kernels))
    if layer.bias is not None:
        _fill(layer.bias, np.concatenate([source["bias"].reshape(-1) for source in sources]))


def _convolution(layer, source):
    kernel = source["kernel"]
    # A dense layer over channels is a convolution of one pixel.
    kernel = kernel.reshape((1,) * (layer.weight.ndim - kernel.ndim) + kernel.shape)
    _fill(layer.weight, np.moveaxis(kernel, (-1, -2), (0, 1)))
    if layer.bias is not None:
        _fill(layer.bias, source["bias"])


def _transposed(layer, source):
    _fill(layer.weight, source["kernel"][::-1, ::-1].transpose(2, 3, 0, 1))
    _fill(layer.bias, source["bias"])


def _norm(layer, source):
    _fill(layer.weight, source["scale"])
    if "bias" in source:
        _fill(layer.bias, source["bias"])
    if "mean" in source:
        layer.running_mean.copy_(torch.tensor(source["mean"]))
        layer.running_var.copy_(torch.tensor(source["var"]))


def _embedding(layer, source):
    _fill(layer.weight, source["embedding"])


def _attention(layer, source):
    width = layer.embed_dim
    parts = [under(source, name) for name in ("query", "key", "value")]
    _fill(layer.in_proj_weight, np.concatenate([part["kernel"].reshape(width, -1).T for part in parts]))
    _fill(layer.in_proj_bias, np.concatenate([part["bias"].reshape(-1) for part in parts]))
    _linear(layer.out_proj, under(source, "out"))


def _gates(source, names, leaf):
    """The gates' arrays one below the other, as PyTorch keeps them; zeros for an absent one."""
    arrays = [source.get(f"{name}/{leaf}") for name in names]
    shape = next(array.shape for array in arrays if array is not None)
    return np.concatenate([np.zeros(shape, np.float32) if array is None else array.T for array in arrays])


def _recurrent(layer, source, inputs, hidden):
    suffix = "" if isinstance(layer, torch.nn.GRUCell) else "_l0"
    for side, names in (("ih", inputs), ("hh", hidden)):
        _fill(getattr(layer, f"weight_{side}{suffix}"), _gates(source, names, "kernel"))
        bias = getattr(layer, f"bias_{side}{suffix}")
        if any(f"{name}/bias" in source for name in names):
            _fill(bias, _gates(source, names, "bias"))
        else:
            bias.zero_()


def _lstm(layer, source):
    _recurrent(layer, source, ["ii", "if", "ig", "io"], ["hi", "hf", "hg", "ho"])


def _gru(layer, source):
    _recurrent(layer, source, ["ir", "iz", "in"], ["hr", "hz", "hn"])
