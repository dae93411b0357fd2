"""A part of the fault benchmark; `make faults` runs it whole."""
from faults import benchmark, report
from faults.kinds import KINDS

FAMILIES = ["CNN with BatchNorm", "GroupNorm ResNet", "ViT", "GRU"]

PART = {
    "convolution kernel flipped", "GRU gates in another order", "bias missing", "epsilon",
    "batch norm in training", "dilation left out", "scale stored around zero", "residual missing",
    "layer's output left out of a residual", "activation, a function, missing", "number of heads",
    "flattened with channels first", "weight never loaded", "GELU, a function, by its tanh form",
}


def test_faults_are_located_and_named(tool, tmp_path):
    kinds = [kind for kind in KINDS if kind.name in PART]
    assert len(kinds) == len(PART)
    outcomes, alarms = benchmark.run(tool, tmp_path, families=FAMILIES, kinds=kinds, most_places=1)
    assert {outcome.kind for outcome in outcomes} == PART
    assert report.reaches_goals(outcomes, alarms), "\n".join(report.misses(outcomes, alarms))


def test_a_module_that_is_called_for_every_frame_has_one_fault(tool, tmp_path):
    kinds = [kind for kind in KINDS if kind.name == "square kernel transposed"]
    outcomes, alarms = benchmark.run(tool, tmp_path, families=["SAVi"], kinds=kinds, most_places=1)
    assert alarms == {"SAVi": []}
    assert [(outcome.is_located, outcome.is_named, outcome.others) for outcome in outcomes] == [
        (True, True, 0)]
