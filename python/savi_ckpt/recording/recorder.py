"""The calls of a recording: which began and ended, in which other, with which tensors."""
import inspect
from collections import Counter, defaultdict

from savi_ckpt.recording import values
from savi_ckpt.recording.arrays import Unrecordable, is_array, read

# Modules named in a note before it goes on with "…".
NAMED = 3


class RecordingError(Exception):
    """Nothing could be recorded. The text says why, and what to do."""


class RecordingWarning(UserWarning):
    """What a recording lacks, and what to do."""


class Recorder:
    """Takes down calls as they begin and end; the frameworks' hooks report them."""

    def __init__(self, store, limit):
        self.store = store
        self.limit = limit
        self.calls = []
        self._open = []
        self._numbers = Counter()
        # Reason to the modules it was met at, in order, without repetition.
        self._missing = defaultdict(dict)
        self._signatures = {}

    def begin(self, module, function, args, kwargs, *, method=None):
        """A call of a module (a `ModuleFacts`) begins; returns it, for `end`.

        `function` is what is called, without its `self`: its parameters name the arguments."""
        number = self._numbers[module.path, method]
        self._numbers[module.path, method] += 1
        call = {
            "path": module.path, "class": module.class_name, "bases": module.bases,
            "framework": module.framework, **({"method": method} if method else {}),
            "number": number, "parent": self._open[-1] if self._open else None,
            "completed": False, "inputs": [], "outputs": [],
            "parameters": module.parameters, "attributes": dict(module.attributes),
        }
        for name, value in self._arguments(function, args, kwargs):
            call["attributes"].update(self._record(call, "inputs", name, value))
        self._open.append(len(self.calls))
        self.calls.append(call)
        return call

    def end(self, call, output, *, completed=True):
        """The call ended, and those in it that were left by an exception."""
        while self._open and self.calls[self._open.pop()] is not call:
            pass
        if completed:
            call["completed"] = True
            is_one = is_array(output)
            self._record(call, "outputs", "output" if is_one else "", output)

    def miss(self, where, reason):
        """Something was not recorded; `where` is the module."""
        self._missing[reason].setdefault(where)

    def notes(self):
        """What was not recorded, one sentence for each reason."""
        result = []
        for reason, places in self._missing.items():
            named = [place or "the model itself" for place in list(places)[:NAMED]]
            more = f" and {len(places) - NAMED} more" if len(places) > NAMED else ""
            result.append(f"not recorded: {', '.join(named)}{more}: {reason}")
        return result

    def _arguments(self, function, args, kwargs):
        """(name, value) of the arguments, by the names of the function's parameters."""
        signature = self._signature(function)
        try:
            bound = signature.bind(*args, **kwargs).arguments
        except (TypeError, AttributeError):
            # The call itself is about to fail with this, or has no signature to be read.
            yield from enumerate(args)
            yield from kwargs.items()
            return
        for name, value in bound.items():
            if signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
                yield from value.items()
            else:
                yield name, value

    def _signature(self, function):
        key = getattr(function, "__func__", function), hasattr(function, "__self__")
        if key not in self._signatures:
            try:
                self._signatures[key] = inspect.signature(function)
            except (TypeError, ValueError):
                self._signatures[key] = None
        return self._signatures[key]

    def _record(self, call, side, name, value):
        """Records the tensors in a value; returns its plain values by name."""
        plain_values = {}
        for leaf_name, leaf in values.leaves(value, str(name)):
            if is_array(leaf):
                self._record_tensor(call, side, leaf_name, leaf)
            elif leaf is not None:
                plain = values.plain(leaf)
                if plain is values.MISSING:
                    self.miss(call["path"], f"{leaf_name} among its {side} is of the class "
                                            f"{type(leaf).__name__}, whose tensors have no names: pass "
                                            "those that matter as arrays")
                else:
                    plain_values[leaf_name] = plain
        return plain_values

    def _record_tensor(self, call, side, name, value):
        method = f".{call['method']}" if "method" in call else ""
        try:
            array = read(value, self.limit)
            stored = self.store.add(
                f"{call['path']}{method}#{call['number']}.{side}.{name}", array)
        except Unrecordable as error:
            self.miss(call["path"], f"{name} among its {side} is {error}")
            return
        entry = {"name": name, "tensor": stored}
        if array.shape != array.full_shape:
            entry["shape"] = list(array.full_shape)
        call[side].append(entry)
