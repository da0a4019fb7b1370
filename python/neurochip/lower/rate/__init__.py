"""Rate coding: every layer of a Graph as integrate-and-fire populations, the baseline.

| layer | neurons |
|---|---|
| Convolution, Dense, AveragePool | one population |
| Add | one population with one synapse from each branch |
| MaxPool | one streaming population, or two for large windows (`../pooling.py`) |
| Rearrange, Concat | none: an index (`../layout.py`) |
| Lookup, Multiply | refused: the neuron adds, and holds no table |

A tensor's code is the number of its spikes, `base + count * levels / steps`; `levels`, the highest
rate, is balanced from calibration samples (`../calibration.py`), and thresholds follow
(`neurons.py`). Nothing about it is exact: a neuron's spikes depend on when others came.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ... import layers
from ...chip import Chip
from ...formats import Tensor
from ...network import InputNeurons, Network, Population, Projection, Rate
from ...options import CompileOptions
from ..builder import Builder, Dialect, Unsupported
from ..calibration import highest_codes
from ..pooling import lower_max_pool
from ..schedule.pipeline import Pipeline, paced
from ..walk import INDEX_MAPS, Wanted, lower_with, require
from .neurons import lower_add, lower_weighted, relay

DEFAULT_TIMESTEPS = 64
"""Of a window."""

PERCENTILE = 99.9
"""Of a tensor's codes: what is above saturates. The largest of a few samples is an outlier."""

MOST_TIMESTEPS = 4096
"""Of a window: sixteen for every code of 8 bits."""


def decide_rate(options: CompileOptions, chip: Chip) -> CompileOptions:
    """Chooses what was left to the code, and refuses what it does not have.

    Raises:
        SettingsError: Naming the option and what is possible.
    """
    require(options, "rate", known=("t_max",), most_timesteps=MOST_TIMESTEPS)
    return replace(options, t_max=options.t_max or DEFAULT_TIMESTEPS)


def lower_rate(wanted: Wanted) -> Network:
    """Lowers every layer that the output needs.

    The highest rates are balanced with the calibration; without it the highest code that can occur
    has the highest rate. This code has no settings.

    Raises:
        UnsupportedOpError: All layers that this chip cannot compute, with the reasons.
        SettingsError: If something is decided that this code does not have.
    """
    wanted.settings.refuse_others("rate", known=())
    timesteps = wanted.options.t_max
    assert timesteps is not None, "decided"
    highest = {}
    if wanted.calibration is not None:
        highest = highest_codes(wanted.graph, wanted.calibration, PERCENTILE)
    dialect = Dialect(
        name="rate",
        neurons="integrate-and-fire neurons",
        layers=_LAYERS,
        choose_code=partial(_choose_rate, timesteps=timesteps, highest=highest),
        relay=relay,
        schedule=partial(rate_schedule, buffers=wanted.buffers if wanted.pipeline else None),
    )
    return lower_with(dialect, wanted)


def _choose_rate(tensor: Tensor, timesteps: int, highest: Mapping[str, int]) -> Rate:
    top = highest.get(tensor.name, tensor.high)
    return Rate(timesteps, max(1, top - tensor.low), tensor.low)


def _refuse_lookup(builder: Builder, layer: layers.Lookup) -> None:
    raise Unsupported("a table; an integrate-and-fire neuron adds, and clamps")


_LAYERS: Mapping[type[Any], Any] = {
    **INDEX_MAPS,
    layers.Convolution: lower_weighted,
    layers.Dense: lower_weighted,
    layers.AveragePool: lower_weighted,
    layers.Add: lower_add,
    layers.MaxPool: lower_max_pool,
    layers.Lookup: _refuse_lookup,
}


def rate_schedule(
    populations: Sequence[Population], projections: Sequence[Projection], buffers: int | None
) -> Pipeline:
    """Every population sends one timestep after the last of its sources.

    Neurons whose membranes are read do so when all their sources are done.
    """
    placed: dict[str, Population] = {}
    for population in populations:
        before = [placed[each.source] for each in projections if each.target == population.name]
        start = 0
        if not isinstance(population.model, InputNeurons):
            start = max(source.send_start for source in before) + 1
        if population.code is None:
            start = max(source.send_stop for source in before)
        placed[population.name] = replace(population, send_start=start)
    return paced(tuple(placed.values()), tuple(projections), buffers)
