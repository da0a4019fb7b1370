"""Signals: what ends a command leaves no temporary file, and is one line and an exit code."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import ROOT
from neurochip.cli.console import INTERRUPTED
from neurochip.files import replaced

DIGITS = ROOT / "examples" / "digits_cnn.onnx"
RESNET = ROOT / "tests" / "data" / "zoo" / "digits_resnet" / "uint8_qdq.onnx"
SAMPLES = ROOT / "examples" / "digits.npz"
TERMINATED = 128 + signal.SIGTERM
MOMENTS = 8

COMMANDS = {
    "run": ["run", DIGITS, "--input", SAMPLES, "--samples", 60, "--detail", "x.npz"],
    "compile": ["compile", DIGITS, "-o", "x.image", "--calibration", SAMPLES, "--optimize", 2],
    "tune": [
        "tune", DIGITS, "--data", SAMPLES, "--chip", "tiny", "--samples", 40, "--held-out", 40,
        "--trials", 2, "-o", "x.toml", "--plot", "x.svg",
    ],
}  # fmt: skip

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


def started(folder, *command):
    return subprocess.Popen(
        [sys.executable, "-m", "neurochip", *map(str, command)],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def temporary_files(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def wait_for(there, process):
    deadline = time.monotonic() + 60
    while not there():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_sigterm_at_any_moment_leaves_no_temporary_file(name, tmp_path):
    whole = tmp_path / "whole"
    whole.mkdir()
    began = time.monotonic()
    assert started(whole, *COMMANDS[name]).communicate()[1] == ""
    seconds = time.monotonic() - began
    ended_early = 0
    for moment in range(MOMENTS):
        folder = tmp_path / str(moment)
        folder.mkdir()
        process = started(folder, *COMMANDS[name])
        time.sleep(seconds * (moment + 0.5) / MOMENTS)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)
        assert temporary_files(folder) == []
        if process.returncode == TERMINATED:
            ended_early += 1
            assert re.fullmatch(r"terminated: .*\n", told), told
        else:  # before Python had begun, or after the command had ended
            assert process.returncode in (0, -signal.SIGTERM)
            assert told == ""
    assert ended_early > 2


@pytest.mark.parametrize(
    ("number", "word"), [(signal.SIGTERM, "terminated"), (signal.SIGINT, "interrupted")]
)
def test_a_signal_during_a_run_stops_the_core_and_says_how_far_it_got(tmp_path, number, word):
    command = ("run", RESNET, "--input", SAMPLES, "--samples", 500, "--detail", "x.npz")
    for seconds in (1, 2, 3, 5, 8):  # a busy machine finishes its first sample late
        process = started(tmp_path, *command)
        wait_for(lambda: temporary_files(tmp_path), process)
        time.sleep(seconds)
        process.send_signal(number)
        out, told = process.communicate(timeout=30)
        assert process.returncode == 128 + number
        assert out == ""
        assert list(tmp_path.iterdir()) == []
        finished = re.fullmatch(
            rf"{word}: after [\d.]+ s, while simulating 500 samples: "
            r"(\d+) of 500 samples were finished; nothing was written\n",
            told,
        )
        if "while simulating" not in told:
            continue  # it has not even begun
        assert finished, told
        if int(finished[1]) > 0:
            return
    pytest.fail(f"no sample was finished after {seconds} s: {told}")


def test_a_hangup_ends_a_search_as_sigterm_does(tmp_path):
    process = started(tmp_path, *COMMANDS["tune"])
    journal = tmp_path / "x.toml.journal"
    wait_for(lambda: journal.exists() and journal.read_bytes().count(b"\n") > 2, process)
    process.send_signal(signal.SIGHUP)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGHUP
    assert told.endswith("is kept in 'x.toml.journal': run again to go on\n")
    assert told.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["x.toml.journal"]


def ran(program, *arguments):
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )


IMPORTING = """
import signal, sys
module, number = sys.argv[1], int(sys.argv[2])
signal.signal(signal.SIGINT, signal.default_int_handler)

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            signal.raise_signal(number)

sys.meta_path.insert(0, Finder())
sys.argv[1:] = ["run", "--help"]
from neurochip.__main__ import main
main()
"""


@pytest.mark.parametrize("module", ["neurochip.process", "neurochip.cli", "typer", "numpy"])
def test_ctrl_c_while_modules_are_imported_is_one_line(module):
    finished = ran(IMPORTING, module, int(signal.SIGINT))
    assert finished.returncode == INTERRUPTED
    assert finished.stdout == ""
    assert finished.stderr == "interrupted: before the command began\n"


@pytest.mark.parametrize("module", ["neurochip.cli", "typer", "numpy"])
def test_sigterm_while_modules_are_imported_is_one_line(module):
    finished = ran(IMPORTING, module, int(signal.SIGTERM))
    assert finished.returncode == TERMINATED
    assert finished.stdout == ""
    assert finished.stderr == "terminated: before the command began\n"


LOST = """
import signal, time
from neurochip.process import run, signals

class Dropped:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)

def command():
    signals.work_begins()
    Dropped()
    time.sleep(20)

run(command)
"""


def test_a_signal_that_python_drops_is_not_lost():
    began = time.monotonic()
    finished = ran(LOST)
    assert finished.returncode == TERMINATED
    assert finished.stderr == "terminated: while the command was ending\n"
    assert time.monotonic() - began < 15


IN_TEXT = """
import signal
from neurochip.process import run, signals

def command():
    signals.work_begins()
    exec("signal.raise_signal(signal.SIGTERM)\\nfor n in range(9): pass")

run(command)
"""


def test_a_signal_in_code_that_is_text_is_no_sigint(tmp_path):
    (tmp_path / "in_text.py").write_text(IN_TEXT)
    finished = subprocess.run(  # as a module: after a script Python does not look at it
        [sys.executable, "-m", "in_text"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert finished.returncode == TERMINATED
    assert finished.stderr == "terminated: while the command was ending\n"


IGNORED = """
import signal
from neurochip.process import run, signals
signal.signal(signal.SIGHUP, signal.SIG_IGN)

def command():
    signals.work_begins()
    signal.raise_signal(signal.SIGHUP)
    print("went on")

run(command)
"""


def test_a_signal_that_the_process_was_started_to_ignore_stays_ignored():
    finished = ran(IGNORED)
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "went on\n", "")


BLOCKED = """
import sys
from neurochip.process import run, signals

def command():
    signals.work_begins()
    try:
        while True:
            print("x" * 50)
    except KeyboardInterrupt:
        if sys.argv[1] == "tells":
            signals.tells()
            print("terminated: as commands tell it", file=sys.stderr)
            raise SystemExit(signals.exit_code())
        raise

run(command)
"""


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("tells", "terminated: as commands tell it\n"),
        ("raises", "terminated: while the command was ending\n"),
    ],
)
def test_a_command_that_nobody_reads_ends_all_the_same(way, told):
    process = subprocess.Popen(
        [sys.executable, "-c", BLOCKED, way],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(1)  # the pipe is full by now
    process.send_signal(signal.SIGTERM)
    try:
        assert process.wait(timeout=20) == TERMINATED
    finally:
        process.kill()
        _, stderr = process.communicate()
    assert stderr == told


def test_an_interrupt_just_after_a_temporary_file_is_made_leaves_none(tmp_path, monkeypatch):
    opened = Path.open

    def interrupted(path, *arguments):
        opened(path, *arguments).close()
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "open", interrupted)
    with pytest.raises(KeyboardInterrupt), replaced(tmp_path / "a.npz"):
        raise AssertionError("the block must not be entered")
    assert list(tmp_path.iterdir()) == []


ENTERED = """
import ctypes, os, sys
from pathlib import Path
from neurochip.cli.console import INTERRUPTED
from neurochip.files import replaced

block = replaced(Path(sys.argv[1]))
file = block.__enter__()  # and a signal comes before the block is under way
assert len(list(Path(sys.argv[1]).parent.iterdir())) == 1
if os.fork() == 0:
    sys.exit()
os.wait()
assert len(list(Path(sys.argv[1]).parent.iterdir())) == 1, "it is not the child's to remove"
ctypes.pythonapi.Py_IncRef(ctypes.py_object(block.gen))  # something holds it to the end
"""


def test_what_no_block_removes_is_removed_when_the_process_ends(tmp_path):
    finished = ran(ENTERED, tmp_path / "a.npz")
    assert finished.stderr == ""
    assert list(tmp_path.iterdir()) == []
