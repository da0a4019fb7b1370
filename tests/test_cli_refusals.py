"""The command line's refusals: message, hint and exit code, each word for word."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from command_line import neurochip


@pytest.fixture(scope="module")
def digits(examples):
    return examples / "digits_cnn.onnx"


def refusal(*arguments):
    """The two lines a refused command prints; it prints nothing else and exits with 1."""
    told = neurochip(*arguments)
    assert told.stdout == ""
    assert told.exit_code == 1, told.stderr
    first, _, rest = told.stderr.partition("\nhint: ")
    assert first.startswith("error: ")
    return first.removeprefix("error: ").rstrip("\n"), rest.rstrip("\n")


def saved(path, nodes, inputs, outputs, initializers=()):
    graph = helper.make_graph(nodes, "made_up", inputs, outputs, list(initializers))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def value(name, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def test_a_missing_graph_is_named():
    assert refusal("run", "nowhere.onnx")[0] == (
        "cannot read model 'nowhere.onnx': no such file or directory"
    )


def test_a_file_that_is_no_onnx_is_refused(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_text("not a model")
    assert refusal("run", path)[0] == f"'{path}' is not an ONNX model"


def test_a_float_network_is_refused_with_the_way_to_quantize_it(tmp_path):
    path = saved(
        tmp_path / "float.onnx",
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [value("x", 1, 4)],
        [value("y", 1, 2)],
        [numpy_helper.from_array(np.ones((4, 2), np.float32), "w")],
    )
    message, hint = refusal("run", path)
    assert message == "'float' is a float model: nothing in it is quantized"
    assert "`neurochip quantize`" in hint


def test_missing_samples_are_named(digits):
    assert refusal("run", digits, "--input", "nowhere.npz")[0] == (
        "no such input file: 'nowhere.npz'"
    )


def test_samples_of_another_shape_are_refused_with_both_shapes(digits, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 28, 28), np.uint8))
    assert refusal("run", digits, "--input", tmp_path / "x.npy") == (
        f"samples of '{tmp_path}/x.npy' have shape (28, 28), the network takes (1, 8, 8)",
        "resize or crop the samples first: neurochip never resamples an input",
    )


def test_nan_in_the_samples_is_refused(digits, tmp_path):
    np.save(tmp_path / "x.npy", np.full((2, 8, 8), np.nan))
    assert (
        "values that are NaN or infinite"
        in refusal("run", digits, "--input", tmp_path / "x.npy")[0]
    )


def test_labels_of_another_length_are_refused(digits, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.zeros((3, 8, 8), np.uint8), y=[1, 2])
    assert refusal("run", digits, "--input", tmp_path / "x.npz")[0] == (
        f"2 labels for 3 samples ('{tmp_path}/x.npz')"
    )


def test_labels_without_samples_are_refused(digits):
    assert refusal("run", digits, "--labels", "labels.txt") == (
        "labels were given without samples",
        "give both, with `--input`",
    )


def test_an_unknown_chip_suggests_the_nearest_name(digits):
    message, hint = refusal("run", digits, "--chip", "darwin4")
    assert message.startswith("no chip 'darwin4': no such file, and not one of ")
    assert hint == "did you mean `darwin3`?"


def test_an_unknown_field_of_a_chip_file_is_shown_where_it_stands(digits, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\nspeed = 3\n')
    message, _ = refusal("run", digits, "--chip", path)
    lines = message.splitlines()
    assert lines[-1].startswith("line 2: unknown field `speed`; expected one of `name`, `source`, ")
    missing = {line.removesuffix(" is missing").strip("`") for line in lines[1:-1]}
    assert {"source", "mesh", "mesh.width", "core.soma.table", "noc.hop_cycles"} <= missing


def test_an_impossible_override_is_refused_with_what_is_possible(digits):
    message, _ = refusal("run", digits, "--set", "noc.packet_flits=0")
    assert message.startswith("in chip 'darwin3': `noc.packet_flits` is 0, expected ")


def test_a_path_that_cannot_be_written_is_refused_before_compiling(digits, tmp_path):
    assert refusal("compile", digits, "-o", tmp_path / "no" / "a.image") == (
        f"cannot write '{tmp_path}/no/a.image': no such file or directory",
        "give a file in a folder that exists and that you may write to",
    )


def test_a_truncated_image_is_refused(tmp_path):
    path = tmp_path / "a.image"
    path.write_bytes(b"NEUROIMG\x01\x00\x00\x00")
    told = neurochip("run", path)
    assert told.exit_code == 1
    assert told.stderr.startswith("error: ")


def test_a_path_that_is_no_regular_file_is_left_alone(digits, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    message, _ = refusal("compile", digits, "-o", tmp_path / "pipe")
    assert message == f"cannot write '{tmp_path}/pipe': it is no regular file"
    assert (tmp_path / "pipe").is_fifo()


def test_a_link_is_followed_and_stays_a_link(digits, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    (tmp_path / "target").write_bytes(b"old")
    assert neurochip("compile", digits, "-o", tmp_path / "link").exit_code == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes().startswith(b"NEUROIMG")


def test_an_impossible_value_in_a_chip_file_is_refused(digits, tmp_path):
    path = tmp_path / "mine.toml"
    tiny = (Path(__file__).parents[1] / "chips" / "tiny.toml").read_text()
    path.write_text(tiny.replace("membrane_bits = 32", "membrane_bits = 40"))
    message, _ = refusal("run", digits, "--chip", path)
    assert message == f"in chip '{path}': `core.membrane_bits` is 40, expected 16 to 32"


def test_a_network_that_is_too_large_is_refused_with_what_it_needs(digits):
    message, hint = refusal("run", digits, "--chip", "tiny", "--set", "core.max_neurons=8")
    assert message.startswith("the network needs ")
    assert "for layer '/0/Conv'; 'tiny' has 16 (mesh.width, mesh.height)" in message
    assert hint == (
        "choose a board with more chips (`--set board.chips_x=6`), a chip with more cores, "
        "or a smaller network"
    )


def test_samples_of_another_type_are_refused(digits, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((3, 1, 8, 8), "U3"))
    message, hint = refusal("run", digits, "--input", tmp_path / "x.npy")
    assert message == f"'{tmp_path}/x.npy' holds <U3 values, expected uint8 images or floats"
    assert hint == "convert the array with .astype('float32')"


def test_an_operator_that_cannot_be_imported_is_named(digits, tmp_path):
    model = onnx.load(digits)
    next(node for node in model.graph.node if node.op_type == "MaxPool").op_type = "LpPool"
    onnx.save(model, tmp_path / "lp.onnx")
    message, hint = refusal("run", tmp_path / "lp.onnx")
    assert "neurochip cannot import:" in message
    assert "LpPool" in message
    assert hint == (
        "use operators that `neurochip ops` lists, or cut it off if it is the first or the last"
    )


def test_an_open_shape_is_refused_until_shape_sets_it(digits, tmp_path):
    model = onnx.load(digits)
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"
    onnx.save(model, tmp_path / "open.onnx")
    message, hint = refusal("run", tmp_path / "open.onnx", "--timing", "none")
    assert message == "input 'input' has open axes: [?, 1, ?, 8]"
    assert "--shape" in hint
    shaped = neurochip(
        "run", tmp_path / "open.onnx", "--timing", "none", "--shape", "input=1,1,8,8"
    )
    assert shaped.exit_code == 0, shaped.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("run",),
        ("run", "a.onnx", "--timing", "soon"),
        ("run", "a.onnx", "--samples", "0"),
        ("run", "a.onnx", "--scale", "much"),
        ("run", "a.onnx", "--set", "noc.hop_cycles"),
        ("run", "a.onnx", "--shape", "1,3"),
        ("run", "a.onnx", "--optimize", "3"),
        ("compile", "a.onnx"),
        ("fly",),
    ],
)
def test_wrong_usage_exits_with_2_and_prints_nothing_to_stdout(arguments):
    told = neurochip(*arguments)
    assert told.exit_code == 2
    assert told.stdout == ""
    assert "neurochip" in told.stderr


def test_settings_that_are_not_there_are_refused_without_a_chip_too(digits):
    message, _ = refusal("inspect", digits, "--settings", "nowhere.toml")
    assert message == "cannot read settings 'nowhere.toml': no such file or directory"


def test_a_scale_without_samples_is_refused(digits, tmp_path):
    for command in (("inspect", digits), ("compile", digits, "-o", tmp_path / "a.image")):
        assert refusal(*command, "--scale", 255) == (
            "`--scale` divides stored samples, and there are none",
            "give some with `--calibration`, or leave `--scale` out",
        )


def test_a_chip_refuses_what_only_a_graph_can_take():
    given = ("--pipeline", "--set", "noc.hop_cycles=3", "--bias", "auto")
    assert refusal("inspect", "tiny", *given) == (
        "'tiny' is a chip, and `--pipeline`, `--bias` cannot change it",
        "give a graph, and the chip with `--chip tiny`, or leave these options out",
    )


def test_an_image_refuses_each_option_that_cannot_change_it(digits, tmp_path):
    image = tmp_path / "digits.image"
    assert neurochip("compile", digits, "-o", image).exit_code == 0
    for command in ("run", "inspect"):
        assert refusal(command, image, "--chip", "tiny", "--optimize", 0, "--bias", "auto") == (
            f"'{image}' is an image, which was compiled for its chip already: `--chip`, "
            "`--optimize`, `--bias` cannot change it",
            "give the graph instead, or leave these options out",
        )


def test_quartz_as_published_needs_calibration(digits):
    assert refusal("run", digits, "--code", "quartz", "--quartz-mode", "published") == (
        "quartz as published normalizes activations by a percentile of calibration samples, and "
        "there are none",
        "give samples (--calibration), or choose the mode `exact` (--quartz-mode)",
    )


def test_a_percentile_without_anything_to_normalize_is_refused(digits):
    assert refusal("run", digits, "--code", "quartz", "--percentile", "99") == (
        "nothing is normalized by a percentile in the mode `exact`",
        "choose another one (--quartz-mode), or leave `--percentile` out",
    )
