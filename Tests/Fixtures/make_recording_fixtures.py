"""Recordings of an LSTM in Tests/Fixtures/recordings, where a scan records no call of its cell: only
the mapping's family tells which weights are whose.

lstm.msgpack, lstm.flax.safetensors               the Flax model and its run
lstm.port.weights.safetensors, lstm.port.safetensors   its port with two gates exchanged, and its run
lstm.json                                         the mapping between the two

Run in the environment of scripts/interop-env.sh, with PYTHONPATH=Tests/Interop:python and the binary:
make_recording_fixtures.py .build/release/savi-ckpt
"""
import pathlib
import shutil
import sys
import tempfile

from conftest import Tool
from faults import ports
from faults.families import FAMILIES
from faults.kinds import KINDS
from faults.kinds.kind import places, put

FOLDER = pathlib.Path(__file__).parent / "recordings"
kind = next(kind for kind in KINDS if kind.name == "LSTM gates in another order")

with tempfile.TemporaryDirectory() as folder:
    source = ports.prepare(Tool(sys.argv[1]), FAMILIES["LSTM"], pathlib.Path(folder))
    shutil.copy(source.checkpoint, FOLDER / "lstm.msgpack")
    shutil.copy(source.recording, FOLDER / "lstm.flax.safetensors")
    shutil.copy(source.mapping, FOLDER / "lstm.json")
    faulty = put(kind, source.port, places(kind, source.port, source.arguments)[0])
    with faulty.running:
        ports.record_port(faulty.port, source.arguments, FOLDER / "lstm.port.safetensors")
    ports.write_weights(faulty.port, FOLDER / "lstm.port.weights.safetensors")
