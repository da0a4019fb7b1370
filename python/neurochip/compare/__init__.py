"""Compare: one graph on one chip in several spike codes, side by side.

| file | question |
|---|---|
| `compare.py` | what each code takes |
| `table.py` | how that is reported: a table, a JSON document |
| `plot.py` | and drawn |
"""

from __future__ import annotations

from .compare import BEST, Coded, Coding, Compared, compare
from .plot import save_plot
from .table import document, render

__all__ = ["BEST", "Coded", "Coding", "Compared", "compare", "document", "render", "save_plot"]
