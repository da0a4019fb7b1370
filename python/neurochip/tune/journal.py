"""The journal: every finished evaluation is a line on disk before the next one begins.

The first line says which search it is of; a line that a kill cut short is dropped. One search at a
time has the file.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import reason

FORMAT = "neurochip tune 1"


class Journal:
    """Records by key, in memory and, where there is a path, on disk."""

    def __init__(self, path: Path | None, search: str) -> None:
        """Reads what there is of this search, and keeps others out until it is closed.

        Raises:
            InputError: If the file cannot be used, or is in use, or holds something else, which is
                left alone.
        """
        self.records: dict[str, dict[str, Any]] = {}
        self._path = path
        self._file: FileIO | None = None
        if path is None:
            return
        head = _line({"format": FORMAT, "search": search})
        try:
            self._file = open(path, "a+b", buffering=0)  # noqa: SIM115 - closed by __exit__
            _lock(self._file, path)
            self._file.seek(0)
            content = self._file.readall() or b""
            whole = content[: content.rfind(b"\n") + 1]
            if not head.startswith(content):  # a kill may have cut the very first line short
                self.records = _records(path, whole, search)
            self._file.truncate(len(whole))
        except OSError as error:
            self.close()
            raise InputError(
                f"cannot keep a journal in {str(path)!r}: {reason(error)}",
                hint="write to a folder that exists and that you may write to",
            ) from error
        except BaseException:
            self.close()
            raise
        if not whole:
            self._append(head)

    def __enter__(self) -> Journal:
        """Nothing more: it is open."""
        return self

    def __exit__(self, *raised: object) -> None:
        """Closes the file; all lines are on the disk already."""
        self.close()

    def close(self) -> None:
        """Lets another search have the file."""
        if self._file is not None:
            self._file.close()

    def add(self, key: str, record: dict[str, Any]) -> None:
        """Keeps a record: when this returns it is on the disk.

        Raises:
            InputError: If the disk does not take it.
        """
        self._append(_line({"key": key, **record}))
        self.records[key] = record

    def damaged(self, key: str) -> InputError:
        """The error about a record which says nothing that can be used."""
        return _no_journal(self._path or Path(), f"what it says of {key!r} is damaged")

    def _append(self, line: bytes) -> None:
        if self._file is None:
            return
        end = self._file.seek(0, os.SEEK_END)
        try:
            rest = line
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
            os.fsync(self._file.fileno())
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(end)  # else the next search drops the half of a line
            self.close()
            raise InputError(
                f"cannot write journal {str(self._path)!r}: {reason(error)}",
                hint="make room and run again: what was evaluated before is kept",
            ) from error


def _lock(file: FileIO, path: Path) -> None:
    """Lets one search alone have the file; the lock ends with the process, however it ends.

    Windows has no `fcntl`, and some network file systems no locks: there two searches at once
    would both add their lines, whole ones, of which the last wins that is of the same key.

    Raises:
        InputError: If another search has it.
    """
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InputError(
            f"another search is writing its journal {str(path)!r}",
            hint="wait until it ends, or write to another file with `--output`",
        ) from error
    except OSError:
        return


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode() + b"\n"


def _records(path: Path, whole: bytes, search: str) -> dict[str, dict[str, Any]]:
    try:
        head, *records = map(json.loads, whole.splitlines())
        known = head["format"] == FORMAT and isinstance(head["search"], str)
        by_key = {record.pop("key"): record for record in records}
        known = known and all(isinstance(key, str) for key in by_key)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        known = False
    if not known:
        raise _no_journal(path)
    if head["search"] != search:
        raise InputError(
            f"{str(path)!r} is of another network, chip or settings",
            hint="remove it, or write to another file with `--output`",
        )
    return by_key


def _no_journal(path: Path, why: str = "") -> InputError:
    return InputError(
        f"{str(path)!r} is no journal of a search" + (f": {why}" if why else ""),
        hint="remove it, or write to another file with `--output`",
    )
