"""Table 8: hybrid settings, found layer by layer under a bound on the loss of accuracy."""

from __future__ import annotations

from ...tune import Checked, Tuned
from ..suite import Section
from ..table import Cell, Column, Table
from .bench import MAX_LOSS, Bench
from .size import COUNTERPARTS


def measure(bench: Bench) -> Section:
    """Searches each trained network; the paper's others stand alone."""
    columns = (
        Column("network"),
        Column("samples, searched and held out"),
        Column("SOPs by layer, %", signed=True),
        Column("accuracy, held out", signed=True),
        Column("±"),
        Column("best single setting"),
        Column("its SOPs, %", signed=True),
        Column("paper's network"),
        Column("SOPs, paper, %", signed=True),
    )
    rows = [_row(bench, name, tuned) for name, tuned in bench.tuned.items()]
    beside = {COUNTERPARTS.get(name) for name in bench.tuned}
    others = [name for name in bench.published.names if name not in beside]
    rows += [(None,) * 7 + _published(bench, name) for name in others]
    table = Table(
        name="table-08",
        title="Table 8: hybrid settings, change of SOPs",
        columns=columns,
        rows=tuple(rows),
        notes=(
            f"at most {MAX_LOSS:g} points may be lost on the samples searched, and again on those "
            "held out, in whole samples; the paper's bound is not at hand",
            "± is the standard error of the change held out",
            "architectures with synthetic weights have no accuracy to bound",
        ),
        sources=(bench.published.source("hybrid"),),
    )
    return Section((table,))


def saved(tuned: Tuned, checked: Checked | None) -> float | None:
    """Change of SOPs in percent on the samples of the search; None where nothing was found."""
    if checked is None:
        return None
    dense = tuned.dense.tried.evaluation
    return 100.0 * (checked.tried.evaluation.sops / dense.sops - 1.0)


def _row(bench: Bench, name: str, tuned: Tuned) -> tuple[Cell, ...]:
    dense, found, best = tuned.dense.held_out, tuned.found.held_out, tuned.best_uniform
    single = next((told for told, tried in tuned.uniform if best and tried is best.tried), None)
    return (
        name,
        f"{len(tuned.dense.tried.evaluation.right):,} + {len(dense.right):,}",
        saved(tuned, tuned.found),
        -found.loss(dense),
        found.loss_error(dense),
        single,
        saved(tuned, best),
        *_published(bench, COUNTERPARTS.get(name)),
    )


def _published(bench: Bench, name: str | None) -> tuple[Cell, ...]:
    return (bench.published.name(name), bench.published.figure("hybrid", "sops", name))
