"""Wired: the populations and projections of an image file, read back without their graph.

It is `describe.py` and `blocks.py` the other way about. What only lowering knows, such as the scale
of a membrane, is not in an image's part for the core, and is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network import (
    AddRequantizer,
    Connector,
    ConstantNeurons,
    ConvolutionConnector,
    DenseConnector,
    DepthwiseConnector,
    DoubleIntegration,
    FixedRequantizer,
    Float32Requantizer,
    InputNeurons,
    IntegrateFireNeurons,
    MaxPoolNeurons,
    Model,
    OneToOneConnector,
    PoolConnector,
    Population,
    Projection,
    QuartzNeurons,
    Requantizer,
    ScaledIntegration,
    Sparsity,
    StemNeurons,
    TableRequantizer,
    Window,
)
from .blocks import tap_order
from .contents import codes_of, facts_of

Told = Mapping[str, Any]
"""A part of a description."""

Numbers = Callable[[Told], NDArray[np.int64]]
"""Reads integers of the binary part."""


@dataclass(frozen=True, slots=True)
class Wired:
    """What the chip is loaded with, as it was before it was placed."""

    populations: tuple[Population, ...]
    """Sources before targets."""
    projections: tuple[Projection, ...]
    """In the order in which spikes of one timestep are added."""


def wired(description: Told, blob: bytes) -> Wired:
    """The populations and projections of an image that the core has checked.

    Args:
        description: What it says.
        blob: Its binary part.
    """

    def numbers(told: Told) -> NDArray[np.int64]:
        kind = f"<i{told['bytes']}"
        return np.frombuffer(blob, kind, told["count"], told["offset"]).astype(np.int64)

    populations = tuple(
        Population(
            name=told["name"],
            layer=told["name"],
            shape=tuple(told["shape"]),
            code=code,
            model=_model(told["model"], numbers),
            facts=facts,
            send_start=told["send_start"],
        )
        for told, code, facts in zip(
            description["populations"], codes_of(description), facts_of(description), strict=True
        )
    )
    return Wired(populations, _projections(description, populations, numbers, blob))


def _model(told: Told, numbers: Numbers) -> Model:
    kind = told["model"]
    if kind == "stem":
        return _stem(told, numbers)
    if kind == "quartz":
        bias, slope, threshold = (numbers(told[name]) for name in ("bias", "slope", "threshold"))
        return QuartzNeurons(bias, slope, threshold, added_by=int(told.get("readout") == "add"))
    if kind == "integrate_fire":
        return IntegrateFireNeurons(
            *(numbers(told[name]) for name in ("start", "bias", "threshold"))
        )
    if kind == "constant":
        return ConstantNeurons(numbers(told["values"]))
    return MaxPoolNeurons() if kind == "max_pool" else InputNeurons()


def _stem(told: Told, numbers: Numbers) -> StemNeurons:
    integration, requantizer, sparsity = (
        told.get(name) for name in ("integration", "requantizer", "sparsity")
    )
    return StemNeurons(
        integration=_integration(integration, numbers) if integration else None,
        bias=numbers(told["bias"]),
        requantizer=_requantizer(requantizer, numbers) if requantizer else None,
        low=told["low"],
        high=told["high"],
        sparsity=Sparsity(**sparsity) if sparsity else None,
    )


def _integration(told: Told, numbers: Numbers) -> DoubleIntegration | ScaledIntegration | None:
    if told["mode"] != "scaled":
        return DoubleIntegration() if told["mode"] == "double" else None
    shift = numbers(told["shift"])
    coefficients = numbers(told["coefficients"]).reshape(len(shift), -1)
    return ScaledIntegration(
        coefficients, shift, s1=np.empty(0)
    )  # the scale is known to the host alone


def _requantizer(told: Told, numbers: Numbers) -> Requantizer:
    kind = told["kind"]
    if kind == "float32":
        mantissa, shift = numbers(told["mantissa"]), numbers(told["shift"])
        return Float32Requantizer(
            np.ldexp(mantissa.astype(np.float64), -shift).astype(np.float32), told["zero"]
        )
    if kind == "fixed":
        return FixedRequantizer(
            *(numbers(told[name]) for name in ("multiplier", "offset", "shift"))
        )
    if kind == "table":
        entries = numbers(told["entries"]).astype(np.int32)
        return TableRequantizer(entries.reshape(told["tables"], -1), told["first"])
    scale_a, scale_b, offset = np.array([*told["scales"], told["offset"]], np.uint32).view(
        np.float32
    )
    base_a, base_b = told["bases"]
    return AddRequantizer((base_a, base_b), (scale_a, scale_b), offset, told["zero"])


def _projections(
    description: Told, populations: Sequence[Population], numbers: Numbers, blob: bytes
) -> tuple[Projection, ...]:
    tiles: dict[int, list[Told]] = {}
    for tile in description["tiles"]:
        tiles.setdefault(tile["population"], []).append(tile)
    before = [0] * len(populations)
    projections = []
    for told in description["projections"]:
        source, target = populations[told["source"]], populations[told["target"]]
        place, width = before[told["target"]], told["weight_bits"] // 8
        before[told["target"]] += 1
        blocks = {}
        for tile in tiles[told["target"]]:
            at = tile["blocks"][place]
            weights = np.frombuffer(blob, f"<i{width}", at["count"], at["offset"])
            blocks[tuple(tile["channels"])] = weights
        connector = _connector(told["connector"], source, target, blocks, numbers)
        projections.append(Projection(source.name, target.name, connector))
    return tuple(projections)


Blocks = Mapping[tuple[int, ...], NDArray[Any]]
"""For each range of the target's channels that a core holds, its weights."""


def _connector(
    told: Told, source: Population, target: Population, blocks: Blocks, numbers: Numbers
) -> Connector:
    """A connector of its blocks; weights stay as narrow as they are stored."""
    kind, any_block = told["kind"], next(iter(blocks.values()))
    channels = target.shape[2]
    if kind == "one_to_one":
        index = told.get("index")
        return OneToOneConnector(
            int(any_block[0]), numbers(index).astype(np.int32) if index else None
        )
    if kind == "dense":
        dense = np.empty((source.num_neurons, channels), any_block.dtype)
        for (start, stop), block in blocks.items():
            dense[:, start:stop] = block.reshape(len(dense), -1)
        return DenseConnector(dense)
    window = Window(
        *(tuple(told["window"][name]) for name in ("kernel", "stride", "pad", "dilation"))
    )
    if kind == "pool":
        return PoolConnector(window, any_block.reshape(window.kernel))
    if kind == "depthwise":
        depthwise = np.empty((*window.kernel, channels), any_block.dtype)
        for (start, stop), block in blocks.items():
            depthwise[..., start:stop] = block.reshape(*window.kernel, -1)
        return DepthwiseConnector(window, depthwise)
    groups = told["groups"]
    shape = (channels, source.shape[2] // groups, *window.kernel)
    return ConvolutionConnector(
        window, groups, _kernel(shape, window, groups, blocks, any_block.dtype)
    )


def _kernel(
    shape: tuple[int, ...], window: Window, groups: int, blocks: Blocks, dtype: np.dtype[Any]
) -> NDArray[Any]:
    """(channels out, channels in / groups, height, width), as `blocks.py` took it apart."""
    order = tap_order(window.kernel[1], window.stride[1], window.dilation[1])
    weights, width = np.empty(shape, dtype), shape[0] // groups
    for (first, last), block in blocks.items():
        taken = 0
        for group in range(groups):
            start, stop = max(group * width, first), min((group + 1) * width, last)
            if start < stop:
                size = (stop - start) * int(np.prod(shape[1:]))
                part = block[taken : taken + size].reshape(*shape[1:], stop - start)
                weights[start:stop, :, :, order] = part.transpose(3, 0, 1, 2)
                taken += size
    return weights
