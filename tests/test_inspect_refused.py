"""`neurochip inspect` of a model that cannot be imported: each reason once, and what to change."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from command_line import neurochip
from neurochip.ops import remedies
from neurochip.ops.refused import DOMAINS, REASONS
from neurochip.ops.remedies import REMEDIES, kind, remedy
from quantized_models import Writer

PACKAGE = Path(remedies.__file__).parents[1]
SOURCES = [*(PACKAGE / "ops").glob("*.py"), *(PACKAGE / "graph").glob("*.py")]
UNKNOWN = "use operators that `neurochip ops` lists, or cut it off if it is the first or the last"
TELLING = {"unquantized", "missing_weights"}
"""Functions that return a reason."""


def refused_model(count=1, opset=12):
    """As many Erf as asked for, a pad with ones, a Softmax inside, and one layer."""
    writer = Writer("qdq", opset)
    scale = np.float32(0.1), np.uint8(3)
    real = writer.dequantize(writer.quantize("x", *scale))
    for _ in range(count):
        writer.node("Erf", [real])
    pads = writer.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1]))
    writer.node("Pad", [real, pads, writer.constant(np.float32(1.5))])
    domain = "of.nobody"
    writer.node("Unheard", [real], domain)
    parts = [node.output[0] for node in writer.nodes[2:]]
    total = writer.node("Concat", parts, axis=1)
    model = writer.model(["n", 3, 8, 8], writer.dequantize(writer.quantize(total, *scale)))
    model.opset_import.append(helper.make_opsetid(domain, 7))
    return model


@pytest.fixture
def inspect(tmp_path):
    """What the command says of a model."""

    def told(model, *options):
        onnx.save(model, tmp_path / "m.onnx")
        return neurochip("inspect", tmp_path / "m.onnx", *options)

    return told


def test_it_tells_the_nodes_their_opset_the_reason_and_what_to_change(inspect):
    told = inspect(refused_model())
    assert told.exit_code == 1
    assert told.stdout.splitlines() == [
        "m: 8 nodes; ai.onnx opset 12, com.microsoft opset 1, of.nobody opset 7, IR version 8",
        "",
        "Erf (opset 9) at 'erf2'",
        "  reason  it is not supported",
        "  change  " + UNKNOWN,
        "",
        "Pad (opset 11) at 'pad3'",
        "  reason  it pads with 1.5; only zero padding is supported",
        "  change  pad with zeros, or inside the convolution",
        "",
        "of.nobody.Unheard (opset 7) at 'unheard4'",
        "  reason  it is not supported",
        "  change  " + UNKNOWN,
    ]
    assert told.stderr.splitlines() == [
        "error: 'm' has 3 nodes neurochip cannot import",
        "hint: change the float model as said of each and quantize it again; `neurochip ops` lists "
        "the supported operators",
    ]


def test_200_nodes_that_are_refused_alike_are_one_reason(inspect):
    told = inspect(refused_model(200))
    assert "Erf (opset 9) at 'erf2', 'erf3', 'erf4' and 197 more" in told.stdout.splitlines()
    assert len(told.stdout.splitlines()) == 13
    assert told.stderr.startswith("error: 'm' has 202 nodes neurochip cannot import\n")


def test_nodes_that_differ_in_names_alone_are_refused_alike(inspect):
    writer = Writer("qdq")
    scale = np.float32(0.1), np.uint8(3)
    codes = writer.quantize("x", *scale)
    for _ in range(3):
        weights = writer.constant(np.eye(8, dtype=np.float32))
        codes = writer.quantize(writer.node("MatMul", [writer.dequantize(codes), weights]), *scale)
    told = inspect(writer.model(["n", 3, 8, 8], writer.dequantize(codes))).stdout
    assert "MatMul (opset 13) at 'matmul2', 'matmul5', 'matmul8'\n" in told
    assert told.count("  reason  its weights 'c2' are float: no DequantizeLinear stands") == 1
    assert told.count("  change  ") == 1


def test_a_document_has_all_nodes(inspect):
    told = inspect(refused_model(5), "--json")
    assert told.exit_code == 1
    document = json.loads(told.stdout)["refused"]
    reasons = document.pop("reasons")
    assert document == {
        "name": "m",
        "ir_version": 8,
        "opsets": {"ai.onnx": 12, "com.microsoft": 1, "of.nobody": 7},
        "num_nodes": 12,
    }
    assert reasons[0] == {
        "operator": "Erf",
        "opset": 9,
        "nodes": ["erf2", "erf3", "erf4", "erf5", "erf6"],
        "reason": "it is not supported",
        "change": remedy("it is not supported"),
    }
    assert [each["opset"] for each in reasons] == [9, 11, 7]


def test_other_commands_say_where_to_read_what_to_change(inspect, tmp_path):
    inspect(refused_model())
    told = neurochip("run", tmp_path / "m.onnx")
    assert told.exit_code == 1
    assert told.stderr.endswith(
        "hint: `neurochip inspect` says what to change, `neurochip ops` lists the supported "
        "operators\n"
    )


def test_an_operator_that_its_opset_does_not_define_has_none(inspect):
    model = refused_model()
    next(node for node in model.graph.node if node.op_type == "Erf").op_type = "Hearsay"
    assert "\nHearsay at 'erf2'\n" in inspect(model).stdout


def text(node):
    """A string of the source, with `_` where something is put in; None of what is no string."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text(part) or "_" for part in node.values)
    return None


def reasons_of(source):
    """Every reason that a file of the package gives, but for those that pass on another."""
    tree = ast.parse(source.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refusal":
            yield from map(text, node.args)
        if isinstance(node, ast.FunctionDef) and node.name in TELLING:
            yield from (text(each.value) for each in ast.walk(node) if isinstance(each, ast.Return))


def all_reasons():
    given = {reason for source in SOURCES for reason in reasons_of(source)}
    passing_on = {None, "", "_ at _: _"}
    return sorted((given - passing_on) | set(REASONS.values()) | set(DOMAINS.values()))


def test_the_reasons_are_found_in_the_source():
    assert len(all_reasons()) > 80
    assert "it joins samples" in all_reasons()


@pytest.mark.parametrize("reason", all_reasons())
def test_every_reason_has_something_to_change(reason):
    assert remedy(reason)


@pytest.mark.parametrize("words", [words for words, _ in REMEDIES])
def test_every_remedy_is_of_a_reason(words):
    assert any(words in kind(reason) for reason in all_reasons())


def test_names_and_numbers_make_no_other_kind():
    first = kind("its weights 'a is constant' have shape [3, 4] and 16 bits of 1.5")
    assert first == kind("its weights 'w2' have shape [1] and 8 bits of 2")
    assert first == "its weights _ have shape _ and _ bits of _"
