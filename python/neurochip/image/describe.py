"""The description of an image: a placement in the words of the core's schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from functools import cache
from typing import Any

import numpy as np

from ..arithmetic import float32_parts
from ..network import (
    AddRequantizer,
    ConstantNeurons,
    DoubleIntegration,
    FixedRequantizer,
    Float32Requantizer,
    InputNeurons,
    IntegrateFireNeurons,
    MaxPoolNeurons,
    OneToOneConnector,
    Population,
    Projection,
    QuartzNeurons,
    Requantizer,
    ScaledIntegration,
    StemNeurons,
    TableRequantizer,
    code_description,
)
from ..placement import Placement
from ..placement.place import INPUT_PORT
from ..placement.tiles import Range
from .blob import Blob
from .blocks import block, connector_description


def describe(placement: Placement, blob: Blob, host: Mapping[str, Any]) -> dict[str, Any]:
    """Everything the chip is loaded with; arrays go into `blob`."""
    network = placement.network
    numbers = {population.name: n for n, population in enumerate(network.populations)}
    stored_bits = [8 if weights.bits <= 8 else 16 for weights in network.weight_ranges]
    return {
        "name": network.name,
        "code": network.code,
        "chip": placement.chip.spec,
        "timesteps": network.timesteps,
        "period": network.period,
        "populations": [_population(each, blob) for each in network.populations],
        "projections": [
            _projection(each, bits, numbers, blob)
            for each, bits in zip(network.projections, stored_bits, strict=True)
        ],
        "tiles": _tiles(placement, stored_bits, numbers, blob),
        "outputs": [numbers[name] for name in network.outputs],
        "host": host,
    }


def _population(population: Population, blob: Blob) -> dict[str, Any]:
    code = population.code
    return {
        "name": population.name,
        "shape": list(population.shape),
        "send_start": population.send_start,
        "code": None if code is None else code_description(code),
        "model": _model(population, blob),
    }


def _model(population: Population, blob: Blob) -> dict[str, Any]:
    model = population.model
    if isinstance(model, InputNeurons):
        return {"model": "input", "port": INPUT_PORT}
    if isinstance(model, MaxPoolNeurons):
        return {"model": "max_pool"}
    if isinstance(model, StemNeurons):
        return {"model": "stem", **_stem(model, blob)}
    if isinstance(model, QuartzNeurons):
        return {"model": "quartz", **_quartz(model, blob)}
    name = {IntegrateFireNeurons: "integrate_fire", ConstantNeurons: "constant"}[type(model)]
    constants = {each.name: blob.add_numbers(getattr(model, each.name)) for each in fields(model)}
    return {"model": name, **constants}


def _quartz(model: QuartzNeurons, blob: Blob) -> dict[str, Any]:
    return {
        "bias": blob.add_numbers(model.bias),
        "slope": blob.add_numbers(model.slope),
        "threshold": blob.add_numbers(model.threshold),
        "readout": "add" if model.added_by else "set",
    }


def _stem(model: StemNeurons, blob: Blob) -> dict[str, Any]:
    requantizer = None if model.requantizer is None else _requantizer(model.requantizer, blob)
    return {
        "integration": _integration(model.integration, blob),
        "bias": blob.add_numbers(model.bias),
        "requantizer": requantizer,
        "low": int(model.low),
        "high": int(model.high),
        "sparsity": None if model.sparsity is None else asdict(model.sparsity),
    }


def _integration(
    integration: DoubleIntegration | ScaledIntegration | None, blob: Blob
) -> dict[str, Any]:
    if integration is None:
        return {"mode": "exact"}
    if isinstance(integration, DoubleIntegration):
        return {"mode": "double"}
    return {
        "mode": "scaled",
        "coefficients": blob.add_numbers(integration.coefficients),
        "shift": blob.add_numbers(integration.shift),
    }


def _requantizer(requantizer: Requantizer, blob: Blob) -> dict[str, Any]:
    if isinstance(requantizer, Float32Requantizer):
        mantissa, shift = float32_parts(requantizer.multiplier)
        return {
            "kind": "float32",
            "mantissa": blob.add_numbers(mantissa),
            "shift": blob.add_numbers(np.clip(shift, -8, 256)),
            "zero": int(requantizer.zero),
        }
    if isinstance(requantizer, FixedRequantizer):
        return {
            "kind": "fixed",
            "multiplier": blob.add_numbers(requantizer.multiplier),
            "offset": blob.add_numbers(requantizer.offset),
            "shift": blob.add_numbers(requantizer.shift),
        }
    if isinstance(requantizer, TableRequantizer):
        return {
            "kind": "table",
            "entries": blob.add_numbers(requantizer.entries),
            "tables": len(requantizer.entries),
            "first": int(requantizer.first),
        }
    assert isinstance(requantizer, AddRequantizer)
    return {
        "kind": "float32_add",
        "bases": [int(base) for base in requantizer.bases],
        "scales": [_bits(scale) for scale in requantizer.scales],
        "offset": _bits(requantizer.offset),
        "zero": int(requantizer.zero),
    }


def _bits(value: np.float32) -> int:
    """The bit pattern of a float32."""
    return int(np.asarray(value, np.float32).view(np.uint32))


def _projection(
    projection: Projection, stored_bits: int, numbers: Mapping[str, int], blob: Blob
) -> dict[str, Any]:
    connector = projection.connector
    index = None
    if isinstance(connector, OneToOneConnector) and connector.index is not None:
        index = blob.add_numbers(connector.index)
    return {
        "source": numbers[projection.source],
        "target": numbers[projection.target],
        "connector": connector_description(connector, index),
        "weight_bits": stored_bits,
    }


def _tiles(
    placement: Placement, stored_bits: Sequence[int], numbers: Mapping[str, int], blob: Blob
) -> list[dict[str, Any]]:
    projections = placement.network.projections
    incoming: dict[str, list[int]] = {}
    for number, projection in enumerate(projections):
        incoming.setdefault(projection.target, []).append(number)

    @cache
    def place_of(number: int, channels: Range) -> dict[str, int]:
        weights = block(projections[number].connector, channels)
        return blob.add_weights(weights, stored_bits[number])

    return [
        {
            "population": numbers[tile.population],
            "core": tile.core,
            "rows": list(tile.box.rows),
            "columns": list(tile.box.columns),
            "channels": list(tile.box.channels),
            "blocks": [
                place_of(number, tile.box.channels) for number in incoming.get(tile.population, ())
            ],
        }
        for tile in placement.tiles
    ]
