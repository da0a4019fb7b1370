"""The stage itself: a placed network becomes an image, and the core checks every index of it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from .. import _core
from ..graph import Output
from ..inputs import Normalization, refuse_other_types
from ..lower.layout import NOWHERE, to_neurons
from ..network import Network, Read
from ..options import CompileOptions
from ..placement import Placement
from .blob import Blob
from .contents import facts_for_host, usage_for_host
from .describe import describe
from .head import head_index, takes_codes
from .host import Host
from .image import Image
from .reading import Reading


def assemble(placement: Placement, normalization: Normalization | None = None) -> Image:
    """Packs a placed network into an image.

    Args:
        placement: A network on its chip.
        normalization: What the host does to samples before they are the model's input.

    Raises:
        InputError: If the normalization does not fit the model's input.
    """
    network = placement.network
    work = host_of(network)
    refuse_other_types(normalization)
    if normalization is not None:
        work.check_normalization(normalization)
    blob = Blob()
    host: dict[str, Any] = {
        "work": replace(work, normalization=normalization).to_json(),
        "layers": [facts_for_host(population) for population in network.populations],
        "usage": [usage_for_host(tile) for tile in placement.tiles],
        "notes": list(network.notes),
        "options": _decided(placement, normalization).to_json(),
    }
    if placement.gain is not None:
        host["gain"] = asdict(placement.gain)
    description = describe(placement, blob, host)
    return Image(_core.Image(json.dumps(description), blob.to_bytes()), network)


def _decided(placement: Placement, normalization: Normalization | None) -> CompileOptions:
    """What was decided in all stages: lowering knows neither what came after, nor another chip."""
    return replace(
        placement.network.options,
        chip=placement.chip,
        overrides=placement.chip.overrides or None,
        optimize=0 if placement.gain is None else placement.gain.level,
        normalization=normalization,
    )


def host_of(network: Network) -> Host:
    """The host's part of a network."""
    graph = network.graph
    input_code = network.populations[0].code
    assert input_code is not None, "the input sends what it is given"
    index, codes = head_index(graph), takes_codes(graph)
    known = np.full(graph.input.shape, NOWHERE) if index is None else index
    return Host(
        input_shape=graph.input_shape,
        input_format=graph.input.format,
        input_range=(graph.input.low, graph.input.high),
        input_code=input_code,
        input_index=to_neurons(known, graph.input.shape).astype(np.int32),
        takes_codes=codes,
        head=tuple(op.op_type for op in graph.head) if index is None else (),
        outputs=tuple(
            _reading(network, output, read)
            for output, read in zip(graph.outputs, network.reads, strict=True)
        ),
        input_integers=None if codes else graph.integers,
    )


def _reading(network: Network, output: Output, read: Read) -> Reading:
    return Reading(
        name=output.name,
        population=network.outputs.index(read.population),
        code=network.population(read.population).code,
        readout=read.readout,
        shape=output.tensor.shape,
        format=output.tensor.format,
        index=read.index.ravel(),
        tail=tuple(op.op_type for op in output.tail),
    )
