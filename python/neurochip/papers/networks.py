"""Networks: those with trained weights that can be found, and architectures with synthetic ones."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import NeurochipError
from ..graph import Graph, load
from ..graph.file import read_model
from ..inputs import Inputs, read_inputs
from ..quantize import input_shape, quantize
from .architectures import ARCHITECTURES
from .suite import SuiteOptions
from .synthetic import LABEL, pictures

TRAINED = "trained"
VARIANT = "uint8_qdq.onnx"
"""Unsigned activations, a scale per tensor: what the papers quantize to."""
DATA = "NEUROCHIP_DATA"
CALIBRATION_SAMPLES = 256
REPOSITORY = Path(__file__).parents[3]
"""Where there is a checkout, it has networks and digits; an installed package has none."""


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A network to measure, and samples."""

    name: str
    weights: str
    """`TRAINED`, or that they are synthetic: then no accuracy is reported."""
    graph: Graph
    x: NDArray[np.float32]
    labels: NDArray[np.int64] | None
    calibration: NDArray[np.float32]

    @property
    def trained(self) -> bool:
        """Whether its accuracy means anything."""
        return self.weights == TRAINED

    def first(self, count: int) -> Subject:
        """With the first so many samples, or all there are."""
        labels = None if self.labels is None else self.labels[:count]
        return replace(self, x=self.x[:count], labels=labels)


@dataclass(frozen=True, slots=True)
class Missing:
    """A network that cannot be measured here."""

    name: str
    why: str

    def __str__(self) -> str:
        return f"{self.name}: {self.why}"


@dataclass(frozen=True, slots=True)
class Places:
    """Folders in which networks and data sets are looked for, the first one first."""

    zoos: tuple[Path, ...]
    data: tuple[Path, ...]
    silicon: tuple[Path, ...] = ()
    """Of networks that chips were measured on; the repository has none."""

    @staticmethod
    def of(options: SuiteOptions) -> Places:
        """Those asked for; else beside and in `NEUROCHIP_DATA`; else those of the repository.

        Raises:
            NeurochipError: If a folder asked for does not exist.
        """
        given = os.environ.get(DATA)
        around = (Path(given).parent,) if given else ()
        zoos = _asked_for(options.zoo, "--zoo") or tuple(each / "zoo" for each in around)
        data = _asked_for(options.data, "--data") or ((Path(given),) if given else ())
        silicon = _asked_for(options.silicon, "--silicon") or tuple(
            each / "silicon" for each in around
        )
        return Places(
            (*zoos, REPOSITORY / "tests" / "data" / "zoo"),
            (*data, REPOSITORY / "examples"),
            silicon,
        )


def all_trained(
    options: SuiteOptions, wanted: Iterable[tuple[str, str, int]]
) -> tuple[tuple[Subject, ...], tuple[Missing, ...]]:
    """Networks by name, data set and number of samples; and those that are not there."""
    places = Places.of(options)
    found = [(trained(name, data, places), count) for name, data, count in wanted]
    subjects = tuple(each.first(count) for each, count in found if isinstance(each, Subject))
    return subjects, tuple(each for each, _ in found if isinstance(each, Missing))


def require_any(found: Sequence[object], missing: Sequence[Missing]) -> None:
    """Refuses to measure nothing.

    Raises:
        NeurochipError: If nothing was found: what is missing, and what to give.
    """
    if found:
        return
    reasons = "".join(f"\n  {each}" for each in missing)
    raise NeurochipError(
        f"there is no trained network to measure:{reasons}",
        hint="give `--zoo DIR`, which has NETWORK/uint8_qdq.onnx, and `--data DIR`, which has data "
        f"sets such as mnist.npz; or set {DATA} to the folder of data sets, with `zoo` beside it",
    )


def trained(name: str, data_set: str, places: Places) -> Subject | Missing:
    """A trained network with its test set, or what is missing of them."""
    model = _first(folder / name / VARIANT for folder in places.zoos)
    if model is None:
        return Missing(name, f"no {name}/{VARIANT} in {_told(places.zoos)}; `--zoo DIR` says where")
    samples = data_of(data_set, name, places)
    if isinstance(samples, Missing):
        return samples
    graph = load(model)
    return _subject(name, graph, read_inputs(samples).fit_to(graph.input_shape), samples)


def trained_in_float(name: str, model: Path, samples: Path) -> Subject | Missing:
    """A float network with its test set; quantized here to uint8, a scale per tensor.

    Raises:
        NeurochipError: If onnxruntime, which quantizes it, is not installed.
    """
    proto, called = read_model(model)
    shape = [size or 1 for size in input_shape(proto, called)]
    inputs = read_inputs(samples).fit_to(shape)
    if inputs.calibration is None:
        return _unlabelled(name, samples)
    graph = quantize(model, inputs.calibration[:CALIBRATION_SAMPLES]).graph()
    return _subject(name, graph, inputs, samples)


def data_of(data_set: str, name: str, places: Places) -> Path | Missing:
    """The file of a data set, or that a network has none."""
    samples = _first(folder / f"{data_set}.npz" for folder in places.data)
    where = f"set {DATA} or give `--data DIR`"
    return samples or Missing(name, f"no {data_set}.npz in {_told(places.data)}; {where}")


def silicon_network(file: str, name: str, places: Places) -> Path | Missing:
    """The file of a network that a chip was measured on, or that it is not there."""
    model = _first(folder / file for folder in places.silicon)
    where = _told(places.silicon)
    return model or Missing(name, f"no {file} in {where}; `--silicon DIR` says where")


def _subject(name: str, graph: Graph, inputs: Inputs, samples: Path) -> Subject | Missing:
    if inputs.labels is None or inputs.calibration is None:
        return _unlabelled(name, samples)
    calibration = inputs.calibration[:CALIBRATION_SAMPLES]
    return Subject(name, TRAINED, graph, inputs.x, inputs.labels, calibration)


def _unlabelled(name: str, samples: Path) -> Missing:
    return Missing(name, f"{str(samples)!r} lacks labels or `x_calibration`")


def synthetic(name: str, count: int, seed: int) -> Subject:
    """A paper's architecture with seeded weights, and `count` images that did not calibrate it.

    Raises:
        NeurochipError: If onnxruntime, which quantizes it, is not installed.
    """
    built = ARCHITECTURES[name](seed)
    shape = built.samples.shape[1:]
    graph = built.quantized().graph()
    return Subject(name, LABEL, graph, pictures(count, shape, seed + 1), None, built.samples)


def _asked_for(folder: Path | None, option: str) -> tuple[Path, ...]:
    if folder is None:
        return ()
    if not folder.is_dir():
        raise NeurochipError(
            f"there is no folder {str(folder)!r}", hint=f"give `{option}` one that exists"
        )
    return (folder,)


def _first(paths: Iterable[Path]) -> Path | None:
    return next((path for path in paths if path.is_file()), None)


def _told(folders: Sequence[Path]) -> str:
    there = [str(folder) for folder in folders if folder.is_dir()]
    return " or ".join(there) or "any folder"
