"""Table 10: energy of a sample on Darwin3, at its energy per SOP, with and without sparsity."""

from __future__ import annotations

from ...chip import load as load_chip
from ...energy import of_chip
from ..suite import Section
from ..table import Cell, Column, Table
from .bench import SdannBench
from .chips import DARWIN3
from .facts import ROT, NetworkFacts
from .hybrid import saved

UJ_IN_PJ = 1e6
MJ_IN_UJ = 1e3
UNSEARCHED = ROT[0]
"""Setting of networks whose accuracy says nothing: the mildest."""


def measure(bench: SdannBench) -> Section:
    """SOPs times their energy: the paper's own figures are in proportion to SOPs."""
    sop_pj = of_chip(load_chip(DARWIN3), "energy.sop_pj")
    columns = (
        Column("network"),
        Column("weights"),
        Column("M SOPs", digits=4),
        Column("µJ", digits=4),
        Column("spikes left out"),
        Column("M SOPs, sparse", digits=4),
        Column("µJ, sparse", digits=4),
        Column("change, %", signed=True),
        Column("paper's network"),
        Column("µJ, paper", digits=3),
        Column("µJ, sparse, paper", digits=3),
        Column("change, paper, %", signed=True),
        Column("M SOPs it implies", 1),
    )
    rows = [_row(bench, facts, sop_pj) for facts in bench.facts]
    table = Table(
        name="table-10",
        title=f"Table 10: energy of a sample's SOPs on {DARWIN3}, {sop_pj:g} pJ each",
        columns=columns,
        rows=tuple(rows),
        notes=(
            "by layer: the hybrid settings of table 8, on the samples of its search",
            "idle power, neurons, packets and links are not in it: the paper's figures, too, "
            "change as its SOPs do (table 8)",
            *_compared(bench, sop_pj),
        ),
        sources=(bench.published.source("energy"),),
    )
    return Section((table,))


def _row(bench: SdannBench, facts: NetworkFacts, sop_pj: float) -> tuple[Cell, ...]:
    setting, change = _sparse(bench, facts)
    sops, sparse = facts.dense.sops, facts.dense.sops * (1 + change / 100)
    return (
        facts.subject,
        facts.weights,
        sops / 1e6,
        sops * sop_pj / UJ_IN_PJ,
        setting,
        sparse / 1e6,
        sparse * sop_pj / UJ_IN_PJ,
        change,
        *_published(bench, bench.counterpart(facts), sop_pj),
    )


def _sparse(bench: SdannBench, facts: NetworkFacts) -> tuple[str, float]:
    tuned = bench.tuned.get(facts.subject)
    if tuned is not None:
        return "by layer", saved(tuned, tuned.found)
    told = f"{UNSEARCHED.sparsity} in every layer"
    return told, facts.outcomes[UNSEARCHED].change(facts.dense)


def _published(bench: SdannBench, name: str | None, sop_pj: float) -> tuple[Cell, ...]:
    dense, sparse = _published_uj(bench, name, "dense_mj"), _published_uj(bench, name, "sparse_mj")
    if dense is None or sparse is None:
        return (bench.published.name(name), None, None, None, None)
    change = 100.0 * (sparse / dense - 1.0)
    return (bench.published.name(name), dense, sparse, change, dense * UJ_IN_PJ / sop_pj / 1e6)


def _published_uj(bench: SdannBench, name: str | None, field: str) -> float | None:
    energy_mj = bench.published.figure("energy", field, name)
    return None if energy_mj is None else energy_mj * MJ_IN_UJ


def _compared(bench: SdannBench, sop_pj: float) -> list[str]:
    """Why ours are not the paper's, from the SOPs that its energies imply."""
    told = []
    for facts in bench.facts:
        dense = _published_uj(bench, bench.counterpart(facts), "dense_mj")
        if dense is not None:
            implied, macs = dense * UJ_IN_PJ / sop_pj, sum(facts.macs.values())
            than_ours = "fewer" if implied < facts.dense.sops else "more"
            activity = "sparser" if implied < facts.dense.sops else "denser"
            told.append(
                f"{facts.subject}: {facts.dense.sops / implied:.1f} times the SOPs that the "
                f"paper's energy implies; with our {macs / 1e6:,.0f} M MACs these would be "
                f"{implied / macs:.2f} SOPs a MAC, ours are {facts.dense.sops / macs:.2f}: the "
                f"paper's network has {than_ours} synapses or {activity} activations than ours; "
                "neither is published here"
            )
    return told
