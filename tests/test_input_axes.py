"""Inputs: axes are moved to where a network wants them, values never."""

from __future__ import annotations

import numpy as np
import pytest

from input_files import GREY
from neurochip.errors import InputError
from neurochip.inputs import fit, read_inputs


def numbered(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@pytest.mark.parametrize(
    ("given", "wanted", "moved"),
    [
        ((2, 4, 5), (4, 5), lambda x: x),
        ((2, 4, 5), (1, 4, 5), lambda x: x[:, np.newaxis]),
        ((2, 4, 5), (4, 5, 1), lambda x: x[..., np.newaxis]),
        ((2, 4, 5, 1), (1, 4, 5), lambda x: x.transpose(0, 3, 1, 2)),
        ((2, 4, 5, 3), (3, 4, 5), lambda x: x.transpose(0, 3, 1, 2)),
        ((2, 3, 4, 5), (4, 5, 3), lambda x: x.transpose(0, 2, 3, 1)),
        ((2, 3, 3, 3), (3, 3, 3), lambda x: x),
        ((2, 7, 3), (3, 7), lambda x: x.transpose(0, 2, 1)),
        ((2, 4, 5), (20,), lambda x: x.reshape(2, 20)),
        ((2, 20), (1, 4, 5), lambda x: x.reshape(2, 1, 4, 5)),
        ((4, 5), (1, 4, 5), lambda x: x[np.newaxis, np.newaxis]),
        ((4, 5, 3), (3, 4, 5), lambda x: x.transpose(2, 0, 1)[np.newaxis]),
    ],
)
def test_axes_move_to_where_the_network_wants_them(given, wanted, moved):
    x = numbered(*given)
    np.testing.assert_array_equal(fit(x, wanted, "x.npy"), moved(x))


@pytest.mark.parametrize(
    ("given", "wanted", "hint"),
    [
        ((2, 28, 28), (3, 32, 32), "resize or crop the samples first"),
        ((2, 32, 32, 3), (3072,), "the number of values is the same"),
        ((2, 4, 3, 5), (3, 4, 5), "the number of values is the same"),
    ],
)
def test_a_shape_that_does_not_fit_is_refused_with_both_shapes(given, wanted, hint):
    with pytest.raises(InputError) as raised:
        fit(numbered(*given), wanted, "x.npy")
    assert str(raised.value) == (
        f"samples of 'x.npy' have shape {given[1:]}, the network takes {wanted}"
    )
    assert raised.value.hint.startswith(hint)


def test_fitting_brings_the_calibration_samples_along(tmp_path):
    np.savez(tmp_path / "set.npz", x=GREY, x_calibration=GREY[:1])
    fitted = read_inputs(tmp_path / "set.npz").fit_to((1, 4, 5))
    assert fitted.x.shape == (3, 1, 4, 5)
    assert fitted.calibration.shape == (1, 1, 4, 5)


def test_one_sample_alone_does_not_take_many_labels(tmp_path):
    np.savez(tmp_path / "set.npz", x=GREY[0], y=[1, 2, 3, 4])
    with pytest.raises(InputError, match="is 1 sample of shape"):
        read_inputs(tmp_path / "set.npz").fit_to((1, 4, 5))
