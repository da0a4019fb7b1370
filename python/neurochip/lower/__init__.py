"""Lower: a Graph becomes a Network of spiking populations. How a tensor becomes spikes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from ..chip import Chip
from ..errors import ModelError
from ..graph import Graph
from ..network import Network
from ..options import CompileOptions
from ..settings import LayerSettings, Settings
from .quartz import decide_quartz, lower_quartz
from .rate import decide_rate, lower_rate
from .stem import decide_stem, lower_stem
from .walk import Wanted

DECIDE: Mapping[str, Callable[[CompileOptions, Chip], CompileOptions]] = {
    "stem": decide_stem,
    "quartz": decide_quartz,
    "rate": decide_rate,
}
"""What chooses options that were left to the code and the chip, by spike code."""

CODES: Mapping[str, Callable[[Wanted], Network]] = {
    "stem": lower_stem,
    "quartz": lower_quartz,
    "rate": lower_rate,
}
"""What turns a graph into a network, by spike code."""

__all__ = ["CODES", "LayerSettings", "Network", "Settings", "decide", "lower"]


def decide(options: CompileOptions, chip: Chip) -> CompileOptions:
    """The same options with everything chosen that was left to the code, the chip or a file.

    Deciding twice changes nothing.

    Raises:
        ChipError: If the chip's neurons cannot compute the code.
        ModelError: If there is no such code.
        SettingsError: If a settings file cannot be read, or the code does not have an option.
    """
    code = chip.default_code if options.code is None else options.code
    if code not in CODES:
        raise ModelError(
            f"no spike code {code!r}", hint=f"the codes are {', '.join(sorted(CODES))}"
        )
    chip.require_code(code)
    settings = options.settings or Settings()
    if not isinstance(settings, Settings):
        settings = Settings.load(settings)
    decided = replace(
        options,
        chip=chip.source or chip.name,
        overrides=chip.overrides or None,
        code=code,
        settings=settings,
    )
    return DECIDE[code](decided, chip)


def lower(
    graph: Graph,
    chip: Chip,
    code: str | None = None,
    calibration: NDArray[Any] | None = None,
    settings: Settings | None = None,
    pipeline: bool = False,
    options: CompileOptions | None = None,
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
        options: All of these and more in one; arguments that are given win. What is not about
            lowering is only kept, in `Network.options`.
        measure_sums: Whether the sums of the calibration samples are also measured where nothing
            depends on them, to be reported.

    Raises:
        ChipError: If the chip's neurons cannot compute this code.
        ModelError: If there is no such code, or a layer that it cannot express on this chip.
        SettingsError: If settings name a layer that the graph does not have, or ask for what the
            chip or the code cannot do.
    """
    asked_for = CompileOptions() if options is None else options
    asked_for = replace(
        asked_for,
        code=asked_for.code if code is None else code,
        settings=asked_for.settings if settings is None else settings,
        pipeline=asked_for.pipeline or pipeline,
        measure_sums=asked_for.measure_sums or measure_sums,
    )
    wanted = Wanted(graph, chip, calibration, decide(asked_for, chip))
    wanted.settings.refuse_unknown(layer.name for layer in graph.layers)
    network = CODES[str(wanted.options.code)](wanted)
    return replace(network, options=CompileOptions.from_json(wanted.options.to_json()))
