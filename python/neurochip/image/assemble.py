"""The stage itself: a placed network becomes an image, and the core checks every index of it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

from .. import _core
from ..graph import Graph
from ..inputs import Normalization, refuse_other_types
from ..options import CompileOptions
from ..placement import Placement
from .blob import Blob
from .contents import usage_for_host
from .describe import describe
from .image import Image


def assemble(
    placement: Placement,
    normalization: Normalization | None = None,
    graph: Graph | None = None,
) -> Image:
    """Packs a placed network into an image.

    Args:
        placement: A network on its chip.
        normalization: What the host does to samples before they are the model's input.
        graph: What the network was lowered from, if runs are to be compared with it and to do the
            host's float work; a file does not keep it.

    Raises:
        InputError: If the normalization does not fit the model's input.
    """
    network = placement.network
    work = network.host
    refuse_other_types(normalization)
    if normalization is not None:
        work.check_normalization(normalization)
    blob = Blob()
    host: dict[str, Any] = {
        "work": replace(work, normalization=normalization).to_json(),
        "usage": [usage_for_host(tile) for tile in placement.tiles],
        "options": _decided(placement, normalization).to_json(),
    }
    if placement.gain is not None:
        host["gain"] = asdict(placement.gain)
    description = describe(placement, blob, host)
    return Image(_core.Image(json.dumps(description), blob.to_bytes()), graph, network)


def _decided(placement: Placement, normalization: Normalization | None) -> CompileOptions:
    """What was decided in all stages: lowering knows neither what came after, nor another chip."""
    return replace(
        placement.network.options,
        chip=placement.chip,
        overrides=placement.chip.overrides or None,
        objective=placement.objective,
        effort=placement.effort,
        optimize=0 if placement.gain is None else placement.gain.level,
        normalization=normalization,
    )
