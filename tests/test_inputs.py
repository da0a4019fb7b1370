"""Inputs: every file format is read as it was written."""

from __future__ import annotations

import numpy as np
import pytest

from input_files import GREY, write_batch, write_idx, write_picture
from neurochip.inputs import cifar, random_inputs, read_inputs


def test_uint8_pictures_of_an_npy_are_divided_by_255_in_float32(tmp_path):
    np.save(tmp_path / "x.npy", GREY)
    inputs = read_inputs(tmp_path / "x.npy")
    np.testing.assert_array_equal(inputs.x, GREY.astype(np.float32) / np.float32(255))
    assert inputs.x.dtype == np.float32
    assert inputs.labels is None
    assert inputs.calibration is None


def test_floats_are_taken_as_they_are(tmp_path):
    x = np.linspace(-2, 2, 12).reshape(3, 4)
    np.save(tmp_path / "x.npy", x)
    np.testing.assert_array_equal(read_inputs(tmp_path / "x.npy").x, x.astype(np.float32))


def test_a_given_scale_divides_any_number(tmp_path):
    np.save(tmp_path / "x.npy", GREY.astype(np.int64))
    np.testing.assert_array_equal(
        read_inputs(tmp_path / "x.npy", scale=2.0).x, GREY.astype(np.float32) / 2
    )


@pytest.mark.parametrize(
    ("samples", "labels", "calibration"),
    [
        ("x", "y", "x_calibration"),
        ("x_test", "y_test", "x_calibration"),
        ("x_test", "y_test", "x_train"),
    ],
)
def test_an_npz_brings_labels_and_calibration_samples_along(tmp_path, samples, labels, calibration):
    arrays = {samples: GREY, labels: np.array([7, 8, 9]), calibration: GREY[:2] + 1}
    np.savez(tmp_path / "set.npz", **arrays)
    inputs = read_inputs(tmp_path / "set.npz", samples=2)
    assert len(inputs.x) == 2
    np.testing.assert_array_equal(inputs.labels, [7, 8])
    np.testing.assert_array_equal(
        inputs.calibration, (GREY[:2] + 1).astype(np.float32) / np.float32(255)
    )


def test_labels_of_their_own_file_replace_those_beside_the_samples(tmp_path):
    np.savez(tmp_path / "set.npz", x=GREY, y=[0, 0, 0])
    (tmp_path / "labels.txt").write_text("3\n1\n2\n")
    inputs = read_inputs(tmp_path / "set.npz", labels=tmp_path / "labels.txt")
    np.testing.assert_array_equal(inputs.labels, [3, 1, 2])


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_pictures_find_their_labels_beside_them(tmp_path, suffix):
    path = write_idx(tmp_path / f"train-images-idx3-ubyte{suffix}", GREY)
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", np.array([5, 0, 4], np.uint8))
    inputs = read_inputs(path)
    assert inputs.x.shape == GREY.shape
    np.testing.assert_array_equal(inputs.labels, [5, 0, 4])
    assert inputs.calibration is None


def test_idx_test_pictures_are_calibrated_with_the_training_pictures_beside_them(tmp_path):
    path = write_idx(tmp_path / "t10k-images-idx3-ubyte", GREY)
    write_idx(tmp_path / "train-images-idx3-ubyte", GREY[:1])
    assert read_inputs(path).calibration.shape == (1, 4, 5)


def test_big_endian_numbers_of_an_idx_file_are_read_as_numbers(tmp_path):
    path = write_idx(tmp_path / "x-idx2-float", np.array([[1.5, -2.0]], ">f4"), code=0x0D)
    np.testing.assert_array_equal(read_inputs(path).x, [[1.5, -2.0]])


def test_a_cifar_batch_is_labels_and_channels_first_pictures(tmp_path):
    inputs = read_inputs(write_batch(tmp_path / "test_batch.bin", [3, 200]))
    assert inputs.x.shape == (2, 3, 32, 32)
    np.testing.assert_array_equal(inputs.labels, [3, 200])
    np.testing.assert_array_equal(inputs.x[1, :, 0, 0], np.float32([200, 0, 0]) / np.float32(255))


def test_a_folder_of_cifar_batches_is_a_test_set_and_a_calibration_set(tmp_path):
    write_batch(tmp_path / "data_batch_1.bin", [1, 2])
    write_batch(tmp_path / "data_batch_2.bin", [3])
    write_batch(tmp_path / "test_batch.bin", [9])
    inputs = read_inputs(tmp_path)
    np.testing.assert_array_equal(inputs.labels, [9])
    assert inputs.calibration.shape == (3, 3, 32, 32)


def test_of_several_batches_only_as_many_records_are_read_as_are_asked_for(tmp_path):
    for number, name in enumerate(("test_a.bin", "test_b.bin")):
        records = np.full((3, 3073), 10 * number, np.uint8)
        records[:, 0] = range(3 * number, 3 * number + 3)
        records.tofile(tmp_path / name)
    raw = cifar.read(tmp_path, 4)
    assert raw.x[:, 0, 0, 0].tolist() == [0, 0, 0, 10]
    assert (raw.count, raw.labels.tolist()) == (6, [0, 1, 2, 3, 4, 5])


def test_a_folder_of_pictures_is_read_in_the_order_of_names(tmp_path):
    for position, name in enumerate(["b.png", "a.png", "c.png"]):
        write_picture(tmp_path / name, GREY[position])
    inputs = read_inputs(tmp_path)
    np.testing.assert_array_equal(inputs.x[0], GREY[1].astype(np.float32) / np.float32(255))
    assert inputs.labels is None


def test_sub_folders_named_by_class_index_are_labels(tmp_path):
    write_picture(tmp_path / "10" / "a.png", GREY[0])
    write_picture(tmp_path / "2" / "b.png", GREY[1])
    write_picture(tmp_path / "2" / "a.png", GREY[2])
    inputs = read_inputs(tmp_path)
    np.testing.assert_array_equal(inputs.labels, [2, 2, 10])
    np.testing.assert_array_equal(inputs.x[0], GREY[2].astype(np.float32) / np.float32(255))


def test_pictures_come_in_the_natural_order_of_their_names(tmp_path):
    for position, name in enumerate(["10.png", "2.png", "1²2.png"]):
        write_picture(tmp_path / name, GREY[position])
    np.testing.assert_array_equal(
        read_inputs(tmp_path).x, GREY[::-1].astype(np.float32) / np.float32(255)
    )


def test_labels_of_a_csv_file_go_by_name(tmp_path):
    pictures = tmp_path / "images"
    for position, name in enumerate(["a.png", "b.png", "sub/c.png"]):
        write_picture(pictures / "7" / name, GREY[position])
    labels = tmp_path / "labels.csv"
    labels.write_text("label, file\n5, b.png\n4, 7/a.png\n6, c.png\n9, other.png\n")
    (pictures / "7" / "sub").rename(pictures / "8")
    np.testing.assert_array_equal(read_inputs(pictures, labels=labels).labels, [4, 5, 6])
    np.testing.assert_array_equal(read_inputs(pictures, labels=labels, samples=2).labels, [4, 5])


def test_a_jpeg_is_one_sample_of_three_channels(tmp_path):
    path = write_picture(tmp_path / "cat.JPG", np.full((6, 7, 3), 128, np.uint8))
    assert read_inputs(path).x.shape == (1, 6, 7, 3)


def test_random_samples_depend_on_the_seed_alone():
    first, again, other = (random_inputs((1, 8, 8), 2, seed).x for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert first.shape == (2, 1, 8, 8)
    assert 0 <= first.min() <= first.max() < 1
