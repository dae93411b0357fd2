"""Recordings as another program reads them: by the safetensors library, held against their schema."""
import json

from conftest import validator
from safetensors import safe_open


class Recording:
    def __init__(self, path):
        with safe_open(path, "np") as file:
            self.tensors = {name: file.get_tensor(name) for name in file.keys()}
            self.document = json.loads(file.metadata()["savi_ckpt.calls"])
        validator("recording").validate(self.document)
        self.calls, self.notes = self.document["calls"], self.document["notes"]

    def call(self, path, number=0, method=None):
        """The one call of a module with this number."""
        [call] = [call for call in self.calls if (call["path"], call["number"], call.get("method"))
                  == (path, number, method)]
        return call

    def inputs(self, *place):
        return self._values(self.call(*place)["inputs"])

    def outputs(self, *place):
        return self._values(self.call(*place)["outputs"])

    def _values(self, entries):
        return {entry["name"]: self.tensors[entry["tensor"]] for entry in entries}
