"""onnxruntime: an optional package, and sessions that compute what we compare with."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
from onnx import ModelProto

from ..errors import NeurochipError
from ..formats import Array

FATAL_ONLY = 4


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


def session(model: ModelProto | bytes, options: Any = None) -> Any:
    """A session on the CPU that sums unsigned activations and signed weights exactly."""
    package = onnxruntime()
    if options is None:
        options = package.SessionOptions()
    options.log_severity_level = FATAL_ONLY
    # Without it, sums of u8 x s8 products saturate on processors without VNNI.
    options.add_session_config_entry("session.x64quantprecision", "1")
    data = model if isinstance(model, bytes) else model.SerializeToString()
    return package.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def batch_length(session: Any) -> int | None:
    """How many samples a model takes at once; None where it leaves that open."""
    first = session.get_inputs()[0].shape[:1]
    return first[0] if first and isinstance(first[0], int) else None


def outputs(model: ModelProto | bytes, samples: Array, step: int = 64) -> Array:
    """The model's output for every sample."""
    runner = session(model)
    (name,) = (info.name for info in runner.get_inputs())
    step = batch_length(runner) or step
    parts: Sequence[Array] = [
        runner.run(None, {name: samples[start : start + step]})[0]
        for start in range(0, len(samples), step)
    ]
    return np.concatenate(parts)
