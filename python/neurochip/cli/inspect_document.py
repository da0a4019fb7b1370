"""What `neurochip inspect` shows, as one JSON document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

from ..chip import Chip, unit
from ..formats import Tensor
from ..graph import Graph, Output
from ..image import Image
from ..network import Population
from ..placement.capacity import capacity
from ..report.words import notes
from .chip_tables import fields
from .refusals import Refused

SCHEMA_VERSION = 1

Thing: TypeAlias = Chip | Graph | Image


def document(things: Sequence[Thing | Refused]) -> str:
    """One document of all that was inspected, each under what it is."""
    told: dict[str, Any] = {"schema_version": SCHEMA_VERSION}
    for thing in things:
        if isinstance(thing, Chip):
            told["chip"] = thing.spec
            told["fields"] = [_field(thing, *each) for each in fields(thing.spec)]
        elif isinstance(thing, Refused):
            told["refused"] = asdict(thing)
        elif isinstance(thing, Graph):
            told["graph"] = _graph(thing)
        else:
            told["image"] = _image(thing)
    return json.dumps(told, indent=2)


def _field(chip: Chip, name: str, value: object) -> dict[str, Any]:
    """A number of a chip: what it is, and where it comes from."""
    stated = {"grade": None, "source": None, "why": None, "low": None, "high": None}
    return {"field": name, "value": value, "unit": unit(name), **stated, **chip.stated(name)}


def _graph(graph: Graph) -> dict[str, Any]:
    layers = [
        {"name": layer.name, "kind": type(layer).__name__, "output": _tensor(layer.output)}
        for layer in graph.layers
    ]
    return {
        "name": graph.name,
        "input": _tensor(graph.input),
        "layers": layers,
        "outputs": [_output(output) for output in graph.outputs],
        "notes": list(graph.notes),
    }


def _output(output: Output) -> dict[str, Any]:
    """A result of the model: the tensor that the host reads, and what it does with it."""
    host = [op.op_type for op in output.tail]
    return {"name": output.name, "tensor": output.tensor.name, "host": host}


def _tensor(tensor: Tensor) -> dict[str, Any]:
    number = tensor.format
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "bits": number.bits,
        "signed": number.signed,
        "scale": number.scale.tolist(),
        "zero_point": number.zero_point,
        "low": tensor.low,
        "high": tensor.high,
    }


def _population(population: Population) -> dict[str, Any]:
    return {
        "name": population.name,
        "shape": population.shape,
        "send_start": population.send_start,
        "model": population.model_name,
        "code": None if population.code is None else asdict(population.code),
        **asdict(population.facts),
    }


def _image(image: Image) -> dict[str, Any]:
    return {
        "name": image.name,
        "chip": image.chip.name,
        "code": image.code,
        "timesteps": image.timesteps,
        "normalization": None if image.normalization is None else asdict(image.normalization),
        "layers": [_population(each) for each in image.populations],
        "cores": [asdict(core) for core in image.cores],
        "fewest": _fewest(image),
        "notes": list(notes(image)),
    }


def _fewest(image: Image) -> dict[str, Any] | None:
    """The fewest cores and chips that hold its network, and what asks for them."""
    needed = capacity(image.network, image.chip)
    return None if needed is None else {"chips": needed.chips, **asdict(needed)}
