"""Simulate: an Image and samples become a Run. Nothing is decided here: it is measured."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from . import _core
from .energy import energy_by_component_pj
from .errors import InputError
from .image import Image

TIMINGS = ("cycle", "none")
POLL_SECONDS = 0.05
"""How often a waiting run looks for Ctrl-C and shows its progress."""

BATCH_BYTES = 1 << 27
"""Spike records of a batch kept for comparison with the graph."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Values that differ between the chip and an evaluation of the same graph, layer by layer."""

    layers: tuple[str, ...]
    """Populations that hold a tensor of the graph."""
    differing: NDArray[np.int64]
    compared: NDArray[np.int64]


@dataclass(frozen=True)
class Run:
    """What happened, sample by sample: arrays have one row a sample."""

    image: Image
    timing: str
    outputs: NDArray[np.int32]
    """(samples, *shape): codes of the network's output."""
    values: NDArray[Any]
    """(samples, ...): the model's output, after its float tail on the host."""
    counters: Mapping[str, NDArray[np.int64]]
    """(samples,) each: everything the chip counted, by name; cycles are 0 without timing."""
    work_cycles: NDArray[np.int64]
    """(samples, timesteps): cycles of each timestep's own work; no columns without timing."""
    layer_spikes: NDArray[np.int64]
    """(samples, layers): spikes each population sent."""
    layer_sops: NDArray[np.int64]
    """(samples, layers): weights added to each population's accumulators."""
    layer_sum_overflows: NDArray[np.int64]
    """(samples, layers): weight sums of a timestep that left their register."""
    layer_membrane_overflows: NDArray[np.int64]
    """(samples, layers): membranes that left their register."""
    compiled_agreement: Agreement | None
    """Against the graph with the chip's constants: the simulator's own check, 0 differ."""
    exact_agreement: Agreement | None
    """Against the graph in exact integers, which is onnxruntime's answer."""
    energy_by_component_pj: Mapping[str, NDArray[np.float64]] = field(repr=False)
    """(samples,) each: pJ, by what is counted."""

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The populations, in the order of the layer arrays."""
        return tuple(layer.name for layer in self.image.layers)

    @property
    def sops(self) -> NDArray[np.int64]:
        """(samples,): synaptic operations."""
        return self.counters["sops"]

    @property
    def spikes(self) -> NDArray[np.int64]:
        """(samples,): spikes, those of the input included."""
        return self.counters["spikes"]

    @property
    def cycles(self) -> NDArray[np.int64] | None:
        """(samples,): cycles from the first timestep's start to the last one's end, if timed."""
        return self.counters["timestep_cycles"] if self.timing == "cycle" else None

    @property
    def layer_overflows(self) -> NDArray[np.int64]:
        """(samples, layers): values that left a register."""
        return self.layer_sum_overflows + self.layer_membrane_overflows

    @property
    def energy_pj(self) -> NDArray[np.float64]:
        """(samples,): pJ."""
        return np.asarray(sum(self.energy_by_component_pj.values()))

    @property
    def predictions(self) -> NDArray[np.int64]:
        """(samples,): the class with the largest output."""
        if np.issubdtype(self.values.dtype, np.integer):
            return self.values.reshape(len(self.values), -1)[:, 0]
        return np.asarray(self.values.reshape(len(self.values), -1).argmax(axis=1))


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a run; says how far it got."""

    def __init__(self, done: int, total: int) -> None:
        """Keeps the number of samples that were finished, and of all."""
        super().__init__(f"interrupted after {done} of {total} samples")
        self.done, self.total = done, total


def simulate(
    image: Image,
    x: NDArray[Any],
    timing: str = "cycle",
    threads: int | None = None,
    progress: bool = False,
    compare: bool = True,
) -> Run:
    """Runs samples on the chip.

    Args:
        image: The network on its chip.
        x: (samples, *image.input_shape): the model's float input.
        timing: `cycle`: values and cycles; `none`: values alone.
        threads: Threads to use; all cores by default. Results do not depend on it.
        progress: Shows a progress bar on standard error.
        compare: Also evaluates the graph in integers, if the image still has it, and counts the
            values that differ.

    Raises:
        InputError: If the samples do not fit the network.
        Interrupted: On Ctrl-C.
    """
    if timing not in TIMINGS:
        raise InputError(f"no timing {timing!r}", hint="timings are `cycle` and `none`")
    samples = _checked(image, np.asarray(x))
    recorder = _Recorder(image, compare and image.network is not None)
    job = _Runner(image, timing, threads or os.cpu_count() or 1, recorder.compares, len(samples))
    with _bar(progress, len(samples)) as shown:
        for start, stop in recorder.batches(len(samples)):
            recorder.add(samples[start:stop], job.run(samples[start:stop], shown))
    return recorder.run(timing)


def _checked(image: Image, x: NDArray[Any]) -> NDArray[Any]:
    if x.shape[1:] != image.input_shape or not len(x):
        raise InputError(
            f"samples have shape {list(x.shape)}; {image.name!r} takes "
            f"(samples, {', '.join(map(str, image.input_shape))}), one sample or more"
        )
    if not np.issubdtype(x.dtype, np.floating):
        raise InputError(
            f"samples are {x.dtype}, the model takes float32",
            hint="scale pictures first: `x.astype(np.float32) / 255`",
        )
    if not np.isfinite(x).all():
        bad = np.argwhere(~np.isfinite(x))[0]
        raise InputError(f"sample {bad[0]} holds {x[tuple(bad)]} at {list(map(int, bad[1:]))}")
    return x.astype(np.float32, copy=False)


class _Runner:
    """Runs batches on the core, staying awake for Ctrl-C and the progress bar."""

    def __init__(self, image: Image, timing: str, threads: int, record: bool, total: int) -> None:
        self.image, self.cycles, self.threads, self.record = image, timing == "cycle", threads, record
        self.simulator = _core.Simulator(image.core)
        self.done, self.total = 0, total

    def run(self, samples: NDArray[Any], shown: _Shown) -> dict[str, NDArray[Any]]:
        """The arrays of one batch."""
        codes = np.ascontiguousarray(self.image.host.codes(samples))
        job = self.simulator.start(codes, self.cycles, self.record, self.threads)
        try:
            while not job.wait(POLL_SECONDS):
                shown.update(self.done + job.done())
        except KeyboardInterrupt:
            job.cancel()
            raise Interrupted(self.done + job.done(), self.total) from None
        self.done += len(samples)
        shown.update(self.done)
        return job.result()


class _Shown:
    """A progress bar, or nothing."""

    def __init__(self, total: int, visible: bool) -> None:
        columns = (TextColumn("simulating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = Console(file=sys.stderr)
        self.progress = Progress(*columns, console=console, transient=True, disable=not visible)
        self.task = self.progress.add_task("simulating", total=total)

    def update(self, done: int) -> None:
        """Shows how many samples are finished."""
        self.progress.update(self.task, completed=done)

    def __enter__(self) -> _Shown:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()


def _bar(visible: bool, total: int) -> _Shown:
    return _Shown(total, visible)


class _Recorder:
    """Puts batches together, and compares each with the graph while its spikes are at hand."""

    def __init__(self, image: Image, compares: bool) -> None:
        self.image, self.compares = image, compares
        self.arrays: list[dict[str, NDArray[Any]]] = []
        held = [layer for layer in image.layers if layer.tensor is not None]
        self.held = [layer for layer in held if layer.model != "input"]
        self.differing = {
            kind: np.zeros(len(self.held), np.int64) for kind in ("compiled", "exact")
        }
        self.compared = np.zeros(len(self.held), np.int64)

    def batches(self, count: int) -> Iterator[tuple[int, int]]:
        """Ranges of samples small enough to keep their records."""
        neurons = sum(layer.neurons for layer in self.image.layers)
        size = max(1, min(256, BATCH_BYTES // (8 * neurons))) if self.compares else count
        yield from ((start, min(start + size, count)) for start in range(0, count, size))

    def add(self, samples: NDArray[Any], arrays: dict[str, NDArray[Any]]) -> None:
        """Keeps a batch's arrays, all but its spikes."""
        read = self.image.host.read(arrays["outputs"])
        outputs = self.image.host.outputs(read)
        codes = arrays.pop("codes", None)
        if codes is not None:
            self._compare(samples, codes, read)
        self.arrays.append({**arrays, "outputs": outputs})

    def _compare(
        self, samples: NDArray[Any], codes: NDArray[np.uint8], read: NDArray[np.int64]
    ) -> None:
        network = self.image.network
        assert network is not None
        graph = network.graph
        inputs = graph.quantize(samples)
        exact = graph.evaluate(inputs)
        wanted = {"exact": exact, "compiled": exact}
        if network.arithmetic:
            wanted["compiled"] = graph.evaluate(inputs, network.arithmetic)
        ours = self._tensors(codes, read)
        for number, layer in enumerate(self.held):
            assert layer.tensor is not None
            self.compared[number] += ours[layer.name].size
            for kind, tensors in wanted.items():
                differ = ours[layer.name] != _channels_last(tensors[layer.tensor])
                self.differing[kind][number] += np.count_nonzero(differ)

    def _tensors(
        self, codes: NDArray[np.uint8], read: NDArray[np.int64]
    ) -> dict[str, NDArray[np.int32]]:
        """Each layer's codes, channels last, from the spikes it sent."""
        tensors = {}
        start = 0
        for layer in self.image.layers:
            sent = codes[:, start : start + layer.neurons].astype(np.int32)
            start += layer.neurons
            if layer.signed:
                sign = 1 << (layer.bits - 1)
                sent = (sent ^ sign) - sign
            tensors[layer.name] = sent + layer.base
            if layer.bits == 0:
                tensors[layer.name] = read.astype(np.int32)
        return tensors

    def run(self, timing: str) -> Run:
        """Everything as one run."""
        names = self.arrays[0]["counter_names"]
        whole = {
            name: np.concatenate([arrays[name] for arrays in self.arrays])
            for name in ("outputs", "counters", "work_cycles", "population_counts")
        }
        by_layer = whole["population_counts"]
        counters = {name: whole["counters"][:, n] for n, name in enumerate(names)}
        energy = energy_by_component_pj(self.image.chip, counters)
        return Run(
            image=self.image,
            timing=timing,
            outputs=whole["outputs"],
            values=self._values(whole["outputs"]),
            counters=counters,
            work_cycles=whole["work_cycles"],
            layer_spikes=by_layer[:, :, 0],
            layer_sops=by_layer[:, :, 1],
            layer_sum_overflows=by_layer[:, :, 2],
            layer_membrane_overflows=by_layer[:, :, 3],
            compiled_agreement=self._agreement("compiled"),
            exact_agreement=self._agreement("exact"),
            energy_by_component_pj=energy,
        )

    def _values(self, outputs: NDArray[np.int32]) -> NDArray[Any]:
        network = self.image.network
        if network is None:
            return self.image.host.output_format.dequantize(outputs)
        return network.graph.finish(outputs)

    def _agreement(self, kind: str) -> Agreement | None:
        if not self.compares:
            return None
        names = tuple(layer.name for layer in self.held)
        return Agreement(names, self.differing[kind], self.compared)


def _channels_last(tensor: NDArray[Any]) -> NDArray[Any]:
    """A tensor's values in the order of its neurons, one row a sample."""
    moved = tensor.transpose(0, 2, 3, 1) if tensor.ndim == 4 else tensor
    return moved.reshape(len(tensor), -1)
