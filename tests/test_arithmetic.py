"""Float32 rounding in floats and in integers: the same function, bit for bit."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from neurochip.arithmetic import float32_parts, fma32, reference, requantize_float32

accumulators = st.one_of(
    st.integers(-(2**31), 2**31),
    st.integers(-1000, 1000),
    st.builds(
        lambda odd, shift: (2 * odd + 1) << shift, st.integers(-200, 200), st.integers(0, 22)
    ),
)
multipliers = st.one_of(
    st.floats(0, width=32, allow_infinity=False, allow_nan=False),
    st.floats(2**-20, 8, width=32),
    st.integers(-40, 40).map(lambda exponent: 2.0**exponent),
)
floats = st.floats(-(2.0**40), 2.0**40, width=32).map(np.float32)


def nearest_float32(value: Fraction) -> np.float32:
    """Half to even among the neighbours of a first guess."""
    guess = np.float32(float(value))
    candidates = [
        guess,
        np.nextafter(guess, np.float32(np.inf)),
        np.nextafter(guess, -np.float32(np.inf)),
    ]
    return min(
        candidates,
        key=lambda x: (abs(Fraction(float(x)) - value), int(np.float32(x).view(np.int32)) & 1),
    )


@pytest.mark.parametrize(
    ("acc", "multiplier", "code"),
    [
        (5, 0.5, 2),  # 2.5 goes to the even neighbour
        (7, 0.5, 4),  # and so does 3.5
        (-5, 0.5, -2),
        (2**24 + 1, 2.0**-19, 32),  # 24 bits of the accumulator come first: 2^24
        (10**6, 1.0, 127),
        (-(10**6), 1.0, -128),
    ],
)
def test_rounding_is_half_to_even_and_saturates(acc, multiplier, code):
    assert reference(np.array([acc]), multiplier, 0, -128, 127) == [code]


def test_the_zero_point_is_added_after_rounding():
    # -2.5 rounds to the even -2; adding 3 first would make it 0.5 and round to 0.
    assert reference(np.array([-5]), 0.5, 3, 0, 255) == [1]


def test_each_channel_has_its_own_multiplier():
    acc = np.array([[100, 200], [100, 200]])
    codes = reference(acc, np.array([[0.5], [0.25]], np.float32), 0, 0, 255)
    assert codes.tolist() == [[50, 100], [25, 50]]


@given(multipliers)
def test_parts_multiply_to_the_number_they_were(multiplier):
    mantissa, shift = float32_parts(multiplier)
    assert Fraction(int(mantissa)) / Fraction(2) ** int(shift) == Fraction(multiplier)
    assert multiplier == 0 or 2**23 <= mantissa < 2**24


@given(accumulators, multipliers, st.integers(-128, 127))
@example(2**31, 1.0, 0)
@example(-(2**31), float(np.finfo(np.float32).max), -128)
@example(2**24 + 1, 2.0**-20, 0)
@example(2**25 - 1, 2.0**-18, 0)
def test_the_integer_requantizer_computes_what_float32_does(acc, multiplier, zero_point):
    mantissa, shift = float32_parts(multiplier)
    in_integers = requantize_float32(np.array([acc]), mantissa, shift, zero_point, -128, 127)
    assert in_integers == reference(np.array([acc]), multiplier, zero_point, -128, 127)


@pytest.mark.parametrize(
    "multiplier", [1.0, 0.5, 0.1, 1e-5, 3.7, 255.0, 2.0**-36, 1e30, 1e-42, 0.0]
)
def test_both_requantizers_agree_near_every_power_of_two(multiplier):
    powers = np.int64(1) << np.arange(32)
    acc = (powers[:, None] + np.arange(-300, 301)).ravel()
    acc = np.concatenate([acc, -acc])
    mantissa, shift = float32_parts(multiplier)
    in_integers = requantize_float32(acc, mantissa, shift, 7, -128, 127)
    assert np.array_equal(in_integers, reference(acc, multiplier, 7, -128, 127))


@given(floats, floats, floats)
def test_a_fused_multiply_add_rounds_the_true_value_once(a, b, c):
    exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    assert float(fma32(a, b, c)) == float(nearest_float32(exact))


@given(st.integers(-3, 3), st.integers(1, 2**23), st.integers(0, 60))
def test_a_fused_multiply_add_sees_what_lies_just_beside_a_tie(direction, odd, distance):
    # c is a float32 with its last bit at 1, the product half of that, off by far less than 2^-53.
    c = np.float32(2**23 + odd % 2**23)
    a = np.float32(2.0 ** -(distance // 2))
    b = np.float32(2.0 ** (distance // 2) * (0.5 + direction * 2.0**-24))
    exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    assert float(fma32(a, b, c)) == float(nearest_float32(exact))


def test_rounding_twice_would_give_another_sum():
    a, b, c = np.float32(1 + 2**-18), np.float32(2**-24 * (1 - 2**-18)), np.float32(1 + 2**-23)
    # The true sum is 2^-60 below the tie between 1 + 2^-23 and 1 + 2^-22; float64 lands on the tie.
    assert np.float32(np.float64(a) * np.float64(b) + np.float64(c)) == np.float32(1 + 2**-22)
    assert fma32(a, b, c) == np.float32(1 + 2**-23)
