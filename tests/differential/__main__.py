"""The command: draws graphs, runs them and prints what was found."""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor

from .compare import CHIPS, Found, examine
from .graphs import draw

LEAST = {"ideal": 0.9, "darwin3": 0.6, "loihi": 0.6}
"""Share of the graphs that each chip has to take."""

SEEDS_AT_ONCE = 50


def main() -> int:
    """0 if nothing is wrong and each chip takes enough of the graphs, else 1."""
    parser = argparse.ArgumentParser(prog="python -m differential", description=__doc__)
    parser.add_argument("--graphs", type=int, default=2000, help="how many; 2,000 unless given")
    parser.add_argument("--seed", type=int, default=1, help="of the first; the next is one more")
    options = parser.parse_args()
    stop = options.seed + options.graphs
    print(f"seeds {options.seed} to {stop - 1}", flush=True)
    starts = range(options.seed, stop, SEEDS_AT_ONCE)
    found = Found()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for part in pool.map(examined, starts, [min(s + SEEDS_AT_ONCE, stop) for s in starts]):
            found.add(part)
    print("\n".join(told(found)))
    return int(bool(found.wrong) or bool(too_few(found)))


def examined(start: int, stop: int) -> Found:
    """What is found in the graphs of some seeds."""
    found = Found()
    for seed in range(start, stop):
        examine(draw(seed), found)
    return found


def too_few(found: Found) -> list[str]:
    """The chips that take less of the graphs than they have to."""
    return [chip for chip in CHIPS if found.share(chip) < LEAST[chip]]


def told(found: Found) -> list[str]:
    """Counts, the ten commonest refusals, and everything that is wrong."""
    lines = [
        f"{chip}: {found.accepted[chip]:,} of {found.graphs:,} graphs taken "
        f"({100 * found.share(chip):.1f} %, at least {100 * LEAST[chip]:.0f} %)"
        for chip in CHIPS
    ]
    lines.append(
        f"onnxruntime: {found.whole:,} models as a whole, {found.by_layer:,} layer by layer, "
        f"{found.values:,} values"
    )
    commonest = sorted(found.refusals.items(), key=lambda each: -each[1])[:10]
    lines += [f"  refused {count} times: {reason[:140]}" for reason, count in commonest]
    lines += [f"  {count} not run by onnxruntime: {why}" for why, count in found.no_kernel.items()]
    lines += [f"WRONG: {each}" for each in found.wrong]
    return lines


if __name__ == "__main__":
    sys.exit(main())
