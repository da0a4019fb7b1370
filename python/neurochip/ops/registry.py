"""The table of operators: which function translates which ONNX node."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar

from .node import GraphBuilder, Node
from .values import Value

Translation: TypeAlias = "Callable[[Node, GraphBuilder], Value | tuple[Value, ...]]"
"""Turns one node into the value of its output, or of each output."""

AnyTranslation = TypeVar("AnyTranslation", bound=Translation)

REGISTRY: dict[str, Translation] = {}
"""Operator name, with its domain in front unless it is ONNX's own, to its translation."""


def onnx_op(*names: str) -> Callable[[AnyTranslation], AnyTranslation]:
    """Registers the decorated function as the translation of these operators."""

    def register(translation: AnyTranslation) -> AnyTranslation:
        for name in names:
            if name in REGISTRY:
                raise AssertionError(f"two translations of {name!r}")
            REGISTRY[name] = translation
        return translation

    return register
