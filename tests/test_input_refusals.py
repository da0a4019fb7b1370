"""Inputs: every refusal, word for word."""

from __future__ import annotations

import numpy as np
import pytest

from input_files import GREY, write_idx, write_picture
from neurochip.errors import InputError
from neurochip.inputs import read_inputs


def refusal(*args, **options):
    with pytest.raises(InputError) as raised:
        read_inputs(*args, **options)
    return str(raised.value), raised.value.hint


def test_a_missing_file_is_named():
    assert refusal("nowhere.npy")[0] == "no such input file: 'nowhere.npy'"


def test_an_unknown_format_is_refused_with_the_known_ones(tmp_path):
    (tmp_path / "x.csv").write_text("1,2")
    message, hint = refusal(tmp_path / "x.csv")
    assert message == f"'{tmp_path}/x.csv' is in no known input format"
    assert hint == (
        "give an .npy, .npz, idx or CIFAR-10 .bin file, or a folder of PNG or JPEG images"
    )


def test_pickles_are_never_loaded(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    message, hint = refusal(tmp_path / "x.npy")
    assert message == f"'{tmp_path}/x.npy' holds pickled Python objects, which are never loaded"
    assert hint == "store a plain array, such as numpy.stack(list_of_images)"


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_a_file_that_only_claims_to_be_numpy_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"PK\x03\x04 not really")
    assert refusal(tmp_path / name)[0].startswith(
        f"cannot read '{tmp_path}/{name}' as a NumPy file: "
    )


def test_a_truncated_npz_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", x=GREY)
    data = (tmp_path / "x.npz").read_bytes()
    (tmp_path / "x.npz").write_bytes(data[: len(data) // 2])
    assert "as a NumPy file" in refusal(tmp_path / "x.npz")[0]


def test_an_npz_without_samples_lists_what_it_has(tmp_path):
    np.savez(tmp_path / "set.npz", images=GREY, y=[1, 2, 3])
    message, hint = refusal(tmp_path / "set.npz")
    assert message == (
        f"'{tmp_path}/set.npz' has no samples: expected an array named 'x' or 'x_test', "
        "found 'images', 'y'"
    )
    assert hint == "save it with numpy.savez(path, x=...)"


def test_nan_is_counted_and_located(tmp_path):
    x = np.zeros((5, 3), np.float32)
    x[2, 1] = np.nan
    x[4] = np.inf
    np.save(tmp_path / "x.npy", x)
    message, hint = refusal(tmp_path / "x.npy")
    assert message == (
        f"'{tmp_path}/x.npy' has 4 values that are NaN or infinite, in 2 of 5 samples, "
        "the first in sample 2"
    )
    assert hint == "remove those samples, or repair them with numpy.nan_to_num"


def test_integers_other_than_uint8_need_a_scale(tmp_path):
    np.save(tmp_path / "x.npy", GREY.astype(np.int32))
    message, hint = refusal(tmp_path / "x.npy")
    assert message == f"'{tmp_path}/x.npy' holds int32 values, expected uint8 images or floats"
    assert hint == (
        "say what they are to be divided by with `--scale`, or `--scale none`; "
        "in Python, give floats"
    )


@pytest.mark.parametrize("dtype", [np.complex64, np.bool_, np.dtype("U3")])
def test_what_is_no_number_is_refused_with_its_dtype(tmp_path, dtype):
    np.save(tmp_path / "x.npy", np.zeros((2, 2), dtype))
    assert "expected uint8 images or floats" in refusal(tmp_path / "x.npy")[0]


@pytest.mark.parametrize("scale", [0.0, float("nan"), float("inf")])
def test_an_impossible_scale_is_refused(tmp_path, scale):
    np.save(tmp_path / "x.npy", GREY)
    assert refusal(tmp_path / "x.npy", scale=scale)[0] == (
        f"`scale` is {scale:g}, expected a finite number other than 0"
    )


@pytest.mark.parametrize("shape", [(0, 3), ()])
def test_a_file_without_samples_is_refused(tmp_path, shape):
    np.save(tmp_path / "x.npy", np.zeros(shape))
    assert refusal(tmp_path / "x.npy")[0] == (
        f"'{tmp_path}/x.npy' holds no samples: its array has shape {shape}"
    )


def test_more_samples_than_the_file_has_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", GREY)
    assert refusal(tmp_path / "x.npy", samples=4) == (
        f"4 samples asked for, '{tmp_path}/x.npy' has 3",
        "ask for 3 or fewer",
    )


def test_labels_of_another_length_are_refused_with_both_numbers(tmp_path):
    np.savez(tmp_path / "set.npz", x=GREY, y=[1, 2])
    message, hint = refusal(tmp_path / "set.npz")
    assert message == f"2 labels for 3 samples ('{tmp_path}/set.npz')"
    assert hint == "give labels for exactly these samples, in the same order"


def test_one_hot_labels_are_refused_with_a_way_out(tmp_path):
    np.savez(tmp_path / "set.npz", x=GREY, y=np.eye(3))
    message, hint = refusal(tmp_path / "set.npz")
    assert message == (
        f"labels of '{tmp_path}/set.npz' are float64 of shape (3, 3), "
        "expected one class index a sample"
    )
    assert hint == "turn one-hot rows into indices with .argmax(axis=1)"


def test_a_negative_label_is_named(tmp_path):
    np.savez(tmp_path / "set.npz", x=GREY, y=[1, -1, 2])
    assert refusal(tmp_path / "set.npz")[0] == (
        f"label 1 of '{tmp_path}/set.npz' is -1, expected 0 or more"
    )


def test_a_missing_labels_file_is_named(tmp_path):
    np.save(tmp_path / "x.npy", GREY)
    assert refusal(tmp_path / "x.npy", labels="nowhere.txt")[0] == (
        "no such labels file: 'nowhere.txt'"
    )


def test_labels_by_position_are_refused_for_folders_of_classes(tmp_path):
    write_picture(tmp_path / "in" / "3" / "a.png", GREY[0])
    np.save(tmp_path / "y.npy", np.array([1]))
    assert refusal(tmp_path / "in", labels=tmp_path / "y.npy") == (
        f"'{tmp_path}/y.npy' has labels by position, and the samples of '{tmp_path}/in' stand in "
        "sub-folders that are their classes",
        "leave `--labels` out, or give a CSV file of `file,label`",
    )


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("file,label\na.png,1\n", "'{csv}' has no label for 1 of 2 samples, the first is 'b.png'"),
        ("file,label\na.png,one\n", "cannot read labels from '{csv}': line 2 is no file and class"),
        (f"file,label\na.png,{2**70}\n", "cannot read labels from '{csv}': line 2 is no file and"),
        ("file,label\na.png,1\na.png,2\n", "cannot read labels from '{csv}': 'a.png' has two"),
    ],
)
def test_a_csv_file_that_leaves_a_label_open_is_refused(tmp_path, lines, told):
    for name in ("a.png", "b.png"):
        write_picture(tmp_path / "in" / name, GREY[0])
    labels = tmp_path / "labels.csv"
    labels.write_text(lines)
    assert refusal(tmp_path / "in", labels=labels)[0].startswith(told.format(csv=labels))


def test_labels_by_name_need_samples_that_are_files(tmp_path):
    np.save(tmp_path / "x.npy", GREY)
    (tmp_path / "labels.csv").write_text("file,label\na.png,1\n")
    assert refusal(tmp_path / "x.npy", labels=tmp_path / "labels.csv")[0] == (
        f"'{tmp_path}/labels.csv' has labels by file, and the samples are not files of a folder"
    )


def test_words_in_a_labels_file_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", GREY)
    (tmp_path / "labels.txt").write_text("cat dog owl")
    message, hint = refusal(tmp_path / "x.npy", labels=tmp_path / "labels.txt")
    assert message.startswith(f"cannot read labels from '{tmp_path}/labels.txt': ")
    assert hint == "give an .npy, .npz or idx file, or text with one class index a line"


def test_a_short_idx_file_is_refused_with_both_sizes(tmp_path):
    path = write_idx(tmp_path / "a-images-idx3-ubyte", GREY)
    path.write_bytes(path.read_bytes()[:-1])
    message, hint = refusal(path)
    assert message == f"'{path}' has 75 bytes, its header says 76: it was cut short or altered"
    assert hint == "download it again"


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x89PNG....", b"\x00\x00\x08\x03\x00"])
def test_what_is_not_idx_is_refused(tmp_path, data):
    path = tmp_path / "a-images-idx3-ubyte"
    path.write_bytes(data)
    assert "is not an idx file: it starts with" in refusal(path)[0]


def test_a_broken_gzip_is_refused(tmp_path):
    path = tmp_path / "a-images-idx3-ubyte.gz"
    path.write_bytes(b"\x1f\x8b broken")
    assert refusal(path)[0].startswith(f"cannot read '{path}': ")


def test_idx_labels_are_not_taken_for_pictures(tmp_path):
    path = write_idx(tmp_path / "train-labels-idx1-ubyte", np.zeros(3, np.uint8))
    assert refusal(path)[0] == f"'{path}' holds labels (one axis), expected images"


def test_a_bin_file_of_another_record_length_is_refused(tmp_path):
    (tmp_path / "x.bin").write_bytes(bytes(3074))
    assert refusal(tmp_path / "x.bin")[0] == (
        f"'{tmp_path}/x.bin' has 3074 bytes, expected a multiple of 3073 (a CIFAR-10 record)"
    )


def test_a_picture_of_another_size_is_named(tmp_path):
    write_picture(tmp_path / "a.png", GREY[0])
    write_picture(tmp_path / "b.png", GREY[0].T)
    assert refusal(tmp_path) == (
        f"image '{tmp_path}/b.png' is 4 x 5 grey, the first one, 'a.png', is 5 x 4 grey",
        "bring all images to the network's input size",
    )


def test_pictures_of_other_channels_than_the_first_one_are_named(tmp_path):
    write_picture(tmp_path / "a.png", np.zeros((4, 5, 3), np.uint8))
    write_picture(tmp_path / "b.png", GREY[0])
    assert refusal(tmp_path) == (
        f"image '{tmp_path}/b.png' is 5 x 4 grey, the first one, 'a.png', is 5 x 4 RGB",
        "convert it: with Pillow, `Image.open(path).convert('RGB').save(path)`",
    )


def test_a_picture_of_more_than_8_bits_is_refused(tmp_path):
    path = write_picture(tmp_path / "a.png", np.zeros((2, 2), np.uint16))
    assert refusal(path) == (
        f"image '{path}' is in mode I;16, expected 8-bit grey or RGB",
        "convert it: with Pillow, `Image.open(path).convert('RGB').save(path)`, or to 'L' for grey",
    )


def test_a_broken_picture_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    assert refusal(tmp_path)[0].startswith(f"cannot read image '{tmp_path}/a.png': ")


def test_an_empty_folder_is_refused(tmp_path):
    assert refusal(tmp_path)[0] == f"folder '{tmp_path}' holds no PNG or JPEG images"


def test_sub_folders_with_other_names_are_refused(tmp_path):
    write_picture(tmp_path / "0" / "a.png", GREY[0])
    write_picture(tmp_path / "cat" / "a.png", GREY[0])
    message, hint = refusal(tmp_path)
    assert message == (
        f"folder '{tmp_path}' has sub-folder 'cat', expected sub-folders named by class index"
    )
    assert hint == "name sub-folders 0, 1, 2, ... after the network's outputs, or use none"
