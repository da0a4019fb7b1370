"""Tables 4 to 7: RoT and DRLO in all layers, and why they save what they do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...lower import LayerSettings
from ...network import SpikeCode
from ..spikes import BITS_SET
from ..suite import Section
from ..table import Cell, Column, Table
from . import behind
from .bench import SdannBench
from .facts import DRLO, MOST_BITS, ROT, UNIFORM, NetworkFacts, sparse_values


def measure_rot(bench: SdannBench) -> Section:
    """Tables 4 and 5."""
    return Section((_accuracy(bench, 4, "RoT", ROT), _sops(bench, 5, "RoT", ROT)))


def measure_drlo(bench: SdannBench) -> Section:
    """Tables 6 and 7."""
    return Section((_accuracy(bench, 6, "DRLO", DRLO), _sops(bench, 7, "DRLO", DRLO)))


def measure_reasons(bench: SdannBench) -> Section:
    """What tables 5 and 7 come from."""
    return Section((_reasons(bench), behind.table(bench)))


def _accuracy(
    bench: SdannBench, number: int, method: str, choices: Sequence[LayerSettings]
) -> Table:
    columns = [Column("network"), Column("weights"), Column("all spikes, %")]
    for choice in choices:
        columns += [Column(choice.sparsity, signed=True), Column("±")]
    columns += [Column("paper's network"), Column("paper, all spikes, %")]
    columns += [Column(f"paper, {choice.sparsity}", signed=True) for choice in choices]
    ours = [
        (
            *_own_accuracy(facts, choices),
            *_published_accuracy(bench, bench.counterpart(facts), choices),
        )
        for facts in bench.facts
    ]
    nothing = (None,) * (3 + 2 * len(choices))
    alone = [(*nothing, *_published_accuracy(bench, name, choices)) for name in _others(bench)]
    return Table(
        name=f"table-{number:02}",
        title=f"Table {number}: {method} in all layers, change of accuracy in points",
        columns=tuple(columns),
        rows=(*ours, *alone),
        notes=(
            "± is the standard error of a change: from the samples that changed sides",
            "synthetic weights have no accuracy; the paper's networks on VOC have mean average "
            "precisions",
        ),
        sources=(bench.published.source("uniform"),),
    )


def _own_accuracy(facts: NetworkFacts, choices: Sequence[LayerSettings]) -> tuple[Cell, ...]:
    dense = facts.dense.answers
    if dense is None:
        return (facts.subject, facts.weights, None) + (None, None) * len(choices)
    cells: list[Cell] = [facts.subject, facts.weights, dense.percent]
    for choice in choices:
        sparse = facts.outcomes[choice].answers
        assert sparse is not None
        cells += [-sparse.loss(dense), sparse.loss_error(dense)]
    return tuple(cells)


def _sops(bench: SdannBench, number: int, method: str, choices: Sequence[LayerSettings]) -> Table:
    columns = [
        Column("network"),
        Column("weights"),
        Column("samples"),
        Column("M SOPs", digits=4),
    ]
    columns += [Column(f"{choice.sparsity}, %", signed=True) for choice in choices]
    columns += [Column("paper's network")]
    columns += [Column(f"paper, {choice.sparsity}, %", signed=True) for choice in choices]
    ours = [
        (
            facts.subject,
            facts.weights,
            facts.samples,
            facts.dense.sops / 1e6,
            *(facts.outcomes[choice].change(facts.dense) for choice in choices),
            *_published(bench, "sops", bench.counterpart(facts), choices),
        )
        for facts in bench.facts
    ]
    nothing = (None,) * (4 + len(choices))
    alone = [(*nothing, *_published(bench, "sops", name, choices)) for name in _others(bench)]
    return Table(
        name=f"table-{number:02}",
        title=f"Table {number}: {method} in all layers, change of SOPs",
        columns=tuple(columns),
        rows=(*ours, *alone),
        notes=("M SOPs are those of a sample with all its spikes",),
        sources=(bench.published.source("uniform"),),
    )


def _others(bench: SdannBench) -> tuple[str, ...]:
    """The paper's networks that none of ours stands beside."""
    return bench.published.others(bench.counterpart(facts) for facts in bench.facts)


def _published_accuracy(
    bench: SdannBench, name: str | None, choices: Sequence[LayerSettings]
) -> tuple[Cell, ...]:
    network, *points = _published(bench, "points", name, choices)
    return (network, bench.published.figure("uniform", "dense", name), *points)


def _published(
    bench: SdannBench, field: str, name: str | None, choices: Sequence[LayerSettings]
) -> tuple[Cell, ...]:
    cells = [bench.published.uniform(field, _key(choice), name) for choice in choices]
    return (bench.published.name(name), *cells)


def _key(choice: LayerSettings) -> str:
    """Of a setting in `published.toml`: `rot1`, `drlo5`."""
    return choice.sparsity.lower().replace(" ", "")


def _reasons(bench: SdannBench) -> Table:
    columns = (
        Column("network"),
        Column("setting"),
        Column("SOPs, measured, %", signed=True),
        Column("spikes left out, %", signed=True),
        Column("rounding, %", signed=True),
        Column("downstream, %", signed=True),
        Column("of even values, %", signed=True),
        Column("input's SOPs, %"),
    )
    return Table(
        name="tables-05-07-reasons",
        title="Why tables 5 and 7 are what they are",
        columns=columns,
        rows=tuple(_reason(facts, choice) for facts in bench.facts for choice in UNIFORM),
        notes=(
            "measured = spikes left out + rounding + downstream effects, all in percent of SOPs; "
            "left out: those in the last r bits of a train (RoT r), or after its k-th (DRLO k); "
            "rounding: those that rounding to the nearest adds; downstream: what is left, since "
            "values change downstream of values that changed",
            "of even values: what the setting would change if all 256 values were equally frequent",
            "input's SOPs: those of the network's input, which keeps its spikes",
            *(explained(facts) for facts in bench.facts if bench.does_cifar10(facts)),
        ),
    )


def _reason(facts: NetworkFacts, choice: LayerSettings) -> tuple[Cell, ...]:
    measured, effect = facts.outcomes[choice].change(facts.dense), facts.effects[choice]
    return (
        facts.subject,
        choice.sparsity,
        measured,
        -effect.left_out,
        effect.added,
        _behind(facts, choice),
        of_even_values(choice),
        facts.input_share,
    )


def of_even_values(choice: LayerSettings) -> float:
    """Change of spikes in percent where all values of 8 bits are equally frequent."""
    code = SpikeCode(MOST_BITS, False, 0)
    values = np.arange(256, dtype=np.int16)
    sent = BITS_SET[sparse_values(values, code, choice)].sum()
    return 100.0 * (float(sent) / float(BITS_SET.sum()) - 1.0)


def explained(facts: NetworkFacts) -> str:
    """Why a network's savings are not those of even values, from what was measured."""
    by_bit, by_length = facts.trains.by_bit, facts.trains.by_length
    low = 100 * float(by_bit[MOST_BITS - ROT[-1].rot :].sum())
    long = 100 * float(by_length[MOST_BITS // 2 + 1 :].sum())
    even_low = 100 * ROT[-1].rot / MOST_BITS
    even_long = 100 * float((BITS_SET > MOST_BITS // 2).mean())
    return (
        f"{facts.subject} ({facts.weights}): the last {ROT[-1].rot} bits have {low:.0f} % of the "
        f"spikes, of even values {even_low:.0f} %{_compared(facts, ROT, low > even_low)}; "
        f"{100 * by_length[0]:.0f} % of the trains are silent and {long:.1f} % have more than "
        f"{MOST_BITS // 2} spikes, of even values {even_long:.0f} %"
        f"{_compared(facts, DRLO, long > even_long)}"
    )


def _compared(facts: NetworkFacts, choices: Sequence[LayerSettings], expects_more: bool) -> str:
    """What settings save, beside what they would of even values, and whether that was expected."""
    saved = [-facts.outcomes[choice].change(facts.dense) for choice in choices]
    even = [-of_even_values(choice) for choice in choices]
    more = [ours > theirs for ours, theirs in zip(saved, even, strict=True)]
    method = choices[0].sparsity.split()[0]
    expected = all(each == expects_more for each in more)
    mixed = "more with some and less with others"
    told = mixed if len(set(more)) > 1 else "more" if more[0] else "less"
    figures = ", ".join(
        f"{choice.sparsity} {_rounded(ours)} % against {_rounded(theirs)} %"
        for choice, ours, theirs in zip(choices, saved, even, strict=True)
    )
    behind = ", ".join(f"{_behind(facts, choice):+.1f} %" for choice in choices)
    because = "" if expected else f", since values downstream change SOPs by {behind}"
    return f", {'so' if expected else 'and yet'} {method} saves {told}: {figures}{because}"


def _rounded(percent: float) -> str:
    return f"{round(percent, 1) + 0.0:.1f}"  # nothing has no sign


def _behind(facts: NetworkFacts, choice: LayerSettings) -> float:
    """What is left of a change that trains and rounding do not explain."""
    effect = facts.effects[choice]
    return facts.outcomes[choice].change(facts.dense) + effect.left_out - effect.added
