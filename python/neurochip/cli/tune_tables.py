"""Tables about a search: the front beside uniform settings, and what was found."""

from __future__ import annotations

from collections.abc import Iterator

from ..image import Image
from ..report import words
from ..tables import NAME_WIDTH, TextColumn, TextTable, names_and_figures
from ..tune import Checked, Evaluation, Tried, Tuned


def front_table(tuned: Tuned) -> TextTable:
    """All spikes, one choice for all layers, and by layer the front and what was checked."""
    figures = ("accuracy", "loss", "SOPs per sample", "saved", "loss, held out")
    table = names_and_figures("spikes left out", *figures)
    named = dict(_named(tuned))
    for tried, name in named.items():
        table.add_row(name, *_figures(tuned, tried))
    front = {*tuned.front, *(each.tried for each in tuned.checked)} - named.keys()
    by_layer = sorted(front, key=lambda tried: -tried.evaluation.sops)
    for number, tried in enumerate(by_layer, start=1):
        found = ", found" if tried is tuned.found.tried else ""
        table.add_row(f"by layer, {number}{found}", *_figures(tuned, tried))
    return table


def chosen_table(tuned: Tuned) -> TextTable:
    """What was found, layer by layer."""
    table = TextTable(TextColumn("layer", least=NAME_WIDTH), TextColumn("spikes left out"))
    for layer, chosen in tuned.space.chosen(tuned.found.tried.assignment).items():
        table.add_row(layer, chosen.sparsity)
    return table


def found_lines(tuned: Tuned, image: Image) -> Iterator[str]:
    """What was found, in sentences."""
    found, dense = tuned.found, tuned.dense
    yield (
        f"{image.name} on {image.chip.name}: {_saved(tuned, found.tried)} fewer SOPs, for which "
        f"{tuned.max_loss:g} in a hundred answers might be lost"
    )
    searched, unseen = found.tried.evaluation, found.held_out
    yield (
        f"{_lost(searched, dense.tried.evaluation)} points on {len(searched.right):,} samples of "
        f"the search, {_lost(unseen, dense.held_out)} on {len(unseen.right):,} held out"
    )
    if len(tuned.checked) > 1:
        yield (
            f"{len(tuned.checked) - 1} with fewer SOPs kept the accuracy in the search "
            "but not on the samples held out"
        )
    yield from _beside_uniform(tuned)


def _beside_uniform(tuned: Tuned) -> Iterator[str]:
    best = tuned.best_uniform
    if best is None:
        yield "no single choice for all layers stays within that loss"
        return
    name = next(name for name, tried in tuned.uniform if tried is best.tried)
    sops, found = best.tried.evaluation.sops, tuned.found.tried.evaluation.sops
    yield f"the best single choice for all layers, {name}, saves {_saved(tuned, best.tried)}"
    yield f"by layer there are {words.percent(sops - found, sops)} fewer SOPs than with that one"


def _named(tuned: Tuned) -> Iterator[tuple[Tried, str]]:
    yield tuned.dense.tried, "none"
    for name, tried in tuned.uniform:
        yield tried, f"{name} in every layer"


def _figures(tuned: Tuned, tried: Tried) -> tuple[str, ...]:
    dense = tuned.dense
    checked = next((each for each in _all_checked(tuned) if each.tried is tried), None)
    return (
        f"{tried.evaluation.percent:.2f} %",
        f"{tried.evaluation.loss(dense.tried.evaluation):.2f}",
        f"{tried.evaluation.sops_per_sample:,.0f}",
        _saved(tuned, tried),
        "" if checked is None else _loss(checked.held_out, dense.held_out),
    )


def _all_checked(tuned: Tuned) -> Iterator[Checked]:
    yield from tuned.checked
    if tuned.best_uniform is not None:
        yield tuned.best_uniform


def _loss(evaluation: Evaluation, dense: Evaluation) -> str:
    return f"{evaluation.loss(dense):.2f} ± {evaluation.loss_error(dense):.2f}"


def _lost(evaluation: Evaluation, dense: Evaluation) -> str:
    loss = evaluation.loss(dense)
    told = "lost" if loss >= 0 else "gained"
    return f"{told} {abs(loss):.2f} ± {evaluation.loss_error(dense):.2f}"


def _saved(tuned: Tuned, tried: Tried) -> str:
    dense = tuned.dense.tried.evaluation.sops
    return words.percent(dense - tried.evaluation.sops, dense)
