"""SAVi in Flax, written from the paper with Flax's own layers, under the names that Google
Research's slot-attention-video gives its parameters: where a converted checkpoint comes from."""
import flax.linen as nn
import jax
import jax.numpy as jnp


class CNN(nn.Module):
    """layers: (transposed?, stride) each."""
    width: int
    layers: tuple

    @nn.compact
    def __call__(self, x):
        for index, (transposed, stride) in enumerate(self.layers):
            kind = nn.ConvTranspose if transposed else nn.Conv
            x = nn.relu(kind(self.width, (5, 5), (stride, stride), name=f"conv_{index}")(x))
        return x


class MLP(nn.Module):
    hidden: int
    outputs: int
    has_norm: bool = False

    @nn.compact
    def __call__(self, x):
        if self.has_norm:
            x = nn.LayerNorm(name="LayerNorm_0")(x)
        x = nn.relu(nn.Dense(self.hidden, name="dense_mlp_0")(x))
        return nn.Dense(self.outputs, name="dense_mlp_1")(x)


class PositionEmbedding(nn.Module):
    hidden: int = 0

    @nn.compact
    def __call__(self, x):  # (..., height, width, channels)
        grid = self.param("pos_embedding", nn.initializers.zeros_init(), (1, *x.shape[-3:-1], 2))
        x = x + nn.Dense(x.shape[-1], name="dense_pe_0")(grid)
        return MLP(self.hidden, x.shape[-1], True, name="MLP_0")(x) if self.hidden else x


class FrameEncoder(nn.Module):
    d: dict
    layers: tuple

    @nn.compact
    def __call__(self, frames):
        cnn = CNN(self.d["E"], self.layers, name="CNN_0")(frames)
        pos = PositionEmbedding(self.d["encoder_hidden"], name="PositionEmbedding_0")(cnn)
        return cnn, pos


class GRU(nn.Module):
    width: int

    @nn.compact
    def __call__(self, slots, inputs):
        return nn.GRUCell(self.width, name="GRUCell_0")(slots, inputs)[0]


class SlotAttention(nn.Module):
    d: dict

    @nn.compact
    def __call__(self, slots, inputs):
        def project(name, x):
            return nn.DenseGeneral((1, self.d["attention"]), use_bias=False,
                                   name=f"general_dense_{name}_0")(x)[..., 0, :]
        q = project("q", nn.LayerNorm(name="LayerNorm_0")(slots))
        x = nn.LayerNorm(name="LayerNorm_1")(inputs)
        k, v = project("k", x), project("v", x)
        attention = nn.softmax(
            q @ jnp.swapaxes(k, -1, -2) / jnp.sqrt(jnp.float32(q.shape[-1])), axis=-2)
        updates = (attention / (attention.sum(-1, keepdims=True) + 1e-8)) @ v
        return GRU(self.d["slot"], name="GRU_0")(slots, updates), attention


class TransformerBlock(nn.Module):
    d: dict

    @nn.compact
    def __call__(self, slots):
        attended = nn.MultiHeadDotProductAttention(
            self.d["heads"], name="MultiHeadDotProductAttention_0")(slots, slots)
        y = nn.LayerNorm(name="LayerNorm_0")(attended + slots)
        z = MLP(self.d["predictor_hidden"], self.d["slot"], name="MLP_0")(y)
        return nn.LayerNorm(name="LayerNorm_1")(z + y)


class Readout(nn.Module):
    outputs: int

    @nn.compact
    def __call__(self, x):
        class Dense(nn.Module):
            outputs: int

            @nn.compact
            def __call__(self, x):
                return nn.Dense(self.outputs, name="Dense_0")(x)
        return Dense(self.outputs, name="Dense_0")(x)


class Decoder(nn.Module):
    d: dict
    layers: tuple

    @nn.compact
    def __call__(self, slots):  # (batch, slots, slot)
        batch, count, width = slots.shape
        grid = (self.d["grid_height"], self.d["grid_width"])
        x = jnp.broadcast_to(slots.reshape(-1, 1, 1, width), (batch * count, *grid, width))
        x = PositionEmbedding(name="PositionEmbedding_0")(x)
        x = CNN(self.d["D"], self.layers, name="CNN_0")(x)
        x = x.reshape(batch, count, *x.shape[1:])
        logits = nn.Dense(1, name="alpha_logits")(x)
        channels = Readout(self.d["target_channels"], name="Readout_0")(x)
        alphas = nn.softmax(logits, axis=1)
        return logits, alphas, (channels * alphas).sum(1), logits.argmax(1)


class StateInit(nn.Module):
    d: dict

    @nn.compact
    def __call__(self, boxes):
        padded = jnp.pad(boxes, ((0, 0), (1, 0), (0, 0)))
        return MLP(self.d["initializer_hidden"], self.d["slot"], name="MLP_0")(padded)


class SAVi(nn.Module):
    """d: the `dimensions` of a model document."""
    d: dict
    is_medium: bool = False

    @nn.compact
    def __call__(self, video, boxes):
        batch, frames = video.shape[:2]
        plain, halving, doubling = (False, 1), (False, 2), (True, 2)
        encoder = FrameEncoder(
            self.d, (halving if self.is_medium else plain, plain, plain, plain),
            name="FrameEncoder_0")
        decoder = Decoder(
            self.d, (doubling, doubling, doubling, doubling if self.is_medium else plain),
            name="SpatialBroadcastDecoder_0")
        corrector = SlotAttention(self.d, name="SlotAttention_0")
        predictor = TransformerBlock(self.d, name="TransformerBlock_0")
        slots = StateInit(self.d, name="CoordinateEncoderStateInit_0")(boxes[:, 0])
        cnn, pos = encoder(video.reshape(-1, *video.shape[2:]))
        encoded = pos.reshape(batch, frames, -1, pos.shape[-1])
        stages, steps = {"init_slots": slots}, []
        for t in range(frames):
            corrected, attention = corrector(slots, encoded[:, t])
            slots = predictor(corrected)
            steps.append((attention[:, None], corrected, slots))
        for name, values in zip(("attn", "corrected", "predicted"), zip(*steps)):
            stages[name] = jnp.stack(values, 1)
        decoded = decoder(stages["corrected"].reshape(-1, *slots.shape[1:]))
        for name, value in [("enc_cnn", cnn), ("enc_pos", pos),
                            *zip(("alpha_logits", "alphas", "flow", "segmentations"), decoded)]:
            stages[name] = value.reshape(batch, frames, *value.shape[1:])
        return stages


def run(d, parameters, video, boxes, is_medium=False):
    """The stages, as NumPy arrays; parameters are nested."""
    with jax.default_matmul_precision("highest"):
        stages = jax.jit(SAVi(d, is_medium).apply)({"params": parameters}, video, boxes)
    return {name: jax.device_get(value) for name, value in stages.items()}
