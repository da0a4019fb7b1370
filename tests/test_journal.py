"""The journal of a search: one search at a time, whole lines, and no damage that is a traceback."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from command_line import neurochip
from conftest import ROOT
from neurochip.errors import InputError
from neurochip.tune.journal import FORMAT, Journal

DIGITS = ROOT / "examples" / "digits_cnn.onnx"
SAMPLES = ROOT / "examples" / "digits.npz"
COMMAND = (
    *("tune", DIGITS, "--data", SAMPLES, "--chip", "tiny", "--samples", 20, "--held-out", 20),
    *("--trials", 0, "-o", "found.toml"),
)
HEAD = json.dumps({"format": FORMAT, "search": "a"})
ELSEWHERE = "hint: remove it, or write to another file with `--output`"


def test_a_second_search_with_the_same_journal_is_refused(tmp_path):
    pytest.importorskip("fcntl")
    path = tmp_path / "a.journal"
    with Journal(path, "a") as journal:
        journal.add("first", {"sops": 1})
        with pytest.raises(InputError) as raised:
            Journal(path, "a")
        journal.add("second", {"sops": 2})
    assert str(raised.value) == f"another search is writing its journal '{path}'"
    assert "`--output`" in raised.value.hint
    with Journal(path, "a") as journal:
        assert list(journal.records) == ["first", "second"]


def test_a_second_tune_in_another_process_is_refused_in_one_line(tmp_path, monkeypatch):
    pytest.importorskip("fcntl")
    monkeypatch.chdir(tmp_path)
    with Journal(Path("found.toml.journal"), "a"):
        command = [sys.executable, "-m", "neurochip", *map(str, COMMAND)]
        finished = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr.splitlines() == [
        "error: another search is writing its journal 'found.toml.journal'",
        "hint: wait until it ends, or write to another file with `--output`",
    ]


LIMITED = """
import resource, sys
limit = int(sys.argv.pop(1))
from neurochip.__main__ import main
from neurochip.tune import journal
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
main()
"""


def test_a_full_disk_ends_a_search_and_keeps_what_was_evaluated(tmp_path, monkeypatch):
    pytest.importorskip("resource")
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-c", LIMITED, "700", *map(str, COMMAND)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr.splitlines() == [
        "error: cannot write journal 'found.toml.journal': file too large",
        "hint: make room and run again: what was evaluated before is kept",
    ]
    kept = (tmp_path / "found.toml.journal").read_bytes()
    assert kept.endswith(b"\n")
    assert 2 < kept.count(b"\n") < 10
    assert neurochip(*COMMAND).exit_code == 0
    assert (tmp_path / "found.toml.journal").read_bytes().startswith(kept)


class Full(io.FileIO):
    """A file on a disk that takes three bytes, and no more."""

    def write(self, data):
        if self.tell() > self.room:
            raise OSError(28, "No space left on device")
        return super().write(bytes(data)[:3])


def test_half_a_line_is_taken_back(tmp_path):
    path = tmp_path / "a.journal"
    with Journal(path, "a") as journal:
        journal.add("first", {"sops": 1})
        whole = path.read_bytes()
        journal._file.close()
        journal._file = Full(path, "a+b")
        journal._file.room = len(whole)
        with pytest.raises(InputError, match="no space left on device"):
            journal.add("second", {"sops": 2})
        assert list(journal.records) == ["first"]
    assert path.read_bytes() == whole


DAMAGED = {
    "a head without its search": json.dumps({"format": FORMAT}).encode(),
    "a head that is a list": b"[1, 2]",
    "a search that is no text": json.dumps({"format": FORMAT, "search": 3}).encode(),
    "deep nesting": b"[" * 200_000,
    "deep nesting in a record": f"{HEAD}\n{'[' * 200_000}".encode(),
    "a key that is no text": f'{HEAD}\n{{"key": 3}}'.encode(),
    "a key that is a list": f'{HEAD}\n{{"key": []}}'.encode(),
    "a record without a key": f'{HEAD}\n{{"sops": 3}}'.encode(),
    "a record that is no table": f"{HEAD}\n3".encode(),
    "an empty line": f"{HEAD}\n\n".encode(),
    "not UTF-8": HEAD.encode() + b'\n{"key": "\xff\xfe"}',
    "zeros": bytes(100),
    "a number of many digits": f'{HEAD}\n{{"key": "a", "sops": {"9" * 5000}}}'.encode(),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_journal_is_refused_and_left_as_it_is(tmp_path, damage):
    path = tmp_path / "a.journal"
    content = DAMAGED[damage] + b"\n"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is no journal of a search"):
        Journal(path, "a")
    assert path.read_bytes() == content


RECORDS = {
    "nothing": {},
    "no distance": {"sops": 3, "right": "ffff00"},
    "SOPs in words": {"sops": "3", "right": "ffff00", "distance": 0.0},
    "half a SOP": {"sops": 0.5, "right": "ffff00", "distance": 0.0},
    "fewer SOPs than none": {"sops": -1, "right": "ffff00", "distance": 0.0},
    "more SOPs than can be": {"sops": 10**400, "right": "ffff00", "distance": 0.0},
    "no digits": {"sops": 3, "right": "gg", "distance": 0.0},
    "too few samples": {"sops": 3, "right": "ff", "distance": 0.0},
    "samples as numbers": {"sops": 3, "right": [1, 0], "distance": 0.0},
    "no number": {"sops": 3, "right": "ffff00", "distance": float("nan")},
    "too far": {"sops": 3, "right": "ffff00", "distance": 10**400},
    "a table": {"sops": 3, "right": "ffff00", "distance": {}},
}


@pytest.fixture(scope="module")
def finished_search(tmp_path_factory):
    """The lines of a search's journal."""
    folder = tmp_path_factory.mktemp("search")
    command = [sys.executable, "-m", "neurochip", *map(str, COMMAND)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    return (folder / "found.toml.journal").read_bytes().splitlines()


@pytest.mark.parametrize("damage", RECORDS)
def test_a_record_that_says_nothing_that_can_be_used_is_named(
    tmp_path, monkeypatch, finished_search, damage
):
    monkeypatch.chdir(tmp_path)
    head, first, *rest = finished_search
    key = json.loads(first)["key"]
    lines = [head, json.dumps({"key": key, **RECORDS[damage]}).encode(), *rest]
    content = b"\n".join(lines) + b"\n"
    Path("found.toml.journal").write_bytes(content)
    told = neurochip(*COMMAND)
    assert told.exit_code == 1
    assert told.stderr.splitlines() == [
        "error: 'found.toml.journal' is no journal of a search: "
        f"what it says of {key!r} is damaged",
        ELSEWHERE,
    ]
    assert Path("found.toml.journal").read_bytes() == content


def test_a_folder_is_no_journal(tmp_path):
    (tmp_path / "a.journal").mkdir()
    with pytest.raises(InputError, match=r"cannot keep a journal in .*: is a directory"):
        Journal(tmp_path / "a.journal", "a")
    assert os.listdir(tmp_path) == ["a.journal"]
