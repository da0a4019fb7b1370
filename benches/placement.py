"""What moving tiles is worth: hops, the hottest link and cycles at each level of `optimize`.

Traffic is measured on calibration samples, the figures on others. `python benches/placement.py [NAME
...]`; the networks trained on CIFAR-10 are those beside NEUROCHIP_DATA, if it is set.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
from networks import cifar_network, lenet
from numpy.typing import NDArray

import neurochip as nc
from neurochip.graph import Graph, load

CALIBRATION_SAMPLES = 16
Made: TypeAlias = tuple[Graph, NDArray[np.float32], NDArray[np.float32]]
"""A network, its calibration samples and those to run."""


def of_bench(made: tuple[Graph, NDArray[np.float32]], count: int) -> Made:
    """A network of the benches, and `count` samples to run."""
    graph, samples = made
    calibration, rest = np.split(samples, [CALIBRATION_SAMPLES])
    return graph, calibration, rest[:count]


def trained(name: str, count: int) -> Made:
    """A network trained on CIFAR-10, and the first pictures of its test set."""
    data = Path(os.environ["NEUROCHIP_DATA"])
    archive = np.load(data / "cifar10.npz")
    calibration, rest = (
        (archive[part][:most].astype(np.float32) / np.float32(255)).transpose(0, 3, 1, 2)
        for part, most in (("x_calibration", CALIBRATION_SAMPLES), ("x_test", count))
    )
    return load(data.parent / "zoo" / name / "uint8_qdq.onnx"), calibration, rest


def rows(name: str, made: Made) -> Iterator[str]:
    """One line a level: the traffic that was to be improved, and the cycles of other samples."""
    graph, calibration, samples = made
    images, seconds = [], []
    for level in (0, 1, 2):
        start = time.perf_counter()
        images.append(nc.compile(graph, "darwin3", calibration=calibration, optimize=level))
        seconds.append(time.perf_counter() - start)
    gains = [image.gain for image in images if image.gain is not None]
    costs = [gains[0].before, *(gain.after for gain in gains)]
    runs = [nc.simulate(image, samples, compare=False) for image in images]
    cycles = [run.work_cycles.mean() for run in runs]
    for level, (cost, run) in enumerate(zip(costs, runs, strict=True)):
        yield (
            f"{name:<16}{level:>6}{seconds[level]:>10.1f}"
            f"{cost.flit_hops:>13,.0f}{_ratio(cost.flit_hops, costs[0].flit_hops)}"
            f"{cost.hottest_link_flits:>11,.0f}"
            f"{_ratio(cost.hottest_link_flits, costs[0].hottest_link_flits)}"
            f"{cycles[level]:>10,.0f}{_ratio(cycles[level], cycles[0])}"
            f"{run.work_cycles.max():>10,}"
        )


def _ratio(value: float, first: float) -> str:
    return f" x{value / first:<5.3f}"


def main() -> None:
    """Measures every network, or those that the arguments name."""
    networks: dict[str, Callable[[], Made]] = {
        "mnist_lenet": lambda: of_bench(lenet(), 8),
        "cifar10_seeded": lambda: of_bench(cifar_network(), 2),
    }
    if "NEUROCHIP_DATA" in os.environ:
        for name in ("cifar10_resnet", "cifar10_vgg_max"):
            networks[name] = lambda name=name: trained(name, 4)
    print(
        f"{'network':<16}{'level':>6}{'compile s':>10}{'flit hops':>13}{'':>7}{'hottest':>11}{'':>7}"
        f"{'cycles a timestep':>17}{'longest':>10}"
    )
    for name in sys.argv[1:] or networks:
        for row in rows(name, networks[name]()):
            print(row, flush=True)


if __name__ == "__main__":
    main()
