"""Streams: what a command says is written whole, or the command fails and says so.

Python's own stdout drops what a full disk did not take where it is not buffered, and reports what
else goes wrong as a traceback, or not before the process ends.
"""

from __future__ import annotations

import io
import os
import sys

from ..errors import NeurochipError

TYPE_CHECKING = False  # type checkers take it for true; nothing slow is imported here

if TYPE_CHECKING:
    from typing import TextIO

    from _typeshed import ReadableBuffer

STDOUT = "standard output"


class _Descriptor(io.RawIOBase):
    """A file descriptor; its first failure is reported, and whatever comes after it is dropped."""

    def __init__(self, descriptor: int, name: str) -> None:
        super().__init__()
        self._descriptor = descriptor
        self.name = name
        self.failed = False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: ReadableBuffer, /) -> int:
        """Writes what fits; the buffer above comes again with the rest."""
        if self.failed:
            return memoryview(data).nbytes
        try:
            return os.write(self._descriptor, data)
        except OSError as error:
            self.failed = True
            if self.name != STDOUT:
                return memoryview(data).nbytes  # nowhere to tell it
            from ..files import reason  # hardly ever needed

            raise NeurochipError(
                f"cannot write to {self.name}: {reason(error)}",
                hint="write to a file on a disk with room, or to a reader that takes all of it",
            ) from error


class _Text(io.TextIOWrapper):
    """Text into a descriptor; a character that its encoding lacks is an error of the user's."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except UnicodeEncodeError as error:
            lacking = text[error.start]
            raise NeurochipError(
                f"cannot write {lacking!a} to {STDOUT}, whose encoding is {self.encoding}",
                hint="set PYTHONIOENCODING=utf-8",
            ) from error


_ours: list[_Descriptor] = []


def take_over() -> None:
    """Puts streams that notice failure in the place of Python's own.

    Raises:
        NeurochipError: If there is no stdout.
    """
    _ours.clear()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process lives
    else:
        sys.stderr = _stream(sys.stderr, "standard error")
    if sys.stdout is None:
        raise NeurochipError(
            f"{STDOUT} is closed", hint="give one; /dev/null takes what nobody wants to read"
        )
    sys.stdout = _stream(sys.stdout, STDOUT)


def flush() -> None:
    """Writes what is still buffered.

    Raises:
        NeurochipError: If stdout does not take it.
    """
    for stream in (sys.stderr, sys.stdout):
        if stream is not None:
            stream.flush()


def drop() -> None:
    """Gives up what is still buffered: whoever ends a command does not wait for who reads it."""
    for descriptor in _ours:
        descriptor.failed = descriptor.failed or descriptor.name == STDOUT


def failed() -> bool:
    """Whether something was not written."""
    return any(descriptor.failed for descriptor in _ours)


def _stream(stream: TextIO, name: str) -> TextIO:
    """The same stream; one that is no file is left alone, as where tests capture it."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):
        return stream
    stream.flush()
    descriptor = _Descriptor(number, name)
    _ours.append(descriptor)
    lines = bool(getattr(stream, "line_buffering", False)) or name != STDOUT
    return _Text(
        io.BufferedWriter(descriptor),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=lines or isinstance(getattr(stream, "buffer", None), io.RawIOBase),
    )
