"""`record`: from the first call to the finished file."""
import contextlib
import importlib.metadata
import json
import sys
import warnings

from savi_ckpt.recording import frameworks, sampling
from savi_ckpt.recording.recorder import Recorder, RecordingError, RecordingWarning
from savi_ckpt.recording.store import TensorStore

SCHEMA_VERSION = 1
METADATA_KEY = "savi_ckpt.calls"


@contextlib.contextmanager
def record(path, model=None, *, limit=sampling.DEFAULT_LIMIT):
    """Records what is computed in the block into a safetensors file at `path`.

    `model`: a torch.nn.Module, a keras.Layer or a flax.nnx.Module. Without one, every module of Flax
    linen that is called in the block is recorded. No result changes.

    `limit`: elements of a tensor beyond which only a part of it is kept. Record both sides of a
    comparison with the same limit: then both keep the same part.

    A file at `path` is replaced, once the block has ended. Where the block raises, the file holds the
    calls until then. What could not be recorded is a `RecordingWarning` and stands in the file;
    `RecordingError`, and no file, where that is everything."""
    if limit < 1:
        raise ValueError(f"limit: expected at least 1 element, found {limit}")
    store = TensorStore(path)
    recorder = Recorder(store, limit)
    try:
        raised = True
        try:
            with frameworks.listen(recorder, model):
                yield
            raised = False
        finally:
            notes = recorder.notes()
            if recorder.calls:
                store.write({METADATA_KEY: json.dumps(_document(recorder, notes), allow_nan=False)})
            for note in notes:
                warnings.warn(f"{store.path}: {note}", RecordingWarning, stacklevel=3)
        if not recorder.calls and not raised:
            raise RecordingError(f"{store.path}: {_why_empty(model, notes)}")
    finally:
        store.close()


def _document(recorder, notes):
    versions = {"numpy": None, **{name: None for name in ("torch", "jax", "flax", "keras")
                                  if name in sys.modules}}
    return {
        "schema_version": SCHEMA_VERSION,
        "versions": {name: importlib.metadata.version(name) for name in versions},
        "limit": recorder.limit,
        "notes": notes,
        "calls": recorder.calls,
    }


def _why_empty(model, notes):
    if notes:
        return "no call could be recorded"
    if model is None:
        return ("no module of Flax linen was called in the block: give a PyTorch, Keras or nnx model as "
                "the second argument; a function that jax.jit compiled before calls no module, so run "
                "it inside `with jax.disable_jit():`")
    return (f"the {type(model).__name__} was not called in the block; a function that was compiled "
            "before calls no module, so call the model itself")
