"""Table 8: hybrid settings, found layer by layer under a bound on the loss of accuracy."""

from __future__ import annotations

from ...lower import LayerSettings
from ...tune import Checked, Tuned
from ..suite import Section
from ..table import NOTHING, Cell, Column, Table
from .bench import MAX_LOSS, SdannBench
from .chips import DARWIN3
from .size import COUNTERPARTS


def measure(bench: SdannBench) -> Section:
    """Searches each trained network; the paper's others stand alone."""
    columns = (
        Column("network"),
        Column("samples, searched and held out"),
        Column("by layer"),
        Column("SOPs by layer, %", signed=True),
        Column("accuracy, held out", signed=True),
        Column("±"),
        Column("best single setting"),
        Column("its SOPs, %", signed=True),
        Column("paper's network"),
        Column("all spikes, paper, %"),
        Column("hybrid, paper", signed=True),
        Column("SOPs, paper, %", signed=True),
    )
    rows = [_row(bench, name, tuned) for name, tuned in bench.tuned.items()]
    others = bench.published.others(COUNTERPARTS.get(name) for name in bench.tuned)
    rows += [
        (None,) * 8 + _published(bench, name)
        for name in others
        if bench.published.figure("hybrid", "sops", name) is not None
    ]
    table = Table(
        name="table-08",
        title="Table 8: hybrid settings, change of SOPs",
        columns=columns,
        rows=tuple(rows),
        notes=(
            f"at most {MAX_LOSS:g} points may be lost on the samples searched, and again on those "
            f"held out, in whole samples; {_most_lost(bench)}",
            "hybrid, paper: change of accuracy in points",
            "± is the standard error of the change held out",
            f"by layer, in the order of the network: Rr is RoT r, Dk is DRLO k, {NOTHING} sends "
            "all spikes; `NETWORK.settings.toml` beside this report names the layers, and is what "
            "`neurochip run --settings` takes",
            "architectures with synthetic weights have no accuracy to bound",
        ),
        sources=(bench.published.source("hybrid"),),
    )
    settings = {f"{name}.settings.toml": _toml(name, each) for name, each in bench.tuned.items()}
    return Section((table,), texts=settings)


def shortened(chosen: LayerSettings) -> str:
    """Which spikes a layer leaves out, such as R3, D5 or both."""
    rot = f"R{chosen.rot}" if chosen.rot else ""
    drlo = f"D{chosen.drlo}" if chosen.drlo is not None else ""
    return rot + drlo or NOTHING


def saved(tuned: Tuned, checked: Checked) -> float:
    """Change of SOPs in percent on the samples of the search."""
    dense = tuned.dense.tried.evaluation
    return 100.0 * (checked.tried.evaluation.sops / dense.sops - 1.0)


def _row(bench: SdannBench, name: str, tuned: Tuned) -> tuple[Cell, ...]:
    dense, found, best = tuned.dense.held_out, tuned.found.held_out, tuned.best_uniform
    single = next((told for told, tried in tuned.uniform if best and tried is best.tried), None)
    return (
        name,
        f"{len(tuned.dense.tried.evaluation.right):,} + {len(dense.right):,}",
        " ".join(map(shortened, tuned.space.chosen(tuned.found.tried.assignment).values())),
        saved(tuned, tuned.found),
        -found.loss(dense),
        found.loss_error(dense),
        single,
        None if best is None else saved(tuned, best),
        *_published(bench, COUNTERPARTS.get(name)),
    )


def _published(bench: SdannBench, name: str | None) -> tuple[Cell, ...]:
    fields = ("dense", "points", "sops")
    cells = (bench.published.figure("hybrid", field, name) for field in fields)
    return (bench.published.name(name), *cells)


def _most_lost(bench: SdannBench) -> str:
    points = bench.published.tables["hybrid"]["points"]
    worst = min(points, key=lambda name: points[name])
    return f"the paper's networks lose up to {-points[worst]:g} ({bench.published.name(worst)})"


def _toml(name: str, tuned: Tuned) -> str:
    """What was found, as the file that `neurochip tune` writes."""
    change, held_out = saved(tuned, tuned.found), tuned.found.held_out
    comment = (
        f"{name} on {DARWIN3}, the settings of table 8: SOPs change by {change:.2f} %\n"
        f"{held_out.loss(tuned.dense.held_out):.2f} points lost on {len(held_out.right):,} samples "
        f"held out, {MAX_LOSS:g} might be"
    )
    return tuned.settings().to_toml(comment)
