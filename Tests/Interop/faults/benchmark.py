"""Every family under every kind of fault: what `verify --recordings` says of it, and whether that is so."""
import dataclasses
import fnmatch
import json

from . import ports
from .families import FAMILIES
from .kinds import KINDS
from .kinds.functions import Functions
from .kinds.kind import places, put
from .truth import first_differences


@dataclasses.dataclass(frozen=True)
class Outcome:
    family: str
    kind: str
    group: str
    place: str
    # Whether the first fault reported is at the right call, and whether a cause names it.
    is_located: bool
    is_named: bool
    # Faults reported beside it: there is only one.
    others: int
    # What was reported, for a person.
    said: str


def run(tool, folder, *, families=FAMILIES, kinds=KINDS, most_places=2, tell=lambda _: None):
    """The outcomes of all faults, each told as it is known, and the faults that are reported of the
    faithful ports, of which there should be none."""
    outcomes, alarms = [], {}
    for name in families:
        here = folder / name.replace(" ", "-")
        here.mkdir()
        source = ports.prepare(tool, FAMILIES[name], here)
        clean = here / "faithful.safetensors"
        with Functions(source.port):
            ports.record_port(source.port, source.arguments, clean)
        alarms[name] = verify(tool, source, here / "faithful.weights.safetensors", clean)["faults"]
        for kind in kinds:
            found = places(kind, source.port, source.arguments)
            for place in _spread(found, most_places):
                outcome = _try(tool, source, clean, kind, place)
                if outcome:
                    outcomes.append(outcome)
                    tell(outcome)
    return outcomes, alarms


def _spread(places, most):
    """The first and the last, and those between them as evenly as it goes."""
    if len(places) <= most:
        return places
    return [places[index * (len(places) - 1) // max(1, most - 1)] for index in range(most)]


def _try(tool, source, clean, kind, place):
    """The outcome; `None` where the fault changes nothing, as padding does that pads nothing."""
    recording, weights = source.folder / "port.safetensors", source.folder / "port.weights.safetensors"
    faulty = put(kind, source.port, place)
    try:
        with faulty.running:
            ports.record_port(faulty.port, source.arguments, recording)
    except RuntimeError:
        # The fault shows by itself: shapes no longer fit.
        return None
    ports.write_weights(faulty.port, weights)
    if not first_differences(clean, recording):
        return None
    where = place if isinstance(place, str) else " ".join(map(str, place))
    report = verify(tool, source, weights, recording)
    reported = report["faults"]
    unpaired = {call["path"] for call in report["unpaired"] if call["side"] == "converted"}
    paths = first_differences(clean, recording, unpaired)
    first = reported[0] if reported else {"converted": None, "causes": []}
    ids = [cause["id"] for cause in first["causes"]]
    return Outcome(
        source.family.name, kind.name, kind.group, where,
        is_located=first["converted"] in paths,
        is_named=any(fnmatch.fnmatch(id, pattern) for id in ids for pattern in kind.causes),
        others=max(0, len(reported) - 1),
        said="; ".join(f"{fault['kind']} {fault['converted']}: "
                       + (", ".join(cause["id"] for cause in fault["causes"]) or "no cause")
                       for fault in reported) or "agrees")


def verify(tool, source, weights, recording):
    result = tool.run(
        "verify", source.checkpoint, weights, "--recordings", source.recording, recording,
        "--map", source.mapping, "--json", status=None)
    assert result.returncode in (0, 1), result.stderr
    return json.loads(result.stdout)
