"""The command: runs inputs and prints what was found."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

from .formats import FORMATS
from .runner import BATCH, Found, run

LONG = 10_000
"""Inputs of a format; of so many, a tenth has to come past its header."""


def main() -> int:
    """0 if every input was accepted or refused, else 1."""
    options = _options()
    if options.number is not None:
        return _one(options.format[0], options.seed, options.number)
    warnings.simplefilter("ignore")
    names = options.format or list(FORMATS)
    found = {name: Found() for name in names}
    end = time.monotonic() + 60 * options.minutes
    start = 0
    while start < options.inputs if options.inputs else time.monotonic() < end:
        stop = min(start + BATCH, options.inputs or start + BATCH)
        for name in names:
            if options.inputs or not start or time.monotonic() < end:
                run(FORMATS[name], options.seed, range(start, stop), found[name], options.keep)
        start = stop
    return _print(options.seed, found, options.keep)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="how long; 5 unless given")
    parser.add_argument("--inputs", type=int, default=0, help="so many of each format instead")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other inputs")
    parser.add_argument("--format", action="append", choices=list(FORMATS), help="only these")
    parser.add_argument("--number", type=int, help="the one input of this number, seen in full")
    parser.add_argument(
        "--keep", type=Path, default=Path("target/fuzz"), help="where findings are written to"
    )
    options = parser.parse_args()
    if options.number is not None and len(options.format or []) != 1:
        parser.error("--number needs one --format")
    return options


def _print(seed: int, found: dict[str, Found], keep: Path) -> int:
    total = sum(each.inputs for each in found.values())
    print(f"seed {seed}, {total:,} inputs\n")
    heads = ("inputs", "past header", "accepted", "refused", "found")
    print(f"{'format':10}" + "".join(f"{head:>13}" for head in heads))
    for name, each in found.items():
        bad = sum(each.findings.values())
        numbers = (each.inputs, each.past_header, each.accepted, each.refused, bad)
        print(f"{name:10}" + "".join(f"{number:13,}" for number in numbers))
    kinds = [(name, kind, n) for name, each in found.items() for kind, n in each.findings.items()]
    print(f"\n{len(kinds)} kinds of findings")
    for name, kind, count in kinds:
        numbers = found[name].numbers[kind]
        print(f"\n{name}: {count:,} x {kind}; numbers {', '.join(map(str, numbers))}")
        print("    " + found[name].told[kind].strip().replace("\n", "\n    "))
    few = [
        name
        for name, each in found.items()
        if each.inputs >= LONG and each.past_header < LONG // 10
    ]
    for name in few:
        print(f"\n{name}: too few inputs came past the header; the fuzzer has to be mended")
    if kinds:
        print(f"\nthe first inputs of each kind are in {str(keep)!r}; `--format` and `--number`")
        print("make one again")
    return 1 if kinds or few else 0


def _one(name: str, seed: int, number: int) -> int:
    """Runs one input in this process, without limits, and shows what it raises."""
    format = FORMATS[name]
    with tempfile.TemporaryDirectory() as folder:
        path = format.case(seed, number).write(Path(folder))
        try:
            format.use(path)
        except BaseException:
            traceback.print_exc()
            return 1
    print("accepted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
