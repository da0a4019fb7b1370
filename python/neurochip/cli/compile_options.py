"""The options that decide how a graph becomes an image, which several commands take.

They are the fields of `neurochip.options.CompileOptions`: name, type, help and heading come from
there, and those of `LayerSettings` that have a help. Written here are those that exist on a command
line only: what the samples are, and `--levels`, another way to say `--t-max`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

from ..options import DESCRIBED, CompileOptions
from ..settings import HELP, LayerSettings
from . import options
from .loading import Chosen

LAYERS = DESCRIBED["settings"].group

TYPES: dict[str, Any] = {
    "chip": str,
    "overrides": list[str],
    "shape": list[str],
    "placement": Path,
    "settings": Path,
}
"""What a command line takes where a field may be a Python object."""

PARSED: Mapping[str, Callable[[Sequence[str]], object]] = {
    "overrides": options.parse_overrides,
    "shape": options.parse_shapes,
}
"""What reads them."""

Levels = Annotated[
    int | None,
    typer.Option(
        "--levels",
        metavar="N",
        help="Levels above 0, for quartz: T is one more.",
        rich_help_panel=DESCRIBED["t_max"].group,
    ),
]


def takes_compile_options(
    *left_out: str,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command the options that decide how a graph becomes an image.

    They stand where its argument `chosen` stands among the command's own, which gets them all.

    Args:
        left_out: Names of options that the command does not take.
    """
    shared = {each.name: each for each in parameters() if each.name not in left_out}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def taking(**given: Any) -> None:
            asked_for = {name: given.pop(name) for name in shared}
            command(chosen=chosen_of(asked_for), **given)

        own = _parameters(command)
        all_of_them: list[inspect.Parameter] = []
        for name, parameter in own.items():
            all_of_them += shared.values() if name == "chosen" else [parameter]
        # typer reads both: what a command takes, and what its types are.
        taking.__signature__ = inspect.Signature(all_of_them)  # type: ignore[attr-defined]
        taking.__annotations__ = {each.name: each.annotation for each in all_of_them}
        return taking

    return decorate


def parameters() -> Iterator[inspect.Parameter]:
    """Every option, as a parameter that typer reads."""
    yield _parameter("calibration", options.Calibration)
    yield _parameter("scale", options.Scale)
    yield _parameter("mean", options.Mean)
    yield _parameter("std", options.Std)
    types = get_type_hints(CompileOptions) | TYPES
    for name in DESCRIBED:
        if options.flag(name):
            said = _said(name, types[name])
            said = said if said is bool else said | None
            yield _parameter(name, Annotated[said, options.described(name)])
        if name == "t_max":
            yield _parameter("levels", Levels)
    types = get_type_hints(LayerSettings)
    for name, help in HELP.items():
        described = typer.Option(help=help, rich_help_panel=LAYERS)
        yield _parameter(name, Annotated[_said(name, types[name]) | None, described])


def chosen_of(asked_for: Mapping[str, Any]) -> Chosen:
    """What was asked for, from the values of a command line; None and False are not given."""
    given = {
        name: value.value if isinstance(value, Enum) else value
        for name, value in asked_for.items()
        if value is not None and value is not False
    }
    if "levels" in given:
        if "t_max" in given:
            raise typer.BadParameter("`--t-max` says how many levels there are: give one of them")
        given["t_max"] = given["levels"] + 1
    for name, parse in PARSED.items():
        if given.get(name):
            given[name] = parse(given[name])
    return Chosen(
        options={name: given[name] for name in DESCRIBED if given.get(name, []) != []},
        decided={name: given[name] for name in HELP if name in given},
        calibration=given.get("calibration"),
        scale=given.get("scale"),
        mean=options.parse_numbers(given.get("mean"), "--mean"),
        std=options.parse_numbers(given.get("std"), "--std"),
    )


def _parameter(name: str, annotation: Any) -> inspect.Parameter:
    default = False if get_args(annotation)[0] is bool else None
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


def _said(name: str, of_field: Any) -> Any:
    """A field's type without None; words are an `Enum`, which all versions of typer know."""
    found = [each for each in get_args(of_field) if each is not type(None)]
    if get_origin(of_field) is Literal:
        return Enum(name, {word: word for word in found}, type=str)
    if not found or get_origin(of_field) is list:
        return of_field
    return _said(name, found[0])


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """A function's parameters as keywords, their types resolved where it was written."""
    # Not `typing.get_type_hints`: on Python 3.10 it hides what an option says under an `Optional`.
    return {
        name: parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(function, eval_str=True).parameters.items()
    }
