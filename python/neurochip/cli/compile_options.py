"""The options that decide how a graph becomes an image, which several commands take."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

import typer

from . import options
from .loading import CompileOptions


def compile_options(
    chip: options.Chip = None,
    calibration: options.Calibration = None,
    scale: options.Scale = None,
    mean: options.Mean = None,
    std: options.Std = None,
    code: options.Code = None,
    t_max: options.TMax = None,
    levels: options.Levels = None,
    zeros: options.Zeros = None,
    quartz_mode: options.QuartzMode = None,
    percentile: options.Percentile = None,
    pipeline: options.Pipeline = False,
    set: options.Set = None,
    shape: options.Shape = None,
    output_tensor: options.OutputTensor = None,
    optimize: options.Optimize = None,
    settings: options.Settings = None,
    integration: options.Integration = None,
    bias: options.Bias = None,
    granularity: options.Granularity = None,
) -> CompileOptions:
    """What was asked for, from the words of the command line."""
    if levels is not None:
        if t_max is not None:
            raise typer.BadParameter("`--t-max` says how many levels there are: give one of them")
        t_max = levels + 1
    return CompileOptions(
        chip=chip,
        code=code,
        timesteps=t_max,
        zeros=None if zeros is None else zeros.value,
        quartz_mode=None if quartz_mode is None else quartz_mode.value,
        percentile=percentile,
        pipeline=pipeline,
        overrides=options.parse_overrides(set),
        shapes=options.parse_shapes(shape),
        output_tensor=output_tensor,
        calibration=calibration,
        scale=scale,
        mean=options.parse_numbers(mean, "--mean"),
        std=options.parse_numbers(std, "--std"),
        optimize=optimize,
        settings=settings,
        decided=options.decided(integration, bias, granularity),
    )


def takes_compile_options(
    *left_out: str,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command the options of `compile_options`, which it gets as its argument `chosen`.

    They stand where `chosen` stands among the command's own.

    Args:
        left_out: Names of options that the command does not take.
    """
    shared = {
        name: parameter
        for name, parameter in _parameters(compile_options).items()
        if name not in left_out
    }

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def taking(**given: Any) -> None:
            asked_for = {name: given.pop(name) for name in shared}
            command(chosen=compile_options(**asked_for), **given)

        own = _parameters(command)
        parameters: list[inspect.Parameter] = []
        for name, parameter in own.items():
            parameters += shared.values() if name == "chosen" else [parameter]
        # typer reads both: what a command takes, and what its types are.
        taking.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        taking.__annotations__ = {each.name: each.annotation for each in parameters}
        return taking

    return decorate


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """A function's parameters as keywords, their types resolved where it was written."""
    # Not `typing.get_type_hints`: on Python 3.10 it hides what an option says behind an `Optional`.
    return {
        name: parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(function, eval_str=True).parameters.items()
    }
