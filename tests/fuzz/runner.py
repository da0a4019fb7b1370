"""Inputs in child processes: one that ends, hangs or takes all memory loses nothing but itself."""

from __future__ import annotations

import faulthandler
import json
import os
import re
import resource
import select
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neurochip.errors import NeurochipError

from .formats import Format

MOST_SECONDS = 10
"""Of CPU time for one input."""
MOST_BYTES = 1 << 30
"""Of memory of a process after one input."""
ADDRESS_SPACE = 2 << 30
"""What a process may ask for beyond what it has: more is refused, as on a small machine."""
SILENT_SECONDS = 120
"""After which a process without an outcome is taken for one that waits for ever."""
BATCH = 400
"""Inputs of a process."""
FAULT = 99
"""How a process ends if the fuzzer itself is at fault."""
MOST_KEPT = 3
"""Inputs of one kind that are written to disk."""

ACCEPTED, REFUSED = "accepted", "refused"


@dataclass
class Found:
    """What became of the inputs of a format."""

    inputs: int = 0
    past_header: int = 0
    accepted: int = 0
    refused: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    """By kind: how many."""
    numbers: dict[str, list[int]] = field(default_factory=dict)
    """By kind: the first of them."""
    told: dict[str, str] = field(default_factory=dict)
    """By kind: the traceback of the first."""

    def add(self, number: int, outcome: dict[str, Any]) -> bool:
        """Counts an outcome; whether it is a finding whose input is to be kept."""
        self.inputs += 1
        self.past_header += outcome["past"]
        kind = outcome["kind"]
        if kind == ACCEPTED:
            self.accepted += 1
        elif kind == REFUSED:
            self.refused += 1
        else:
            self.findings[kind] += 1
            self.told.setdefault(kind, outcome["told"])
            numbers = self.numbers.setdefault(kind, [])
            if len(numbers) < MOST_KEPT:
                numbers.append(number)
                return True
        return False


def run(format: Format, seed: int, numbers: range, found: Found, keep: Path) -> None:
    """Runs inputs by their numbers, and writes those that are findings below `keep`."""
    start = numbers.start
    while start < numbers.stop:
        for number, outcome in _child(format, seed, range(start, numbers.stop)):
            start = number + 1
            if found.add(number, outcome):
                folder = keep / f"{format.name}-{seed}-{number}"
                shutil.rmtree(folder, ignore_errors=True)
                format.case(seed, number).write(folder)


def _child(format: Format, seed: int, numbers: range) -> Iterator[tuple[int, dict[str, Any]]]:
    """Outcomes of inputs up to the one that ended the process."""
    receiving, sending = os.pipe()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sys.stdout.flush()
        process = os.fork()
        if process == 0:
            os.close(receiving)
            try:
                _serve(format, seed, numbers, folder, sending)
                os._exit(0)
            except BaseException:  # what is raised here is a fault of the fuzzer
                traceback.print_exc()
                os._exit(FAULT)
        os.close(sending)
        current, done = numbers.start - 1, numbers.start - 1
        for line in _lines(receiving, process):
            current = int(line.pop("number"))
            if line:
                done = current
                yield current, line
        os.close(receiving)
        _, status = os.waitpid(process, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == FAULT:
            told = (folder / "stderr").read_text()
            raise RuntimeError(f"{format.name}, seed {seed}, input {current}:\n{told}")
        if current > done:
            yield current, _ended(status, folder / "stderr")


def _lines(receiving: int, process: int) -> Iterator[dict[str, Any]]:
    """What the child says, until it ends or has been silent for too long."""
    left = b""
    while True:
        ready, _, _ = select.select([receiving], [], [], SILENT_SECONDS)
        if not ready:
            os.kill(process, signal.SIGKILL)
            return
        data = os.read(receiving, 1 << 16)
        if not data:
            return
        *lines, left = (left + data).split(b"\n")
        for line in lines:
            yield json.loads(line)


def _ended(status: int, stderr: Path) -> dict[str, Any]:
    """The outcome of the input at which a process ended."""
    told = stderr.read_text(errors="replace")[-3000:]
    ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if ended_by in (signal.SIGPROF, signal.SIGKILL):
        kind = f"over {MOST_SECONDS} s"
        frame = re.search(r'File "[^"]*/neurochip/([^"]*)", line \d+ in (\w+)', told)
        kind += f" in {frame[1]}:{frame[2]}" if frame else ""
    else:
        kind = f"end of the process (signal {ended_by}, status {status})"
    return {"kind": kind, "told": told, "past": True}


def _serve(format: Format, seed: int, numbers: range, folder: Path, sending: int) -> None:
    """The child: one input after the other, its outcome told at once."""
    error = os.open(folder / "stderr", os.O_CREAT | os.O_WRONLY)
    os.dup2(error, 2)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    faulthandler.enable(sys.__stderr__)
    faulthandler.register(signal.SIGPROF, sys.__stderr__, all_threads=False, chain=True)
    warnings.simplefilter("ignore")
    _limit_memory()
    for number in numbers[:BATCH]:
        os.write(sending, b'{"number": %d}\n' % number)
        place = folder / "input"
        path = format.case(seed, number).write(place)
        signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
        outcome = outcome_of(format, path)
        signal.setitimer(signal.ITIMER_PROF, 0)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        if peak > MOST_BYTES and outcome["kind"] in (ACCEPTED, REFUSED):
            outcome.update(kind="over 1 GB of memory", told=f"{peak:,} bytes; {outcome['told']}")
        os.write(sending, json.dumps({"number": number, **outcome}).encode() + b"\n")
        shutil.rmtree(place)
        if peak > MOST_BYTES:
            return  # what comes next would be blamed for it


def _limit_memory() -> None:
    statm = Path("/proc/self/statm")
    if statm.exists():
        pages = int(statm.read_text().split()[0])
        most = pages * resource.getpagesize() + ADDRESS_SPACE
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def outcome_of(format: Format, path: Path) -> dict[str, Any]:
    """What becomes of one input in this process."""
    try:
        format.use(path)
    except NeurochipError as error:
        message = str(error)
        past = not any(words in message for words in format.header)
        if _ran_out_of_memory(error):
            told = "".join(traceback.format_exception(error))[-3000:]
            return {"kind": f"asks for over 1 GB at {_place(error)}", "told": told, "past": past}
        return {"kind": REFUSED, "told": message[:300], "past": past}
    except BaseException as error:  # a panic of the core is no Exception
        told = "".join(traceback.format_exception(error))[-3000:]
        return {"kind": f"{type(error).__name__} at {_place(error)}", "told": told, "past": True}
    return {"kind": ACCEPTED, "told": "", "past": True}


def _ran_out_of_memory(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _place(error: BaseException) -> str:
    """Where in the package an exception was raised first."""
    while isinstance(error, NeurochipError) and (error.__cause__ or error.__context__):
        error = error.__cause__ or error.__context__ or error
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/neurochip/" in frame.filename]
    if not own:
        return frames[-1].name if frames else "?"
    return f"{own[-1].filename.rpartition('/neurochip/')[2]}:{own[-1].name}"
