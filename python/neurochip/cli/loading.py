"""From a path on the command line to an image: compiled from a graph, or read from its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compile import compile_graph
from ..errors import ChipError, InputError
from ..graph import Graph
from ..graph import load as load_graph
from ..image import Image
from ..inputs import Inputs, Normalization, fit, read_inputs
from ..lower.host import integers_taken
from ..options import CompileOptions
from ..settings import LayerSettings, Settings
from .console import Task
from .options import flag, normalization_of

IMAGE_MAGIC = b"NEUROIMG"
# More would take longer and find hardly larger sums: the headroom covers what these do not show.
CALIBRATION_SAMPLES = 256
OF_THE_GRAPH, OF_THE_CHIP = {"`--shape`", "`--output-tensor`"}, "`--set`"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a command line says about how a graph becomes an image."""

    options: Mapping[str, Any]
    """Fields of `CompileOptions`, of the options that were given."""
    decided: Mapping[str, str]
    """Settings given on the command line: they win over the default of the file."""
    calibration: Path | None
    scale: float | None
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None

    def with_options(self, **others: object) -> Chosen:
        """The same, with other fields of `CompileOptions`."""
        return replace(self, options={**self.options, **others})

    @property
    def asked_for(self) -> tuple[str, ...]:
        """The options that were given, but for those about samples of any kind."""
        given = [f"{flag(name)}{' or --levels' * (name == 't_max')}" for name in self.options]
        given += ["--calibration"] if self.calibration is not None else []
        given += [f"--{name}" for name in self.decided]
        return tuple(f"`{each}`" for each in given)

    @property
    def compile_options(self) -> CompileOptions:
        """All options; those that were not given have their defaults.

        Raises:
            InputError: If a number of the normalization is impossible.
            SettingsError: If a settings file is read for what the command line decides, and cannot.
        """
        settings = settings_of(self.options.get("settings"), self.decided)
        given = {**self.options, "settings": settings, "normalization": self.normalization}
        return CompileOptions(**given)

    @property
    def shape(self) -> Mapping[str, Sequence[int]] | None:
        """The shapes of inputs that the model leaves open."""
        return self.options.get("shape")

    @property
    def output_tensor(self) -> str | None:
        """The output to compute."""
        return self.options.get("output_tensor")

    @property
    def normalization(self) -> Normalization | None:
        """What is done to samples, of calibration and others.

        Raises:
            InputError: If a number is impossible, or there are not as many of both.
        """
        return normalization_of(self.mean, self.std)

    @property
    def files(self) -> dict[str, Path | None]:
        """The files that are read for them, by option."""
        settings = self.options.get("settings")
        return {
            "`--calibration`": self.calibration,
            "`--settings`": settings if isinstance(settings, Path) else None,
            "`--placement`": self.options.get("placement"),
            "`--chip`": chip_file(self.options.get("chip")),
        }

    @property
    def asks_for_an_image(self) -> bool:
        """Whether anything was given that the graph alone does not need."""
        return bool(set(self.asked_for) - OF_THE_GRAPH) or self.normalization is not None

    def refuse_for_an_image(self, path: Path) -> None:
        """An image is compiled already: whatever asks for another one is a mistake."""
        if self.asked_for:
            raise ChipError(
                f"{str(path)!r} is an image, which was compiled for its chip already: "
                f"{', '.join(self.asked_for)} cannot change it",
                hint="give the graph instead, or leave these options out",
            )

    def refuse_for_a_chip(self, name: str) -> None:
        """A chip has numbers of its own: nothing else decides about them."""
        normalizing = {"`--mean`": self.mean, "`--std`": self.std}
        others = [option for option in self.asked_for if option != OF_THE_CHIP]
        others += [option for option, given in normalizing.items() if given is not None]
        if others:
            raise ChipError(
                f"{name!r} is a chip, and {', '.join(others)} cannot change it",
                hint=f"give a graph, and the chip with `--chip {name}`, or leave these options out",
            )

    def refuse_scale_without_samples(self) -> None:
        """For commands whose only samples are those of calibration."""
        if self.scale is not None and self.calibration is None:
            raise InputError(
                "`--scale` divides stored samples, and there are none",
                hint="give some with `--calibration`, or leave `--scale` out",
            )


def chip_file(chip: str | None) -> Path | None:
    """The file that holds a chip, or a chip of several profiles; None for one that is built in."""
    named = (chip or "", (chip or "").rpartition(":")[0])
    return next((Path(name) for name in named if name and Path(name).is_file()), None)


def is_image(path: Path) -> bool:
    """Whether a file starts as an image does."""
    try:
        with path.open("rb") as file:
            return file.read(len(IMAGE_MAGIC)) == IMAGE_MAGIC
    except OSError:
        return False  # whoever reads the whole file says what is wrong with it


def load_model(path: Path, chosen: Chosen, current: Task) -> Graph | Image:
    """Reads an image, or a graph to be compiled."""
    if is_image(path):
        chosen.refuse_for_an_image(path)
        current.begin(f"reading image {str(path)!r}")
        image = Image.load(path)
        image.agreed_normalization(chosen.normalization)  # refused before samples are read
        return image
    current.begin(f"importing {str(path)!r}")
    return load_graph(path, chosen.shape, chosen.output_tensor)


def codes_taken(model: Graph | Image) -> tuple[int, int] | None:
    """The smallest and the largest integer of a model that takes integers; None of others."""
    return model.host.integers if isinstance(model, Image) else integers_taken(model)


def image_of(model: Graph | Image, chosen: Chosen, given: Inputs | None, current: Task) -> Image:
    """The image itself, or that of a graph, compiled with the samples that were given."""
    return model if isinstance(model, Image) else compiled(model, chosen, given, current)


def compiled(graph: Graph, chosen: Chosen, given: Inputs | None, current: Task) -> Image:
    """Compiles a graph with the calibration samples that were given."""
    calibration = _calibration(graph, chosen, given)
    asked_for = chosen.compile_options
    current.begin(f"compiling {graph.name!r} for {str(asked_for.chip)!r}")
    return compile_graph(graph, asked_for, calibration)


def settings_of(given: Path | Settings | None, decided: Mapping[str, str]) -> Settings:
    """The settings of a file, with those of the command line; what is no file is complete."""
    if isinstance(given, Settings):
        return given
    if given is None:
        return Settings(LayerSettings(**decided))  # type: ignore[arg-type]
    return Settings.load(given, **decided)


def _calibration(graph: Graph, chosen: Chosen, given: Inputs | None) -> NDArray[np.float32] | None:
    """The samples to calibrate with: those asked for, else those that came with the input."""
    if chosen.calibration is not None:
        codes = integers_taken(graph) is not None
        asked_for = read_inputs(chosen.calibration, scale=chosen.scale, codes=codes)
        if asked_for.calibration is None:
            first = asked_for.x[:CALIBRATION_SAMPLES]
            return fit(first, graph.input_shape, asked_for.source, asked_for.image_file)
        given = asked_for
    if given is None or given.calibration is None:
        return None
    return fit(given.calibration[:CALIBRATION_SAMPLES], graph.input_shape, given.source)
