"""What is to be lowered and how, and the walk over its layers: the same for every spike code."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from .. import layers
from ..chip import Chip
from ..errors import SettingsError, UnsupportedOpError
from ..formats import Tensor
from ..graph import Graph
from ..layers import Layer
from ..network import Network
from ..options import OF_CODE, QUARTZ_MODES, ZEROS, CompileOptions
from ..settings import Settings
from .builder import Builder, Dialect, Impossible, Unsupported
from .calibration import Calibration
from .host import host_of, outputs_of
from .layout import concatenated


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """A graph for the neurons of a chip, and what is decided about them."""

    graph: Graph
    """The network in integers."""
    chip: Chip
    """Its registers bound what neurons compute."""
    calibration: NDArray[Any] | None
    """Codes of the graph's input, (samples, *shape)."""
    options: CompileOptions
    """As `decide` of this stage leaves them: nothing is left to the code or the chip."""

    @property
    def settings(self) -> Settings:
        """What is decided layer by layer."""
        assert isinstance(self.options.settings, Settings), "`decide` reads them"
        return self.options.settings

    @property
    def pipeline(self) -> bool:
        """Whether a sample may enter while others are in flight."""
        return self.options.pipeline

    @property
    def measure_sums(self) -> bool:
        """Whether sums of calibration samples are measured where nothing depends on them, too."""
        return self.options.measure_sums

    @property
    def buffers(self) -> int:
        """Buffers of a neuron: with two it sends one sample while it receives the next."""
        return int(self.chip.spec["core"]["buffers"])


def require(
    options: CompileOptions, code: str, known: Collection[str], most_timesteps: int = 0
) -> None:
    """Refuses options that a code does not have, and windows that it cannot have.

    Args:
        options: What is asked for.
        code: The code's name.
        known: The options about codes that it has.
        most_timesteps: Of its longest window, where `t_max` is one of them.

    Raises:
        SettingsError: Naming the option and what is possible.
    """
    for name in OF_CODE:
        if getattr(options, name) is not None and name not in known:
            raise SettingsError(
                f"the code {code!r} has no {name} to choose, {getattr(options, name)!r} is given",
                hint="leave it out, or choose another code (--code)",
            )
    if options.zeros is not None and options.zeros not in ZEROS:
        raise SettingsError(
            f"zeros are {' or '.join(ZEROS)}, not {options.zeros!r}", hint="choose one of the two"
        )
    if options.quartz_mode is not None and options.quartz_mode not in QUARTZ_MODES:
        raise SettingsError(
            f"the mode of quartz is one of {', '.join(QUARTZ_MODES)}, not {options.quartz_mode!r}",
            hint="choose one of the three (--quartz-mode)",
        )
    if options.percentile is not None and not 50 <= options.percentile <= 100:
        raise SettingsError(
            f"a percentile of {options.percentile:g}, expected 50 to 100",
            hint="choose one among these (--percentile)",
        )
    if options.t_max is not None and not 2 <= options.t_max <= most_timesteps:
        raise SettingsError(
            f"a window of {options.t_max:,} timesteps; windows of the code {code!r} have "
            f"2 to {most_timesteps:,}",
            hint="choose a length among these (--t-max)",
        )


def lower_with(dialect: Dialect, wanted: Wanted) -> Network:
    """Lowers every layer that the output needs.

    Raises:
        UnsupportedOpError: All layers that this chip cannot compute, with the reasons.
        SettingsError: All layers whose settings this chip cannot follow, with the reasons.
    """
    graph, chip, codes = wanted.graph, wanted.chip, wanted.calibration
    needed = needed_layers(graph)
    outputs = {output.tensor.name for output in graph.outputs}
    seen = None
    if codes is not None:
        seen = Calibration(graph.input, codes, needed, wanted.measure_sums)
    builder = Builder(graph, chip, seen, wanted.settings, dialect)
    refused: dict[str, list[tuple[str, str]]] = {}
    impossible: dict[str, list[str]] = {}
    for layer in needed:
        try:
            dialect.layers[type(layer)](builder, layer)
            if layer.output.name in outputs:
                _gather(builder, layer.output)
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
            cannot=f"that chip '{chip.name}' cannot compute with {dialect.neurons}",
            hint=_way_out(chip, dialect),
        )
    if impossible:
        raise SettingsError(
            f"the settings ask for what chip {chip.name!r} cannot do:\n"
            + "\n".join(f"  {', '.join(names)}: {reason}" for reason, names in impossible.items()),
            hint="leave `integration` and `bias` of these layers to `auto`",
        )
    return _network(builder)


def _way_out(chip: Chip, dialect: Dialect) -> str:
    """What computes more layers than this chip does with these neurons."""
    ways = []
    if dialect.name != "stem" and "stem" in (chip.spec["codes"] or ("stem",)):
        ways.append("another code (`--code stem`)")
    if chip.name != "ideal":
        ways.append("another chip, such as 'ideal'")
    remove = "remove these operators from the model"
    return f"choose {' or '.join(ways)}, or {remove}" if ways else remove


def needed_layers(graph: Graph) -> list[Layer]:
    """The layers that the outputs depend on, in order."""
    needed = {output.tensor.name for output in graph.outputs}
    kept: list[Layer] = []
    for layer in reversed(graph.layers):
        if layer.output.name in needed:
            needed.update(tensor.name for tensor in layer.inputs)
            kept.append(layer)
    return kept[::-1]


def _lower_rearrange(builder: Builder, layer: layers.Rearrange) -> None:
    view = builder.views[layer.inputs[0].name]
    builder.views[layer.output.name] = view.rearranged(layer.index)


def _lower_concat(builder: Builder, layer: layers.Concat) -> None:
    views = [builder.views[tensor.name] for tensor in layer.inputs]
    builder.views[layer.output.name] = concatenated(views, layer.index)


def _lower_multiply(builder: Builder, layer: layers.Multiply) -> None:
    raise Unsupported("a neuron adds weights; it cannot multiply one input by another")


INDEX_MAPS: Mapping[type[Any], Callable[[Builder, Any], None]] = {
    layers.Rearrange: _lower_rearrange,
    layers.Concat: _lower_concat,
    layers.Multiply: _lower_multiply,
}
"""Layers without neurons, whatever the code: views of other tensors, or a refusal."""


def _gather(builder: Builder, tensor: Tensor) -> None:
    """The host reads a tensor from one population."""
    builder.views[tensor.name] = builder.single(builder.views[tensor.name], tensor)


def _network(builder: Builder) -> Network:
    graph, dialect = builder.graph, builder.dialect
    pipeline = dialect.schedule(tuple(builder.populations.values()), builder.projections)
    by_name = {population.name: population for population in pipeline.populations}
    return Network(
        name=graph.name,
        code=dialect.name,
        populations=pipeline.populations,
        projections=pipeline.projections,
        outputs=outputs_of(graph, builder.views),
        host=host_of(graph, builder.views, by_name, builder.readouts),
        timesteps=pipeline.timesteps,
        period=pipeline.period,
        notes=(*graph.notes, *builder.notes, *pipeline.notes),
    )
