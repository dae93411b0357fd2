"""Models in Flax with their faithful ports to PyTorch."""
import dataclasses
from typing import Callable

from . import (
    bert, cnn, conformer, convnext, gpt, mixer, perceiver, pyramid, recurrent, resnet, savi, t5,
    translator, unet, vae, vit)


@dataclasses.dataclass(frozen=True)
class Family:
    name: str
    source: object
    # Makes the port: a torch.nn.Module.
    port: Callable
    # What the port's layers have their weights from; see weights.load.
    pairs: dict
    # From a NumPy generator to the arrays that both models are called with.
    inputs: Callable


FAMILIES = {family.name: family for family in [
    Family("CNN with BatchNorm", cnn.Source(), cnn.Port, cnn.PAIRS, cnn.inputs),
    Family("GroupNorm ResNet", resnet.Source(), resnet.Port, resnet.PAIRS, resnet.inputs),
    Family("ViT", vit.Source(), vit.Port, vit.PAIRS, vit.inputs),
    Family("BERT-like", bert.Source(), bert.Port, bert.PAIRS, bert.inputs),
    Family("GPT-like", gpt.Source(), gpt.Port, gpt.PAIRS, gpt.inputs),
    Family("LSTM", recurrent.Source("LSTM"), lambda: recurrent.Port("LSTM"), recurrent.pairs("LSTM"),
           recurrent.inputs),
    Family("GRU", recurrent.Source("GRU"), lambda: recurrent.Port("GRU"), recurrent.pairs("GRU"),
           recurrent.inputs),
    Family("U-Net", unet.Source(), unet.Port, unet.PAIRS, unet.inputs),
    Family("ConvNeXt", convnext.Source(), convnext.Port, convnext.PAIRS, convnext.inputs),
    Family("MLP-Mixer", mixer.Source(), mixer.Port, mixer.PAIRS, mixer.inputs),
    Family("T5-like", t5.Source(), t5.Port, t5.PAIRS, t5.inputs),
    Family("Conformer", conformer.Source(), conformer.Port, conformer.PAIRS, conformer.inputs),
    Family("VAE", vae.Source(), vae.Port, vae.PAIRS, vae.inputs),
    Family("Perceiver", perceiver.Source(), perceiver.Port, perceiver.PAIRS, perceiver.inputs),
    Family("GRU translator", translator.Source(), translator.Port, translator.PAIRS, translator.inputs),
    Family("pyramid", pyramid.Source(), pyramid.Port, pyramid.PAIRS, pyramid.inputs),
    Family("SAVi", savi.SOURCE, savi.port, savi.PAIRS, savi.inputs),
]}
