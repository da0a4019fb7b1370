"""What objects say of themselves in one line: what they are and how large, not what they hold."""

from __future__ import annotations

from reprlib import Repr

_names = Repr()
_names.maxstring = 40


def named(text: str) -> str:
    """A name in quotes, cut in its middle where it is long."""
    return _names.repr(text)


def counted(number: int, what: str) -> str:
    """So many of something."""
    return f"{number:,} {what}{'s' * (number != 1)}"
