"""Values behind: why they change SOPs to one side in tables 5 and 7.

RoT rounds halves up (docs/neurons.md, section 3.10): values grow. DRLO makes values smaller, small
negative ones most, whose trains are long; a residual network sums such branches. Each is held
against a twin of its own that leans to neither side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...chip import load as load_chip
from ...layers import Layer
from ...lower import LayerSettings, Network, lower
from ...lower.network import Arithmetic, Input, SpikeCode
from ...lower.sparsity import SparseArithmetic, generating_layers
from ...lower.views import channels_last
from ..networks import Subject, synthetic
from ..spikes import Values, sops_by_layer, stem_code
from ..table import Cell, Column, Table
from .bench import Bench
from .chips import IDEAL
from .facts import RECORDED_SAMPLES, UNIFORM, sparse_values
from .size import COUNTERPARTS

Change: TypeAlias = Callable[[Values, SpikeCode, LayerSettings], Values]
"""What is sent instead of values."""


def table(bench: Bench) -> Table:
    """What changes behind values of the CIFAR-10 networks, and behind those of the twins."""
    return Table(
        name="tables-05-07-behind",
        title="What leaning to one side changes behind values",
        columns=(
            Column("network"),
            Column("setting"),
            Column("values behind, %", signed=True),
            Column("of the twin, %", signed=True),
            Column("its twin"),
        ),
        rows=tuple(row for subject in _subjects(bench) for row in _rows(bench, subject)),
        notes=(
            "in percent of the SOPs, in exact integers, of the first "
            f"{RECORDED_SAMPLES} samples at most",
            "halves to even: rounds as RoT, but does not lean upwards; magnitudes cut: drops the "
            "last spikes of a value without its sign, so that a negative value does not become a "
            "larger one",
        ),
    )


def _subjects(bench: Bench) -> Iterator[Subject]:
    trained = {subject.name: subject for subject in bench.subjects}
    yield from (trained[name].first(RECORDED_SAMPLES) for name in COUNTERPARTS if name in trained)
    for name, count in bench.size.synthetic:
        if name in COUNTERPARTS.values():
            yield synthetic(name, count, bench.options.seed)


def _rows(bench: Bench, subject: Subject) -> Iterator[tuple[Cell, ...]]:
    bench.options.tell(f"{subject.name}: values behind")
    for choice, (own, twin) in behind_of(subject, sparse_values, twin_values).items():
        name = "halves to even" if choice.rot else "magnitudes cut"
        yield subject.name, choice.sparsity, own, twin, name


def twin_values(values: Values, code: SpikeCode, choice: LayerSettings) -> Values:
    """What the twin of a setting sends."""
    if choice.rot:
        step = 1 << choice.rot
        return np.asarray(np.minimum(np.rint(values / step), code.high // step) * step, np.int16)
    magnitudes = SpikeCode(code.bits, False, 0)
    return np.asarray(np.sign(values) * sparse_values(np.abs(values), magnitudes, choice))


def behind_of(subject: Subject, *changes: Change) -> dict[LayerSettings, tuple[float, ...]]:
    """What is left of changes of SOPs once each layer's own trains are changed, in percent.

    Args:
        subject: The network, in exact integers, and samples.
        changes: What every layer behind the input sends instead of its values.
    """
    network = lower(subject.graph, load_chip(IDEAL), "stem")
    codes = subject.graph.quantize(subject.x)
    dense = _values(network, codes, {})
    whole = _sops(network, dense)

    def behind(choice: LayerSettings, change: Change) -> float:
        own = {
            name: change(values, stem_code(population), choice)
            for name, values in dense.items()
            if not isinstance((population := network.population(name)).model, Input)
        }
        changed = _values(network, codes, _arithmetic(network, choice, change))
        return 100.0 * (_sops(network, changed) - _sops(network, {**dense, **own})) / whole

    return {choice: tuple(behind(choice, change) for change in changes) for choice in UNIFORM}


def _arithmetic(
    network: Network, choice: LayerSettings, change: Change
) -> dict[str, SparseArithmetic]:
    generating = generating_layers(network)
    return {
        layer.name: _changed(network, layer, choice, change)
        for layer in network.graph.layers
        if layer.name in generating
    }


def _changed(
    network: Network, layer: Layer, choice: LayerSettings, change: Change
) -> SparseArithmetic:
    """A layer that sends something else for its values."""
    output, code = layer.output, stem_code(network.population(layer.name))
    codes = np.arange(output.low, output.high + 1)
    sent = change((codes - code.base).astype(np.int16), code, choice) + code.base
    table = np.clip(sent, output.low, output.high).astype(output.format.dtype)
    return SparseArithmetic(network.arithmetic.get(layer.name), table)


def _values(
    network: Network, codes: NDArray[Any], arithmetic: Mapping[str, Arithmetic]
) -> dict[str, Values]:
    """(samples, neurons) by population that sends: its values, from the graph in integers."""
    graph = network.graph
    found = graph.evaluate(codes, {**network.arithmetic, **arithmetic})
    tensors = {layer.name: layer.output.name for layer in graph.layers}
    values = {}
    for population in network.populations:
        name = graph.input.name if isinstance(population.model, Input) else population.layer
        if isinstance(population.code, SpikeCode):
            own = channels_last(found[tensors.get(name, name)]).astype(np.int16)
            values[population.name] = own - np.int16(population.code.base)
    return values


def _sops(network: Network, values: Mapping[str, Values]) -> float:
    return sum(sops_by_layer(network, values).values())
