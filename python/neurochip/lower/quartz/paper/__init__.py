"""Quartz as published: what is decided for a whole network (quartz.md, section 3).

Thresholds have no gate, readouts and biases are spikes, zeros spike, and the activations of each
tensor are normalized by a percentile over calibration samples.

| layer | neurons | file |
|---|---|---|
| Convolution, Dense, AveragePool, Add | one population, with its biases | `populations.py` |
| MaxPool, Rearrange, Concat | as in `../` | |
| Lookup, Multiply | refused: a neuron adds, and holds no table | |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from numpy.typing import NDArray

from .... import layers
from ....errors import SettingsError
from ....formats import Tensor
from ....graph import Graph
from ....network import FirstSpike
from ....options import CompileOptions
from ...builder import Builder, Dialect, Unsupported
from ...calibration import highest_codes
from ...pooling import lower_max_pool
from ...schedule.windows import first_spike_schedule
from ...walk import INDEX_MAPS, Wanted
from .integers import integers_of, require_weights
from .populations import lower_add, lower_weighted, relay

PERCENTILE = 99.99
"""Of the authors' networks for CIFAR-10 and ImageNet; that for MNIST has 99."""


def decide_published(options: CompileOptions) -> CompileOptions:
    """Chooses what was left to Quartz as published, once its mode and window are chosen.

    Raises:
        SettingsError: If zeros are to be silent.
    """
    if options.zeros == "silent":
        raise SettingsError(
            "as published every zero spikes: its readout counts on all synapses",
            hint="leave `--zeros` out, or choose the mode `exact` (--quartz-mode)",
        )
    percentile = PERCENTILE if options.percentile is None else options.percentile
    return replace(options, zeros="spike", percentile=percentile)


def published_dialect(wanted: Wanted) -> Dialect:
    """Quartz as published, in the integers of its mode.

    Args:
        wanted: Percentiles are taken from its calibration; mode and window from its options, of
            loihi one timestep less, as its top level is as large as that.

    Raises:
        SettingsError: If there is no calibration, or the chip is none for the mode.
    """
    options = wanted.options
    assert options.t_max is not None, "decided"
    assert options.percentile is not None, "decided"
    integers = integers_of(str(options.quartz_mode), options.t_max)
    require_weights(integers, wanted.chip)
    highest = _highest_codes(wanted.graph, wanted.calibration, options.percentile)
    return Dialect(
        name="quartz",
        neurons=f"Quartz neurons, {options.quartz_mode}",
        layers={
            **INDEX_MAPS,
            **{layer: partial(lower, integers=integers) for layer, lower in _IN_INTEGERS.items()},
            layers.Lookup: _refuse_lookup,
            layers.MaxPool: lower_max_pool,
        },
        choose_code=partial(choose_normalized, levels=integers.levels, highest=highest),
        relay=relay,
        schedule=partial(first_spike_schedule, buffers=wanted.buffers if wanted.pipeline else None),
    )


_IN_INTEGERS: Mapping[type[Any], Callable[..., None]] = {
    layers.Convolution: lower_weighted,
    layers.Dense: lower_weighted,
    layers.AveragePool: lower_weighted,
    layers.Add: lower_add,
}


def _refuse_lookup(builder: Builder, layer: layers.Lookup) -> None:
    raise Unsupported("a table; an ungated neuron adds, and rectifies")


def _highest_codes(
    graph: Graph, calibration: NDArray[Any] | None, percentile: float
) -> Mapping[str, int]:
    """The code of each tensor's percentile; not of the input, which is fed as it is."""
    if calibration is None:
        raise SettingsError(
            "quartz as published normalizes activations by a percentile of calibration samples, "
            "and there are none",
            hint="give samples (--calibration), or choose the mode `exact` (--quartz-mode)",
        )
    highest = highest_codes(graph, calibration, percentile)
    return {name: code for name, code in highest.items() if name != graph.input.name}


def choose_normalized(tensor: Tensor, levels: int, highest: Mapping[str, int]) -> FirstSpike:
    """Levels up to a tensor's percentile, and no more than it has codes there.

    Args:
        tensor: What is sent.
        levels: The top level.
        highest: The code of each tensor's percentile; the largest that can occur where it is not
            there.
    """
    span = max(1, highest.get(tensor.name, tensor.high) - tensor.low)
    top = min(levels, span)
    return FirstSpike(top, span, tensor.low, zeros=True, per=top)
