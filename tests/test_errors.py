"""Every class of errors: an example word for word, and its place in the tree."""

from __future__ import annotations

import inspect

import pytest

from neurochip import errors
from neurochip.inputs import read_inputs

CLASSES = {
    name: cls
    for name, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, errors.NeurochipError)
}


def tree(cls=errors.NeurochipError, depth=0):
    """The classes as the docstring draws them: (depth, name), parents before children."""
    yield depth, cls.__name__
    for child in cls.__subclasses__():
        yield from tree(child, depth + 1)


def drawn_tree():
    for line in errors.__doc__.splitlines():
        before, _, name = line.partition("── ")
        name = (name or before).split()[:1]
        if name and name[0] in CLASSES:
            depth = 0 if "──" not in line else (len(before) - 4) // 4 + 1
            yield depth, name[0]


def test_the_tree_in_the_docstring_is_the_tree():
    assert sorted(drawn_tree()) == sorted(tree())


def test_a_child_is_drawn_below_its_parent():
    parents = {name: cls.__base__.__name__ for name, cls in CLASSES.items()}
    path = []
    for depth, name in drawn_tree():
        path[depth:] = [name]
        assert depth == 0 or parents[name] == path[depth - 1]


def test_every_class_has_a_docstring_of_its_own():
    assert all("__doc__" in vars(cls) and cls.__doc__ for cls in CLASSES.values())


def test_a_message_without_a_way_out_has_an_empty_hint():
    assert errors.NeurochipError("message").hint == ""


def test_unsupported_operators_are_listed_all_at_once():
    error = errors.UnsupportedOpError(
        "model.onnx", {"LSTM": [("rnn", "")], "Conv": [("a", "3-D"), ("b", "3-D")]}
    )
    assert str(error) == (
        "model.onnx has 3 nodes neurochip cannot import:\n"
        "  Conv at 'a': 3-D\n"
        "  Conv at 'b': 3-D\n"
        "  LSTM at 'rnn'"
    )
    assert error.hint == "`neurochip ops` lists the supported operators"


def test_input_errors_name_the_file():
    with pytest.raises(errors.InputError) as raised:
        read_inputs("nowhere.npy")
    assert str(raised.value) == "no such input file: 'nowhere.npy'"
