"""Inputs: axes are moved to where a network wants them, values never."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

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
        ((2, 32, 32), (3, 32, 32), "bring the samples to 3 channels first"),
        ((2, 3, 32, 32), (1, 32, 32), "bring the samples to 1 channel first"),
        ((2, 32, 32, 3), (1024,), "bring the samples to 1 channel first"),
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


RGB, RGBA = np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5, 4), np.uint8)
CLEAR = Image.fromarray(RGB)
CLEAR.info["transparency"] = (1, 2, 3)
PALETTE = Image.fromarray(RGB).convert("P")
OF_CHANNELS = [
    (GREY[0], (3, 4, 5), "1 channel (grey)", 3, ".convert('RGB')"),
    (GREY[0], (4, 5, 3), "1 channel (grey)", 3, ".convert('RGB')"),
    (GREY[0], (4, 4, 5), "1 channel (grey)", 4, ".convert('RGBA')"),
    (RGB, (1, 4, 5), "3 channels (RGB)", 1, ".convert('L')"),
    (RGB, (4, 5), "3 channels (RGB)", 1, ".convert('L')"),
    (RGB, (20,), "3 channels (RGB)", 1, ".convert('L')"),
    (PALETTE, (1, 4, 5), "3 channels (RGB)", 1, ".convert('L')"),
    (RGBA, (3, 4, 5), "4 channels (RGBA)", 3, ".convert('RGBA').convert('RGB')"),
    (RGBA[..., :2], (1, 4, 5), "2 channels (grey and transparency)", 1,
     ".convert('RGBA').convert('L')"),
    (CLEAR, (3, 4, 5), "4 channels (RGBA)", 3, ".convert('RGBA').convert('RGB')"),
]  # fmt: skip


def save(values, path):
    picture = values if isinstance(values, Image.Image) else Image.fromarray(values)
    picture.save(path, **{k: v for k, v in picture.info.items() if k == "transparency"})


@pytest.mark.parametrize(("values", "wanted", "has", "takes", "conversion"), OF_CHANNELS)
def test_pictures_of_other_channels_are_refused_with_a_conversion_that_helps(
    tmp_path, values, wanted, has, takes, conversion
):
    for name in ("10.png", "9.png"):
        save(values, tmp_path / name)
    with pytest.raises(InputError) as raised:
        read_inputs(tmp_path).fit_to(wanted)
    assert str(raised.value) == (
        f"image '{tmp_path}/9.png' has {has}, the network takes {takes}: its samples have shape "
        f"{wanted}"
    )
    assert raised.value.hint == (
        f"convert every image: with Pillow, `Image.open(path){conversion}.save(path)`"
    )
    code = raised.value.hint.split("`")[1]
    for path in tmp_path.iterdir():
        eval(code, {"Image": Image, "path": path})
    assert read_inputs(tmp_path).fit_to(wanted).x.shape == (2, *wanted)


def test_three_grey_pictures_are_not_the_channels_of_one(tmp_path):
    for number, values in enumerate(GREY):
        save(values, tmp_path / f"{number}.png")
    with pytest.raises(InputError, match="has 1 channel"):
        read_inputs(tmp_path).fit_to((3, 4, 5))
    assert fit(numbered(3, 4, 5), (3, 4, 5), "x.npy").shape == (1, 3, 4, 5)


def test_no_picture_has_five_channels(tmp_path):
    save(RGB, tmp_path / "a.png")
    with pytest.raises(InputError) as raised:
        read_inputs(tmp_path / "a.png").fit_to((5, 4, 5))
    assert raised.value.hint == (
        "images have 1 to 4 channels: give the samples as an .npy or .npz file"
    )


def test_pictures_with_transparency_are_samples_of_networks_that_take_it(tmp_path):
    values = np.arange(80, dtype=np.uint8).reshape(4, 5, 4)
    save(values, tmp_path / "a.png")
    x = read_inputs(tmp_path / "a.png").fit_to((4, 4, 5)).x
    np.testing.assert_array_equal(x[0], values.transpose(2, 0, 1).astype(np.float32) / 255)


def test_pictures_of_another_size_are_refused_for_their_size(tmp_path):
    save(GREY[0], tmp_path / "a.png")
    with pytest.raises(InputError) as raised:
        read_inputs(tmp_path).fit_to((3, 32, 32))
    assert raised.value.hint.startswith("resize or crop the samples first")
