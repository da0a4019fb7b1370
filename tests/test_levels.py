"""Levels: which of a tensor's codes first spikes tell apart (quartz.md, section 1)."""

from __future__ import annotations

import numpy as np
import pytest

from integer_graphs import tensor
from neurochip.lower.quartz.levels import choose_levels
from neurochip.network import FirstSpike


@pytest.mark.parametrize(
    ("timesteps", "levels", "stride"), [(256, 255, 1), (128, 127, 2), (16, 15, 16), (2, 1, 128)]
)
def test_fewer_timesteps_are_wider_levels(timesteps, levels, stride):
    code = choose_levels(tensor("x", (1,)), timesteps, False)
    assert (code.levels, code.stride) == (levels, stride)
    codes = np.arange(256)
    sent = code.codes(code.values(codes).astype(np.int64))
    unclamped = code.values(codes) < levels
    assert np.abs(sent - codes)[unclamped].max() <= stride // 2
    assert (np.diff(sent) >= 0).all()


def test_a_code_half_way_between_two_levels_is_sent_as_the_upper_one():
    """u = floor((q - low + floor(c / 2)) / c); the other way, level u stands for low + c u."""
    even = FirstSpike(levels=3, stride=4, base=10, zeros=False)
    assert even.values(np.arange(10, 24)).tolist() == [0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]
    odd = FirstSpike(levels=3, stride=3, base=0, zeros=False)
    assert odd.values(np.arange(10)).tolist() == [0, 0, 1, 1, 1, 2, 2, 2, 3, 3]
    halves = FirstSpike(levels=4, stride=3, base=0, zeros=False, per=2)
    assert halves.codes(np.arange(5)).tolist() == [0, 2, 3, 5, 6]


def test_a_tensor_has_no_more_levels_than_codes():
    assert choose_levels(tensor("x", (1,), high=15), 256, False).steps == 16
