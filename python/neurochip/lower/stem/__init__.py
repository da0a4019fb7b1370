"""STEM: every layer of a Graph as populations that send their value bit by bit (SDANN).

| layer | neurons | file |
|---|---|---|
| Convolution, Dense, AveragePool | one population | `weighted.py` |
| Add, Lookup | one population | `pointwise.py` |
| MaxPool | one streaming population, or two for large windows | `../pooling.py` |
| Rearrange, Concat | none: an index | `../layout.py` |
| Multiply | refused: no neuron multiplies two inputs | |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ... import layers
from ...chip import Chip
from ...formats import Tensor
from ...layers import Layer
from ...network import (
    DoubleIntegration,
    FixedRequantizer,
    Network,
    Population,
    PopulationFacts,
    Projection,
    StemNeurons,
)
from ...options import CompileOptions
from ...settings import OF_SUMS, Settings
from ..builder import Builder, Dialect, Impossible
from ..layout import NOWHERE, View, stem
from ..pooling import lower_max_pool
from ..schedule.pipeline import Pipeline, one_by_one, pipelined
from ..schedule.relays import RELAY
from ..walk import INDEX_MAPS, Wanted, lower_with, needed_layers, require
from .codes import choose_alike_codes, choose_code, sparsified
from .pointwise import lower_add, lower_lookup
from .weighted import lower_weighted


def decide_stem(options: CompileOptions, chip: Chip) -> CompileOptions:
    """Refuses what is decided about other codes: this one has nothing to choose.

    Raises:
        SettingsError: Naming the option.
    """
    require(options, "stem", known=())
    return options


def lower_stem(wanted: Wanted) -> Network:
    """Lowers every layer that the output needs.

    Raises:
        UnsupportedOpError: All layers that this chip cannot compute, with the reasons.
        SettingsError: All layers whose settings this chip cannot follow, with the reasons.
    """
    pipeline = wanted.pipeline
    dialect = Dialect(
        name="stem",
        neurons="STEM neurons",
        layers=_LAYERS,
        choose_code=choose_alike_codes(needed_layers(wanted.graph)) if pipeline else choose_code,
        relay=_relay,
        schedule=partial(_pipelined, buffers=wanted.buffers) if pipeline else one_by_one,
    )
    return sparsified(lower_with(dialect, wanted), wanted.settings)


def _checked(lower_layer: Callable[[Builder, Any], None]) -> Callable[[Builder, Any], None]:
    """What lowers a layer without weights, once its settings are ones that it can have."""

    def lower_checked(builder: Builder, layer: Layer) -> None:
        _refuse_modes_of_no_sum(layer, builder.settings)
        lower_layer(builder, layer)

    return lower_checked


def _refuse_modes_of_no_sum(layer: Layer, settings: Settings) -> None:
    """A mode asked for by the layer's name must be one that it can have."""
    own, default = settings.of(layer.name), settings.default
    for name in OF_SUMS:
        value = getattr(own, name)
        two_words = isinstance(layer, layers.Add) and value in ("exact", "double")
        if value not in (getattr(default, name), "auto") and not two_words:
            kind = type(layer).__name__
            raise Impossible(f"`{name}` is {value}, which is for layers with weights, not {kind}")


_WITHOUT_WEIGHTS: Mapping[type[Any], Callable[[Builder, Any], None]] = {
    **INDEX_MAPS,
    layers.Add: lower_add,
    layers.Lookup: lower_lookup,
    layers.MaxPool: lower_max_pool,
}

_LAYERS: Mapping[type[Any], Callable[[Builder, Any], None]] = {
    **{kind: _checked(lower_layer) for kind, lower_layer in _WITHOUT_WEIGHTS.items()},
    layers.Convolution: lower_weighted,
    layers.Dense: lower_weighted,
    layers.AveragePool: lower_weighted,
}


def _pipelined(
    populations: Sequence[Population], projections: Sequence[Projection], buffers: int
) -> Pipeline:
    """A double membrane takes the word of a second sample."""
    models = (population.model for population in populations)
    doubled = any(
        isinstance(m, StemNeurons) and isinstance(m.integration, DoubleIntegration) for m in models
    )
    return pipelined(populations, projections, 1 if doubled else buffers)


def _relay(builder: Builder, view: View, tensor: Tensor) -> Population:
    """Neurons of weight 1 that make up for other bases, and send the zero point where none is."""
    (view,) = builder.apart(view)
    code = builder.choose_code(tensor)
    bias = np.zeros(tensor.shape, np.int64)
    for part, name in enumerate(view.parts):
        bias += np.where(view.part == part, builder.code_of(name).base - code.base, 0)
    zero = tensor.format.zero_point - code.base
    bias = np.where(view.neuron == NOWHERE, zero, bias)
    one = np.ones((1,) * len(tensor.shape), np.int64)
    model = stem(tensor, code, bias, FixedRequantizer(one, 0 * one, 0 * one))
    facts = PopulationFacts(RELAY, "exact", proven=True)
    population = builder.add(tensor, f"relay of {tensor.name}", code, model, facts)
    builder.connect_values(view, population.name, 1)
    return population
