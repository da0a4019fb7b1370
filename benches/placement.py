"""What moving tiles is worth: hops, the hottest link and cycles at each level of `optimize`.

Placements are found on calibration samples. Hops and cycles are those of other samples, the hottest
link's flits those of the calibration samples. `python benches/placement.py [NAME ...]`; networks
trained on CIFAR-10 are those beside NEUROCHIP_DATA, if it is set.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
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
    """One line a level, each figure with its ratio to level 0."""
    graph, calibration, samples = made
    images, seconds = [], []
    for level in (0, 1, 2):
        start = time.perf_counter()
        images.append(nc.compile(graph, "darwin3", calibration=calibration, optimize=level))
        seconds.append(time.perf_counter() - start)
    gains = [image.gain for image in images if image.gain is not None]
    hottest = [gains[0].before.hottest_link_flits, *(g.after.hottest_link_flits for g in gains)]
    runs = [nc.simulate(image, samples, check="none") for image in images]
    hops = [float(run.counters["flit_hops"].mean()) for run in runs]
    cycles = [float(run.work_cycles.mean()) for run in runs]
    for level, run in enumerate(runs):
        figures = (_figure(values, level) for values in (hops, hottest, cycles))
        longest = int(run.work_cycles.max())
        yield f"{name:<16}{level:>6}{seconds[level]:>11.1f}{''.join(figures)}{longest:>10,}"


def _figure(values: Sequence[float], level: int) -> str:
    """A figure and its ratio to that of level 0."""
    return f"{values[level]:>13,.0f} x{values[level] / values[0]:<5.3f}"


def main() -> None:
    """Measures every network, or those that the arguments name."""
    networks: dict[str, Callable[[], Made]] = {
        "mnist_lenet": lambda: of_bench(lenet(), 8),
        "cifar10_seeded": lambda: of_bench(cifar_network(), 2),
    }
    if "NEUROCHIP_DATA" in os.environ:
        for name in ("cifar10_resnet", "cifar10_vgg_max"):
            networks[name] = lambda name=name: trained(name, 4)
    columns = (f"{column:>13}{'':7}" for column in ("flit hops", "hottest link", "cycles a step"))
    print(f"{'network':<16}{'level':>6}{'compile, s':>11}{''.join(columns)}{'longest':>10}")
    for name in sys.argv[1:] or networks:
        for row in rows(name, networks[name]()):
            print(row, flush=True)


if __name__ == "__main__":
    main()
