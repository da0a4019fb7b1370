"""The journal: every finished evaluation is a line on disk before the next one begins.

The first line says which search it is of; a line that a kill cut short is dropped.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import InputError
from ..files import reason

FORMAT = "neurochip tune 1"


class Journal:
    """Records by key, in memory and, where there is a path, on disk."""

    def __init__(self, path: Path | None, search: str) -> None:
        """Reads what there is of this search.

        Raises:
            InputError: If the file cannot be used, or holds something else, which is left alone.
        """
        self.records: dict[str, dict[str, Any]] = {}
        self._file: BinaryIO | None = None
        if path is None:
            return
        try:
            content = path.read_bytes() if path.exists() else b""
            head = _line({"format": FORMAT, "search": search})
            whole = content[: content.rfind(b"\n") + 1]
            if not head.startswith(content):  # a kill may have cut the very first line short
                self.records = _records(path, whole, search)
            self._file = path.open("ab")
            self._file.truncate(len(whole))
        except OSError as error:
            raise InputError(
                f"cannot keep a journal in {str(path)!r}: {reason(error)}",
                hint="write to a folder that exists and that you may write to",
            ) from error
        if not whole:
            self._append(head)

    def __enter__(self) -> Journal:
        """Nothing more: it is open."""
        return self

    def __exit__(self, *raised: object) -> None:
        """Closes the file; all lines are on the disk already."""
        if self._file is not None:
            self._file.close()

    def add(self, key: str, record: dict[str, Any]) -> None:
        """Keeps a record: when this returns it is on the disk."""
        self.records[key] = record
        self._append(_line({"key": key, **record}))

    def _append(self, line: bytes) -> None:
        if self._file is not None:
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode() + b"\n"


def _records(path: Path, whole: bytes, search: str) -> dict[str, dict[str, Any]]:
    try:
        head, *records = map(json.loads, whole.splitlines())
        known = head["format"] == FORMAT
        by_key = {record.pop("key"): record for record in records}
    except (ValueError, KeyError, TypeError, AttributeError):
        known = False
    if not known:
        raise InputError(
            f"{str(path)!r} is no journal of a search",
            hint="remove it, or write to another file with `--output`",
        )
    if head["search"] != search:
        raise InputError(
            f"{str(path)!r} is of another network, chip or settings",
            hint="remove it, or write to another file with `--output`",
        )
    return by_key
