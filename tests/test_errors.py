"""Every class of errors: an example word for word, and its place in the tree."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

import neurochip as nc
from neurochip import _core, errors
from neurochip.cli.files import replacing
from neurochip.inputs import read_inputs
from neurochip.requantize import from_table

EXAMPLES = Path(__file__).parents[1] / "examples"

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
        "'model'", {"LSTM": [("rnn", "")], "Conv": [("a", "3-D"), ("b", "3-D")]}
    )
    assert str(error) == (
        "'model' has 3 nodes neurochip cannot import:\n"
        "  Conv at 'a': 3-D\n"
        "  Conv at 'b': 3-D\n"
        "  LSTM at 'rnn'"
    )
    assert error.hint == "`neurochip ops` lists the supported operators"


def lstm_model():
    """A quantized model with one operator that nobody has written yet."""
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale"], ["q"]),
        helper.make_node("LSTM", ["q", "w", "r"], ["y"], name="rnn", hidden_size=1),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1])
    constants = [
        helper.make_tensor(name, TensorProto.FLOAT, shape, np.ones(shape))
        for name, shape in (("scale", ()), ("w", (1, 4, 1)), ("r", (1, 4, 1)))
    ]
    graph = helper.make_graph(nodes, "made_up", [x], [y], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def unwritable_output():
    with replacing(Path("/no/such/folder/a.image")):
        raise AssertionError("the block must not be entered")


def too_large_a_network():
    nc.compile(EXAMPLES / "mnist_lenet.onnx", chip="tiny")


def a_falling_table():
    from_table(np.array([[0, 3, 1]]), acc_low=0)


def a_cut_image():
    _core.Image.from_bytes(b"NEUROIMG" + bytes(20))


def a_result_taken_twice():
    image = nc.compile(EXAMPLES / "digits_cnn.onnx", chip="ideal")
    simulator = _core.Simulator(image.core)
    job = simulator.start(np.zeros((1, 64), np.uint8), cycles=False, record=False, threads=1)
    while not job.wait(1.0):
        pass
    job.result()
    job.result()


RAISED = {
    errors.NeurochipError: (
        unwritable_output,
        "cannot write '/no/such/folder/a.image': no such file or directory",
        "give a file in a folder that exists and that you may write to",
    ),
    errors.ModelError: (
        lambda: nc.load_graph("nowhere.onnx"),
        "cannot read model 'nowhere.onnx': no such file or directory",
        "",
    ),
    errors.UnsupportedOpError: (
        lambda: nc.load_graph(lstm_model()),
        "'made_up' has 1 node neurochip cannot import:\n"
        "  LSTM at 'rnn': recurrence and attention are not convolutional classifiers",
        "choose a network of convolutions, matrix products and pools",
    ),
    errors.QuantizationError: (
        a_falling_table,
        "a table of 3 codes falls from 3 to 1 after input 1 (channel 0); "
        "a neuron without a table computes only what rises",
        "use a chip whose soma holds tables, such as 'ideal'",
    ),
    errors.ChipError: (
        lambda: nc.chip("darwin3", {"core.max_neurons": 0}),
        "in chip 'darwin3': `core.max_neurons` is 0, expected 1 to 16777216",
        "",
    ),
    errors.CapacityError: (
        too_large_a_network,
        "the network needs 26 cores, 14 of them for layer '/0/Conv'; "
        "'tiny' has 16 (mesh.width, mesh.height)",
        "choose a board with more chips (`--set board.chips_x=2`), a chip with more cores, "
        "or a smaller network",
    ),
    errors.ImageError: (
        a_cut_image,
        "image has 28 bytes, its header says 60",
        "",
    ),
    errors.SettingsError: (
        lambda: nc.Settings.from_toml("[layers.fc]\nrot = 9"),
        'settings: `layers."fc".rot` is 9, expected 0 to 7',
        "",
    ),
    errors.InputError: (
        lambda: read_inputs("nowhere.npy"),
        "no such input file: 'nowhere.npy'",
        "",
    ),
    errors.SimulationError: (
        a_result_taken_twice,
        "the result was taken, or is not there yet",
        "",
    ),
}


def test_every_class_has_an_example():
    assert set(RAISED) == set(CLASSES.values())


@pytest.mark.parametrize("cls", RAISED, ids=lambda cls: cls.__name__)
def test_an_error_says_what_where_and_how_much_word_for_word(cls):
    provoke, message, hint = RAISED[cls]
    with pytest.raises(cls) as raised:
        provoke()
    assert type(raised.value) is cls
    assert str(raised.value) == message
    assert raised.value.hint == hint
