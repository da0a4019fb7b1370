"""`make bench`: how fast the simulator is, each figure beside its goal.

    python benches/run.py                        # everything
    python benches/run.py lenet resnet20         # some of it
    python benches/run.py --compare --threads 2  # beside onnxruntime's int8, on as many threads

`cargo bench --bench engine` measures the mesh and the cores alone, without Python.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import mesh
import numpy as np
from figures import Figure, forget_peak, seconds_of, status_bytes
from networks import LENET, cifar_network, convolution, lenet
from numpy.typing import NDArray
from onnxruntime_int8 import samples_per_s as onnxruntime_samples_per_s

import neurochip as nc
from neurochip import _core
from neurochip.graph import Graph
from neurochip.layers import Convolution, Dense
from neurochip.papers import ARCHITECTURES, smallest_board

CALIBRATION_SAMPLES = 64
DEFAULT_THREADS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """A network, the samples to run it on, and what it should reach on two threads."""

    name: str
    graph: Graph
    samples: NDArray[np.float32]
    model: bytes | None = None
    """The ONNX file, where there is one that onnxruntime can run too."""
    timed_samples: int = 1
    none_samples_per_s: float | None = None
    none_gsops_per_s: float | None = None
    cycle_samples_per_s: float | None = None
    of_onnxruntime: float | None = None
    """Share of onnxruntime's samples/s, on the chip `ideal`."""


@cache
def workload(name: str) -> Workload:
    """One of the networks of the suite, by its short name."""
    return WORKLOADS[name]()


def _lenet() -> Workload:
    graph, samples = lenet()
    return Workload(
        "MNIST LeNet", graph, samples, LENET.read_bytes(), timed_samples=32,
        none_samples_per_s=1500, none_gsops_per_s=0.3, cycle_samples_per_s=100,
    )  # fmt: skip


def _convolution() -> Workload:
    graph, samples = convolution()
    return Workload("3x3 convolution 64 -> 64 at 32x32", graph, samples, none_gsops_per_s=5)


def _cifar_vgg() -> Workload:
    graph, samples = cifar_network()
    return Workload("CIFAR-10 VGG, 7 convolutions", graph, samples, none_gsops_per_s=1)


def _resnet20() -> Workload:
    graph, samples, model = _synthetic("resnet20", 32)
    return Workload(
        "CIFAR-10 ResNet-20", graph, samples, model, timed_samples=4, cycle_samples_per_s=3,
        of_onnxruntime=0.1,
    )  # fmt: skip


def _vgg16() -> Workload:
    graph, samples, model = _synthetic("vgg16", 1)
    return Workload("VGG-16 at 224x224", graph, samples, model)


WORKLOADS: dict[str, Callable[[], Workload]] = {
    "convolution": _convolution,
    "lenet": _lenet,
    "cifar-vgg": _cifar_vgg,
    "resnet20": _resnet20,
    "vgg16": _vgg16,
}


def _synthetic(name: str, count: int) -> tuple[Graph, NDArray[np.float32], bytes]:
    """A network with synthetic weights, and samples like those that it was quantized with."""
    architecture = ARCHITECTURES[name](0)
    quantized = architecture.quantized()
    samples = np.resize(architecture.samples, (count, *architecture.samples.shape[1:]))
    return quantized.graph(), samples.astype(np.float32), quantized.model


@cache
def chip_for(work: Workload) -> nc.Chip:
    """Darwin3: one chip, or the smallest square board of them that the network fits."""
    return smallest_board(nc.lower(work.graph, nc.chip("darwin3")), "darwin3")


def compiled(work: Workload, chip: str | nc.Chip) -> nc.Image:
    """A workload's image."""
    return nc.compile(work.graph, chip, calibration=work.samples[:CALIBRATION_SAMPLES])


def values(work: Workload, chip: str | nc.Chip, threads: int) -> list[Figure]:
    """SOP/s and samples/s of `timing="none"`."""
    image = compiled(work, chip)

    def simulated() -> nc.Run:
        return nc.simulate(image, work.samples, timing="none", threads=threads, compare=False)

    sops = int(simulated().sops.sum())
    took = seconds_of(simulated)
    name = f"none: {work.name}, {image.chip.name}, {_threads(threads)}"
    return [
        Figure(name, sops / took / 1e9, "GSOP/s", work.none_gsops_per_s),
        Figure(name, len(work.samples) / took, "samples/s", work.none_samples_per_s),
    ]


def cycles(work: Workload, threads: int) -> list[Figure]:
    """Simulated events per second of `timing="cycle"`."""
    image = compiled(work, chip_for(work))
    samples = work.samples[: work.timed_samples]

    def simulated() -> nc.Run:
        return nc.simulate(image, samples, threads=threads, compare=False)

    forget_peak()
    run = simulated()
    peak = status_bytes("VmHWM")
    took = seconds_of(simulated)
    name = f"cycle: {work.name}, darwin3 x{image.chips_used}, {_threads(threads)}"
    hops = int(run.counters["flit_hops"].sum())
    return [
        Figure(name, hops / took / 1e6, "M hops/s"),
        Figure(name, int(run.work_cycles.sum()) / took / 1e6, "M cycles/s"),
        Figure(name, len(samples) / took, "samples/s", work.cycle_samples_per_s),
        Figure(f"memory: {work.name}, peak of the process", peak / 2**30, "GiB"),
    ]


def compare(work: Workload, threads: int) -> list[Figure]:
    """`timing="none"` beside onnxruntime's int8, on the same graph, samples and threads."""
    if work.model is None:
        return []
    theirs = onnxruntime_samples_per_s(work.model, work.samples, threads)
    figures = [Figure(f"onnxruntime int8: {work.name}, {_threads(threads)}", theirs, "samples/s")]
    for chip, goal in (("ideal", work.of_onnxruntime), (chip_for(work), None)):
        _, ours = values(work, chip, threads)
        figures.append(Figure(ours.name, ours.value / theirs, "of theirs", goal))
    return figures


def image_size(work: Workload) -> list[Figure]:
    """Bytes of an image as a share of its limit: 1.3 a weight, 64 a core, 8 a neuron."""
    image = compiled(work, chip_for(work))
    layers = [layer for layer in work.graph.layers if isinstance(layer, Convolution | Dense)]
    weights = sum(layer.weights.size for layer in layers)
    neurons = sum(layer.neurons for layer in image.layers)
    limit = 1.3 * weights + 64 * len(image.cores) + 8 * neurons
    return [Figure(f"image: {work.name}, darwin3", limit / len(image.to_bytes()), "limit/size", 1)]


def memory(count: int = 64) -> list[Figure]:
    """Peak memory that simulating adds, for each neuron of each sample in flight (Linux)."""
    work = workload("cifar-vgg")
    image = compiled(work, "darwin3")
    neurons = sum(layer.neurons for layer in image.layers)
    simulator = _core.Simulator(image.core)
    codes = image.host.codes(np.repeat(work.samples[:1], count, axis=0))
    forget_peak()
    before = status_bytes("VmRSS")
    job = simulator.start(codes, False, False, 1)
    while not job.wait(1.0):
        pass
    added = max(status_bytes("VmHWM") - before, 1024)
    name = f"memory: {work.name}, {count} samples one by one, 16 B a neuron"
    return [Figure(name, 16 * neurons / added, "limit/use", 1)]


def first_spikes(threads: int) -> list[Figure]:
    """LeNet in time to first spike: a level for every code; cycles with as many as Loihi had."""
    work = workload("lenet")
    calibration = work.samples[:CALIBRATION_SAMPLES]
    figures = []
    for chip, timesteps, timing, samples, goal in (
        ("ideal", 256, "none", work.samples, 200),
        ("darwin3", 16, "cycle", work.samples[: work.timed_samples], 10),
    ):
        image = nc.compile(
            work.graph, chip, code="quartz", timesteps=timesteps, calibration=calibration
        )
        simulated = partial(
            nc.simulate, image, samples, timing=timing, threads=threads, compare=False
        )
        name = f"{timing}: {work.name}, quartz T = {timesteps}, {chip}, {_threads(threads)}"
        figures.append(Figure(name, len(samples) / seconds_of(simulated), "samples/s", goal))
    return figures


def _threads(count: int) -> str:
    return f"{count} thread{'s' * (count > 1)}"


def figures_of(name: str, threads: int) -> list[Figure]:
    """Everything that is measured of a workload."""
    work = workload(name)
    figures = values(work, chip_for(work), threads)
    if name != "convolution":
        figures += cycles(work, threads) + image_size(work)
    if name == "lenet":
        figures += first_spikes(threads)
    return figures


# Memory first: what others have freed would be used again unseen.
ALONE: dict[str, Callable[[], list[Figure]]] = {"memory": memory, "replay": mesh.replay}


def main() -> None:
    """Measures everything, or what the arguments name."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join([*ALONE, *WORKLOADS]))
    parser.add_argument("--compare", action="store_true", help="beside onnxruntime's int8")
    parser.add_argument("--threads", type=int, default=DEFAULT_THREADS)
    chosen = parser.parse_args()
    for name in chosen.names or [*ALONE, *WORKLOADS]:
        if name in ALONE:
            figures = [] if chosen.compare else ALONE[name]()
        elif chosen.compare:
            figures = compare(workload(name), chosen.threads)
        else:
            figures = figures_of(name, chosen.threads)
        for figure in figures:
            print(figure, flush=True)


if __name__ == "__main__":
    main()
