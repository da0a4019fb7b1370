"""Accuracy: what counts as the predicted class, and which labels are refused."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from neurochip.errors import InputError
from neurochip.report.accuracy import accuracy as accuracy_of_run
from neurochip.report.contents import Accuracy
from neurochip.simulate import Run

SCORES = np.array([[0.1, 0.7, 0.2], [0.5, 0.1, 0.4], [0.0, 0.1, 0.9]], np.float32)


def accuracy(values, labels):
    """The accuracy of a run of which only the values matter."""
    others = {field.name: None for field in fields(Run) if field.name != "values_by_name"}
    return accuracy_of_run(Run(values_by_name={"y": values}, **others), labels)


def test_the_largest_score_is_the_predicted_class():
    assert accuracy(SCORES, np.array([1, 0, 0])) == Accuracy(correct=2, samples=3)


def test_axes_of_length_one_beside_the_scores_do_not_matter():
    assert accuracy(SCORES[:, :, np.newaxis, np.newaxis], np.array([1, 0, 2])).correct == 3


def test_an_integer_output_is_the_class_itself():
    assert accuracy(np.array([[1], [0], [2]]), np.array([1, 1, 2])).correct == 2


def test_two_classes_named_equally_strongly_go_to_the_first():
    assert accuracy(np.array([[0.5, 0.5]]), np.array([0])).correct == 1


def test_labels_of_another_length_are_refused_with_both_numbers():
    with pytest.raises(InputError) as raised:
        accuracy(SCORES, np.array([1, 0]))
    assert str(raised.value) == "2 labels of shape (2,) for 3 samples"
    assert raised.value.hint == "give one class index a sample, in the order of the samples"


def test_a_label_that_is_no_output_is_named():
    with pytest.raises(InputError) as raised:
        accuracy(SCORES, np.array([1, 3, 7]))
    assert str(raised.value) == (
        "label 3 of sample 1 is no class of the network, which has 3 outputs (2 labels in all)"
    )
    assert raised.value.hint == "labels are counted from 0 to 2"


@pytest.mark.parametrize("shape", [(2, 1), (2, 3, 8, 8)])
def test_an_output_that_names_no_class_is_refused(shape):
    with pytest.raises(InputError) as raised:
        accuracy(np.zeros(shape, np.float32), np.array([0, 0]))
    assert str(raised.value) == (
        f"labels were given, but the network's output has shape {shape[1:]}, which names no class"
    )
