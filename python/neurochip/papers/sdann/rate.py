"""Rate coding, simulated: what integrate-and-fire neurons send, beside what was counted."""

from __future__ import annotations

from collections.abc import Iterator

from ...image import assemble
from ...lower import CodeOptions
from ...simulate import simulate
from ..boards import placed
from ..networks import Subject
from ..table import Cell, Column, Table
from .bench import Bench
from .chips import IDEAL
from .codes import RATE_TIMESTEPS, STEM, rate_name
from .facts import RECORDED_SAMPLES, Facts, answers


def table(bench: Bench) -> Table:
    """Of trained networks alone: fewer timesteps cost accuracy, which others do not have."""
    columns = (
        Column("network"),
        Column("samples"),
        Column("STEM, M SOPs", 3),
        Column("STEM, %"),
        Column("timesteps"),
        Column("counted, M SOPs", 3),
        Column("simulated, M SOPs", 3),
        Column("simulated to STEM", 1),
        Column("rate, %"),
    )
    rows = [row for subject in bench.subjects for row in _rows(bench, subject)]
    return Table(
        name="figure-12-rate",
        title="Figure 12: rate coding as it is counted, and as it is simulated",
        columns=columns,
        rows=tuple(rows),
        notes=(
            f"simulated: `--code rate` on `{IDEAL}`, integrate-and-fire neurons with subtractive "
            "reset; their highest rates are those of calibration samples, not of the level 255, "
            "and signed tensors count from their lowest level, not from zero: both send more",
            "percent are right answers among the samples; STEM's are those on darwin3",
        ),
    )


def _rows(bench: Bench, subject: Subject) -> Iterator[tuple[Cell, ...]]:
    facts = bench.facts_of(subject.name)
    assert facts is not None
    few = subject.first(RECORDED_SAMPLES)
    stem, right = sum(facts.layers[STEM].values()), _right(facts, len(few.x))
    for timesteps in RATE_TIMESTEPS:
        bench.options.tell(f"{subject.name}: {rate_name(timesteps)}")
        image = assemble(placed(few, IDEAL, "rate", options=CodeOptions(timesteps=timesteps)))
        run = simulate(image, few.x, timing="none", threads=bench.options.threads, compare=False)
        found, sops = answers(run, few), float(run.sops.mean())
        assert found is not None
        yield (
            subject.name,
            len(few.x),
            stem / 1e6,
            right,
            timesteps,
            sum(facts.layers[rate_name(timesteps)].values()) / 1e6,
            sops / 1e6,
            sops / stem,
            found.percent,
        )


def _right(facts: Facts, count: int) -> float:
    assert facts.dense.answers is not None
    return 100.0 * float(facts.dense.answers.right[:count].mean())
