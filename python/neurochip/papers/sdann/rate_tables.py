"""Figure 12: what rate codes answer, and why they send as many spikes as they do."""

from __future__ import annotations

from collections.abc import Iterator

from ..table import Cell, Column, Table
from .bench import SdannBench
from .chips import IDEAL
from .codes import COUNTED, LEVELS, LOWEST, NEAREST, PLAIN, RATE_TIMESTEPS, STEM
from .facts import NetworkFacts
from .rate import Simulated

SOURCE = (
    f"{PLAIN}: spikes of a level q in T timesteps, what an integrate-and-fire neuron with "
    "subtractive reset sends for a constant input (Rueckauer and others, Conversion of "
    "continuous-valued deep networks, Frontiers in Neuroscience 11:682, 2017)"
)


def answers(bench: SdannBench) -> Table:
    """Of trained networks alone: fewer timesteps cost accuracy, which others do not have."""
    columns = (
        Column("network"),
        Column("samples"),
        Column("STEM, M SOPs", digits=4),
        Column("right, %"),
        Column("timesteps"),
        Column("rate, M SOPs", digits=4),
        Column("to STEM", 1),
        Column("rate, right, %"),
        Column("rate of level 255, M SOPs", digits=4),
        Column("rate of level 255, right, %"),
    )
    rows = [
        _answers(facts, each, bench.rates[name][each], bench.rates_at_level_255[name].get(each))
        for facts in bench.facts
        if (name := facts.subject) in bench.rates
        for each in RATE_TIMESTEPS
    ]
    return Table(
        name="figure-12-rate",
        title="Figure 12: what rate codes send and answer, simulated",
        columns=columns,
        rows=tuple(rows),
        notes=(
            f"simulated: `--code rate` on `{IDEAL}`, integrate-and-fire neurons with subtractive "
            "reset; STEM's right answers are those on darwin3",
            "rate: the highest rate is that of the 99.9 % percentile of a tensor over calibration "
            "samples; of level 255: without these, that of the highest level, which few tensors "
            f"reach (with T = {LEVELS} all levels have counts of their own either way)",
        ),
    )


def _answers(
    facts: NetworkFacts, timesteps: int, found: Simulated, at_level_255: Simulated | None
) -> tuple[Cell, ...]:
    assert facts.dense.answers is not None
    stem, count = sum(facts.layers[STEM].values()), len(found.answers.right)
    right = 100.0 * float(facts.dense.answers.right[:count].mean())
    return (
        facts.subject,
        count,
        stem / 1e6,
        right,
        timesteps,
        found.sops / 1e6,
        found.sops / stem,
        found.answers.percent,
        None if at_level_255 is None else at_level_255.sops / 1e6,
        None if at_level_255 is None else at_level_255.answers.percent,
    )


def reasons(bench: SdannBench) -> Table:
    """From the plain count to what is counted, and to what is simulated."""
    columns = (
        Column("network"),
        Column("timesteps"),
        Column(f"{PLAIN}, M SOPs", digits=4),
        Column("rounding, M SOPs", digits=3, signed=True),
        Column("lowest level, M SOPs", digits=3, signed=True),
        Column("highest rate, M SOPs", digits=3, signed=True),
        Column("counted, M SOPs", digits=4),
        Column("timing, M SOPs", digits=3, signed=True),
        Column("simulated, M SOPs", digits=4),
    )
    return Table(
        name="figure-12-reasons",
        title="Why simulated rate codes send more than floor(T q / 255)",
        columns=columns,
        rows=tuple(_reason(bench, facts, each) for facts in bench.facts for each in RATE_TIMESTEPS),
        notes=(
            SOURCE,
            "rounding: membranes start at half a threshold, so that counts are rounded to the "
            "nearest; lowest level: signed tensors count from it, not from zero; highest rate: "
            "that of the 99.9 % percentile of a tensor over calibration samples, not of level 255, "
            "which few tensors reach: the same value sends more spikes, and fewer are lost in "
            "rounding; timing: the rest, since spikes do not come evenly, and what one layer sends "
            "too much or too little is the next one's input",
            *_summary(bench),
        ),
    )


def _reason(bench: SdannBench, facts: NetworkFacts, timesteps: int) -> tuple[Cell, ...]:
    sops = facts.countings[timesteps]
    found = bench.rates.get(facts.subject, {}).get(timesteps)
    return (
        facts.subject,
        timesteps,
        sops[PLAIN] / 1e6,
        (sops[NEAREST] - sops[PLAIN]) / 1e6,
        (sops[LOWEST] - sops[NEAREST]) / 1e6,
        (sops[COUNTED] - sops[LOWEST]) / 1e6,
        sops[COUNTED] / 1e6,
        None if found is None else (found.sops - sops[COUNTED]) / 1e6,
        None if found is None else found.sops / 1e6,
    )


def _summary(bench: SdannBench) -> Iterator[str]:
    """How near the counts come to what is simulated."""
    for timesteps in RATE_TIMESTEPS:
        shares = {
            name: [
                100 * facts.countings[timesteps][name] / bench.rates[facts.subject][timesteps].sops
                for facts in bench.facts
                if facts.subject in bench.rates
            ]
            for name in (PLAIN, COUNTED)
        }
        if shares[PLAIN]:
            plain, counted = (f"{min(each):.0f} to {max(each):.0f} %" for each in shares.values())
            yield (
                f"T = {timesteps}: of what trained networks send when they are simulated, "
                f"{PLAIN} is {plain}, what is counted {counted}"
            )
