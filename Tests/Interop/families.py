"""Model families that transformers has in Flax and in PyTorch, small and random, with its own
conversion: what a mapping is drafted for and held against."""
import dataclasses
import pathlib

import numpy as np

SIZES = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64)
# Flax builds masks for all positions at construction.
TEXT = dict(vocab_size=50, max_position_embeddings=64)
IMAGE = dict(image_size=16, patch_size=4)
STAGES = dict(embedding_size=8, hidden_sizes=[8, 16, 32, 64], depths=[2, 2, 2, 2])
ENCODER_DECODER = dict(
    d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
    decoder_attention_heads=4, encoder_ffn_dim=64, decoder_ffn_dim=64)

# By family: the name of its PyTorch class, to which Flax's adds "Flax", and its configuration.
FAMILIES = {
    "bert": ("BertForMaskedLM", {**TEXT, **SIZES}),
    "vit": ("ViTForImageClassification", {**IMAGE, **SIZES}),
    "resnet": ("ResNetForImageClassification", {**STAGES, "layer_type": "bottleneck"}),
    "gpt2": ("GPT2LMHeadModel", dict(vocab_size=50, n_positions=64, n_embd=32, n_layer=2, n_head=4)),
    "llama": ("LlamaForCausalLM", {**TEXT, **SIZES, "num_key_value_heads": 2}),
    "bart": ("BartForConditionalGeneration", {**TEXT, **ENCODER_DECODER}),
    "wav2vec2": ("Wav2Vec2Model", dict(
        vocab_size=32, conv_dim=(16, 16), conv_stride=(5, 2), conv_kernel=(10, 3),
        num_feat_extract_layers=2, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2,
        do_stable_layer_norm=True, feat_extract_norm="layer", **SIZES)),
    "clip": ("CLIPModel", dict(
        text_config={**TEXT, **SIZES}, vision_config={**IMAGE, **SIZES}, projection_dim=24)),
    "roberta": ("RobertaForSequenceClassification", {**TEXT, **SIZES}),
    "electra": ("ElectraForPreTraining", {**TEXT, **SIZES, "embedding_size": 16}),
    "albert": ("AlbertModel", {**TEXT, **SIZES, "embedding_size": 16}),
    "distilbert": ("DistilBertForMaskedLM", {
        **TEXT, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}),
    "mistral": ("MistralForCausalLM", {**TEXT, **SIZES, "num_key_value_heads": 2}),
    "gpt-neo": ("GPTNeoForCausalLM", {
        **TEXT, "hidden_size": 32, "num_layers": 2, "num_heads": 4,
        "attention_types": [[["global", "local"], 1]]}),
    "whisper": ("WhisperForConditionalGeneration", dict(
        vocab_size=60, num_mel_bins=8, max_source_positions=32, max_target_positions=32,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
        **ENCODER_DECODER)),
    "beit": ("BeitForImageClassification", {**IMAGE, **SIZES, "vocab_size": 20}),
    "regnet": ("RegNetForImageClassification", {**STAGES, "groups_width": 4}),
}


@dataclasses.dataclass
class Files:
    """The checkpoints of one model."""
    # Flax's parameters.
    source: pathlib.Path
    # The state dict of a new PyTorch model: other weights under the names wanted.
    fresh: pathlib.Path
    # transformers' own conversion of `source`.
    converted: pathlib.Path


def with_noise(parameters, seed):
    """Parameters of which no two are alike: a new model's biases are all zeros."""
    from flax.traverse_util import flatten_dict, unflatten_dict
    generator = np.random.default_rng(seed)
    return unflatten_dict({
        path: np.asarray(value) + generator.normal(0, 0.1, np.shape(value)).astype(np.float32)
        for path, value in flatten_dict(parameters).items()})


@dataclasses.dataclass
class Twins:
    """One model in both frameworks, with the same weights once transformers has converted them."""
    flax: object
    torch: object


def build(class_name, configuration, seed=0):
    """The Flax model with random weights, and a new PyTorch model with weights of its own."""
    import torch
    import transformers
    transformers.logging.set_verbosity_error()
    flax_class = getattr(transformers, f"Flax{class_name}")
    config = flax_class.config_class(**configuration)
    flax_model = flax_class(config)
    flax_model.params = with_noise(flax_model.params, seed)
    torch.manual_seed(seed + 1)
    return Twins(flax_model, getattr(transformers, class_name)(config).eval())


def convert(twins):
    """Gives the PyTorch model the Flax model's weights."""
    from transformers.modeling_flax_pytorch_utils import load_flax_weights_in_pytorch_model
    load_flax_weights_in_pytorch_model(twins.torch, twins.flax.params)


def write(folder, class_name, configuration, seed=0):
    """Builds the model in both frameworks and writes its checkpoints into a folder."""
    import torch
    from flax.serialization import to_bytes
    twins = build(class_name, configuration, seed)
    files = Files(*(pathlib.Path(folder) / name for name in
                    ["source.msgpack", "fresh.pt", "converted.pt"]))
    files.source.write_bytes(to_bytes(twins.flax.params))
    torch.save(twins.torch.state_dict(), files.fresh)
    convert(twins)
    torch.save(twins.torch.state_dict(), files.converted)
    return files
