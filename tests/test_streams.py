"""Streams: what a command says is complete, or its exit code is not 0 and one line says why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")
HINT = "hint: write to a file on a disk with room, or to a reader that takes all of it"

needs_full_disk = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
buffered_or_not = pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
from neurochip.__main__ import main
sys.argv = ["neurochip", "ops"]
main()
"""

CLOSED = """
import os, sys
for descriptor in map(int, sys.argv[1].split(",")):
    os.close(descriptor)
os.execv(sys.executable, [sys.executable, "-m", "neurochip", *sys.argv[2:]])
"""


def answer(*command, stdout=subprocess.PIPE, **environment):
    """What Python made of a command: exit code, stdout, and stderr's lines."""
    finished = subprocess.run(
        [sys.executable, *map(str, command)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
        timeout=120,
    )
    return finished.returncode, finished.stdout, finished.stderr.decode().splitlines()


@needs_full_disk
@buffered_or_not
@pytest.mark.parametrize("command", ["ops", "chips", "--version", "--help"])
def test_a_full_disk_is_one_error_and_exit_code_1(unbuffered, command):
    with FULL.open("w") as full:
        exit_code, _, told = answer(
            "-m", "neurochip", command, stdout=full, PYTHONUNBUFFERED=unbuffered
        )
    assert exit_code == 1
    assert told == ["error: cannot write to standard output: no space left on device", HINT]


@needs_full_disk
def test_a_run_that_cannot_tell_its_report_writes_no_detail_either(examples, tmp_path):
    command = ("run", examples / "digits_cnn.onnx", "--detail", tmp_path / "detail.npz", "--json")
    with FULL.open("w") as full:
        exit_code, _, told = answer("-m", "neurochip", *command, stdout=full)
    assert exit_code == 1
    assert told[-2:] == ["error: cannot write to standard output: no space left on device", HINT]
    assert list(tmp_path.iterdir()) == []


@buffered_or_not
def test_a_disk_that_takes_only_a_part_is_an_error(unbuffered, tmp_path):
    pytest.importorskip("resource")
    with (tmp_path / "told").open("wb") as file:
        exit_code, _, told = answer("-c", LIMITED, stdout=file, PYTHONUNBUFFERED=unbuffered)
    assert exit_code == 1
    assert told == ["error: cannot write to standard output: file too large", HINT]
    assert (tmp_path / "told").stat().st_size == 500


@buffered_or_not
def test_a_reader_that_leaves_is_an_error(unbuffered):
    reading, writing = os.pipe()
    os.close(reading)
    exit_code, _, told = answer(
        "-m", "neurochip", "ops", stdout=writing, PYTHONUNBUFFERED=unbuffered
    )
    os.close(writing)
    assert exit_code == 1
    assert told == ["error: cannot write to standard output: broken pipe", HINT]


def test_a_closed_stdout_is_refused_before_any_work(examples, tmp_path):
    image = tmp_path / "a.image"
    exit_code, _, told = answer(
        "-c", CLOSED, 1, "compile", examples / "digits_cnn.onnx", "-o", image
    )
    assert exit_code == 1
    assert told == [
        "error: standard output is closed",
        "hint: give one; /dev/null takes what nobody wants to read",
    ]
    assert not image.exists()


def test_without_stderr_the_answer_is_the_same():
    exit_code, stdout, _ = answer("-c", CLOSED, 2, "ops")
    assert exit_code == 0
    assert stdout == answer("-m", "neurochip", "ops")[1]


@needs_full_disk
def test_a_note_that_was_not_written_is_not_exit_code_0(examples):
    command = [sys.executable, "-m", "neurochip", "run", str(examples / "digits_cnn.onnx")]
    with FULL.open("w") as full:
        finished = subprocess.run(command, stdout=subprocess.PIPE, stderr=full, timeout=120)
    assert finished.returncode == 1
    assert b"energy per sample" in finished.stdout


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {
            "LC_ALL": "C",
            "PYTHONUTF8": "0",
            "PYTHONCOERCECLOCALE": "0",
            "PYTHONIOENCODING": ":strict",
        },
    ],
    ids=["chosen", "by locale"],
)
def test_a_character_that_stdout_does_not_have_is_named(examples, environment):
    exit_code, _, told = answer(
        "-m", "neurochip", "run", examples / "digits_cnn.onnx", **environment
    )
    assert exit_code == 1
    assert told[1].startswith("error: cannot write '\\xb5' to standard output, whose encoding is ")
    assert told[2:] == ["hint: set PYTHONIOENCODING=utf-8"]


def test_json_is_ascii_and_the_same_however_it_is_buffered(examples):
    command = ("-m", "neurochip", "run", examples / "digits_cnn.onnx", "--json")
    exit_code, usual, _ = answer(*command)
    assert exit_code == 0
    assert len(usual) > 8192, "more than one buffer"
    for environment in ({"PYTHONUNBUFFERED": "1"}, {"PYTHONIOENCODING": "ascii"}):
        assert answer(*command, **environment)[:2] == (0, usual)


def test_the_entry_point_of_older_installations_does_the_same():
    program = (
        "import sys; sys.argv = ['neurochip', 'nothing']; from neurochip.cli import main; main()"
    )
    exit_code, stdout, told = answer("-c", program)
    assert (exit_code, stdout) == (2, b"")
    assert told[-1] == "Error: No such command 'nothing'."
