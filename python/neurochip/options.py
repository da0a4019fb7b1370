"""Options: what decides how a graph becomes an image, for Python, command line and JSON.

A field of `CompileOptions` is an option. Its name is the keyword of `nc.compile`, with dashes the
option of the command line, and the key in a report's JSON. Its help is what the command line prints
and what `help(nc.CompileOptions)` says. So a new option is

1. a field here, with its help and what reads it from JSON;
2. its line in `OptionKeywords`, for type checkers;
3. where it decides something. What is about spike codes (`of_code`) is accepted by the codes that
   know it: `decide` of `lower/quartz.py` and `rate.py`.

`tests/test_options.py` holds all of them against each other.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from textwrap import fill
from typing import Any, Literal, TypeAlias, TypedDict, get_args

from .chip import Chip, as_toml
from .errors import InputError, SettingsError
from .inputs import Normalization
from .plain import each, optional, real, table, text, truth, whole
from .renamed import RENAMED, renamed
from .reprs import counted, named
from .settings import Settings

DEFAULT_CHIP = "darwin3"

MOST_OPTIMIZE = 2

MOST_EFFORT = 2

PLACEMENT = "Placement"
"""The heading of what decides where neurons are."""

Objective: TypeAlias = Literal["cores", "latency", "throughput", "energy"]
Zeros: TypeAlias = Literal["silent", "spike"]
QuartzMode: TypeAlias = Literal["exact", "published", "loihi"]

OBJECTIVES: tuple[Objective, ...] = get_args(Objective)
ZEROS: tuple[Zeros, ...] = get_args(Zeros)
QUARTZ_MODES: tuple[QuartzMode, ...] = get_args(QuartzMode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What surfaces other than Python need to know of an option."""

    help: str
    """The command line's help, and the field's documentation."""
    in_python: str = ""
    """What Python takes instead of the command line's words."""
    read: Callable[[Any, str], Any]
    """Takes a value of a JSON document and its name there; raises ValueError."""
    group: str = "Compiling"
    """The heading above it in the command line's help."""
    flag: str | None = None
    """Its name on the command line where that is not the field's own; empty: it is not there."""
    metavar: str | None = None
    """What the help calls its value."""
    most: int | None = None
    """The largest number; the smallest is 0 then."""
    of_code: bool = False
    """Whether it is decided about a spike code: codes that do not know it refuse it."""


def _described(help: str, read: Callable[[Any, str], Any], **others: Any) -> dict[str, Described]:
    return {"described": Described(help=help, read=read, **others)}


def _word(words: Sequence[str], value: Any, what: str) -> str:
    if text(value, what) not in words:
        raise ValueError(f"`{what}` is {value!r}, expected {' or '.join(words)}")
    return str(value)


def _texts(value: Any, what: str) -> dict[str, str]:
    return {name: text(one, f"{what}.{name}") for name, one in table(value, what).items()}


def _shapes(value: Any, what: str) -> dict[str, tuple[int, ...]]:
    length = partial(whole, low=1)
    return {
        name: each(shape, f"{what}.{name}", length) for name, shape in table(value, what).items()
    }


def _normalization(value: Any, what: str) -> Normalization:
    told = table(value, what)
    mean, std = (each(told.get(name), f"{what}.{name}", real) for name in ("mean", "std"))
    return Normalization(mean, std)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileOptions:
    """What decides how a graph becomes an image; samples to calibrate with are given beside it."""

    chip: str | Path | Chip = field(
        default=DEFAULT_CHIP,
        metadata=_described(
            "A chip file, or the name of a built-in chip; darwin3 unless given.",
            text,
            in_python="Or a chip that was loaded.",
        ),
    )
    code: str | None = field(
        default=None,
        metadata=_described(
            "The spike code of the network: stem, quartz or rate; unless given, the chip's own.",
            optional(text),
        ),
    )
    t_max: int | None = field(
        default=None,
        metadata=_described(
            "Timesteps of a window, for quartz and rate.",
            optional(whole),
            group="Spike code",
            metavar="T",
            of_code=True,
        ),
    )
    zeros: Zeros | None = field(
        default=None,
        metadata=_described(
            "Whether zeros spike at the end of a window, for quartz.",
            optional(partial(_word, ZEROS)),
            group="Spike code",
            of_code=True,
        ),
    )
    quartz_mode: QuartzMode | None = field(
        default=None,
        metadata=_described(
            "Quartz with exact thresholds, as published, or that in Loihi's integers; as "
            "published it needs calibration.",
            optional(partial(_word, QUARTZ_MODES)),
            group="Spike code",
            of_code=True,
        ),
    )
    percentile: float | None = field(
        default=None,
        metadata=_described(
            "Of activations, for quartz as published: the top level; 99.99 unless given.",
            optional(real),
            group="Spike code",
            metavar="P",
            of_code=True,
        ),
    )
    pipeline: bool = field(
        default=False,
        metadata=_described("Let a sample enter while others are still on the chip.", truth),
    )
    overrides: Mapping[str, object] | None = field(
        default=None,
        metadata=_described(
            "Override a field of the chip; may be repeated.",
            optional(_texts),
            in_python='All in one: `{"noc.hop_cycles": 3}`.',
            flag="set",
            metavar="SECTION.FIELD=VALUE",
        ),
    )
    shape: Mapping[str, Sequence[int]] | None = field(
        default=None,
        metadata=_described(
            "Shape of an input whose own shape is dynamic.",
            optional(_shapes),
            in_python='All in one: `{"x": (1, 3, 32, 32)}`.',
            metavar="NAME=1,3,32,32",
        ),
    )
    output_tensor: str | None = field(
        default=None,
        metadata=_described(
            "Of a model with several outputs, the one to compute; all unless given.",
            optional(text),
            metavar="NAME",
        ),
    )
    objective: Objective = field(
        default="latency",
        metadata=_described(
            "What the placement is for: cores packs as few as can be, latency and throughput share "
            "the work over more, energy counts events that depend on the placement and idle power "
            "over the work; latency unless given.",
            partial(_word, OBJECTIVES),
            group=PLACEMENT,
        ),
    )
    effort: int = field(
        default=0,
        metadata=_described(
            "How many placements are timed: 0 none, the estimate alone decides; 1 the best few by "
            "the engine, on calibration samples; 2 searches on from there; 0 unless given.",
            partial(whole, high=MOST_EFFORT),
            group=PLACEMENT,
            most=MOST_EFFORT,
        ),
    )
    max_cores: int | None = field(
        default=None,
        metadata=_described(
            "Cores to use at most; all unless given.",
            optional(whole),
            group=PLACEMENT,
            metavar="N",
        ),
    )
    placement: str | Path | None = field(
        default=None,
        metadata=_described(
            "A placement made by hand: a TOML file with a box and a core for each tile.",
            optional(text),
            group=PLACEMENT,
        ),
    )
    optimize: int = field(
        default=0,
        metadata=_described(
            "How long to look for a placement whose packets cross fewer links: 1 moves tiles by "
            "the traffic of calibration samples, 2 also anneals and times them; 0 unless given. "
            "It starts from the fewest cores, whatever the objective.",
            partial(whole, high=MOST_OPTIMIZE),
            group=PLACEMENT,
            most=MOST_OPTIMIZE,
        ),
    )
    settings: str | Path | Settings | None = field(
        default=None,
        metadata=_described(
            "What is decided layer by layer: the TOML file that says it.",
            optional(Settings.from_json),
            in_python="Or `Settings`.",
            group="Layers",
        ),
    )
    normalization: Normalization | None = field(
        default=None,
        metadata=_described(
            "What is done to samples before they are the model's input; the image keeps it.",
            optional(_normalization),
            flag="",  # `--mean` and `--std`, which commands without these options have, too
        ),
    )
    measure_sums: bool = field(
        default=False,
        metadata=_described(
            "Whether the sums of calibration samples are also measured in layers whose constants "
            "do not depend on them, for `Image.layers` to report; for stem.",
            truth,
            flag="",  # `inspect` shows them, no other command does
        ),
    )

    def __repr__(self) -> str:
        decided = [
            f"{name}={_short(getattr(self, name))}"
            for name, default in DEFAULTS.items()
            if getattr(self, name) != default
        ]
        return f"CompileOptions({', '.join(decided)})"

    def with_keywords(self, keywords: Mapping[str, Any], caller: str) -> CompileOptions:
        """The same, with what the keywords of a function say.

        Args:
            keywords: By name; the names of `RENAMED` are still taken, with a `DeprecationWarning`
                for the caller of the function.
            caller: The function that was called with them.

        Raises:
            TypeError: If there is no such option, as of any function.
            InputError: If an option is given by its old name and its new one.
        """
        given = dict(keywords)
        for old in RENAMED.keys() & given.keys():
            value = given.pop(old)
            given[RENAMED[old]] = renamed(old, value, given.get(RENAMED[old]), stacklevel=4)
        for name in given:
            if name not in DESCRIBED:
                raise TypeError(f"{caller}() got an unexpected keyword argument {name!r}")
        return replace(self, **given)

    def to_json(self) -> dict[str, Any]:
        """Plain data of a JSON document, of every option.

        A chip that was loaded is its name or file, with the fields that were overridden.
        """
        told = {name: _plain(getattr(self, name)) for name in DESCRIBED}
        if self.overrides is not None:
            told["overrides"] = {name: as_toml(value) for name, value in self.overrides.items()}
        return told

    @staticmethod
    def from_json(data: Any) -> CompileOptions:
        """Reads `to_json` back; options that are not there have their defaults.

        Raises:
            SettingsError: If it holds something else.
        """
        try:
            told = table(data, "options")
            for name in told:
                if name not in DESCRIBED:
                    near = get_close_matches(str(name), DESCRIBED, n=1)
                    also = f"; did you mean {near[0]!r}?" if near else ""
                    raise ValueError(f"unknown option {str(name)!r}{also}")
            read = {name: DESCRIBED[name].read(value, name) for name, value in told.items()}
        except (ValueError, InputError) as error:
            raise SettingsError(
                f"these are no options of a compilation: {error}",
                hint='give the object "options" of a report',
            ) from error
        return CompileOptions(**read)


DESCRIBED: Mapping[str, Described] = {
    each.name: each.metadata["described"] for each in fields(CompileOptions)
}
"""What is known of each option, in the order of the fields."""

OF_CODE = tuple(name for name, each in DESCRIBED.items() if each.of_code)
"""The options that are decided about a spike code."""

OF_PLACEMENT = tuple(name for name, each in DESCRIBED.items() if each.group == PLACEMENT)
"""The options that decide where neurons are, and nothing about what they compute."""

DEFAULTS: Mapping[str, Any] = {each.name: each.default for each in fields(CompileOptions)}


class OptionKeywords(TypedDict, total=False):
    """The options that `nc.compile` takes as keywords alone, for type checkers."""

    t_max: int | None
    zeros: Zeros | None
    quartz_mode: QuartzMode | None
    percentile: float | None
    pipeline: bool
    overrides: Mapping[str, object] | None
    shape: Mapping[str, Sequence[int]] | None
    output_tensor: str | None
    objective: Objective
    effort: int
    max_cores: int | None
    placement: str | Path | None
    optimize: int
    settings: str | Path | Settings | None
    normalization: Normalization | None
    measure_sums: bool
    timesteps: int | None
    output: str | None


def documented(indent: str) -> str:
    """Every option with its help, for docstrings."""
    return "\n".join(
        fill(
            f"{name}: {each.help} {each.in_python}",
            100,
            initial_indent=indent,
            subsequent_indent=indent + "    ",
        )
        for name, each in DESCRIBED.items()
    )


if CompileOptions.__doc__ is not None:  # python -OO leaves none
    CompileOptions.__doc__ += f"\n\nArgs:\n{documented('    ')}\n"


def CodeOptions(  # the name of a class that it was
    *,
    timesteps: int | None = None,
    zeros: Zeros | None = None,
    mode: QuartzMode | None = None,
    percentile: float | None = None,
) -> CompileOptions:
    """Options of earlier versions, as `CompileOptions(t_max, zeros, quartz_mode, percentile)`."""
    warnings.warn(
        "`CodeOptions` is `CompileOptions` now, its `timesteps` is `t_max` and its `mode` "
        "`quartz_mode`; the old name will go",
        DeprecationWarning,
        stacklevel=2,
    )
    return CompileOptions(t_max=timesteps, zeros=zeros, quartz_mode=mode, percentile=percentile)


def _plain(value: Any) -> Any:
    """A value of an option as JSON has it."""
    if isinstance(value, Chip):
        return value.source or value.name
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Settings):
        return value.to_json()
    if isinstance(value, Normalization):
        return {"mean": list(value.mean), "std": list(value.std)}
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return [int(length) for length in value] if isinstance(value, list | tuple) else value


def _short(value: Any) -> str:
    """A value for a line that lists many."""
    if isinstance(value, Mapping):
        return f"<{counted(len(value), 'field')}>"
    return named(value) if isinstance(value, str) else repr(value)
