"""How long the search for requantization constants takes; prints one line for each width."""

from __future__ import annotations

import time

import numpy as np

from neurochip.arithmetic import reference
from neurochip.formats import Format, Tensor
from neurochip.layers import Add
from neurochip.requantize import fit_add, fit_fixed, fit_ramp, thresholds

CHANNELS = 512
LARGEST_ACC = 2**22


def bench_layer() -> None:
    rng = np.random.default_rng(0)
    multipliers = np.exp2(rng.uniform(-12, -7, CHANNELS)).astype(np.float32)[:, None]
    acc_high = np.full(CHANNELS, LARGEST_ACC)
    start = time.perf_counter()
    staircase = thresholds(
        lambda acc: reference(acc, multipliers, 0, -128, 127), -128, 127, -acc_high, acc_high
    )
    print(f"thresholds, {CHANNELS} channels: {time.perf_counter() - start:.2f} s")
    for bits in (8, 16, 24):
        start = time.perf_counter()
        _, proof = fit_fixed(staircase, bits)
        print(f"fixed point, {bits} bits: {time.perf_counter() - start:.2f} s; {proof}")
    for largest in (1, 15, 255):
        start = time.perf_counter()
        _, proof = fit_ramp(staircase, largest)
        print(f"ramp, multiplier to {largest}: {time.perf_counter() - start:.2f} s; {proof}")


def bench_add() -> None:
    def tensor(name: str, scale: float) -> Tensor:
        return Tensor(name, (1,), Format(8, False, np.asarray(scale, np.float32), 128), 0, 255)

    layer = Add("add", (tensor("a", 0.0313871), tensor("b", 0.0472229)), tensor("sum", 0.0561573))
    for widths in ((16, 24, 32), (16, 16, 32), (8, 16, 16)):
        start = time.perf_counter()
        constants, proof = fit_add(layer, *widths)
        seconds = time.perf_counter() - start
        print(f"add, widths {widths}: {seconds:.2f} s; weights {constants.weights}; {proof}")


if __name__ == "__main__":
    bench_layer()
    bench_add()
