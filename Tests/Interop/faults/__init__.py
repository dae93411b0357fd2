"""The fault benchmark: does `savi-ckpt verify --recordings` find what is wrong with a port?

    families/     models in Flax with their ports to PyTorch, small and random
    weights.py    gives a port the weights of its source, by hand: the truth beside the tool's mapping
    ports.py      one family as files: both checkpoints, the mapping, the recordings
    kinds/        the table: kinds of fault, each a change of any model that has a place for it
    truth.py      where a fault begins to show, by recording the port with it and without
    benchmark.py  every family under every kind of fault, scored
    report.py     the scores as a table

`make faults` runs it whole; the interop suite runs a part.
"""
