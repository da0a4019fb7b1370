"""`make bench`: how fast the simulator is, each figure beside its goal.

Figures are medians of several runs of the same work in one process, after one that is not counted.
Machines are noisy: compare ratios from one machine, and do not read anything into a few percent.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from networks import cifar_network, convolution, lenet
from numpy.typing import NDArray

import neurochip as nc
from neurochip import _core
from neurochip.graph import Graph
from neurochip.layers import Convolution, Dense

ROUNDS = 5
SECONDS = 1.0
"""Least time a round takes: shorter work is repeated."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured rate; higher is better."""

    name: str
    value: float
    unit: str
    goal: float | None

    def __str__(self) -> str:
        """One line of the table."""
        line = f"{self.name:<58} {self.value:>10.3g} {self.unit:<9}"
        if self.goal is None:
            return line
        return f"{line} goal {self.goal:>6.3g}  x{self.value / self.goal:.2f}"


def seconds_of(work: Callable[[], object]) -> float:
    """Median time of one call of `work`."""
    start = time.perf_counter()
    work()
    repeats = max(1, round(SECONDS / max(time.perf_counter() - start, 1e-6)))
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(repeats):
            work()
        times.append((time.perf_counter() - start) / repeats)
    return statistics.median(times)


def values_machine(
    network: str,
    made: tuple[Graph, NDArray[np.float32]],
    chip: str,
    goal_sops_per_s: float | None,
    goal_samples_per_s: float | None = None,
    threads: int = 1,
) -> list[Figure]:
    """SOP/s and samples/s of `timing="none"`."""
    graph, samples = made
    image = nc.compile(graph, chip=chip, calibration=samples[:64])
    run = nc.simulate(image, samples, timing="none", threads=threads, compare=False)
    sops = int(run.sops.sum())

    def work() -> object:
        return nc.simulate(image, samples, timing="none", threads=threads, compare=False)

    took = seconds_of(work)
    name = f"values: {network}, {chip}, {threads} thread{'s' * (threads > 1)}"
    return [
        Figure(name, sops / took / 1e9, "GSOP/s", goal_sops_per_s),
        Figure(name, len(samples) / took, "samples/s", goal_samples_per_s),
    ]


def cycles(network: str, made: tuple[Graph, NDArray[np.float32]], count: int) -> list[Figure]:
    """Simulated events per second of `timing="cycle"`."""
    graph, samples = made
    image = nc.compile(graph, chip="darwin3", calibration=samples[:64])
    run = nc.simulate(image, samples[:count], threads=1, compare=False)
    hops = int(run.counters["flit_hops"].sum())
    took = seconds_of(lambda: nc.simulate(image, samples[:count], threads=1, compare=False))
    name = f"cycles: {network}, darwin3, 1 thread"
    return [
        Figure(name, hops / took / 1e6, "Mhops/s", None),
        Figure(name, count / took, "samples/s", None),
    ]


def image_size(network: str, made: tuple[Graph, NDArray[np.float32]]) -> list[Figure]:
    """Bytes of an image as a share of its limit: 1.3 a weight, 64 a core, 8 a neuron."""
    graph, samples = made
    image = nc.compile(graph, calibration=samples[:64])
    layers = [layer for layer in graph.layers if isinstance(layer, Convolution | Dense)]
    weights = sum(layer.weights.size for layer in layers)
    neurons = sum(layer.neurons for layer in image.layers)
    limit = 1.3 * weights + 64 * len(image.cores) + 8 * neurons
    return [Figure(f"image: {network}", limit / len(image.to_bytes()), "limit/size", 1.0)]


def memory(count: int = 64) -> list[Figure]:
    """Peak memory that simulating adds, for each neuron of each sample in flight (Linux)."""
    made = cifar_network()
    image = nc.compile(made[0])
    neurons = sum(layer.neurons for layer in image.layers)
    samples = np.repeat(made[1][:1], count, axis=0)
    simulator = _core.Simulator(image.core)
    codes = image.host.codes(samples)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts from what is in use now
    before = _status_kib("VmRSS")
    job = simulator.start(codes, False, False, 1)
    while not job.wait(1.0):
        pass
    added_bytes = max(_status_kib("VmHWM") - before, 1) * 1024
    name = f"memory: CIFAR-10 VGG, {count} samples one by one, 16 B a neuron"
    return [Figure(name, 16 * neurons / added_bytes, "limit/use", 1.0)]


def _status_kib(field: str) -> int:
    """A figure of the process, from the kernel."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def main() -> None:
    """Measures everything, or what the arguments name."""
    benches: dict[str, Callable[[], list[Figure]]] = {
        "memory": memory,  # first: what others have freed would be used again unseen
        "convolution": lambda: values_machine(
            "3x3 convolution 64 -> 64 at 32x32", convolution(), "darwin3", 5.0
        ),
        "cifar": lambda: values_machine(
            "CIFAR-10 VGG, 7 convolutions", cifar_network(), "darwin3", 1.0
        ),
        "lenet": lambda: values_machine("MNIST LeNet (8, 16 channels)", lenet(), "darwin3", 0.3),
        "lenet-ideal": lambda: values_machine(
            "MNIST LeNet (8, 16 channels)", lenet(), "ideal", 0.3
        ),
        "lenet-image": lambda: image_size("MNIST LeNet, darwin3", lenet()),
        "cifar-image": lambda: image_size("CIFAR-10 VGG, darwin3", cifar_network()),
        "lenet-cycle": lambda: cycles("MNIST LeNet", lenet(), 8),
        "cifar-cycle": lambda: cycles("CIFAR-10 VGG", cifar_network(), 1),
    }
    wanted = sys.argv[1:] or list(benches)
    for name in wanted:
        for figure in benches[name]():
            print(figure, flush=True)


if __name__ == "__main__":
    main()
