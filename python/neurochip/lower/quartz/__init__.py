"""Quartz: every layer of a Graph as populations that spike once, the larger the value the earlier.

| layer | neurons | file |
|---|---|---|
| Convolution, Dense, AveragePool | one population | `weighted.py`, `ramps.py` |
| Add, Lookup | one population | `pointwise.py` |
| MaxPool | one or two streaming populations: the first spike wins | `../pooling.py` |
| Rearrange, Concat | none: an index | `../layout.py` |
| Multiply | refused: no neuron multiplies two inputs | |

Every population of Quartz neurons has a readout beside it, and where zeros spike a rectifier:
neurons of their own (`../schedule/windows.py`). As published, neurons and their constants differ
(`paper/`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ... import layers
from ...chip import Chip
from ...errors import SettingsError
from ...formats import Tensor
from ...network import (
    Network,
    OneToOneConnector,
    Population,
    PopulationFacts,
    QuartzNeurons,
)
from ...options import CompileOptions
from ..builder import Builder, Dialect
from ..layout import NOWHERE, View, compressed
from ..pooling import lower_max_pool
from ..schedule.windows import first_spike_schedule
from ..walk import INDEX_MAPS, Wanted, lower_with, require
from .levels import choose_levels
from .paper import decide_published, published_dialect
from .pointwise import lower_add, lower_lookup
from .weighted import first_spikes, lower_weighted

MOST_TIMESTEPS = 256
"""Of a window: every code of 8 bits has a level of its own."""

NARROW_TIMESTEPS = 16
"""Of a window on registers of 16 bits: with more, less is left of each weight."""

NARROW_BITS = 16


def decide_quartz(options: CompileOptions, chip: Chip) -> CompileOptions:
    """Chooses what was left to the code, and refuses what it does not have.

    Raises:
        SettingsError: Naming the option and what is possible.
    """
    known = ("quartz_mode", "t_max", "percentile", "zeros")
    require(options, "quartz", known, most_timesteps=MOST_TIMESTEPS)
    narrow = chip.spec["core"]["membrane_bits"] <= NARROW_BITS
    t_max = options.t_max or (NARROW_TIMESTEPS if narrow else MOST_TIMESTEPS)
    mode = options.quartz_mode or "exact"
    options = replace(options, t_max=t_max, quartz_mode=mode)
    if mode != "exact":
        return decide_published(options)
    if options.percentile is not None:
        raise SettingsError(
            "nothing is normalized by a percentile in the mode `exact`",
            hint="choose another one (--quartz-mode), or leave `--percentile` out",
        )
    return replace(options, zeros=options.zeros or "silent")


def lower_quartz(wanted: Wanted) -> Network:
    """Lowers every layer that the output needs.

    Weights that are scaled down take their scale from the calibration, and as published each tensor
    its percentile. The settings have the headroom of these scales, and nothing else.

    Raises:
        UnsupportedOpError: All layers that this chip cannot compute, with the reasons.
        SettingsError: If something is decided that this code does not have.
    """
    wanted.settings.refuse_others("quartz", known=("headroom",))
    options = wanted.options
    if options.quartz_mode != "exact":
        return lower_with(published_dialect(wanted), wanted)
    timesteps, zeros = options.t_max, options.zeros == "spike"
    assert timesteps is not None, "decided"
    dialect = Dialect(
        name="quartz",
        neurons="Quartz neurons",
        layers=_LAYERS,
        choose_code=partial(choose_levels, timesteps=timesteps, zeros=zeros),
        relay=_relay,
        schedule=partial(first_spike_schedule, buffers=wanted.buffers if wanted.pipeline else None),
    )
    return lower_with(dialect, wanted)


_LAYERS: Mapping[type[Any], Any] = {
    **INDEX_MAPS,
    layers.Convolution: lower_weighted,
    layers.Dense: lower_weighted,
    layers.AveragePool: lower_weighted,
    layers.Add: lower_add,
    layers.Lookup: lower_lookup,
    layers.MaxPool: lower_max_pool,
}


def _relay(builder: Builder, view: View, tensor: Tensor) -> Population:
    """Neurons that send the level nearest to the code of their source.

    A source's weight is its stride and the slope the target's; the zero point is sent where no
    neuron holds a value.
    """
    code = builder.code_for(tensor)
    target = first_spikes(code)
    sources = tuple(first_spikes(builder.sent_by(name)) for name in view.parts)
    zero = tensor.format.zero_point - target.base
    bias = np.where(view.neuron == NOWHERE, zero, 0).astype(np.int64)
    for part, source in enumerate(sources):
        here = (view.part == part) & (view.neuron != NOWHERE)
        bias[here] = source.base - target.base
    slope = np.array([target.stride])
    threshold = target.steps * slope - target.stride // 2
    model = QuartzNeurons(compressed(bias, tensor.shape), slope, threshold)
    # Of several codes a level, its own are not those of its sources.
    proven = all(source.stride == 1 for source in sources)
    facts = PopulationFacts("Relay", "exact", proven=proven)
    population = builder.add(tensor, f"relay of {tensor.name}", code, model, facts)
    for part, (name, source) in enumerate(zip(view.parts, sources, strict=True)):
        connector = OneToOneConnector(source.stride, view.sources_in(part))
        builder.connect(name, population.name, connector)
    return population
