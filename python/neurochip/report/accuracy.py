"""Accuracy: the class that the network's float output names, against the labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..simulate import Run
from .contents import Accuracy


def accuracy(run: Run, labels: NDArray[Any]) -> Accuracy:
    """Counts the samples whose predicted class is their label.

    Raises:
        InputError: If labels and samples do not match, or the output names no class.
    """
    if labels.ndim != 1 or len(labels) != len(run.values):
        raise InputError(
            f"{labels.size} labels of shape {labels.shape} for {len(run.values)} samples",
            hint="give one class index a sample, in the order of the samples",
        )
    if not _is_class(run.values):
        _refuse_unknown_classes(labels, _num_classes(run.values))
    correct = int(np.count_nonzero(run.predictions == labels))
    return Accuracy(correct=correct, samples=len(labels))


def _is_class(values: NDArray[Any]) -> bool:
    """Whether the network itself names the class, as ArgMax does."""
    return bool(np.issubdtype(values.dtype, np.integer)) and values.size == len(values)


def _num_classes(values: NDArray[Any]) -> int:
    lengths = [length for length in values.shape[1:] if length != 1]
    if len(lengths) != 1:
        raise InputError(
            f"labels were given, but the network's output has shape {values.shape[1:]}, "
            "which names no class",
            hint="choose an output that names a class (`--output-tensor`), or leave labels out",
        )
    return int(lengths[0])


def _refuse_unknown_classes(labels: NDArray[Any], classes: int) -> None:
    unknown = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(unknown):
        raise InputError(
            f"label {labels[unknown[0]]} of sample {unknown[0]} is no class of the network, "
            f"which has {classes} outputs ({len(unknown)} labels in all)",
            hint=f"labels are counted from 0 to {classes - 1}",
        )
