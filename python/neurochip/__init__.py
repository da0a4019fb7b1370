"""Runs quantized ONNX networks on simulated neuromorphic chips, cycle by cycle and bit for bit.

`compile` turns a graph into an `Image`, `simulate` runs samples on it, `report` sums the `Run` up;
`quantize` makes the graph from a float network, `tune` finds the spikes it can do without.

What is here is imported when it is first asked for (PEP 562): a command line that only prints help
needs neither NumPy nor ONNX.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

TYPE_CHECKING = False  # type checkers take it for true; to import `typing` takes half the time

if TYPE_CHECKING:
    from typing import Any

    from .chip import Chip
    from .chip import load as chip
    from .compile import compile
    from .errors import NeurochipError
    from .graph import Graph
    from .graph import load as load_graph
    from .image import Image
    from .image.assemble import assemble
    from .inputs import Normalization
    from .lower import LayerSettings, Network, Settings, lower
    from .noc.replay import Replay, replay
    from .optimize import optimize as optimize_placement
    from .options import CodeOptions, CompileOptions
    from .placement.place import Placement, place
    from .quantize import Quantized, quantize
    from .report import Report, report
    from .simulate.run import Run
    from .simulate.simulate import simulate
    from .tune.evaluate import Samples
    from .tune.tune import Tuned, tune

__all__ = [
    "Chip",
    "CodeOptions",
    "CompileOptions",
    "Graph",
    "Image",
    "LayerSettings",
    "Network",
    "NeurochipError",
    "Normalization",
    "Placement",
    "Quantized",
    "Replay",
    "Report",
    "Run",
    "Samples",
    "Settings",
    "Tuned",
    "assemble",
    "chip",
    "compile",
    "load_graph",
    "lower",
    "optimize_placement",
    "place",
    "quantize",
    "replay",
    "report",
    "simulate",
    "tune",
]

_HOMES = {
    "Chip": "chip.Chip",
    "CodeOptions": "options.CodeOptions",
    "CompileOptions": "options.CompileOptions",
    "Graph": "graph.Graph",
    "Image": "image.Image",
    "LayerSettings": "lower.LayerSettings",
    "Network": "lower.Network",
    "NeurochipError": "errors.NeurochipError",
    "Normalization": "inputs.Normalization",
    "Placement": "placement.place.Placement",
    "Quantized": "quantize.Quantized",
    "Replay": "noc.replay.Replay",
    "Report": "report.Report",
    "Run": "simulate.run.Run",
    "Samples": "tune.evaluate.Samples",
    "Settings": "lower.Settings",
    "Tuned": "tune.tune.Tuned",
    "assemble": "image.assemble.assemble",
    "chip": "chip.load",
    "compile": "compile.compile",
    "load_graph": "graph.load",
    "lower": "lower.lower",
    "optimize_placement": "optimize.optimize",
    "place": "placement.place.place",
    "quantize": "quantize.quantize",
    "replay": "noc.replay.replay",
    "report": "report.report",
    "simulate": "simulate.simulate.simulate",
    "tune": "tune.tune.tune",
}
"""Where each name is: the imports above once more, as data. A test compares them."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _HOMES[name].rpartition(".")
    value = getattr(import_module(f".{module}", __name__), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """Keeps `report` the function when the module `report` is imported, and others like it."""

    def __setattr__(self, name: str, value: object) -> None:
        if name not in _HOMES or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
