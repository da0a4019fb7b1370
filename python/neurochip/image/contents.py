"""Contents: what an image holds, read from its description.

What the silicon needs is in the description's own tables; `host` adds what only people ask for:
proofs, kinds of layers, how full memories are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np

from ..chip import Chip
from ..network import Code, Lowering, MaxPoolNeurons, Network, Population
from ..placement import Tile
from ..plain import MAX_COUNT, each, optional, real, table, text, whole
from ..requantize import Proof


@dataclass(frozen=True, slots=True)
class Layer:
    """One population of an image, and what is proven about it."""

    name: str
    shape: tuple[int, int, int]
    """Height, width, channels."""
    send_start: int
    """The first timestep in which it may spike."""
    model: str
    """The neuron model: `input`, `stem`, `max_pool`, `quartz`, `integrate_fire` or `constant`."""
    kind: str
    """The layer's kind in the graph, `Input`, `Relay`, `Readout` or `Rectifier`."""
    mode: str
    """`exact`, `double` or `scaled` integration, `ramp` or `rate`; `streaming` for max pooling."""
    code: Code | None = None
    """What it sends; None where the host reads membranes."""
    tensor: str | None = None
    """The graph's tensor it holds, channels last; None for neurons between tensors."""
    bias_mode: str = ""
    """`exact`, `scaled`, `calibrated` or `host`; empty for a population without a bias."""
    differing: int | None = None
    """Reachable accumulator values at which the chip's code differs from onnxruntime's."""
    reachable: int | None = None
    worst_levels: int | None = None
    s1: tuple[float, ...] = ()
    """Scale of a scaled membrane: one, or one a channel."""
    largest_seen: int | None = None
    """Largest magnitude of a membrane over the calibration samples."""
    largest_possible: int | None = None
    """Largest magnitude that the interval analysis allows."""
    membrane_bits: int | None = None
    headroom_bits: float | None = None
    """By how much the largest membrane seen, or else possible, stays below its register's end."""
    bias_bits: int | None = None
    """Of the narrowest register that holds every bias, where it is added."""
    note: str = ""

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        height, width, channels = self.shape
        return height * width * channels

    @property
    def proof(self) -> str:
        """What is proven, in words; empty where there is nothing to prove."""
        if self.differing is None:
            return ""
        counts = (self.differing, self.reachable, self.worst_levels)
        return str(Proof(*(np.array([count], np.int64) for count in counts)))


@dataclass(frozen=True, slots=True)
class Core:
    """What one core holds, and how full its memories are."""

    core: int
    """Those of a node count from its number times the cores of a node."""
    node: int
    """Of its router, `y * width + x`."""
    x: int
    y: int
    population: str
    rows: tuple[int, int]
    columns: tuple[int, int]
    channels: tuple[int, int]
    neurons: int
    dendrite_words: int
    dendrite_words_available: int
    dendrites: int
    axon_entries: int


def layer_for_host(network: Network, population: Population) -> dict[str, Any]:
    """What the description's own tables do not say of a population; nothing that is a default."""
    lowering = next((each for each in network.lowerings if each.layer == population.layer), None)
    if lowering is None:
        lowering = Lowering(population.layer, "exact", "", None)
    proof, headroom = lowering.proof, lowering.headroom_bits
    told = {
        "mode": "streaming" if isinstance(population.model, MaxPoolNeurons) else lowering.mode,
        "bias_mode": lowering.bias_mode,
        "differing": None if proof is None else int(proof.differing.sum()),
        "reachable": None if proof is None else int(proof.reachable.sum()),
        "worst_levels": None if proof is None else int(proof.worst_levels.max(initial=0)),
        "s1": tuple(_short(scale) for scale in lowering.s1),
        "largest_seen": lowering.largest_seen,
        "largest_possible": lowering.largest_possible,
        "membrane_bits": lowering.membrane_bits,
        "headroom_bits": None if headroom is None else round(headroom, 4),
        "bias_bits": lowering.bias_bits,
        "note": lowering.note,
    }
    defaults = {field.name: field.default for field in fields(Layer)}
    return {name: value for name, value in told.items() if value != defaults[name]}


def _short(number: float) -> float:
    """As many digits as float32 has: an image may hold one number a channel."""
    return float(f"{number:.8g}")


READERS: Mapping[str, Callable[[Any, str], Any]] = {
    "str": text,
    "str | None": optional(text),
    "int | None": optional(partial(whole, low=-MAX_COUNT)),
    "float | None": optional(real),
    "tuple[float, ...]": partial(each, read=real),
}
"""How a field of `Layer` is read that only the host knows, by its type."""


def layers_of(
    description: Mapping[str, Any], populations: Sequence[Population]
) -> tuple[Layer, ...]:
    """The populations of an image, and what is proven about them.

    Raises:
        ValueError: If the part for the host holds something else, or something else than the core's
            part; a `TypeError` or `KeyError` names a field that is unknown or missing.
    """
    told = each(_part(description, "layers"), "layers", table)
    models = [population["model"]["model"] for population in description["populations"]]
    return tuple(_layer(*parts) for parts in zip(populations, models, told, strict=True))


def _part(description: Mapping[str, Any], name: str) -> Any:
    return table(description["host"], "host")[name]


def _layer(population: Population, model: str, told: Mapping[str, Any]) -> Layer:
    types = {field.name: str(field.type) for field in fields(Layer)}
    known = {
        name: READERS[types[name]](value, name) if types.get(name) in READERS else value
        for name, value in told.items()
    }
    layer = Layer(
        name=population.name,
        shape=population.shape,
        send_start=population.send_start,
        model=model,
        kind=population.kind,
        code=population.code,
        tensor=population.tensor,
        **known,
    )
    proven = (layer.differing, layer.reachable, layer.worst_levels)
    if layer.differing is not None and None in proven:
        raise ValueError(f"of the proof of layer {layer.name!r} a number is missing")
    return layer


def usage_for_host(tile: Tile) -> list[int]:
    """How much of its core a tile takes, as `cores_of` reads it."""
    return [tile.usage.dendrite_words, tile.usage.dendrites, tile.usage.axon_entries]


def cores_of(description: Mapping[str, Any], chip: Chip) -> tuple[Core, ...]:
    """The cores of an image that hold neurons."""
    names = [population["name"] for population in description["populations"]]
    usage = each(_part(description, "usage"), "usage", partial(each, read=whole))
    pairs = zip(description["tiles"], usage, strict=True)
    return tuple(_core(tile, numbers, names, chip) for tile, numbers in pairs)


def _core(tile: Mapping[str, Any], usage: Sequence[int], names: list[str], chip: Chip) -> Core:
    rows, columns, channels = (
        (tile[axis][0], tile[axis][1]) for axis in ("rows", "columns", "channels")
    )
    x, y = chip.position_of(tile["core"])
    dendrite_words, dendrites, axon_entries = usage
    return Core(
        core=tile["core"],
        node=chip.node_of(tile["core"]),
        x=x,
        y=y,
        population=names[tile["population"]],
        rows=rows,
        columns=columns,
        channels=channels,
        neurons=(rows[1] - rows[0]) * (columns[1] - columns[0]) * (channels[1] - channels[0]),
        dendrite_words=dendrite_words,
        dendrite_words_available=chip.dendrite_words(tile["core"]),
        dendrites=dendrites,
        axon_entries=axon_entries,
    )
