"""The type Image: what it holds, and how it is saved and loaded.

What the silicon needs is in the description's own tables; `host` adds how full memories are,
which only people ask for.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..chip import Chip
from ..errors import ImageError, InputError, NeurochipError, SettingsError
from ..files import reason, refuse_lfs_pointer, written
from ..graph import Graph
from ..inputs import Normalization
from ..lower.layout import channels_last
from ..network import Host, Network, Population
from ..options import CompileOptions
from ..placement import Box, Gain, Tile
from ..plain import each, table, whole
from ..reprs import counted, named
from .blocks import populations_of, projections_of, unwired


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

    @property
    def box(self) -> Box:
        """Its neurons, of its population."""
        return Box(self.rows, self.columns, self.channels)


def _part(description: Mapping[str, Any], name: str) -> Any:
    return table(description["host"], "host")[name]


def usage_for_host(tile: Tile) -> list[int]:
    """How much of its core a tile takes, as `cores_of` reads it."""
    return [tile.usage.dendrite_words, tile.usage.dendrites, tile.usage.axon_entries]


def cores_of(description: Mapping[str, Any], chip: Chip) -> tuple[Core, ...]:
    """The cores of an image that hold neurons."""
    names = [population["name"] for population in description["populations"]]
    usage = each(_part(description, "usage"), "usage", partial(each, read=whole))
    pairs = zip(description["tiles"], usage, strict=True)
    return tuple(_core_of(tile, numbers, names, chip) for tile, numbers in pairs)


def _core_of(tile: Mapping[str, Any], usage: Sequence[int], names: list[str], chip: Chip) -> Core:
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


@dataclass(frozen=True)
class Image:
    """A network loaded for a chip. Valid by construction: the core has checked every index."""

    core: _core.Image
    graph: Graph | None = field(default=None, repr=False)
    """What it was compiled from; None if it was read from a file, which holds none."""
    placed: Network | None = field(default=None, repr=False)
    """The network that it was made of, where it was made here: it need not be read back."""

    @cached_property
    def network(self) -> Network:
        """What it was made of; what was read from a file has the network read back from there."""
        if self.placed is not None:
            return self.placed
        wired = projections_of(self.description, self.populations, self.core.blob())
        return replace(self._unwired, projections=wired)

    @cached_property
    def _unwired(self) -> Network:
        """Its network without projections: of a file, all that the core does not check."""
        if self.placed is not None:
            return self.placed
        host = replace(self.host, normalization=None)
        return unwired(self.description, self.populations, host)

    @cached_property
    def populations(self) -> tuple[Population, ...]:
        """Its populations, sources before targets, with what is known of them."""
        if self.placed is not None:
            return self.placed.populations
        return populations_of(self.description, self.core.blob())

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
        input_code = self.populations[0].code
        read_codes = [self.populations[number].code for number in self.description["outputs"]]
        assert input_code is not None, "the core checks that the input sends"
        return Host.from_json(self.description["host"]["work"], input_code, read_codes)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of a sample, without the sample axis."""
        return self.host.input_shape

    @property
    def normalization(self) -> Normalization | None:
        """What is done to samples before they are the model's input; None for nothing."""
        return self.host.normalization

    @property
    def timesteps(self) -> int:
        """Timesteps from the first input spike of a sample to its last output spike."""
        return int(self.description["timesteps"])

    @property
    def period(self) -> int:
        """Timesteps between the entries of two samples."""
        return int(self.description["period"])

    @property
    def samples_in_flight(self) -> int:
        """Most samples that are on the chip at once."""
        return -(-self.timesteps // self.period)

    @property
    def layers(self) -> tuple[Population, ...]:
        """The earlier name of `populations`."""
        warnings.warn(
            "`layers` is called `populations` now; the old name will go",
            DeprecationWarning,
            stacklevel=2,
        )
        return self.populations

    @property
    def populations_read(self) -> tuple[Population, ...]:
        """Those that the host reads, in the order in which a run hands them over."""
        return tuple(self.populations[number] for number in self.description["outputs"])

    @cached_property
    def cores(self) -> tuple[Core, ...]:
        """The cores in use."""
        return cores_of(self.description, self.chip)

    @property
    def chips_used(self) -> int:
        """Chips of the board that hold neurons."""
        return len({self.chip.chip_at((core.x, core.y)) for core in self.cores})

    @property
    def nodes_used(self) -> int:
        """Nodes of the board that hold neurons."""
        return len({(core.x, core.y) for core in self.cores})

    @property
    def fullest_core(self) -> Core | None:
        """The core whose dendrite memory is filled most; None where no core is in use."""
        return max(
            self.cores,
            key=lambda core: core.dendrite_words / core.dendrite_words_available,
            default=None,
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know about how the network was compiled."""
        return self._unwired.notes

    @property
    def gain(self) -> Gain | None:
        """What moving tiles about was worth; None where they lie along the curve."""
        told = self.description["host"].get("gain")
        return None if told is None else Gain.from_json(told)

    @cached_property
    def options(self) -> CompileOptions:
        """What was decided as it was compiled, in all stages."""
        return CompileOptions.from_json(self.description["host"]["options"])

    def codes(self, samples: NDArray[Any]) -> NDArray[np.uint8]:
        """The model's input (count, *input_shape), normalized, as what the input's neurons send.

        Raises:
            ImageError: If the host computes with samples first, and the image is from a file.
        """
        real, host = self.real(samples), self.host
        return host.sent(real if host.takes_codes else host.input_format.quantize(real))

    def real(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Samples (count, *input_shape) as what is quantized: (count, neurons of the input).

        Raises:
            ImageError: If the host computes with samples first, and the image is from a file.
        """
        if self.graph is None or not self.host.head:
            return self.host.real(samples)
        return channels_last(self.graph.real(samples))

    def agreed_normalization(self, asked_for: Normalization | None) -> Normalization | None:
        """What is done to samples: what the image says, or what is asked for where it says nothing.

        Raises:
            InputError: If both say something else, or it does not fit the model's input.
        """
        stored = self.normalization
        if asked_for is None or stored is None:
            if asked_for is not None:
                self.host.check_normalization(asked_for)
            return asked_for or stored
        if not stored.is_same_as(asked_for):
            raise InputError(
                f"{self.name!r} was compiled to normalize samples by {stored}; asked for is "
                f"{asked_for}",
                hint="leave `mean` and `std` out, or compile the network again with others",
            )
        return stored

    def by_population(
        self, record: NDArray[np.uint8]
    ) -> Iterator[tuple[Population, NDArray[np.uint8]]]:
        """The parts of a run's record (samples, bytes): what each population sent."""
        start = 0
        for population in self.populations:
            sent = population.code.record_bytes * population.num_neurons if population.code else 0
            stop = start + sent
            yield population, record[:, start:stop]
            start = stop

    def values_read(self, handed_over: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """What a run hands over (samples, neurons read), by population: values or membranes."""
        names = [each.name for each in self.populations_read]
        return dict(zip(names, self._parts_read(handed_over), strict=True))

    def read(self, handed_over: NDArray[Any]) -> tuple[NDArray[np.int64], ...]:
        """What a run hands over (samples, neurons read), as codes of each population read."""
        by_population = {output.population: output for output in self.host.outputs}
        parts = self._parts_read(handed_over)
        return tuple(by_population[place].read(part) for place, part in enumerate(parts))

    def _parts_read(self, handed_over: NDArray[Any]) -> list[NDArray[Any]]:
        stops = np.cumsum([each.num_neurons for each in self.populations_read])[:-1]
        return np.split(handed_over, stops, axis=1)

    def to_bytes(self) -> bytes:
        """The bytes of its file."""
        return self.core.to_bytes()

    def save(self, path: str | Path) -> None:
        """Writes the image file; an interrupted or failed write leaves what was there before.

        Raises:
            ImageError: If the file cannot be written.
        """
        with written(path, ImageError, "image ") as file:
            file.write(self.to_bytes())

    @staticmethod
    def load(path: str | Path) -> Image:
        """Reads an image file and checks all of it.

        Raises:
            ImageError: If it is no image, or truncated, altered, or of another version.
        """
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise ImageError(f"cannot read image {str(path)!r}: {reason(error)}") from error
        refuse_lfs_pointer(data, f"image {str(path)!r}", ImageError)
        try:
            return Image.from_bytes(data)
        except ImageError as error:
            raise ImageError(f"{str(path)!r}: {error}", hint=error.hint) from error

    @staticmethod
    def from_bytes(data: bytes) -> Image:
        """Reads the bytes of an image file and checks all of them.

        Raises:
            ImageError: If they are no image, or truncated, altered, or of another version.
        """
        try:
            image = Image(_core.Image.from_bytes(data))
            image._read_host_part()
        except NeurochipError as error:
            hint = "compile the network again with `neurochip compile`"
            raise ImageError(str(error), hint=hint) from error
        return image

    def __reduce__(self) -> tuple[Callable[..., Image], tuple[Any, ...]]:
        """Pickles and copies as its bytes, and the graph and network that it came from."""
        return _remade, (self.to_bytes(), self.graph, self.placed)

    def __repr__(self) -> str:
        return (
            f"Image({named(self.name)} for {named(self.chip.name)}, code {self.code}, "
            f"{counted(len(self.cores), 'core')})"
        )

    def _read_host_part(self) -> None:
        """Reads all that the core keeps without looking at it."""
        try:
            _ = self.cores, self.gain, self.options, self._unwired
            neurons_read = [each.num_neurons for each in self.populations_read]
            self.host.check(self.populations[0].num_neurons, neurons_read)
        except (InputError, SettingsError, KeyError, TypeError, ValueError, IndexError) as error:
            raise ImageError(f"the image's part for the host is damaged: {error!r}") from error


def _remade(data: bytes, graph: Graph | None, placed: Network | None) -> Image:
    return Image(_core.Image.from_bytes(data), graph, placed)
