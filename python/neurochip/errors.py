"""What can go wrong, as one tree.

    NeurochipError                 message says what, where, how much; .hint says one way out
    ├── ModelError                 the network cannot be used
    │   └── UnsupportedOpError     all unsupported operators at once
    ├── QuantizationError          a range does not fit a format
    ├── ChipError                  a chip file that is no TOML, no chip schema, or no possible chip
    ├── CapacityError              the network needs more of a resource than the chip has
    ├── ImageError                 truncated, altered or foreign image file
    ├── SettingsError              a settings file that is no TOML, or not of this network
    ├── InputError                 samples or labels that do not fit the network, or packets
    └── SimulationError            a run that cannot finish

A bug in neurochip is none of these: it stays a `TypeError`, an `AssertionError` or a panic.
`Interrupted` is none either: it is Ctrl-C or SIGTERM, with how far the work got.
All of them go through `pickle`, to other processes and back, with all that they say.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers take it for true; a command line begins with this module

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any


class _Carried(BaseException):
    """Goes from process to process as it is: pickling would call it with its message alone."""

    def __reduce__(self) -> tuple[Callable[..., BaseException], tuple[Any, ...], dict[str, Any]]:
        return _remade, (type(self), self.args), self.__dict__


def _remade(cls: type[BaseException], args: tuple[Any, ...]) -> BaseException:
    """An error with these arguments, made without its own construction; its state follows."""
    return cls.__new__(cls, *args)


class NeurochipError(_Carried, Exception):
    """The user's problem, described so that it can be solved."""

    def __init__(self, message: str, hint: str = "") -> None:
        """Keeps one message and at most one way out."""
        super().__init__(message)
        self.hint = hint


class ModelError(NeurochipError):
    """The network cannot be used."""


class UnsupportedOpError(ModelError):
    """The network has operators that cannot be used; all of them are listed at once."""

    def __init__(
        self,
        model: str,
        nodes: Mapping[str, Sequence[tuple[str, str]]],
        cannot: str = "neurochip cannot import",
        hint: str = "`neurochip ops` lists the supported operators",
    ) -> None:
        """Lists and keeps `nodes`: operator type to (node name, reason) of each node of it."""
        self.nodes = {op_type: tuple(found) for op_type, found in sorted(nodes.items())}
        lines = [
            f"  {op_type} at {name!r}" + (f": {reason}" if reason else "")
            for op_type, found in sorted(nodes.items())
            for name, reason in found
        ]
        count = len(lines)
        message = f"{model} has {count} node{'s' * (count != 1)} {cannot}:\n" + "\n".join(lines)
        super().__init__(message, hint)


class QuantizationError(NeurochipError):
    """A range does not fit a format; names tensor, range and format."""


class ChipError(NeurochipError):
    """A chip file that is not TOML, not this schema, or not a possible chip."""


class CapacityError(NeurochipError):
    """The network needs more of a resource than the chip has; names layer, resource and field."""


class ImageError(NeurochipError):
    """A truncated, altered or foreign image file."""


class SettingsError(NeurochipError):
    """Settings that are no TOML, not in range, or of layers that the network does not have."""


class InputError(NeurochipError):
    """Samples or labels that do not fit the network, or packets that do not fit the mesh."""


class SimulationError(NeurochipError):
    """A run that cannot finish: who waits on whom, or which limit was hit."""


class Interrupted(_Carried, KeyboardInterrupt):
    """Ctrl-C during a run; says how far it got."""

    def __init__(self, done: int, total: int, what: str = "samples") -> None:
        """Keeps the number of samples, or of what else, that were finished, and of all."""
        super().__init__(f"interrupted after {done} of {total} {what}")
        self.done, self.total, self.what = done, total, what
