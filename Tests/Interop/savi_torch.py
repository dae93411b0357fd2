"""SAVi in PyTorch, written from the paper and the published module tree: what a converted
checkpoint is loaded into.

`flax=False` computes as the published port does; `flax=True` with the three fixes that make it
compute what the Flax model does (docs/padding.md).
"""
import math

import torch
from torch import nn
from torch.nn import functional as F


class CNN(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.cnn_layers = nn.ModuleList()
        for index, (name, layer) in enumerate(layers):
            self.cnn_layers.add_module(name, layer)
            self.cnn_layers.add_module(f"activ_{index}", nn.ReLU())

    def forward(self, x):
        for layer in self.cnn_layers.children():
            x = layer(x)
        return x


class Conv2d(nn.Conv2d):
    """A SAME convolution: with stride 2 the port pads alike on both sides, Flax one less before."""

    def __init__(self, inputs, outputs, stride, flax, kernel=5, bias=True):
        super().__init__(inputs, outputs, kernel, stride, padding=kernel // 2, bias=bias)
        self.flax = flax

    def forward(self, x):
        half = self.padding[0]
        if self.flax and self.stride == (2, 2) and half:
            return F.conv2d(F.pad(x, (half - 1, half) * 2), self.weight, self.bias, self.stride)
        return super().forward(x)


class ConvTranspose2d(nn.ConvTranspose2d):
    """A stride-2 SAME transposed convolution: the port crops 2 pixels before, Flax 1."""

    def __init__(self, inputs, outputs, flax):
        padding = dict(padding=1) if flax else dict(padding=2, output_padding=1)
        super().__init__(inputs, outputs, 5, 2, **padding)
        self.flax = flax

    def forward(self, x):
        x = super().forward(x)
        return x[..., :-1, :-1] if self.flax else x


class MLP(nn.Module):
    def __init__(self, inputs, hidden, outputs, epsilon=None):
        super().__init__()
        if epsilon is not None:
            self.layernorm_module = nn.LayerNorm(inputs, eps=epsilon)
        self.model = nn.ModuleList()
        self.model.add_module("dense_mlp_0", nn.Linear(inputs, hidden))
        self.model.add_module("dense_mlp_0_act", nn.ReLU())
        self.model.add_module("dense_mlp_1", nn.Linear(hidden, outputs))

    def forward(self, x):
        if hasattr(self, "layernorm_module"):
            x = self.layernorm_module(x)
        for layer in self.model.children():
            x = layer(x)
        return x


class PositionEmbedding(nn.Module):
    def __init__(self, height, width, channels, output_transform):
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.zeros(1, height, width, 2))
        self.output_transform = output_transform
        self.project_add_dense = nn.Linear(2, channels)

    def forward(self, x):  # (n, height, width, channels)
        return self.output_transform(x + self.project_add_dense(self.pos_embedding))


class FrameEncoder(nn.Module):
    def __init__(self, d, flax, strides):
        super().__init__()
        width = d["E"]
        self.backbone = CNN([
            (f"conv_{n}", Conv2d(width if n else 3, width, stride, flax))
            for n, stride in enumerate(strides)])
        self.pos_emb = PositionEmbedding(
            d["feature_height"], d["feature_width"], width,
            MLP(width, d["encoder_hidden"], width, 1e-6 if flax else 1e-5))

    def forward(self, frames):  # (n, height, width, 3)
        cnn = self.backbone(frames.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return cnn, self.pos_emb(cnn)


class SlotAttention(nn.Module):
    def __init__(self, d, inputs, epsilon, scaled_width=None):
        super().__init__()
        self.scale = math.sqrt(scaled_width or d["attention"])
        self.w_q = nn.Parameter(torch.zeros(1, d["slot"], d["attention"]))
        self.w_k = nn.Parameter(torch.zeros(1, inputs, d["attention"]))
        self.w_v = nn.Parameter(torch.zeros(1, inputs, d["attention"]))
        self.layernorm_input = nn.LayerNorm(inputs, eps=epsilon)
        self.layernorm_q = nn.LayerNorm(d["slot"], eps=epsilon)
        self.gru = nn.GRUCell(d["attention"], d["slot"])

    def forward(self, slots, inputs):  # (n, slots, slot), (n, K, E)
        inputs = self.layernorm_input(inputs)
        k, v = inputs @ self.w_k[0], inputs @ self.w_v[0]
        q = self.layernorm_q(slots) @ self.w_q[0]
        attention = (q @ k.transpose(1, 2) / self.scale).softmax(dim=1)
        updates = (attention / (attention.sum(-1, keepdim=True) + 1e-8)) @ v
        new = self.gru(updates.flatten(0, 1), slots.flatten(0, 1))
        return new.view_as(slots), attention


class TransformerBlock(nn.Module):
    """- joined: the width of all heads together."""

    def __init__(self, width, heads, joined, hidden, epsilon, pre_norm=False, scaled_width=None):
        super().__init__()
        self.heads, self.pre_norm = heads, pre_norm
        self.scale = math.sqrt(scaled_width or joined // heads)
        self.w_qkv = nn.Linear(width, 3 * joined)
        self.w_o = nn.Linear(joined, width)
        self.mlp = MLP(width, hidden, width)
        self.layernorm_query = nn.LayerNorm(width, eps=epsilon)
        self.layernorm_mlp = nn.LayerNorm(width, eps=epsilon)

    def attend(self, x):  # (n, count, width)
        batch, count, _ = x.shape
        qkv = self.w_qkv(x).view(batch, count, self.heads, -1).transpose(1, 2)
        q, k, v = qkv.chunk(3, dim=-1)
        weights = (q @ k.transpose(2, 3) / self.scale).softmax(dim=-1)
        return self.w_o((weights @ v).transpose(1, 2).reshape(batch, count, -1))

    def forward(self, x):
        if self.pre_norm:
            x = x + self.attend(self.layernorm_query(x))
            return x + self.mlp(self.layernorm_mlp(x))
        y = self.layernorm_query(self.attend(x) + x)
        return self.layernorm_mlp(self.mlp(y) + y)


class Readout(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.readout_modules = nn.ModuleList([nn.Linear(inputs, outputs)])

    def forward(self, x):
        return self.readout_modules[0](x)


class Decoder(nn.Module):
    def __init__(self, d, flax, last_is_transposed):
        super().__init__()
        width = d["D"]
        layers = [(f"convtranspose_{n}", ConvTranspose2d(width if n else d["slot"], width, flax))
                  for n in range(4 if last_is_transposed else 3)]
        if not last_is_transposed:
            layers.append(("conv_3", Conv2d(width, width, 1, flax)))
        self.grid = d["grid_height"], d["grid_width"]
        self.backbone = CNN(layers)
        self.pos_emb = PositionEmbedding(*self.grid, d["slot"], nn.Identity())
        self.target_readout = Readout(width, d["target_channels"])
        self.mask_pred = nn.Linear(width, 1)

    def forward(self, slots):  # (n, slots, slot)
        n, count, width = slots.shape
        x = self.pos_emb(slots.reshape(-1, 1, 1, width).expand(-1, *self.grid, -1))
        x = self.backbone(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        x = x.reshape(n, count, *x.shape[1:])
        logits = self.mask_pred(x)  # (n, slots, height, width, 1)
        alphas = logits.softmax(dim=1)
        flow = (self.target_readout(x) * alphas).sum(dim=1)
        return logits, alphas, flow, logits.argmax(dim=1)


class Initializer(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.embedding_transform = MLP(4, d["initializer_hidden"], d["slot"])

    def forward(self, boxes):  # (batch, objects, 4)
        return self.embedding_transform(F.pad(boxes, (0, 0, 1, 0)))


class Processor(nn.Module):
    def __init__(self, corrector, predictor):
        super().__init__()
        self.corrector, self.predictor = corrector, predictor


class SAVi(nn.Module):
    """- d: the `dimensions` of a model document."""

    def __init__(self, d, flax=False, strides=(1, 1, 1, 1), last_is_transposed=False):
        super().__init__()
        epsilon = 1e-6 if flax else 1e-5
        self.encoder = FrameEncoder(d, flax, strides)
        self.decoder = Decoder(d, flax, last_is_transposed)
        self.corrector = SlotAttention(d, d["E"], epsilon)
        self.predictor = TransformerBlock(
            d["slot"], d["heads"], d["slot"], d["predictor_hidden"], epsilon)
        self.initializer = Initializer(d)
        self.processor = Processor(self.corrector, self.predictor)

    def forward(self, video, boxes):  # (batch, frames, height, width, 3), (batch, frames, objects, 4)
        batch, frames = video.shape[:2]
        cnn, pos = self.encoder(video.flatten(0, 1))
        slots = self.initializer(boxes[:, 0])
        stages = {
            "enc_cnn": cnn.unflatten(0, (batch, frames)),
            "enc_pos": pos.unflatten(0, (batch, frames)),
            "init_slots": slots,
        }
        encoded = stages["enc_pos"].flatten(2, 3)
        steps = []
        for t in range(frames):
            corrected, attention = self.processor.corrector(slots, encoded[:, t])
            slots = self.processor.predictor(corrected)
            steps.append((attention.unsqueeze(1), corrected, slots))
        for name, values in zip(("attn", "corrected", "predicted"), zip(*steps)):
            stages[name] = torch.stack(values, dim=1)
        decoded = self.decoder(stages["corrected"].flatten(0, 1))
        for name, value in zip(("alpha_logits", "alphas", "flow", "segmentations"), decoded):
            stages[name] = value.unflatten(0, (batch, frames))
        return stages
