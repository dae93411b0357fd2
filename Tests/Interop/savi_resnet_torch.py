"""SAVi-L and SAVi++ in PyTorch, under the names of the project's module trees: what a converted
checkpoint is loaded into.

`quirks` are the ways in which the module is not Flax's: the conventions as `verify` calls them, and
other mistakes with GroupNorm. `PORT` are those of the trees.
"""
import torch
from torch import nn
from torch.nn import functional as F

from savi_torch import (CNN, MLP, Conv2d, ConvTranspose2d, Initializer, PositionEmbedding,
                        Processor, SlotAttention, TransformerBlock)

PORT = frozenset(["group_norm_epsilon", "stem_activation", "layer_norm_epsilon",
                  "transposed_convolution_padding", "strided_convolution_padding"])


class GroupNorm(nn.GroupNorm):
    def __init__(self, groups, channels, quirks):
        counts = {"one_channel_per_group": channels, "16_groups": 16,
                  "16_channels_per_group": channels // 16}
        groups = next((counts[quirk] for quirk in quirks if quirk in counts), groups)
        super().__init__(groups, channels, eps=1e-5 if "group_norm_epsilon" in quirks else 1e-6)
        self.quirks = quirks

    def forward(self, x):  # (n, channels, height, width)
        if "statistics_across_frames" in self.quirks:
            video = x.transpose(0, 1).unsqueeze(0)
            return super().forward(video)[0].transpose(0, 1)
        if "group_assignment" not in self.quirks:
            return super().forward(x)
        order = torch.arange(x.shape[1]).view(-1, self.num_groups).T.flatten()
        y = F.group_norm(x[:, order], self.num_groups, eps=self.eps)[:, order.argsort()]
        return y * self.weight.view(-1, 1, 1) + self.bias.view(-1, 1, 1)


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride, norm, flax):
        super().__init__()
        self.conv1 = Conv2d(inputs, outputs, stride, flax, 3, bias=False)
        self.bn1 = norm(outputs)
        self.conv2 = Conv2d(outputs, outputs, 1, flax, 3, bias=False)
        self.bn2 = norm(outputs)
        if stride > 1:
            self.downsample = nn.Sequential(
                Conv2d(inputs, outputs, stride, flax, 1, bias=False), norm(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (y + (self.downsample(x) if hasattr(self, "downsample") else x)).relu()


class ResNet(nn.Module):
    def __init__(self, d, quirks):
        super().__init__()
        def norm(channels):
            return GroupNorm(d["groups"], channels, quirks)
        flax, width = "strided_convolution_padding" not in quirks, d["C1"]
        self.rectifies_stem = "stem_activation" in quirks
        self.conv1 = Conv2d(3, width, 1, flax, 3, bias=False)
        self.bn1 = norm(width)
        for stage in range(1, 5):
            blocks = nn.Sequential()
            for block in range(d[f"blocks_{stage}"]):
                stride = 2 if stage > 1 and block == 0 else 1
                blocks.append(BasicBlock(width, d[f"C{stage}"], stride, norm, flax))
                width = d[f"C{stage}"]
            self.add_module(f"layer{stage}", blocks)

    def forward(self, x, stages):
        x = self.bn1(self.conv1(x))
        x = x.relu() if self.rectifies_stem else x
        stages["enc_stem"] = x
        for stage in range(1, 5):
            x = stages[f"enc_stage{stage}"] = getattr(self, f"layer{stage}")(x)
        return x


class Transformer(nn.Module):
    def __init__(self, d, epsilon, quirks):
        super().__init__()
        self.blocks = nn.Sequential(*[
            TransformerBlock(
                d["E"], d["encoder_heads"], d["encoder_joined"], d["encoder_mlp"], epsilon,
                pre_norm="encoder_norm_order" not in quirks,
                scaled_width=d["encoder_joined"] if "attention_scale" in quirks else None)
            for _ in range(d["encoder_blocks"])])

    def forward(self, x, stages):
        for number, block in enumerate(self.blocks):
            x = stages[f"enc_block{number}"] = block(x)
        return x


class FrameEncoder(nn.Module):
    def __init__(self, d, epsilon, quirks):
        super().__init__()
        width, self.quirks = d["C4"], quirks
        self.backbone = ResNet(d, quirks)
        self.pos_emb = PositionEmbedding(
            d["feature_height"], d["feature_width"], width,
            MLP(width, d["encoder_hidden"], width, epsilon))
        if "E" in d:
            self.transformer_dense = nn.Linear(width, d["E"])
            self.transformer = Transformer(d, epsilon, quirks)

    def forward(self, frames, stages):  # (n, height, width, 3)
        x = self.backbone(frames.permute(0, 3, 1, 2), stages)
        for name in [name for name in stages if name.startswith("enc_st")]:
            stages[name] = stages[name].permute(0, 2, 3, 1)
        stages["enc_cnn"] = x.permute(0, 2, 3, 1)
        stages["enc_pos"] = self.pos_emb(stages["enc_cnn"])
        pos = stages["enc_pos"]
        x = (pos.transpose(1, 2) if "flattening_order" in self.quirks else pos).flatten(1, 2)
        if hasattr(self, "transformer"):
            stages["enc_dense"] = self.transformer_dense(x)
            x = stages["enc_dense"]
            x = self.transformer(x if "encoder_activation" in self.quirks else x.relu(), stages)
        stages["encoded"] = x
        return x


class Readout(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.readout_modules = nn.ModuleList()
        if "depth_channels" not in d:
            self.readout_modules.append(nn.Linear(d["D3"], d["target_channels"]))
            return
        for target in ("depth", "flow"):
            mlp = MLP(d["D3"], 1, 1)
            mlp.model = nn.ModuleList()
            mlp.model.add_module("dense_mlp_0", nn.Linear(d["D3"], d[f"{target}_channels"]))
            self.readout_modules.append(mlp)

    def forward(self, x):
        return [module(x) for module in self.readout_modules]


class Decoder(nn.Module):
    def __init__(self, d, flax):
        super().__init__()
        widths = [d["slot"], *(d[f"D{n}"] for n in range(4))]
        self.grid = d["grid_height"], d["grid_width"]
        self.backbone = CNN([
            (f"convtranspose_{n}", ConvTranspose2d(widths[n], widths[n + 1], flax))
            for n in range(4)])
        self.pos_emb = PositionEmbedding(*self.grid, d["slot"], nn.Identity())
        self.target_readout = Readout(d)
        self.mask_pred = nn.Linear(d["D3"], 1)

    def forward(self, slots, stages):  # (n, slots, slot)
        n, count, width = slots.shape
        x = self.pos_emb(slots.reshape(-1, 1, 1, width).expand(-1, *self.grid, -1))
        x = self.backbone(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        x = x.reshape(n, count, *x.shape[1:])
        logits = stages["alpha_logits"] = self.mask_pred(x)  # (n, slots, height, width, 1)
        alphas = stages["alphas"] = logits.softmax(dim=1)
        if len(self.target_readout.readout_modules) == 1:
            stages["flow_slots"] = self.target_readout(x)[0]
            stages["flow_masked"] = stages["flow_slots"] * alphas
            stages["flow"] = stages["flow_masked"].sum(dim=1)
        else:
            stages["dec_fused"] = (x * alphas).sum(dim=1)
            stages["depth"], stages["flow"] = self.target_readout(stages["dec_fused"])
        stages["segmentations"] = logits.argmax(dim=1)


class SAVi(nn.Module):
    """- d: the `dimensions` of a model document; a transformer in the encoder where it has `E`."""

    def __init__(self, d, quirks=frozenset()):
        super().__init__()
        epsilon = 1e-5 if "layer_norm_epsilon" in quirks else 1e-6
        self.encoder = FrameEncoder(d, epsilon, quirks)
        self.decoder = Decoder(d, "transposed_convolution_padding" not in quirks)
        self.corrector = SlotAttention(
            d, d.get("E", d["C4"]), epsilon,
            scaled_width=d["slot"] if "slot_attention_scale" in quirks else None)
        self.predictor = TransformerBlock(
            d["slot"], d["heads"], d["joined"], d["predictor_hidden"], epsilon,
            pre_norm="predictor_norm_order" in quirks,
            scaled_width=d["joined"] if "attention_scale" in quirks else None)
        self.initializer = Initializer(d)
        self.processor = Processor(self.corrector, self.predictor)

    def forward(self, video, boxes):  # (batch, frames, height, width, 3), (batch, frames, objects, 4)
        batch, frames = video.shape[:2]
        stages, decoded = {}, {}
        encoded = self.encoder(video.flatten(0, 1), stages).unflatten(0, (batch, frames))
        slots = self.initializer(boxes[:, 0])
        steps = []
        for t in range(frames):
            corrected, attention = self.processor.corrector(slots, encoded[:, t])
            steps.append((attention.unsqueeze(1), corrected, self.processor.predictor(corrected)))
            slots = steps[-1][-1]
        over_time = {name: torch.stack(values, dim=1) for name, values in
                     zip(("attn", "corrected", "predicted"), zip(*steps))}
        self.decoder(over_time["corrected"].flatten(0, 1), decoded)
        per_frame = {**stages, **decoded}
        return {"init_slots": self.initializer(boxes[:, 0]), **over_time,
                **{name: x.unflatten(0, (batch, frames)) for name, x in per_frame.items()}}
