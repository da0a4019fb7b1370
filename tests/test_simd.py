"""Instruction sets: `NEUROCHIP_SIMD` chooses, and results are the same bits with all of them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import neurochip as nc
from conftest import ROOT
from neurochip import _core
from neurochip.errors import InputError

DIGITS = ROOT / "examples" / "digits_cnn.onnx"
RESNET = ROOT / "tests" / "data" / "zoo" / "digits_resnet" / "uint8_qdq.onnx"
WORDS = ("baseline", "avx2", "avx512")


@pytest.mark.parametrize("chip", ["ideal", "darwin3"])
@pytest.mark.parametrize("model", [DIGITS, RESNET], ids=lambda path: path.parent.name)
def test_results_are_the_same_bits_with_every_instruction_set(
    monkeypatch, digits_pictures, model, chip
):
    samples = digits_pictures[:9]
    image = nc.compile(model, chip=chip, calibration=samples)
    runs = []
    for word in WORDS:
        monkeypatch.setenv("NEUROCHIP_SIMD", word)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where this machine lacks one
            runs.append(nc.simulate(image, samples, timing="none"))
    first, *others = runs
    assert first.compiled_agreement.differing.sum() == 0
    for run in others:
        np.testing.assert_array_equal(run.outputs, first.outputs)
        np.testing.assert_array_equal(run.sops, first.sops)
        np.testing.assert_array_equal(run.overflows, first.overflows)


def test_a_word_chooses_what_this_machine_has_and_says_where_it_has_less(monkeypatch):
    monkeypatch.delenv("NEUROCHIP_SIMD", raising=False)
    widest = WORDS.index(_core.instruction_set())
    for number, word in enumerate(WORDS):
        monkeypatch.setenv("NEUROCHIP_SIMD", word)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert _core.instruction_set() == WORDS[min(number, widest)]
        assert bool(caught) == (number > widest)


def test_another_word_is_refused(monkeypatch):
    monkeypatch.setenv("NEUROCHIP_SIMD", "sse9")
    with pytest.raises(InputError) as caught:
        _core.instruction_set()
    assert str(caught.value) == (
        "NEUROCHIP_SIMD: 'sse9' names no instruction set, expected baseline, avx2 or avx512"
    )
