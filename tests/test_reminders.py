"""What stands in several places and must be changed together: a missing row fails here."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest

import qoperator
from neurochip import layers
from neurochip.ops import SUPPORTED

DOCS = Path(__file__).parents[1] / "docs"


def layer_classes():
    """Every class of integer layers, whether the union names it or not."""
    found = {each for each in vars(layers).values() if isinstance(each, type)}
    return {each for each in found if hasattr(each, "evaluate")}


def test_the_union_of_layers_names_every_layer():
    assert set(get_args(layers.Layer)) == layer_classes() - {layers.Weighted}


@pytest.mark.parametrize("code", ["stem", "quartz", "rate"])
def test_every_spike_code_lowers_or_refuses_every_layer(code):
    lowered = import_module(f"neurochip.lower.{code}")._LAYERS
    assert set(get_args(layers.Layer)) <= lowered.keys()


def test_quartz_as_published_lowers_or_refuses_every_layer():
    paper = import_module("neurochip.lower.quartz.paper")
    known = paper.INDEX_MAPS.keys() | paper._IN_INTEGERS.keys() | {layers.Lookup, layers.MaxPool}
    assert set(get_args(layers.Layer)) <= known


def test_every_layer_is_written_for_onnxruntime():
    assert set(get_args(layers.Layer)) <= qoperator.WRITERS.keys()


def test_the_page_of_operators_names_every_operator():
    page = (DOCS / "onnx.md").read_text(encoding="utf-8")
    assert [name for name in SUPPORTED if name.rpartition(".")[2] not in page] == []
