"""The suite of the Quartz paper: its figures 2 to 5, Loihi beside what was measured there.

| file | question |
|---|---|
| `published.toml`, `published.py` | what the paper and its measurements say, with sources |
| `bench.py` | what the figures share |
| `operations.py` | how the paper counts operations |
| `error.py` | figure 2 |
| `work.py` | figures 3 and 4 |
| `loihi.py` | figure 5 and the table of power |
| `own.py` | the network that was measured on Loihi, where it is found |
"""

from __future__ import annotations

from ..suite import Part, Suite
from . import error, loihi, own, work
from .bench import QuartzBench, about
from .published import published

QUARTZ = Suite(
    name="quartz",
    title="The figures of the Quartz paper, measured anew",
    paper=lambda: published().citation,
    open=QuartzBench,
    about=about,
    parts=(
        Part("figure-02", error.measure),
        Part("figure-03", work.measure_operations),
        Part("figure-04", work.measure_energy),
        Part("figure-05", loihi.measure),
        Part("loihi", own.measure),
    ),
    on_silicon=True,
)

__all__ = ["QUARTZ"]
