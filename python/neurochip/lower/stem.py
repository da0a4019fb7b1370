"""STEM: every layer of a Graph as populations that send their value bit by bit (SDANN).

| layer | neurons | file |
|---|---|---|
| Convolution, Dense, AveragePool | one population | `weighted_populations.py` |
| Add, Lookup | one population | `pointwise.py` |
| MaxPool | one streaming population, or two for large windows | `pooling.py` |
| Rearrange, Concat | none: an index | `views.py` |
| Multiply | refused: no neuron multiplies two inputs | |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import layers
from ..chip import Chip
from ..errors import SettingsError, UnsupportedOpError
from ..graph import Graph
from ..layers import Layer, Weighted
from .builder import Builder, Impossible, Unsupported
from .calibration import Calibration
from .codes import choose_alike_codes, choose_code
from .network import Double, Network, Population, Stem
from .pipeline import Pipeline, one_by_one, pipelined
from .pointwise import lower_add, lower_lookup
from .pooling import lower_max_pool
from .settings import Settings
from .views import concatenated
from .weighted_populations import lower_weighted


def _lower_rearrange(builder: Builder, layer: layers.Rearrange) -> None:
    view = builder.views[layer.inputs[0].name]
    builder.views[layer.output.name] = view.rearranged(layer.index)


def _lower_concat(builder: Builder, layer: layers.Concat) -> None:
    views = [builder.views[tensor.name] for tensor in layer.inputs]
    builder.views[layer.output.name] = concatenated(views, layer.index)


def _lower_multiply(builder: Builder, layer: layers.Multiply) -> None:
    raise Unsupported("a STEM neuron adds weights; it cannot multiply one input by another")


_LOWER: dict[type[Any], Callable[[Builder, Any], None]] = {
    layers.Convolution: lower_weighted,
    layers.Dense: lower_weighted,
    layers.AveragePool: lower_weighted,
    layers.Add: lower_add,
    layers.Lookup: lower_lookup,
    layers.MaxPool: lower_max_pool,
    layers.Rearrange: _lower_rearrange,
    layers.Concat: _lower_concat,
    layers.Multiply: _lower_multiply,
}


def lower_stem(
    graph: Graph,
    chip: Chip,
    calibration: NDArray[Any] | None,
    settings: Settings,
    pipeline: bool,
) -> Network:
    """Lowers every layer that the output needs.

    Raises:
        UnsupportedOpError: All layers that this chip cannot compute, with the reasons.
        SettingsError: All layers whose settings this chip cannot follow, with the reasons.
    """
    needed = needed_layers(graph)
    seen = None if calibration is None else Calibration(graph.input, calibration, needed)
    choose = choose_alike_codes(needed) if pipeline else choose_code
    builder = Builder(graph, chip, seen, settings, choose)
    refused: dict[str, list[tuple[str, str]]] = {}
    impossible: dict[str, list[str]] = {}
    for layer in needed:
        try:
            _refuse_modes_of_no_sum(layer, settings)
            _LOWER[type(layer)](builder, layer)
            if layer.output.name == graph.output.name:
                _gather_output(builder)
        except Unsupported as reason:
            refused.setdefault(type(layer).__name__, []).append((layer.name, str(reason)))
            builder.stand_in(layer.output)
        except Impossible as reason:
            impossible.setdefault(str(reason), []).append(repr(layer.name))
            builder.stand_in(layer.output)
        if seen is not None:
            seen.release(layer)
    if refused:
        raise UnsupportedOpError(
            f"'{graph.name}'",
            refused,
            cannot=f"that chip '{chip.name}' cannot compute with STEM neurons",
            hint="choose another chip, such as 'ideal', or remove these operators from the model",
        )
    if impossible:
        raise SettingsError(
            f"the settings ask for what chip {chip.name!r} cannot do:\n"
            + "\n".join(f"  {', '.join(names)}: {reason}" for reason, names in impossible.items()),
            hint="leave `integration` and `bias` of these layers to `auto`",
        )
    populations, projections = tuple(builder.populations.values()), tuple(builder.projections)
    if pipeline:
        return _network(builder, pipelined(populations, projections, _buffers(chip, populations)))
    return _network(builder, one_by_one(populations, projections))


def _refuse_modes_of_no_sum(layer: Layer, settings: Settings) -> None:
    """A mode asked for by the layer's name must be one that it can have."""
    own, default = settings.of(layer.name), settings.default
    if isinstance(layer, Weighted):
        return
    for name in ("integration", "granularity", "headroom", "bias"):
        value = getattr(own, name)
        two_words = isinstance(layer, layers.Add) and value in ("exact", "double")
        if value not in (getattr(default, name), "auto") and not two_words:
            kind = type(layer).__name__
            raise Impossible(f"`{name}` is {value}, which is for layers with weights, not {kind}")


def needed_layers(graph: Graph) -> list[Layer]:
    """The layers that the output depends on, in order."""
    needed = {graph.output.name}
    kept: list[Layer] = []
    for layer in reversed(graph.layers):
        if layer.output.name in needed:
            needed.update(tensor.name for tensor in layer.inputs)
            kept.append(layer)
    return kept[::-1]


def _gather_output(builder: Builder) -> None:
    """The host reads one population."""
    output = builder.graph.output
    builder.views[output.name] = builder.single(builder.views[output.name], output)


def _buffers(chip: Chip, populations: Sequence[Population]) -> int:
    """Samples that every neuron can hold: a double membrane takes the word of the second."""
    models = (population.model for population in populations)
    doubled = any(isinstance(m, Stem) and isinstance(m.integration, Double) for m in models)
    return 1 if doubled else int(chip.spec["core"]["buffers"])


def _network(builder: Builder, pipeline: Pipeline) -> Network:
    graph = builder.graph
    view = builder.views[graph.output.name]
    output = builder.population(view.parts[0])
    return Network(
        name=graph.name,
        code="stem",
        graph=graph,
        populations=pipeline.populations,
        projections=pipeline.projections,
        output=output.name,
        output_index=np.ascontiguousarray(view.neuron),
        timesteps=pipeline.timesteps,
        period=pipeline.period,
        lowerings=tuple(builder.lowerings),
        arithmetic=dict(builder.arithmetic),
        readout=builder.readouts.get(output.name),
        notes=(*graph.notes, *builder.notes, *pipeline.notes),
    )
