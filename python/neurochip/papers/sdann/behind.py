"""Downstream effects: why they change SOPs to one side in tables 5 and 7.

RoT rounds halves up (docs/neurons.md, section 3.10): values grow. DRLO makes values smaller, small
negative ones most, whose trains are long; a residual network sums such branches. Each is held
against a twin of its own that leans to neither side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias

import numpy as np

from ...lower import LayerSettings
from ...network import InputNeurons, SpikeCode
from ..networks import Subject, synthetic
from ..spikes import Values, stem_code
from ..table import Cell, Column, Table
from .bench import SdannBench
from .exact import Exact
from .facts import RECORDED_SAMPLES, UNIFORM, sparse_values
from .size import COUNTERPARTS

Change: TypeAlias = Callable[[Values, SpikeCode, LayerSettings], Values]
"""What is sent instead of values."""


def table(bench: SdannBench) -> Table:
    """What changes downstream in the CIFAR-10 networks, and in their twins."""
    return Table(
        name="tables-05-07-behind",
        title="What leaning to one side changes downstream",
        columns=(
            Column("network"),
            Column("setting"),
            Column("downstream, %", signed=True),
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


def _subjects(bench: SdannBench) -> Iterator[Subject]:
    trained = {subject.name: subject for subject in bench.subjects}
    yield from (trained[name].first(RECORDED_SAMPLES) for name in COUNTERPARTS if name in trained)
    for name, count in bench.size.synthetic:
        if name in COUNTERPARTS.values():
            yield synthetic(name, count, bench.options.seed)


def _rows(bench: SdannBench, subject: Subject) -> Iterator[tuple[Cell, ...]]:
    bench.options.tell(f"{subject.name}: downstream effects")
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
        changes: What every layer after the input sends instead of its values.
    """
    exact = Exact.of(subject.graph)
    codes = subject.graph.quantize(subject.x)
    dense = exact.sends(codes, {}).values
    whole = exact.sops(dense)

    def behind(choice: LayerSettings, change: Change) -> float:
        own = {
            name: change(values, stem_code(population), choice)
            for name, values in dense.items()
            if not isinstance((population := exact.network.population(name)).model, InputNeurons)
        }
        sent = partial(_with_choice, change, choice)
        changed = exact.sends(codes, dict.fromkeys(exact.hidden, sent)).values
        return 100.0 * (exact.sops(changed) - exact.sops({**dense, **own})) / whole

    return {choice: tuple(behind(choice, change) for change in changes) for choice in UNIFORM}


def _with_choice(change: Change, choice: LayerSettings, values: Values, code: SpikeCode) -> Values:
    return change(values, code, choice)
