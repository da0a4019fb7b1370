"""Signals: what ends a command from outside, as an exception that closes and removes what is open.

Python turns Ctrl-C into a `KeyboardInterrupt`, and lets SIGTERM and SIGHUP kill. Here all three are
a `KeyboardInterrupt` while a command works: context managers remove temporary files, and the core
stops. Before that, while modules are imported, nothing is open: the process ends at once.
"""

from __future__ import annotations

import os
import signal
import sys
import time

TYPE_CHECKING = False  # type checkers take it for true; nothing slow is imported here

if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it: 128 and the signal's number."""

WORDS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "terminated"}
"""Which signals end a command, and how that is called; Windows has no SIGHUP."""

GRACE_S = 1.0
"""Time to close and remove what is open, in which another signal changes nothing."""

AGAIN_S = 0.02
"""How long after an exception was lost it is raised once more."""


class _Stopped(KeyboardInterrupt):
    """What a signal raises.

    A plain `KeyboardInterrupt` that passes an `exec` of text, as dataclasses are made by, is one
    that Python believes nobody caught: it would end the process by SIGINT, whatever its exit code.
    """


class _State:
    """What became of this process: no dataclass, whose import takes longer than all of this."""

    working = False
    """Whether there may be something to close and to remove."""
    number: int | None = None
    """The first signal that came."""
    at_s = 0.0
    """When the last one came."""
    told = False
    """Whether it was reported."""


_state = _State()


def take_over() -> None:
    """Lets signals end this process in order; those that it was started to ignore stay ignored."""
    for name in WORDS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    sys.unraisablehook = _lost


def ignore() -> None:
    """Lets nothing interrupt the end of the process, which is near."""
    for name in WORDS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is _stop:
            signal.signal(number, signal.SIG_IGN)


def work_begins() -> None:
    """From now on a signal raises `KeyboardInterrupt`."""
    _state.working = True


def received() -> int | None:
    """The signal that ended the work, None if none did."""
    return _state.number


def word() -> str:
    """How it is called that the work was ended."""
    number = _state.number
    return WORDS["SIGINT"] if number is None else WORDS[signal.Signals(number).name]


def exit_code() -> int:
    """The exit code of a process whose work was ended."""
    return INTERRUPTED if _state.number is None else 128 + _state.number


def tells() -> None:
    """Says that it is reported."""
    _state.told = True


def was_told() -> bool:
    """Whether it was reported."""
    return _state.told


def _stop(number: int, frame: FrameType | None) -> None:
    if not _state.working:
        line = f"{WORDS[signal.Signals(number).name]}: before the command began\n"
        try:
            os.write(2, line.encode())
        finally:
            os._exit(128 + number)  # in the middle of an import an exception may be told as another
    now = time.monotonic()
    if _state.number is not None and now - _state.at_s < GRACE_S:
        return
    _state.number = _state.number or number
    _state.at_s = now
    raise _Stopped


def _lost(raised: Any) -> None:
    """Raises a `KeyboardInterrupt` again that was lost where none can be, as in `__del__`."""
    if not issubclass(raised.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(raised)
        return
    from threading import Timer  # hardly ever needed

    _state.at_s = -GRACE_S
    again = Timer(AGAIN_S, os.kill, (os.getpid(), _state.number or signal.SIGINT))
    again.daemon = True
    again.start()
