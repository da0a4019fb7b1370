"""Tune: which spikes each layer may leave out, for the fewest SOPs at a bounded loss of accuracy.

| file | question |
|---|---|
| `space.py` | what each layer may choose |
| `evaluate.py` | what a choice for every layer costs and saves, measured on the simulator |
| `journal.py` | how evaluations outlive the process |
| `search.py` | which choices are tried |
| `tune.py` | what is found, and whether it holds on samples the search never saw |
| `plot.py` | the front as a plot |

The method is on paper in `docs/tune.md`.
"""

from __future__ import annotations

from .evaluate import Evaluation, Samples
from .plot import save_plot
from .search import Tried
from .tune import DEFAULT_TRIALS, Checked, Tuned, tune

__all__ = [
    "DEFAULT_TRIALS",
    "Checked",
    "Evaluation",
    "Samples",
    "Tried",
    "Tuned",
    "save_plot",
    "tune",
]
