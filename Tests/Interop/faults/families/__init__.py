"""Models in Flax with their faithful ports to PyTorch."""
import dataclasses
from typing import Callable

from . import bert, cnn, gpt, recurrent, resnet, savi, unet, vit


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
    Family("SAVi", savi.SOURCE, savi.port, savi.PAIRS, savi.inputs),
]}
