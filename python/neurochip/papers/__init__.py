"""Papers: their tables and figures measured anew, one suite a paper.

| file | question |
|---|---|
| `table.py`, `plot.py` | what is reported |
| `telling.py` | how a table is written |
| `suite.py` | what a suite is, and how one is run into a folder |
| `architectures.py`, `synthetic.py` | the papers' networks, with seeded weights |
| `networks.py`, `boards.py` | which networks can be measured here, and on how many chips |
| `publication.py` | what a paper publishes |
| `spikes.py` | what every neuron sent, and how far each spike reaches |
| `sdann/` | the suite of the SDANN paper |
| `quartz/` | the suite of the Quartz paper |

A further paper is a folder beside `sdann/` that ends in a `Suite`, and a place in `SUITES`. What it
publishes is a TOML file of that folder, each figure with its source.
"""

from __future__ import annotations

from .architectures import ARCHITECTURES, Architecture
from .boards import smallest_board
from .plot import Plot
from .quartz import QUARTZ
from .sdann import SDANN
from .suite import Part, Section, Suite, SuiteOptions, run_suite
from .table import Cell, Column, Table
from .telling import csv_text, markdown, rich_table

SUITES = (SDANN, QUARTZ)
"""Each a command of `neurochip bench`."""

__all__ = [
    "ARCHITECTURES",
    "SUITES",
    "Architecture",
    "Cell",
    "Column",
    "Part",
    "Plot",
    "Section",
    "Suite",
    "SuiteOptions",
    "Table",
    "csv_text",
    "markdown",
    "rich_table",
    "run_suite",
    "smallest_board",
]
