"""Some inputs of the fuzzer, the same every time; `make fuzz` runs as many as there is time for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from fuzz.formats import FORMATS, Case, Format
from fuzz.runner import Found, outcome_of
from neurochip.errors import InputError

INPUTS = 60


def test_no_damaged_file_raises_anything_but_a_refusal(tmp_path):
    tests = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", f"--inputs={INPUTS}", "--seed=7", f"--keep={tmp_path}"],
        env={**os.environ, "PYTHONPATH": str(tests), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{INPUTS * len(FORMATS):,} inputs" in done.stdout
    assert "\n0 kinds of findings" in done.stdout


def test_the_first_inputs_are_the_files_to_begin_with_and_are_accepted(tmp_path):
    for name in ("npy", "npz", "idx", "idx.gz", "cifar", "labels", "packets", "settings"):
        path = FORMATS[name].case(1, 0).write(tmp_path / name)
        assert outcome_of(FORMATS[name], path)["kind"] == "accepted", name


def test_an_input_is_the_same_whenever_it_is_made():
    cases = [FORMATS["png"].case(3, 40).files for _ in range(2)]
    assert cases[0] == cases[1]
    assert FORMATS["png"].case(4, 40).files != cases[0]


def outcome(error: BaseException | None):
    def use(path):
        if error is not None:
            raise error

    format = Format("made", lambda: [], lambda random, case: case, use, ("no such kind",))
    return outcome_of(format, Path("nothing"))


def caused_by_memory() -> InputError:
    error = InputError("cannot be read")
    error.__cause__ = MemoryError()
    return error


def test_only_refusals_are_no_findings():
    assert outcome(None)["kind"] == "accepted"
    assert outcome(InputError("too long")) == {"kind": "refused", "told": "too long", "past": True}
    assert outcome(InputError("no such kind"))["past"] is False
    assert outcome(KeyError("x"))["kind"].startswith("KeyError")
    assert outcome(SystemExit())["kind"].startswith("SystemExit")
    assert outcome(caused_by_memory())["kind"].startswith("asks for over 1 GB")


def test_findings_are_counted_by_kind_and_three_of_each_are_kept():
    found = Found()
    kept = [found.add(n, outcome(KeyError("x"))) for n in range(5)]
    assert kept == [True, True, True, False, False]
    assert list(found.findings.values()) == [5]
    assert (found.inputs, found.accepted, found.refused) == (5, 0, 0)


def test_a_case_is_written_with_its_folders(tmp_path):
    path = Case({"0/a.png": b"x"}, "").write(tmp_path)
    assert path == tmp_path
    assert (tmp_path / "0" / "a.png").read_bytes() == b"x"
