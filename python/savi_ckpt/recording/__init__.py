"""The recorder. A recording is a safetensors file whose metadata describe the calls
(schemas/recording.schema.json of the project).

    session.py     `record`: from the first call to the finished file
    recorder.py    the calls: which began and ended, in which other, with which tensors
    values.py      arguments and attributes: the tensors in them, and the plain values
    arrays.py      one framework's array as bytes with a dtype and a shape
    sampling.py    which elements of a large tensor are kept
    store.py       the tensors on disk, and the safetensors file made of them
    frameworks/    where each framework tells us of a call
"""
from savi_ckpt.recording.recorder import RecordingError, RecordingWarning
from savi_ckpt.recording.session import record

__all__ = ["RecordingError", "RecordingWarning", "record"]
