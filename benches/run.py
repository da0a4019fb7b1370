"""`make bench`: how fast the program is, each figure beside its goal.

    python benches/run.py                    # everything, in some five minutes
    python benches/run.py lenet resnet20     # some of it
    python benches/run.py --threads 2        # of the time that passes, for what threads add
    python benches/run.py vgg16 --cycles     # the cycles of VGG-16 too: half an hour for one sample

Figures are rates of the CPU time of one thread, medians of several runs. onnxruntime's int8 kernels
run the same graph and samples in turn with ours: their time over ours is the median over pairs.
Goals are 0.8 of what one core of a server with AVX-512 VNNI reaches: a figure far below has lost
something.
`cargo bench --bench engine` measures the mesh and the cores alone, without Python.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial

import mesh
import numpy as np
import onnxruntime
from figures import Figure, clock_for, forget_peak, paired, seconds_of, status_bytes
from networks import LENET, cifar_network, convolution, lenet
from numpy.typing import NDArray
from onnxruntime_int8 import runner

import neurochip as nc
from neurochip import _core
from neurochip.graph import Graph
from neurochip.layers import Convolution, Dense
from neurochip.papers import ARCHITECTURES
from neurochip.papers.boards import placed_on_a_board
from neurochip.placement import Placement

CALIBRATION_SAMPLES = 64
CHECKED_GOAL = 1 / 1.3
"""A run that compares by default takes at most 1.3 times one that does not."""


@dataclass(frozen=True, slots=True)
class Goals:
    """What a workload should reach on one thread."""

    none_gsops_per_s: float
    """On darwin3."""
    cycle_samples_per_s: float | None = None
    of_onnxruntime: Mapping[str, float] = field(default_factory=dict)
    """By chip: share of onnxruntime's samples/s."""
    compiled_weights_per_s: float | None = None
    """Millions of weights, for darwin3."""


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """A network and the samples to run it on."""

    name: str
    graph: Graph
    samples: NDArray[np.float32]
    goals: Goals
    model: bytes | None = None
    """The ONNX file, where there is one that onnxruntime can run too."""
    timed_samples: int = 1
    checked_samples: int = 0
    """How many samples the run has in which comparing is measured; 0: it is not."""


@cache
def workload(name: str) -> Workload:
    """One of the networks of the suite, by its short name."""
    return WORKLOADS[name]()


def _lenet() -> Workload:
    graph, samples = lenet()
    goals = Goals(4.8, 104, {"darwin3": 0.22, "ideal": 0.71}, 0.6)
    return Workload("MNIST LeNet", graph, samples, goals, LENET.read_bytes(), 32, 1_000)


def _convolution() -> Workload:
    graph, samples = convolution()
    return Workload("3x3 convolution 64 -> 64 at 32x32", graph, samples, Goals(16.5))


def _cifar_vgg() -> Workload:
    graph, samples = cifar_network()
    return Workload("CIFAR-10 VGG, 7 convolutions", graph, samples, Goals(22.6, 0.5, {}, 0.77))


def _resnet20() -> Workload:
    graph, samples, model = _synthetic("resnet20", 32)
    goals = Goals(6.6, 1.65, {"darwin3": 0.06, "ideal": 0.29}, 0.3)
    return Workload("CIFAR-10 ResNet-20", graph, samples, goals, model, 4, 200)


def _vgg16() -> Workload:
    graph, samples, model = _synthetic("vgg16", 1)
    goals = Goals(2.4, None, {"darwin3": 0.014, "ideal": 0.011}, 6.2)
    return Workload("VGG-16 at 224x224", graph, samples, goals, model)


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
def placed(work: Workload, chip: str) -> Placement:
    """On one chip, or on the smallest square board of them that the network fits."""
    codes = work.graph.quantize(work.samples[:CALIBRATION_SAMPLES])
    network = nc.lower(work.graph, nc.chip(chip), calibration=codes)
    return placed_on_a_board(network, chip)


@cache
def compiled(work: Workload, chip: str) -> nc.Image:
    """A workload's image."""
    return nc.assemble(placed(work, chip), graph=work.graph)


def compiling(work: Workload) -> list[Figure]:
    """Weights per second from the graph to the image, the board searched for."""
    took = seconds_of(lambda: nc.assemble(placed.__wrapped__(work, "darwin3")), rounds=3)
    name, goal = f"compile: {work.name}, darwin3", work.goals.compiled_weights_per_s
    return [Figure(name, _weights(work) / took / 1e6, "M weights/s", goal)]


def _weights(work: Workload) -> int:
    layers = [layer for layer in work.graph.layers if isinstance(layer, Convolution | Dense)]
    return sum(layer.weights.size for layer in layers)


def values(work: Workload, threads: int) -> list[Figure]:
    """SOP/s and samples/s of `timing="none"`, and beside onnxruntime's."""
    figures = []
    clock = clock_for(threads)
    for chip in ("darwin3", "ideal") if work.model else ("darwin3",):
        simulated = partial(
            nc.simulate, compiled(work, chip), work.samples,
            timing="none", threads=threads, check="none",
        )  # fmt: skip
        sops = int(simulated().sops.sum())
        name = f"none: {work.name}, {chip}, {_threads(threads)}"
        ratio = None
        if work.model is None:
            took = seconds_of(simulated, clock)
        else:
            took, ratio = paired(simulated, runner(work.model, work.samples, threads), clock)
        gsops_per_s = work.goals.none_gsops_per_s if chip == "darwin3" else None
        figures += [
            Figure(name, sops / took / 1e9, "GSOP/s", gsops_per_s),
            Figure(name, len(work.samples) / took, "samples/s"),
        ]
        if ratio is not None:
            goal = work.goals.of_onnxruntime.get(chip)
            figures.append(Figure(name, ratio, "of onnxruntime's", goal))
    return figures


def checking(work: Workload, threads: int) -> list[Figure]:
    """Speed of `timing="none"` with its comparison, as a share of that without."""
    samples = np.resize(work.samples, (work.checked_samples, *work.samples.shape[1:]))
    figures = []
    for chip in ("darwin3", "ideal"):
        run = partial(nc.simulate, compiled(work, chip), samples, timing="none", threads=threads)
        _, share = paired(run, partial(run, check="none"), clock_for(threads))
        name = f"check: {work.name}, {chip}, {_threads(threads)}"
        figures.append(Figure(name, share, "of unchecked", CHECKED_GOAL))
    return figures


def cycles(work: Workload, threads: int) -> list[Figure]:
    """Simulated events per second of `timing="cycle"`."""
    image = compiled(work, "darwin3")
    samples = work.samples[: work.timed_samples]

    def simulated() -> nc.Run:
        return nc.simulate(image, samples, threads=threads, check="none")

    forget_peak()
    run = simulated()
    peak = status_bytes("VmHWM")
    took = seconds_of(simulated, clock_for(threads))
    name = f"cycle: {work.name}, darwin3 x{image.chips_used}, {_threads(threads)}"
    hops = int(run.counters["flit_hops"].sum())
    return [
        Figure(name, hops / took / 1e6, "M hops/s"),
        Figure(name, int(run.work_cycles.sum()) / took / 1e6, "M cycles/s"),
        Figure(name, len(samples) / took, "samples/s", work.goals.cycle_samples_per_s),
        Figure(f"memory: {work.name}, peak of the process", peak / 2**30, "GiB"),
    ]


def image_size(work: Workload) -> list[Figure]:
    """Bytes of an image as a share of its limit: 1.3 a weight, 64 a core, 8 a neuron."""
    image = compiled(work, "darwin3")
    neurons = sum(layer.num_neurons for layer in image.populations)
    limit = 1.3 * _weights(work) + 64 * len(image.cores) + 8 * neurons
    return [Figure(f"image: {work.name}, darwin3", limit / len(image.to_bytes()), "limit/size", 1)]


def memory(count: int = 64) -> list[Figure]:
    """Peak memory that simulating adds, for each neuron of each sample in flight (Linux)."""
    work = workload("cifar-vgg")
    image = compiled(work, "darwin3")
    neurons = sum(layer.num_neurons for layer in image.populations)
    simulator = _core.Simulator(image.core)
    codes = image.codes(np.repeat(work.samples[:1], count, axis=0))
    forget_peak()
    before = status_bytes("VmRSS")
    job = simulator.start(codes, False, False, 1)
    while not job.wait(1.0):
        pass
    added = max(status_bytes("VmHWM") - before, 1024)
    name = f"memory: {work.name}, {count} samples one by one, 16 B a neuron"
    return [Figure(name, 16 * neurons / added, "limit/use", 4)]


def first_spikes(threads: int) -> list[Figure]:
    """LeNet in time to first spike: a level for every code; cycles with as many as Loihi had."""
    work = workload("lenet")
    calibration = work.samples[:CALIBRATION_SAMPLES]
    figures = []
    for chip, timesteps, timing, samples, goal in (
        ("ideal", 256, "none", work.samples, 9800),
        ("darwin3", 16, "cycle", work.samples[: work.timed_samples], 178),
    ):
        image = nc.compile(
            work.graph,
            chip,
            code="quartz",
            t_max=timesteps,
            calibration=calibration,
            objective="cores",
        )
        simulated = partial(
            nc.simulate, image, samples, timing=timing, threads=threads, check="none"
        )
        name = f"{timing}: {work.name}, quartz T = {timesteps}, {chip}, {_threads(threads)}"
        figures.append(
            Figure(
                name, len(samples) / seconds_of(simulated, clock_for(threads)), "samples/s", goal
            )
        )
    return figures


def _threads(count: int) -> str:
    return f"{count} thread{'s' * (count > 1)}"


def figures_of(name: str, threads: int, with_cycles: bool) -> list[Figure]:
    """Everything that is measured of a workload."""
    work = workload(name)
    figures = values(work, threads)
    if work.checked_samples:
        figures += checking(work, threads)
    if name == "convolution":
        return figures
    figures += compiling(work) + image_size(work)
    if name != "vgg16" or with_cycles:
        figures += cycles(work, threads)
    if name == "lenet":
        figures += first_spikes(threads)
    return figures


# Memory first: what others have freed would be used again unseen.
ALONE: dict[str, Callable[[], list[Figure]]] = {"memory": memory, "replay": mesh.replay}


def main() -> None:
    """Measures everything, or what the arguments name."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join([*ALONE, *WORKLOADS]))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cycles", action="store_true", help="of VGG-16, too: half an hour")
    chosen = parser.parse_args()
    print(
        f"onnxruntime {onnxruntime.__version__}; our loops: {_core.instruction_set()}", flush=True
    )
    for name in chosen.names or [*ALONE, *WORKLOADS]:
        alone = ALONE.get(name)
        figures = alone() if alone else figures_of(name, chosen.threads, chosen.cycles)
        for figure in figures:
            print(figure, flush=True)


if __name__ == "__main__":
    main()
