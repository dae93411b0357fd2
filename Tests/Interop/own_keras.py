"""Models of one's own in Keras 3, with the PyTorch twin and the input of each."""
import os

os.environ.setdefault("KERAS_BACKEND", "numpy")

import keras  # noqa: E402, the backend is chosen first
import numpy as np  # noqa: E402
import own_torch as twins  # noqa: E402
from keras import layers  # noqa: E402
from own_linen import IMAGE, SEQUENCE, moved  # noqa: E402


def cnn():
    return keras.Sequential([
        keras.Input(IMAGE[1:]), layers.Conv2D(4, 3), layers.BatchNormalization(), layers.ReLU(),
        layers.Conv2D(8, 3, activation="relu"), layers.DepthwiseConv2D(3), layers.Flatten(),
        layers.Dense(12, activation="relu"), layers.Dense(5)])


def recurrent(cell):
    return keras.Sequential(
        [keras.Input(SEQUENCE[1:]), cell(6, return_sequences=True), layers.Dense(3)])


def decoder():
    return keras.Sequential([
        keras.Input((4, 4, 3)), layers.Conv2DTranspose(6, 2, 2, activation="relu"),
        layers.Conv2DTranspose(9, 3, activation="relu"), layers.Flatten(), layers.Dense(4)])


MODELS = {
    "cnn": (cnn, lambda: twins.CNN(epsilon=1e-3), IMAGE),
    "lstm": (lambda: recurrent(layers.LSTM), lambda: twins.Recurrent("LSTM"), SEQUENCE),
    "gru": (lambda: recurrent(layers.GRU), lambda: twins.Recurrent("GRU"), SEQUENCE),
    "decoder": (decoder, twins.Decoder, (2, 4, 4, 3)),
}


def save(build, x, folder):
    """The model's own file, and its outputs."""
    model = build()
    for variable in model.weights:
        variable.assign(moved((variable.path,), variable.value))
    path = folder / "source.keras"
    model.save(path)
    return path, np.asarray(model(x))
