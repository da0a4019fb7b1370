"""onnxruntime: an optional package, and sessions that compute what we compare with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from onnx import ModelProto

from ..errors import ModelError, NeurochipError
from ..formats import Array

FATAL_ONLY = 4
SAMPLES_AT_ONCE = 64
PREFIX = r"^\[ONNXRuntimeError\] : \d+ : \w+ : (/\S+\.\w+:\d+ [^)]*\) )?"
"""What onnxruntime's messages begin with: a code, its name, and where in its sources."""


def onnxruntime() -> ModuleType:
    """The package.

    Raises:
        NeurochipError: If it is not installed.
    """
    try:
        import onnxruntime
    except ImportError:
        raise NeurochipError(
            "quantizing needs onnxruntime, which is not installed",
            hint="install it with `pip install 'neurochip[quantize]'`",
        ) from None
    return onnxruntime  # type: ignore[no-any-return]


def session(model: ModelProto | bytes, options: Any = None, **others: Any) -> Any:
    """A session on the CPU that sums unsigned activations and signed weights exactly.

    Args:
        model: What it runs.
        options: Of onnxruntime's, its own unless given.
        others: More of what onnxruntime's session takes.

    Raises:
        ModelError: If onnxruntime cannot run the model.
    """
    package = onnxruntime()
    if options is None:
        options = package.SessionOptions()
    options.log_severity_level = FATAL_ONLY
    # Without it, sums of u8 x s8 products saturate on processors without VNNI.
    options.add_session_config_entry("session.x64quantprecision", "1")
    data = model if isinstance(model, bytes) else model.SerializeToString()
    try:
        return package.InferenceSession(data, options, providers=["CPUExecutionProvider"], **others)
    except Exception as error:  # its errors have no common class of their own
        raise _cannot_run(error) from None


def batch_length(session: Any) -> int | None:
    """How many samples a model takes at once; None where it leaves that open."""
    first = session.get_inputs()[0].shape[:1]
    return first[0] if first and isinstance(first[0], int) else None


def in_parts(
    session: Any, names: Sequence[str], samples: Array, step: int
) -> Iterator[tuple[Array, ...]]:
    """The samples of each part, and what these tensors hold for them.

    A model of a fixed batch takes that many at once, whatever `step` says: the last part is filled
    up with its first sample, whose further results are left out.

    Raises:
        ModelError: If onnxruntime cannot compute them.
    """
    fixed = batch_length(session)
    step = fixed or step
    (info,) = session.get_inputs()
    for start in range(0, len(samples), step):
        part = samples[start : start + step]
        count = len(part)
        filling = [part[:1]] * (fixed - count if fixed else 0)
        try:
            results = session.run(names, {info.name: np.concatenate([part, *filling])})
        except Exception as error:  # as above
            raise _cannot_run(error) from None
        total = count + len(filling)
        yield part, *(each[: len(each) * count // total] if each.ndim else each for each in results)


def outputs(model: ModelProto | bytes, samples: Array) -> Array:
    """The model's output for every sample; of several, the first."""
    runner = session(model)
    name = runner.get_outputs()[0].name
    return np.concatenate(
        [result for _, result in in_parts(runner, [name], samples, SAMPLES_AT_ONCE)]
    )


def first_line(error: Exception) -> str:
    """What an error of another package says, as far as it fits into one of ours."""
    told = (str(error).splitlines() or [type(error).__name__])[0]
    return re.sub(PREFIX, "", told) or told


def _cannot_run(error: Exception) -> ModelError:
    return ModelError(
        f"onnxruntime cannot run the model: {first_line(error)}",
        hint="see that onnxruntime runs the float model by itself, and export it again if not",
    )
