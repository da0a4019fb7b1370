"""Bench: the networks of the suite, and what its figures share, measured once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import NeurochipError
from ...image import Image, assemble
from ...options import CompileOptions
from ...quantize.runtime import onnxruntime
from ...simulate import Run, simulate
from ..boards import network_of, placed
from ..networks import (
    Missing,
    Places,
    Subject,
    all_trained,
    data_of,
    require_any,
    silicon_network,
)
from ..spikes import macs_by_layer
from ..suite import SuiteOptions
from .operations import operations
from .published import PublishedWork, published

IDEAL, DARWIN3 = "ideal", "darwin3"

COUNTERPARTS = {"mnist_lenet": "mnist", "cifar10_vgg_max": "cifar10"}
"""Networks of ours beside those of the paper that do the same task; ours are smaller."""


OWN_NETWORK, OWN_DATA_SET = "quartz_loihi", "mnist"
OWN_FILE = "quartz_loihi/mnist_float.onnx"
"""The network that was measured on Loihi."""


@dataclass(frozen=True, slots=True)
class QuartzSize:
    """How much is measured."""

    networks: tuple[tuple[str, str, int], ...]
    """Network, data set, and of how many samples accuracy is reported."""
    timesteps: tuple[int, ...]
    """Windows, on registers that hold every sum."""
    narrow_timesteps: tuple[int, ...]
    """Windows, on Darwin3, where every timestep is computed."""
    counted: int
    """Samples whose operations are counted."""
    timed: int
    """Samples that are timed on Loihi."""
    loihi_timesteps: tuple[int, ...]
    """Windows there: those that were measured on the board."""
    own_samples: int
    """Of how many samples the accuracy of the network that was measured is reported."""


FULL = QuartzSize(
    networks=(("mnist_lenet", "mnist", 2000), ("cifar10_vgg_max", "cifar10", 500)),
    timesteps=(2, 4, 8, 16, 32, 64, 128, 256),
    narrow_timesteps=(4, 8, 16, 32, 64),
    counted=16,
    timed=8,
    loihi_timesteps=(8, 16, 32, 64, 128),
    own_samples=1000,
)

QUICK = QuartzSize(
    networks=(("mnist_lenet", "mnist", 100), ("digits_cnn", "digits", 100)),
    timesteps=(2, 4, 16, 64),
    narrow_timesteps=(16,),
    counted=2,
    timed=1,
    loihi_timesteps=(16,),
    own_samples=100,
)


@dataclass(frozen=True, slots=True)
class WindowFacts:
    """A network in windows of one length, on one chip."""

    chip: str
    timesteps: int
    samples: int
    percent: float
    """Right answers."""
    sops: float
    spikes: float
    soma_updates: float
    """These three of a sample, the mean."""
    differing: float
    """Values that are not onnxruntime's, in a hundred."""
    output_error: float
    """Mean distance of output codes from onnxruntime's."""
    overflows: int
    operations: float | None
    """As the paper counts them; None where they were not counted."""


@dataclass(frozen=True, slots=True)
class Files:
    """Where the network and its images are."""

    model: Path
    samples: Path


def find_own(options: SuiteOptions) -> Files | Missing:
    """The network's files, or what is missing: these, or onnxruntime, which quantizes the network.

    Raises:
        NeurochipError: If a folder asked for does not exist.
    """
    places = Places.of(options)
    model = silicon_network(OWN_FILE, OWN_NETWORK, places)
    if isinstance(model, Missing):
        return model
    samples = data_of(OWN_DATA_SET, OWN_NETWORK, places)
    if isinstance(samples, Missing):
        return samples
    try:
        onnxruntime()
    except NeurochipError as error:
        return Missing(OWN_NETWORK, f"{error}; {error.hint}")
    return Files(model, samples)


class QuartzBench:
    """What the parts of the suite read; measured when it is first asked for."""

    def __init__(self, options: SuiteOptions) -> None:
        """Looks for trained networks.

        Raises:
            NeurochipError: If none is there.
        """
        self.options, self.size = options, QUICK if options.quick else FULL
        self.published: PublishedWork = published()
        self.subjects, missing = all_trained(options, self.size.networks)
        self.own: Files | Missing = find_own(options)
        absent = (self.own,) if isinstance(self.own, Missing) else ()
        self.missing = (*missing, *absent)
        if absent:
            require_any(self.subjects, self.missing)

    @cached_property
    def facts(self) -> Mapping[str, tuple[WindowFacts, ...]]:
        """Of each network, the windows on `ideal`, the shortest first."""
        return {
            subject.name: tuple(
                self._measured(subject, IDEAL, timesteps) for timesteps in self.size.timesteps
            )
            for subject in self.subjects
        }

    @cached_property
    def narrow(self) -> Mapping[str, tuple[WindowFacts, ...]]:
        """The same on the registers of Darwin3."""
        return {
            subject.name: tuple(
                self._measured(subject, DARWIN3, timesteps)
                for timesteps in self.size.narrow_timesteps
            )
            for subject in self.subjects
        }

    def quantized_percent(self, subject: Subject) -> float:
        """Right answers of the quantized network itself, in exact integers."""
        assert subject.labels is not None
        values = subject.graph.finish(self.exact[subject.name])
        right = values.reshape(len(values), -1).argmax(axis=1) == subject.labels
        return 100.0 * float(right.mean())

    @cached_property
    def exact(self) -> Mapping[str, NDArray[np.int64]]:
        """Of each network, its output codes in exact integers, (samples, *shape)."""
        return {subject.name: _outputs(subject) for subject in self.subjects}

    @cached_property
    def macs(self) -> Mapping[str, int]:
        """Of each network, the weights that a sample's convolutions and matrix products apply."""
        timesteps = self.size.timesteps[0]
        images = {each.name: self.image(each, IDEAL, timesteps) for each in self.subjects}
        return {
            name: sum(macs_by_layer(network_of(image)).values()) for name, image in images.items()
        }

    def image(self, subject: Subject, chip: str, timesteps: int) -> Image:
        """A network in Quartz neurons, on the smallest board that holds it."""
        options = CompileOptions(t_max=timesteps)
        return assemble(placed(subject, chip, "quartz", options=options), graph=subject.graph)

    def percent(self, subject: Subject, image: Image) -> float:
        """Right answers of an image, without time."""
        threads = self.options.threads
        run = simulate(image, subject.x, timing="none", threads=threads, compare=False)
        return _percent(subject, run)

    def _measured(self, subject: Subject, chip: str, timesteps: int) -> WindowFacts:
        self.options.tell(f"{subject.name}: T = {timesteps} on {chip}")
        image = self.image(subject, chip, timesteps)
        threads = self.options.threads
        run = simulate(image, subject.x, timing="none", threads=threads, check="all")
        exact = run.exact_agreement
        assert exact is not None
        error = np.abs(run.outputs - self.exact[subject.name])
        counted = None
        if chip == IDEAL:
            counted = operations(image, subject.graph, timesteps, subject.x[: self.size.counted])
        return WindowFacts(
            chip=chip,
            timesteps=timesteps,
            samples=len(subject.x),
            percent=_percent(subject, run),
            sops=float(run.sops.mean()),
            spikes=float(run.spikes.mean()),
            soma_updates=float(run.counters["soma_updates"].mean()),
            differing=100.0 * int(exact.differing.sum()) / int(exact.compared.sum()),
            output_error=float(error.mean()),
            overflows=int(run.overflows.sum()),
            operations=counted,
        )


BATCH = 250


def _percent(subject: Subject, run: Run) -> float:
    assert subject.labels is not None
    return 100.0 * float(np.mean(run.predictions == subject.labels))


def _outputs(subject: Subject) -> NDArray[np.int64]:
    graph = subject.graph
    batches = (subject.x[start : start + BATCH] for start in range(0, len(subject.x), BATCH))
    codes = [graph.evaluate(graph.quantize(batch))[graph.output.name] for batch in batches]
    return np.concatenate(codes).astype(np.int64)


def about(bench: QuartzBench) -> tuple[str, ...]:
    """What was run, and what was left out."""
    lines = [
        f"{'quick; ' if bench.options.quick else ''}trained networks of uint8, one scale per "
        "tensor; "
        "a window of T timesteps has T - 1 levels above 0 (T = 1 has none, and is left out)",
        f"on `{IDEAL}`, whose registers hold every sum, and on `{DARWIN3}`, whose 16 bits do not",
        "beside the paper's networks stand smaller ones of ours for the same tasks",
    ]
    return (*lines, *(f"LEFT OUT: {each}" for each in bench.missing))
