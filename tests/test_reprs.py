"""Reprs: one short line that says what something is, never an array and never a pointer."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

import neurochip as nc

LONG = "network_" * 40


@pytest.fixture(scope="module")
def nouns(examples, digits_pictures):
    """One of each public class, by the class's name."""
    graph = nc.load_graph(examples / "digits_cnn.onnx")
    chip = nc.chip("tiny")
    network = nc.lower(graph, chip)
    placement = nc.place(network, chip)
    image = nc.assemble(placement, graph=graph)
    run = nc.simulate(image, digits_pictures[:3], detail=True)
    report = nc.report(run)
    parts = nc.Samples(digits_pictures[:20], np.zeros(20, np.int64))
    found = nc.tune(image, parts, parts, trials=0)
    layers = {f"layer_{number}": nc.LayerSettings(rot=1) for number in range(50)}
    made = [
        *(graph, chip, network, placement, image, run, report, report.details(), run.detail),
        *(run.exact_agreement, run.compiled_agreement, parts, found, found.dense),
        nc.replay(np.zeros((100, 3), np.int64), "tiny"),
        nc.LayerSettings(integration="scaled", rot=2, drlo=3),
        nc.Settings(layers=layers),
        nc.CompileOptions(
            t_max=16, zeros="silent", quartz_mode="loihi", settings=nc.Settings(layers=layers)
        ),
        nc.NeurochipError("message"),
        nc.Normalization(np.arange(1000), 2.0),
    ]
    if find_spec("onnxruntime") is not None:
        float_model = examples.parent / "tests" / "data" / "zoo" / "digits_cnn" / "float.onnx"
        made.append(nc.quantize(float_model, digits_pictures[:8]))
    return {type(each).__name__: each for each in made}


def test_every_public_class_is_shown_in_one_short_line(nouns):
    public = {name for name in nc.__all__ if inspect.isclass(getattr(nc, name))}
    if find_spec("onnxruntime") is None:
        public.remove("Quantized")
    assert public <= set(nouns)
    for name, noun in nouns.items():
        told = repr(noun)
        assert told.startswith(name), told
        assert len(told) < 200, told
        assert "\n" not in told
        assert not re.search(r"0x[0-9a-f]{4}|array\(| object at ", told), told


def test_reprs_say_what_something_is_and_how_large(nouns):
    assert {name: repr(nouns[name]) for name in ("Image", "Placement", "Run", "Replay")} == {
        "Image": "Image('digits_cnn' for 'tiny', code stem, 4 cores)",
        "Placement": "Placement('digits_cnn' on 'tiny', 4 tiles on 4 cores)",
        "Run": "Run('digits_cnn' on 'tiny', code stem, 3 samples, timing cycle)",
        "Replay": "Replay(100 packets on 'tiny', consume arrival)",
    }
    assert repr(nouns["Network"]) == "Network('digits_cnn', code stem, 5 populations, 778 neurons)"
    assert repr(nouns["Details"]) == "Details('digits_cnn' on 'tiny', code stem, 3 samples)"
    assert repr(nc.LayerSettings(rot=1)) == "LayerSettings(rot=1)"


def test_a_long_name_is_cut(nouns):
    network = replace(nouns["Network"], name=LONG)
    placement = nc.place(network, nc.chip("tiny"))
    for noun in (network, placement, nc.assemble(placement)):
        assert len(repr(noun)) < 200
        assert "network_" in repr(noun)
