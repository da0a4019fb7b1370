"""Random graphs of every accepted operator, a few of those that `make differential` runs."""

from __future__ import annotations

import pytest

import oracle_onnxruntime
from differential.__main__ import examined, told
from differential.graphs import draw
from neurochip.ops import SUPPORTED

GRAPHS = 40


@pytest.mark.skipif(not oracle_onnxruntime.is_current(), reason="kernels of an older release")
def test_random_graphs_equal_onnxruntime_and_the_compiled_network():
    found = examined(1, 1 + GRAPHS)
    assert not found.wrong, "\n".join(told(found))
    # So few graphs may be unlike the many of `make differential`, which has the shares.
    assert min(found.accepted.values()) > GRAPHS / 3
    assert found.whole > GRAPHS / 10
    assert found.by_layer > GRAPHS / 2


def test_every_operator_between_codes_is_drawn():
    """Those that only fold, and those that stand in QOperator files, are tested elsewhere."""
    models = (draw(seed).model for seed in range(1, 600))
    drawn = {node.op_type for model in models for node in model.graph.node}
    folded = {
        "Constant", "ConstantOfShape", "Equal", "Expand", "Floor", "Range", "ReduceProd", "Shape",
        "Size", "Sqrt", "Tile", "Where",
    }  # fmt: skip
    other_forms = {"QLinearConv", "QLinearMatMul", "Upsample", "Exp", "Log", "LogSoftmax"}
    own = {name for name in SUPPORTED if not name.startswith("com.microsoft")}
    assert own - drawn - folded - other_forms == set()
