"""The suite of the SDANN paper: its tables 2 to 10 and figures 8, 9, 11 and 12.

| file | question |
|---|---|
| `published.toml`, `published.py` | what the paper says, each figure with its source |
| `size.py` | which networks are measured, and on how many samples |
| `chips.py` | what they run on |
| `facts.py`, `codes.py` | what is measured of one network for most of the tables |
| `bench.py` | what the tables share |
| `exact.py` | a network in exact integers, whose layers may send something else |
| `readings.py`, `readings_table.py` | which way of leaving bits out tables 4 and 5 are of |
| `rate.py`, `rate_tables.py` | rate coding as it is simulated, for figure 12 |
| the others | one table or figure each |
"""

from __future__ import annotations

from ..suite import Part, Suite
from . import (
    accuracy,
    by_layer,
    distributions,
    energy,
    hybrid,
    operations,
    pipeline,
    readings_table,
    uniform,
)
from .bench import SdannBench, about
from .published import published

SDANN = Suite(
    name="sdann",
    title="The tables and figures of the SDANN paper, measured anew",
    paper=lambda: published().citation,
    open=SdannBench,
    about=about,
    parts=(
        Part("tables-02-03", accuracy.measure),
        Part("tables-04-05", uniform.measure_rot),
        Part("tables-06-07", uniform.measure_drlo),
        Part("reasons", uniform.measure_reasons),
        Part("table-08", hybrid.measure),
        Part("table-09", operations.measure),
        Part("table-10", energy.measure),
        Part("figure-08", distributions.measure_bits),
        Part("figure-09", distributions.measure_trains),
        Part("figure-11", pipeline.measure),
        Part("figure-12", by_layer.measure),
        Part("rot-readings", readings_table.measure),
    ),
)

__all__ = ["SDANN"]
