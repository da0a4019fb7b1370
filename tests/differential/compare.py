"""What neurochip makes of a random graph, held against onnxruntime and the compiled network."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import neurochip as nc
import oracle_onnxruntime
from neurochip.errors import ImageError, NeurochipError
from neurochip.graph import Graph
from neurochip.layers import Add, AveragePool, Convolution, Dense, Multiply

from .graphs import Drawn

CHIPS = ("ideal", "darwin3", "loihi")


@dataclass
class Found:
    """Counts over graphs, and what is wrong with some of them."""

    graphs: int = 0
    accepted: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CHIPS, 0))
    whole: int = 0
    """Whose model equals onnxruntime's: nothing in it is noted as computed in another way."""
    by_layer: int = 0
    """Whose layers were given to onnxruntime's integer kernels one by one."""
    values: int = 0
    """Compared with onnxruntime."""
    refusals: dict[str, int] = field(default_factory=dict)
    no_kernel: dict[str, int] = field(default_factory=dict)
    """Graphs that onnxruntime itself does not run."""
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Found) -> None:
        """Adds what was found in other graphs."""
        self.graphs += other.graphs
        self.whole += other.whole
        self.by_layer += other.by_layer
        self.values += other.values
        for ours, theirs in (
            (self.accepted, other.accepted),
            (self.refusals, other.refusals),
            (self.no_kernel, other.no_kernel),
        ):
            for name, count in theirs.items():
                ours[name] = ours.get(name, 0) + count
        self.wrong += other.wrong

    def share(self, chip: str) -> float:
        """Of the graphs that a chip takes."""
        return self.accepted[chip] / self.graphs


def examine(drawn: Drawn, found: Found) -> None:
    """Imports, compiles and runs a graph; whatever is wrong is added to `found`."""
    found.graphs += 1
    try:
        graph = nc.load_graph(drawn.model)
    except NeurochipError as error:
        _refused(found, str(error))
        return
    except Exception as error:
        found.wrong.append(f"seed {drawn.seed}: import: {type(error).__name__}: {error}")
        return
    for chip in CHIPS:
        try:
            image = nc.compile(graph, chip)
            run = nc.simulate(image, drawn.samples, timing="none", threads=1, check="all")
        except ImageError as error:
            found.wrong.append(f"seed {drawn.seed}: {chip}: image refused: {error}")
        except NeurochipError as error:
            _refused(found, f"{chip}: {error}")
        except Exception as error:
            found.wrong.append(f"seed {drawn.seed}: {chip}: {type(error).__name__}: {error}")
        else:
            found.accepted[chip] += 1
            _check(drawn, chip, run, found)
    _hold(drawn, graph, found)


def _refused(found: Found, told: str) -> None:
    reason = re.sub(r"'[^']*'|[\d.,]+", "…", told.splitlines()[-1].strip())
    found.refusals[reason] = found.refusals.get(reason, 0) + 1


def _check(drawn: Drawn, chip: str, run: Any, found: Found) -> None:
    """The chip computes what it was compiled to; `ideal` the graph itself."""
    against = [("the compiled network", run.compiled_agreement)]
    if chip == "ideal":
        against.append(("exact integers", run.exact_agreement))
    for name, agreement in against:
        count = 0 if agreement is None else int(agreement.differing.sum())
        if count:
            found.wrong.append(f"seed {drawn.seed}: {chip}: {count} values differ from {name}")


def _hold(drawn: Drawn, graph: Graph, found: Found) -> None:
    """The graph in exact integers equals onnxruntime, as a whole or layer by layer."""
    codes = graph.evaluate(graph.quantize(drawn.samples))
    results = [output.finish(codes[output.tensor.name]) for output in graph.outputs]
    try:
        theirs = _onnxruntime(drawn)
    except Exception as error:
        told = str(error).splitlines()[0][:120]
        found.no_kernel[told] = found.no_kernel.get(told, 0) + 1
        return
    if not graph.notes or all("the answer is taken" in note for note in graph.notes):
        found.whole += 1
        for output, ours, wanted in zip(graph.outputs, results, theirs, strict=True):
            found.values += wanted.size
            if not np.allclose(ours, wanted, rtol=1e-5, atol=1e-6):
                count = int((ours != wanted).sum())
                found.wrong.append(
                    f"seed {drawn.seed}: {count} of {wanted.size} values of {output.name!r} differ "
                    "from onnxruntime"
                )
    if graph.layers and _has_integer_kernels(graph):
        found.by_layer += 1
        for name, (count, size) in oracle_onnxruntime.layer_by_layer(graph, drawn.samples).items():
            found.values += size
            if count:
                found.wrong.append(
                    f"seed {drawn.seed}: {count} of {size} codes of {name!r} differ from "
                    "onnxruntime's kernel"
                )


def _onnxruntime(drawn: Drawn) -> list[Any]:
    """Each output for each sample, one sample at a time."""
    session = oracle_onnxruntime.session(drawn.model)
    parts = [session.run(None, {"x": sample[None]}) for sample in drawn.samples]
    return [np.concatenate(each) for each in zip(*parts, strict=True)]


def _has_integer_kernels(graph: Graph) -> bool:
    """Whether onnxruntime has a kernel for every layer as the oracle writes it."""
    for layer in graph.layers:
        if isinstance(layer, (Convolution, Dense)):
            if layer.weights.size and not -128 <= layer.weights.min() <= layer.weights.max() <= 127:
                return False
        elif isinstance(layer, (Add, Multiply)):
            if len({tensor.format.signed for tensor in (*layer.inputs, layer.output)}) > 1:
                return False
        elif isinstance(layer, AveragePool) and not layer.global_:
            is_whole = len(np.unique(layer.multiplier)) == 1
            if not is_whole:
                return False
    return True
