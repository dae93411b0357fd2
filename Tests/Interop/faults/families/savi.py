"""SAVi at a size of a few pixels, with the three fixes that make the published port compute what the
Flax model does."""
import numpy as np
import savi_flax
import savi_torch

D = {"E": 8, "D": 8, "encoder_hidden": 12, "slot": 16, "attention": 16, "heads": 2, "qkv": 48,
     "predictor_hidden": 24, "initializer_hidden": 12, "target_channels": 2, "grid_height": 2,
     "grid_width": 2, "feature_height": 16, "feature_width": 16}

SOURCE = savi_flax.SAVi(D)


def port():
    return savi_torch.SAVi(D, flax=True)


def _qkv(leaf):
    """Per head its query, key and value, as the port's fused layer has them."""
    def fused(flat):
        path = "TransformerBlock_0/MultiHeadDotProductAttention_0"
        # kernel (e, h, d), bias (h, d)
        parts = np.stack([flat[f"{path}/{name}/{leaf}"] for name in ("query", "key", "value")])
        if leaf == "bias":
            return parts.swapaxes(0, 1).reshape(-1)
        return parts.transpose(2, 0, 3, 1).reshape(-1, parts.shape[1])
    return fused


ENCODER, DECODER = "FrameEncoder_0", "SpatialBroadcastDecoder_0"
MLPS = {"encoder.pos_emb.output_transform": f"{ENCODER}/PositionEmbedding_0/MLP_0",
        "predictor.mlp": "TransformerBlock_0/MLP_0",
        "initializer.embedding_transform": "CoordinateEncoderStateInit_0/MLP_0"}
PAIRS = {
    **{f"encoder.backbone.cnn_layers.conv_{n}": f"{ENCODER}/CNN_0/conv_{n}" for n in range(4)},
    **{f"decoder.backbone.cnn_layers.convtranspose_{n}": f"{DECODER}/CNN_0/conv_{n}" for n in range(3)},
    "decoder.backbone.cnn_layers.conv_3": f"{DECODER}/CNN_0/conv_3",
    **{f"{port}.model.dense_mlp_{n}": f"{source}/dense_mlp_{n}"
       for port, source in MLPS.items() for n in (0, 1)},
    "encoder.pos_emb.output_transform.layernorm_module":
        f"{ENCODER}/PositionEmbedding_0/MLP_0/LayerNorm_0",
    **{f"{port}.pos_emb.{leaf}": f"{source}/PositionEmbedding_0/{name}"
       for port, source in [("encoder", ENCODER), ("decoder", DECODER)]
       for leaf, name in [("pos_embedding", "pos_embedding"), ("project_add_dense", "dense_pe_0")]},
    "decoder.target_readout.readout_modules.0": f"{DECODER}/Readout_0/Dense_0/Dense_0",
    "decoder.mask_pred": f"{DECODER}/alpha_logits",
    **{f"corrector.w_{name}": f"SlotAttention_0/general_dense_{name}_0/kernel" for name in "qkv"},
    "corrector.layernorm_q": "SlotAttention_0/LayerNorm_0",
    "corrector.layernorm_input": "SlotAttention_0/LayerNorm_1",
    "corrector.gru": "SlotAttention_0/GRU_0/GRUCell_0",
    "predictor.w_qkv.weight": _qkv("kernel"), "predictor.w_qkv.bias": _qkv("bias"),
    "predictor.w_o": "TransformerBlock_0/MultiHeadDotProductAttention_0/out",
    "predictor.layernorm_query": "TransformerBlock_0/LayerNorm_0",
    "predictor.layernorm_mlp": "TransformerBlock_0/LayerNorm_1",
}


def inputs(generator):
    return (generator.normal(size=(1, 3, 16, 16, 3)).astype(np.float32),
            generator.uniform(size=(1, 3, 4, 4)).astype(np.float32))
