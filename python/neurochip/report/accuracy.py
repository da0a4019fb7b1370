"""Accuracy: the class that the network's float output names, against the labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .contents import Accuracy


def accuracy(values: NDArray[Any], labels: NDArray[Any]) -> Accuracy:
    """Counts the samples whose predicted class is their label.

    Args:
        values: The network's outputs, sample first: a score a class, or the class itself.
        labels: One class index a sample.
    """
    if labels.ndim != 1 or len(labels) != len(values):
        raise InputError(
            f"{labels.size} labels of shape {labels.shape} for {len(values)} samples",
            hint="give one class index a sample, in the order of the samples",
        )
    scores = values.reshape(len(values), -1)
    if np.issubdtype(values.dtype, np.integer) and scores.shape[1] == 1:
        return _counted(scores[:, 0], labels)
    if scores.shape[1] < 2 or np.count_nonzero(np.array(values.shape[1:]) > 1) != 1:
        raise InputError(
            f"labels were given, but the network's output has shape {values.shape[1:]}, "
            "which names no class",
            hint="run without labels",
        )
    _refuse_unknown_classes(labels, scores.shape[1])
    return _counted(scores.argmax(axis=1), labels)


def _counted(predicted: NDArray[Any], labels: NDArray[Any]) -> Accuracy:
    return Accuracy(correct=int(np.count_nonzero(predicted == labels)), samples=len(labels))


def _refuse_unknown_classes(labels: NDArray[Any], classes: int) -> None:
    unknown = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(unknown):
        raise InputError(
            f"label {labels[unknown[0]]} of sample {unknown[0]} is no class of the network, "
            f"which has {classes} outputs ({len(unknown)} labels in all)",
            hint=f"labels are counted from 0 to {classes - 1}",
        )
