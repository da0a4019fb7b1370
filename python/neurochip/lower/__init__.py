"""Lower: a Graph becomes a Network of spiking populations. How a tensor becomes spikes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from ..chip import Chip
from ..errors import ModelError
from ..graph import Graph
from .code_options import CodeOptions
from .network import Network
from .quartz import lower_quartz
from .rate import lower_rate
from .settings import LayerSettings, Settings
from .stem import lower_stem
from .wanted import Wanted

CODES: Mapping[str, Callable[[Wanted], Network]] = {
    "stem": lower_stem,
    "quartz": lower_quartz,
    "rate": lower_rate,
}
"""What turns a graph into a network, by spike code."""

__all__ = ["CODES", "CodeOptions", "LayerSettings", "Network", "Settings", "lower"]


def lower(
    graph: Graph,
    chip: Chip,
    code: str | None = None,
    calibration: NDArray[Any] | None = None,
    settings: Settings | None = None,
    pipeline: bool = False,
    options: CodeOptions | None = None,
    measure_sums: bool = False,
) -> Network:
    """Turns a graph into populations and projections, with what is proven about them.

    Args:
        graph: The network in integers.
        chip: Its registers decide how each layer is integrated and requantized.
        code: The spike code; None is the chip's first.
        calibration: Codes of the graph's input, (samples, *shape), from which scaled integration
            takes its range; without them it takes the proven interval.
        settings: What is decided layer by layer.
        pipeline: Lets a sample enter while others are in flight, as soon as the chip's buffers
            allow; skips are then carried by relays.
        options: What is decided about the code as a whole.
        measure_sums: Whether the sums of the calibration samples are also measured where nothing
            depends on them, to be told.

    Raises:
        ChipError: If the chip's neurons cannot compute this code.
        ModelError: If there is no such code, or a layer that it cannot express on this chip.
        SettingsError: If settings name a layer that the graph does not have, or ask for what the
            chip or the code cannot do.
    """
    code = chip.default_code if code is None else code
    if code not in CODES:
        raise ModelError(
            f"no spike code {code!r}", hint=f"the codes are {', '.join(sorted(CODES))}"
        )
    chip.require_code(code)
    decided = settings or Settings()
    decided.refuse_unknown(layer.name for layer in graph.layers)
    of_code = options or CodeOptions()
    wanted = Wanted(graph, chip, calibration, decided, pipeline, of_code, measure_sums)
    return CODES[code](wanted)
