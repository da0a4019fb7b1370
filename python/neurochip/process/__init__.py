"""The process of a command line: whatever ends it is one line on stderr and an exit code.

| file | what |
|---|---|
| `signals.py` | Ctrl-C, SIGTERM and SIGHUP, which leave nothing half-written |
| `streams.py` | stdout and stderr, which are complete or end the command |

Nothing here is slow to import: it is there before the rest is, and sees it being imported.
"""

from __future__ import annotations

import sys

from ..errors import NeurochipError
from . import signals, streams

TYPE_CHECKING = False  # type checkers take it for true; nothing slow is imported here

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

__all__ = ["run", "signals"]


def run(command: Callable[[], object]) -> NoReturn:
    """Runs a command and exits.

    Args:
        command: Does the work; it may end with `SystemExit`.
    """
    signals.take_over()
    try:
        code = _ended(command)
    except KeyboardInterrupt:  # outside of what a command does, such as while it is flushed
        code = signals.INTERRUPTED
        streams.drop()
    signals.ignore()
    if signals.received() is not None and code:
        code = signals.exit_code()
        if not signals.was_told():
            _tell(signals.word(), "while the command was ending")
    sys.exit(code)


def _ended(command: Callable[[], object]) -> int:
    """The exit code of a command, once all that it said is written."""
    code = 0
    try:
        streams.take_over()
        command()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except NeurochipError as error:  # what a command cannot tell itself
        code = _refused(error)
    if signals.received() is not None:
        streams.drop()
    try:
        streams.flush()
    except NeurochipError as error:
        code = _refused(error)
    return code or int(streams.failed())


def _refused(error: NeurochipError) -> int:
    _tell("error", str(error))
    if error.hint:
        _tell("hint", error.hint)
    return 1


def _tell(kind: str, message: str) -> None:
    print(f"{kind}: {message}", file=sys.stderr)
