"""The model documents for transformers' families: each fits its classes, whatever their sizes and
heads, is found without being named, and converts as transformers does, there and back."""
import pytest

from conftest import found
from families import IMAGE, SIZES, STAGES, TEXT, write
from test_suggest import comes_back, wrong_tensors

DEEPER = {**SIZES, "num_hidden_layers": 3, "intermediate_size": 48}
LLAMA = {**TEXT, **DEEPER, "num_key_value_heads": 2}

# The document that must be found, a class, and a configuration.
MODELS = [
    ("bert", "BertForMaskedLM", {**TEXT, **DEEPER}),
    ("bert", "BertForPreTraining", {**TEXT, **SIZES}),
    ("bert-classifier", "BertForSequenceClassification", {**TEXT, **DEEPER}),
    ("bert-classifier", "BertForTokenClassification", {**TEXT, **SIZES}),
    ("bert-classifier", "BertForQuestionAnswering", {**TEXT, **SIZES}),
    ("gpt2", "GPT2LMHeadModel",
     dict(vocab_size=50, n_positions=64, n_embd=24, n_layer=3, n_head=3)),
    ("llama", "LlamaForCausalLM", LLAMA),
    ("llama", "LlamaForCausalLM", {**LLAMA, "attention_bias": True}),
    ("resnet", "ResNetForImageClassification", {**STAGES, "layer_type": "bottleneck"}),
    ("resnet", "ResNetForImageClassification",
     {**STAGES, "layer_type": "bottleneck", "depths": [1, 3, 2, 1]}),
    ("vit", "ViTForImageClassification", {**IMAGE, **DEEPER}),
    ("vit", "ViTForImageClassification", {**IMAGE, **SIZES, "qkv_bias": False}),
]


@pytest.mark.parametrize("document, class_name, configuration", MODELS,
                         ids=[f"{row[1]}-{number}" for number, row in enumerate(MODELS)])
def test_document(tool, tmp_path, document, class_name, configuration):
    files = write(tmp_path, class_name, configuration)
    report = tool.json("convert", "convert", files.source, "-o", tmp_path / "out.pt")
    assert report["model"] == document
    assert wrong_tensors(tmp_path / "out.pt", files.converted) == []
    assert comes_back(tool, files.converted, document, files.source, tmp_path)


def test_a_head_that_no_document_knows_is_refused(tool, tmp_path):
    """A conversion is total: the body alone is not the model."""
    files = write(tmp_path, "BertForMultipleChoice", {**TEXT, **SIZES})
    names = set(found(tool, files.source))
    assert "classifier/kernel" in names
    tool.run("convert", files.source, "--map", "none", "-o", tmp_path / "a.npz")
    import numpy as np
    with np.load(tmp_path / "a.npz") as arrays:
        np.savez(tmp_path / "b.npz", **{
            name.replace("classifier", "regressor"): arrays[name] for name in arrays.files})
    error = tool.run("convert", tmp_path / "b.npz", "-o", tmp_path / "b.pt", status=2).stderr
    assert "regressor/kernel" in error and not (tmp_path / "b.pt").exists()
