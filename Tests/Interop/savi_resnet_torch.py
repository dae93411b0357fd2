"""SAVi-L and SAVi++ in PyTorch, under the names of the project's module trees: what a converted
checkpoint is loaded into. `flax` as in savi_torch.py: False computes as the trees print it."""
import torch
from torch import nn

from savi_torch import (CNN, MLP, Conv2d, ConvTranspose2d, Initializer, PositionEmbedding,
                        Processor, SlotAttention, TransformerBlock)


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
    def __init__(self, d, epsilon, flax):
        super().__init__()
        def norm(channels):
            return nn.GroupNorm(d["groups"], channels, eps=epsilon)
        self.flax, width = flax, d["C1"]
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
        x = x if self.flax else x.relu()
        stages["enc_stem"] = x
        for stage in range(1, 5):
            x = stages[f"enc_stage{stage}"] = getattr(self, f"layer{stage}")(x)
        return x


class Transformer(nn.Module):
    def __init__(self, d, epsilon):
        super().__init__()
        self.blocks = nn.Sequential(*[
            TransformerBlock(d["E"], d["encoder_heads"], d["encoder_joined"], d["encoder_mlp"],
                             epsilon, pre_norm=True) for _ in range(d["encoder_blocks"])])

    def forward(self, x, stages):
        for number, block in enumerate(self.blocks):
            x = stages[f"enc_block{number}"] = block(x)
        return x


class FrameEncoder(nn.Module):
    def __init__(self, d, epsilon, flax):
        super().__init__()
        width = d["C4"]
        self.backbone = ResNet(d, epsilon, flax)
        self.pos_emb = PositionEmbedding(
            d["feature_height"], d["feature_width"], width,
            MLP(width, d["encoder_hidden"], width, epsilon))
        if "E" in d:
            self.transformer_dense = nn.Linear(width, d["E"])
            self.transformer = Transformer(d, epsilon)

    def forward(self, frames, stages):  # (n, height, width, 3)
        x = self.backbone(frames.permute(0, 3, 1, 2), stages)
        for name in [name for name in stages if name.startswith("enc_st")]:
            stages[name] = stages[name].permute(0, 2, 3, 1)
        stages["enc_cnn"] = x.permute(0, 2, 3, 1)
        stages["enc_pos"] = self.pos_emb(stages["enc_cnn"])
        x = stages["enc_pos"].flatten(1, 2)
        if hasattr(self, "transformer"):
            stages["enc_dense"] = self.transformer_dense(x)
            x = self.transformer(stages["enc_dense"].relu(), stages)
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

    def __init__(self, d, flax=False):
        super().__init__()
        epsilon = 1e-6 if flax else 1e-5
        self.encoder = FrameEncoder(d, epsilon, flax)
        self.decoder = Decoder(d, flax)
        self.corrector = SlotAttention(d, d.get("E", d["C4"]), epsilon)
        self.predictor = TransformerBlock(
            d["slot"], d["heads"], d["joined"], d["predictor_hidden"], epsilon)
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
