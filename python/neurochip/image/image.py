"""The type Image, and how it is assembled, saved and loaded."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from .. import _core
from ..chip import Chip
from ..errors import ImageError, NeurochipError
from ..lower.network import Input, Lowering, MaxPool, Network, Population
from ..placement import Placement
from .blob import Blob
from .describe import describe
from .host import Host, host_of


@dataclass(frozen=True, slots=True)
class Layer:
    """One population of an image, and what is proven about it."""

    name: str
    kind: str
    """The layer's kind in the graph, `Input` or `Relay`."""
    model: str
    """The neuron model: `input`, `stem` or `max_pool`."""
    neurons: int
    shape: tuple[int, int, int]
    """Height, width, channels."""
    bits: int
    """Of its spike code; 0 where the host reads membranes."""
    signed: bool
    send_start: int
    """Timestep of its first spike."""
    tensor: str | None
    """The graph's tensor it holds, channels last; None for neurons between tensors."""
    base: int
    """What is added to a value sent to give the tensor's code."""
    mode: str
    """`exact` or `scaled` integration; `streaming` for max pooling."""
    bias_mode: str
    differing: int | None
    """Reachable accumulator values at which the chip's code differs from onnxruntime's."""
    reachable: int | None
    worst_levels: int | None
    proof: str
    s1: float | None
    largest_seen: int | None
    largest_possible: int | None
    note: str


@dataclass(frozen=True, slots=True)
class Core:
    """What one core holds, and how full its memories are."""

    node: int
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


@dataclass(frozen=True)
class Image:
    """A network loaded for a chip. Valid by construction: the core has checked every index."""

    core: _core.Image
    network: Network | None = field(default=None, repr=False)
    """Where it came from; None if it was read from a file."""

    @cached_property
    def description(self) -> Mapping[str, Any]:
        """What the image says, as nested tables."""
        description: Mapping[str, Any] = json.loads(self.core.description())
        return description

    @property
    def name(self) -> str:
        """The network's name."""
        return str(self.description["name"])

    @property
    def code(self) -> str:
        """The spike code."""
        return str(self.description["code"])

    @cached_property
    def chip(self) -> Chip:
        """The chip it was compiled for."""
        return Chip(_core.Chip.from_json(json.dumps(self.description["chip"])))

    @cached_property
    def host(self) -> Host:
        """What the host does before and after."""
        return Host.from_json(self.description["host"]["work"])

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of a sample, without the sample axis."""
        return self.host.input_shape

    @property
    def timesteps(self) -> int:
        """Timesteps from the first input spike of a sample to its last output spike."""
        return int(self.description["timesteps"])

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """Its populations, sources before targets."""
        rows = self.description["host"]["layers"]
        return tuple(Layer(**{**row, "shape": tuple(row["shape"])}) for row in rows)

    @cached_property
    def cores(self) -> tuple[Core, ...]:
        """The cores in use."""
        pairs = ("rows", "columns", "channels")
        rows = self.description["host"]["cores"]
        return tuple(Core(**{**row, **{name: tuple(row[name]) for name in pairs}}) for row in rows)

    @property
    def fullest_core(self) -> Core:
        """The core whose dendrite memory is filled most."""
        return max(self.cores, key=lambda core: core.dendrite_words / core.dendrite_words_available)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know about how the network was compiled."""
        return tuple(self.description["host"]["notes"])

    def to_bytes(self) -> bytes:
        """The bytes of its file."""
        return self.core.to_bytes()

    def save(self, path: str | Path) -> None:
        """Writes the image file; an interrupted or failed write leaves what was there before.

        Raises:
            ImageError: If the file cannot be written.
        """
        target = Path(path)
        temporary = None
        try:
            with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
                temporary = Path(file.name)
                file.write(self.to_bytes())
            os.replace(temporary, target)
        except OSError as error:
            raise ImageError(f"cannot write image {str(target)!r}: {error.strerror}") from error
        finally:
            if temporary is not None:
                temporary.unlink(missing_ok=True)

    @staticmethod
    def load(path: str | Path) -> Image:
        """Reads an image file and checks all of it.

        Raises:
            ImageError: If it is no image, or truncated, altered, or of another version.
        """
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise ImageError(f"cannot read image {str(path)!r}: {error.strerror}") from error
        try:
            return Image(_core.Image.from_bytes(data))
        except NeurochipError as error:
            hint = "compile the network again with `neurochip compile`"
            raise ImageError(f"{str(path)!r}: {error}", hint=hint) from error


def assemble(placement: Placement) -> Image:
    """Packs a placed network into an image; the core checks every index of it."""
    network = placement.network
    blob = Blob()
    host = {
        "work": host_of(network).to_json(),
        "layers": [_layer(network, population) for population in network.populations],
        "cores": _cores(placement),
        "notes": list(network.notes),
    }
    description = describe(placement, blob, host)
    return Image(_core.Image(json.dumps(description), blob.to_bytes()), network)


def _layer(network: Network, population: Population) -> dict[str, Any]:
    last = {p.layer: p.name for p in network.populations}
    lowering = next((each for each in network.lowerings if each.layer == population.layer), None)
    if lowering is None:
        lowering = Lowering(population.layer, "exact", "", None)
    if isinstance(population.model, MaxPool):
        lowering = replace(lowering, mode="streaming")
    proof = lowering.proof
    model = "stem"
    if isinstance(population.model, (Input, MaxPool)):
        model = "input" if isinstance(population.model, Input) else "max_pool"
    code = population.code
    holds = last[population.layer] == population.name
    return asdict(
        Layer(
            name=population.name,
            kind=population.kind,
            model=model,
            neurons=population.num_neurons,
            shape=population.shape,
            bits=code.bits if code else 0,
            signed=bool(code and code.signed),
            send_start=population.send_start,
            tensor=_tensor(network, population) if holds else None,
            base=code.base if code else 0,
            mode=lowering.mode,
            bias_mode=lowering.bias_mode,
            differing=None if proof is None else int(proof.differing.sum()),
            reachable=None if proof is None else int(proof.reachable.sum()),
            worst_levels=None if proof is None else int(proof.worst_levels.max(initial=0)),
            proof="" if proof is None else str(proof),
            s1=lowering.s1,
            largest_seen=lowering.largest_seen,
            largest_possible=lowering.largest_possible,
            note=lowering.note,
        )
    )


def _tensor(network: Network, population: Population) -> str | None:
    graph = network.graph
    if isinstance(population.model, Input):
        return graph.input.name
    outputs = {layer.name: layer.output.name for layer in graph.layers}
    return outputs.get(population.layer)


def _cores(placement: Placement) -> list[dict[str, Any]]:
    cores = []
    for tile in placement.tiles:
        x, y = placement.chip.position(tile.node)
        core = Core(
            node=tile.node,
            x=x,
            y=y,
            population=tile.population,
            rows=tile.box.rows,
            columns=tile.box.columns,
            channels=tile.box.channels,
            neurons=tile.usage.neurons,
            dendrite_words=tile.usage.dendrite_words,
            dendrite_words_available=placement.chip.dendrite_words(tile.node),
            dendrites=tile.usage.dendrites,
            axon_entries=tile.usage.axon_entries,
        )
        cores.append(asdict(core))
    return cores
