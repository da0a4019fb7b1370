"""Requantization constants: the search finds them, and the proof is what a sweep would count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from neurochip.arithmetic import reference
from neurochip.errors import QuantizationError
from neurochip.formats import Format, Tensor
from neurochip.layers import Add
from neurochip.requantize import (
    FixedPoint,
    Staircase,
    compare,
    fit_add,
    fit_fixed,
    fit_ramp,
    fit_scaled,
    from_table,
    thresholds,
)
from neurochip.requantize.offsets import Offsets


def interval(low: int, high: int, channels: int = 1) -> tuple[np.ndarray, np.ndarray]:
    return np.full(channels, low, np.int64), np.full(channels, high, np.int64)


def of_multipliers(
    multipliers: list[float] | np.ndarray,
    acc_low: int,
    acc_high: int,
    zero_point: int = 0,
    low: int = -128,
    high: int = 127,
) -> Staircase:
    column = np.asarray(multipliers, np.float32)[:, None]
    return thresholds(
        lambda acc: reference(acc, column, zero_point, low, high),
        low,
        high,
        *interval(acc_low, acc_high, len(column)),
    )


@st.composite
def staircases(draw: st.DrawFn, max_width: int = 120, max_levels: int = 12) -> Staircase:
    """Any monotone function of one small interval: skipped levels, levels out of reach."""
    acc_low = draw(st.integers(-100, 100))
    acc_high = acc_low + draw(st.integers(0, max_width))
    low = draw(st.integers(-20, 20))
    count = draw(st.integers(0, max_levels))
    steps = draw(st.lists(st.integers(acc_low, acc_high + 1), min_size=count, max_size=count))
    ordered = np.array(sorted(steps), np.int64).reshape(1, count)
    return Staircase(low, low + count, *interval(acc_low, acc_high), ordered)


def sweep(staircase: Staircase) -> np.ndarray:
    """Every reachable accumulator value of the first channel, as one row."""
    return np.arange(staircase.acc_low[0], staircase.acc_high[0] + 1)[None]


def test_a_threshold_is_the_first_accumulator_that_has_the_level():
    # M = 1/4: 0.5 (acc 2) is a tie and goes to 0, 1.5 (acc 6) is a tie and goes to 2.
    staircase = of_multipliers([0.25], -100, 100, low=0, high=3)
    assert staircase.steps.tolist() == [[3, 6, 11]]


def test_levels_outside_the_reachable_interval_are_marked_by_its_ends():
    staircase = of_multipliers([1.0], 2, 4, low=0, high=6)
    assert staircase.steps.tolist() == [[2, 2, 3, 4, 5, 5]]


@given(
    st.floats(2**-6, 8, width=32), st.integers(-300, 300), st.integers(0, 600), st.integers(-9, 9)
)
def test_thresholds_reproduce_the_function_at_every_reachable_accumulator(m, start, width, zero):
    staircase = of_multipliers([m], start, start + width, zero)
    acc = sweep(staircase)
    assert np.array_equal(staircase.codes(acc), reference(acc, m, zero, -128, 127))


@given(
    staircases(),
    st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=12, max_size=12),
)
def test_a_guess_of_thresholds_changes_none_however_wrong_it_is(staircase, guesses):
    near = np.array(guesses)[None, : staircase.steps.shape[1]]
    span = (staircase.low, staircase.high, staircase.acc_low, staircase.acc_high)
    found = thresholds(staircase.codes, *span, near)
    assert found.steps.tolist() == staircase.steps.tolist()


@given(st.floats(2**-22, 8, width=32), st.integers(-9, 9))
def test_a_guess_that_is_right_but_for_rounding_saves_most_evaluations(m, zero):
    evaluated = []

    def codes(acc):
        evaluated.append(acc)
        return reference(acc, m, zero, -128, 127)

    near = (np.arange(-127, 128) - zero - 0.5)[None] / np.float64(m)
    span = (-128, 127, *interval(-(2**28), 2**28))
    guided = thresholds(codes, *span, near)
    assert len(evaluated) <= 10
    evaluated.clear()
    assert guided.steps.tolist() == thresholds(codes, *span).steps.tolist()
    assert len(evaluated) >= 28


def test_thresholds_are_found_over_the_whole_32_bit_range():
    staircase = of_multipliers([2.0**-24], -(2**31), 2**31 - 1)
    steps = staircase.steps[0]
    before, at = (
        reference(steps - 1, 2.0**-24, 0, -128, 127),
        reference(steps, 2.0**-24, 0, -128, 127),
    )
    assert np.array_equal(at, staircase.levels)
    assert np.array_equal(before, staircase.levels - 1)


@given(st.data())
def test_the_proof_counts_what_a_sweep_counts(data):
    first = data.draw(staircases())
    count = first.steps.shape[1]
    reach = st.integers(int(first.acc_low[0]), int(first.acc_high[0]) + 1)
    steps = sorted(data.draw(st.lists(reach, min_size=count, max_size=count)))
    ordered = np.array(steps, np.int64).reshape(1, count)
    second = Staircase(first.low, first.high, first.acc_low, first.acc_high, ordered)
    levels = abs(first.codes(sweep(first)) - second.codes(sweep(first)))
    proof = compare(first, second)
    assert proof.differing == [np.count_nonzero(levels)]
    assert proof.worst_levels == [levels.max()]
    assert proof.reachable == [levels.size]
    assert proof.exact == (not levels.any())


@given(staircases(), st.integers(1, 12))
def test_the_proof_of_a_fit_is_what_its_constants_do(staircase, multiplier_bits):
    constants, proof = fit_fixed(staircase, multiplier_bits)
    acc = sweep(staircase)
    levels = abs(constants.evaluate(acc, axis=0) - staircase.codes(acc))
    assert proof.differing == [np.count_nonzero(levels)]
    assert proof.worst_levels == [levels.max()]
    assert 1 <= constants.multiplier[0] < 2**multiplier_bits


def exact_constants_exist(staircase: Staircase, multiplier_bits: int) -> bool:
    """Tries every multiplier and shift, and intersects the offsets in plain integers."""
    acc = sweep(staircase)[0].tolist()
    codes = staircase.codes(sweep(staircase))[0].tolist()
    for shift in range(multiplier_bits + 10):
        for multiplier in range(1, 2**multiplier_bits):
            pairs = list(zip(acc, codes, strict=True))
            least = [(q << shift) - a * multiplier for a, q in pairs if q > staircase.low]
            most = [(q + 1 << shift) - 1 - a * multiplier for a, q in pairs if q < staircase.high]
            if not least or not most or max(least) <= min(most):
                return True
    return False


@settings(max_examples=60)
@given(staircases(max_width=40, max_levels=5), st.integers(1, 4))
def test_constants_without_error_are_found_wherever_they_exist(staircase, multiplier_bits):
    _, proof = fit_fixed(staircase, multiplier_bits)
    assert proof.exact == exact_constants_exist(staircase, multiplier_bits)


@settings(max_examples=20)
@given(staircases(max_width=40, max_levels=5), st.integers(1, 4))
def test_the_offset_is_half_way_between_those_that_are_too_small_and_too_large(
    staircase, multiplier_bits
):
    constants, proof = fit_fixed(staircase, multiplier_bits)
    assume(proof.exact)
    acc, m, shift = sweep(staircase)[0], int(constants.multiplier[0]), int(constants.shift[0])
    codes = staircase.codes(acc[None])[0]
    least = [(q << shift) - a * m for a, q in zip(acc, codes, strict=True) if q > staircase.low]
    most = [
        (q + 1 << shift) - 1 - a * m for a, q in zip(acc, codes, strict=True) if q < staircase.high
    ]
    assume(least and most)
    assert int(constants.offset[0]) == (max(least) + min(most)) // 2


@settings(max_examples=60)
@given(
    st.integers(8, 200),
    st.integers(1, 6),
    st.integers(0, 300),
    st.integers(4, 5),
)
def test_what_constants_compute_is_found_again(multiplier, shift, offset, bits):
    given_constants = FixedPoint(
        np.array([multiplier % 2**bits or 1]), np.array([offset]), np.array([shift]), 0, 15
    )
    _, proof = fit_fixed(given_constants.staircase(*interval(-50, 50)), bits)
    assert proof.exact


def test_a_scale_of_one_needs_no_multiplier():
    constants, proof = fit_fixed(of_multipliers([1.0], -(2**20), 2**20), 16)
    assert (constants.multiplier, constants.offset, constants.shift) == ([1], [0], [0])
    assert proof.exact


def test_a_channel_that_never_changes_is_exact_and_needs_no_multiplier():
    # A dead channel: scale 2^-36, bias 2^30, every accumulator rounds to 0.
    constants, proof = fit_fixed(of_multipliers([2.0**-36], 2**30 - 1000, 2**30 + 1000), 16)
    assert proof.exact
    assert constants.multiplier == [1]
    assert constants.offset_bits <= 34


def test_a_function_with_a_single_code_is_exact():
    _, proof = fit_fixed(of_multipliers([0.1], -50, 50, low=3, high=3), 8)
    assert proof.exact
    assert str(proof) == "exact: 0 of 101 reachable values differ"


def test_ties_to_even_of_a_power_of_two_are_the_price_of_a_shift():
    # M = 1/2 has a tie at every odd accumulator, and half of them go up; a line takes them all
    # one way, or bends a little: 64 of the ties can follow, one at each end of the range more.
    _, proof = fit_fixed(of_multipliers([0.5], -300, 300), 16)
    assert not proof.exact
    assert 120 <= proof.differing[0] <= 128
    assert proof.worst_levels == [1]


@pytest.mark.parametrize(
    ("bits", "exponents", "fewest", "most"),
    [
        (24, (-12, -10), 0.1, 3),
        (24, (-10, -8), 0, 1),
        (24, (-8, 0), 0, 0.1),
        (16, (-12, -10), 100, 313),
        (16, (-10, -8), 20, 82),
        (16, (-8, -6), 5, 20),
        (8, (-8, -6), 1000, 4870),
    ],
)
def test_misses_are_as_few_as_the_multiplier_width_allows(bits, exponents, fewest, most):
    multipliers = np.exp2(np.random.default_rng(1).uniform(*exponents, 64))
    _, proof = fit_fixed(of_multipliers(multipliers, -(2**22), 2**22), bits)
    assert fewest <= proof.differing.mean() <= most
    assert proof.worst_levels.max() <= 1


@pytest.mark.parametrize("bits", [8, 16, 24])
def test_the_search_is_never_worse_than_rounding_the_scale(bits):
    multipliers = np.exp2(np.random.default_rng(2).uniform(-14, 0, 64)).astype(np.float32)
    staircase = of_multipliers(multipliers, -(2**22), 2**22)
    scaled = fit_scaled(multipliers, bits)
    rounded = FixedPoint(scaled.multiplier, scaled.rounding, scaled.shift, -128, 127)
    naive = compare(staircase, rounded.staircase(staircase.acc_low, staircase.acc_high))
    _, proof = fit_fixed(staircase, bits)
    assert (proof.differing <= naive.differing).all()


@given(
    st.floats(2.0**-40, 2.0**20, width=32),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(0, 2**32),
    st.integers(-128, 127),
    st.sampled_from([8, 16, 24, 32]),
)
@example(2.0**-40, -(2**31), 2**32, -128, 24)
@example(0.375, 0, 2**31 * 2 // 3, -1, 32)  # the far end is beyond the last threshold
def test_no_reachable_accumulator_overflows_the_requantizer(m, acc_low, width, zero_point, bits):
    acc_high = min(acc_low + width, 2**31 - 1)
    staircase = of_multipliers([m], acc_low, acc_high, zero_point)
    constants, proof = fit_fixed(staircase, bits)
    multiplier, offset, shift = (
        int(constant[0]) for constant in (constants.multiplier, constants.offset, constants.shift)
    )
    for acc in (acc_low, acc_high):
        assert abs(acc * multiplier + offset) < 2**62
    assert offset in range(-(2 ** (constants.offset_bits - 1)), 2 ** (constants.offset_bits - 1))
    assert 0 <= shift < 62
    # The proof is of the constants, not of 64-bit arithmetic: spot checks in unbounded integers.
    for acc in {acc_low, acc_high, *staircase.steps[0].clip(acc_low, acc_high).tolist()}:
        code = min(max((acc * multiplier + offset) >> shift, -128), 127)
        assert abs(code - int(staircase.codes(np.array([[acc]]))[0, 0])) <= proof.worst_levels[0]


def test_constants_lie_along_the_channel_axis():
    constants = FixedPoint(np.array([1, 2]), np.array([0, 1]), np.array([0, 1]), 0, 255)
    acc = np.array([[[[10]], [[10]]]])
    assert constants.evaluate(acc).ravel().tolist() == [10, 10]
    assert constants.evaluate(np.array([[10, 11], [12, 13]])).tolist() == [[10, 11], [12, 13]]


def test_tables_that_rise_are_staircases():
    relu = np.maximum(np.arange(-128, 128), 0)
    clip = np.clip(np.arange(-128, 128), -5, 60)
    for table in (relu, clip, np.stack([relu, clip])):
        rows = np.atleast_2d(table)
        staircase = from_table(rows, -128)
        constants, proof = fit_fixed(staircase, 8)
        acc = np.repeat(np.arange(-128, 128)[None], len(rows), axis=0)
        assert np.array_equal(staircase.codes(acc), rows)
        assert np.count_nonzero(constants.evaluate(acc, axis=0) - rows) == proof.differing.sum()
        if len(rows) == 1:
            assert proof.exact


@given(st.floats(0.2, 5), st.integers(-20, 20))
def test_a_rescaling_table_fits_sixteen_bits(ratio, zero_point):
    codes = np.clip(np.rint(np.arange(256) * ratio) + zero_point, 0, 255).astype(np.int64)
    assume(codes.min() < codes.max())
    _, proof = fit_fixed(from_table(codes[None], 0), 16)
    assert proof.worst_levels[0] <= 1
    assert proof.exact or any((np.arange(256) * ratio) % 1 == 0.5)


def test_a_table_that_falls_is_refused_with_its_place():
    table = np.array([[0, 1, 2, 3], [0, 2, 1, 3]])
    with pytest.raises(QuantizationError) as error:
        from_table(table, -2)
    assert str(error.value) == (
        "a table of 4 codes falls from 2 to 1 after input -1 (channel 1); "
        "a neuron without a table computes only what rises"
    )
    assert error.value.hint == "use a chip whose soma holds tables, such as 'ideal'"


def test_an_odd_divisor_ramps_with_itself():
    ramp, proof = fit_ramp(of_multipliers([1 / 5, 1 / 17], -3000, 3000, low=0, high=255), 1)
    assert ramp.multiplier.tolist() == [1, 1]
    assert ramp.slope.tolist() == [5, 17]
    assert proof.exact


@settings(max_examples=60)
@given(staircases(), st.integers(1, 12))
def test_the_proof_of_a_ramp_is_what_its_neuron_does(staircase, max_multiplier):
    ramp, proof = fit_ramp(staircase, max_multiplier)
    multiplier, slope, threshold = (
        int(constant[0]) for constant in (ramp.multiplier, ramp.slope, ramp.threshold)
    )
    levels = []
    for acc, code in zip(sweep(staircase)[0], staircase.codes(sweep(staircase))[0], strict=True):
        membrane, level = int(acc) * multiplier, staircase.high
        while level > staircase.low:
            membrane += slope
            if membrane >= threshold:
                break
            level -= 1
        levels.append(abs(level - int(code)))
    assert proof.differing == [sum(level > 0 for level in levels)]
    assert proof.worst_levels == [max(levels)]


def test_a_larger_multiplier_makes_a_ramp_exact():
    staircase = of_multipliers([0.37], -500, 500, low=0, high=63)
    _, coarse = fit_ramp(staircase, 1)
    ramp, fine = fit_ramp(staircase, 63)
    assert not coarse.exact
    assert fine.exact
    assert 1 < ramp.multiplier[0] < 63


def test_scaled_constants_are_the_nearest_fractions():
    scaled = fit_scaled([0.3, 1.0, 2.0**-20, 3.999], 8)
    assert scaled.multiplier.tolist() == [154, 128, 128, 128]
    assert scaled.shift.tolist() == [9, 7, 27, 5]
    membrane = np.full((1, 4), 1000)
    codes = scaled.evaluate(membrane, np.array([5, 0, 1, 0]), -128, 4000)
    assert codes.tolist() == [[306, 1000, 1, 4000]]


@given(st.floats(2.0**-30, 2.0**15), st.integers(2, 24))
def test_scaled_constants_are_within_half_a_unit_of_the_multiplier(scale, bits):
    scaled = fit_scaled(scale, bits)
    assert 1 <= scaled.multiplier[0] < 2**bits
    assert abs(scaled.scale[0] - scale) <= scale * 2.0**-bits or scale > 2**bits - 1


def test_a_scale_beyond_the_shifter_loses_bits_instead():
    scaled = fit_scaled([2.0**-20, 1e9], 8, max_shift=22)
    assert scaled.multiplier.tolist() == [4, 255]
    assert scaled.shift.tolist() == [22, 0]


def tensor(name: str, scale: float, zero_point: int, low: int = 0, high: int = 255) -> Tensor:
    return Tensor(
        name, (1,), Format(8, False, np.asarray(scale, np.float32), zero_point), low, high
    )


def adding(
    a: tuple[float, int], b: tuple[float, int], out: tuple[float, int], **limits: int
) -> Add:
    return Add("add", (tensor("a", *a, **limits), tensor("b", *b, **limits)), tensor("out", *out))


def test_equal_scales_add_exactly_with_weights_of_one():
    constants, proof = fit_add(adding((0.1, 0), (0.1, 0), (0.1, 0)), 8, 8, 16)
    assert constants.weights == (1, 1)
    assert proof.exact
    assert proof.reachable == [65536]


@settings(max_examples=15)
@given(
    st.tuples(*[st.floats(0.25, 4)] * 3),
    st.tuples(*[st.integers(0, 255)] * 3),
    st.sampled_from([(16, 16, 32), (16, 24, 32), (8, 16, 16), (8, 8, 16)]),
)
def test_the_proof_of_an_add_is_what_its_constants_do(scales, zero_points, widths):
    layer = adding(*zip(scales, zero_points, strict=True), low=40, high=90)
    constants, proof = fit_add(layer, *widths)
    a, b = np.meshgrid(np.arange(40, 91), np.arange(40, 91))
    expected = layer.evaluate(a.ravel(), b.ravel()).astype(np.int64)
    levels = abs(constants.evaluate(a.ravel(), b.ravel()) - expected)
    assert proof.differing == [np.count_nonzero(levels)]
    assert proof.worst_levels == [levels.max()]
    assert proof.reachable == [51 * 51]
    assert max(constants.weights) < 2 ** (widths[0] - 1)
    assert min(constants.weights) >= 1
    assert abs(constants.accumulate(a, b)).max() < 2 ** (widths[2] - 1)


@given(st.data(), st.integers(3, 9), st.integers(20, 90), st.integers(-60, 60))
def test_the_best_offset_is_that_of_a_scan_over_all_offsets(data, shift, multiplier, near):
    low, high = -2, 3
    accumulators = st.lists(st.integers(-40, 40), min_size=1, max_size=60)
    acc = np.array(data.draw(accumulators), np.int64)
    codes = np.array([data.draw(st.integers(low, high)) for _ in acc], np.int64)
    multipliers, reach = np.array([multiplier, multiplier + 2]), 1 << shift >> 3
    offsets = Offsets.of(codes, acc, (low, high), shift, multipliers, [near, near + 5])
    for m, middle in zip(multipliers, (near, near + 5), strict=True):
        tried = range(middle - reach, middle + reach + 1)
        wrong = [
            int(np.count_nonzero(np.clip(acc * m + offset >> shift, low, high) != codes))
            for offset in tried
        ]
        fewest = min(wrong)
        expected = tried[wrong.index(fewest)], fewest
        assert offsets.best(m, middle, fewest + 1) == expected
        assert offsets.best(m, middle, fewest) is None


@pytest.mark.parametrize(
    ("widths", "most"), [((16, 24, 32), 1), ((16, 16, 32), 12), ((8, 16, 16), 2500)]
)
def test_additions_are_as_near_as_the_widths_allow(widths, most):
    layer = adding((0.0313871, 128), (0.0472229, 120), (0.0561573, 131))
    _, proof = fit_add(layer, *widths)
    assert proof.differing[0] <= most
    assert proof.worst_levels[0] <= 1


def test_an_addition_of_halves_keeps_the_ties_it_cannot_follow():
    # Every odd sum is a tie, and onnxruntime sends half of them the other way.
    _, proof = fit_add(adding((0.1, 3), (0.1, 7), (0.2, 5)), 16, 16, 32)
    assert 16000 <= proof.differing[0] <= 65536 // 4
    assert proof.worst_levels == [1]


def test_an_accumulator_too_small_for_weights_of_one_is_refused():
    with pytest.raises(QuantizationError) as error:
        fit_add(adding((0.1, 0), (0.1, 0), (0.1, 0)), 8, 8, 9)
    assert str(error.value) == (
        "adding 'a' and 'b' with weights of 1 needs sums up to 510; "
        "an accumulator of 9 bits holds 255"
    )
