"""Mutations of parsed ONNX models: what a valid file can say that makes no sense."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from . import byte_level
from .limits import INTEGERS, NUMBERS, WORDS, Random, near, random_bytes

INT64 = 1 << 63


def mutated_model(random: Random, model: ModelProto, most: int = 3) -> ModelProto:
    """A model after one or more mutations."""
    changed = ModelProto()
    changed.CopyFrom(model)
    for _ in range(random.randint(1, most)):
        random.choice(MUTATIONS)(random, changed)
    return changed


def damaged_bytes(random: Random, model: ModelProto) -> bytes:
    """A model whose bytes are damaged; the parser takes many of them."""
    return byte_level.mutated(random, model.SerializeToString())


def _limit(random: Random, own: int = 1) -> int:
    """Of 64 bits, as protobuf takes it."""
    return (near(random, own) + INT64) % (2 * INT64) - INT64


def _tensor(random: Random, model: ModelProto) -> TensorProto:
    tensors = list(model.graph.initializer)
    return random.choice(tensors) if tensors else model.graph.initializer.add(name="made")


def _node(random: Random, model: ModelProto) -> NodeProto:
    nodes = list(model.graph.node)
    return random.choice(nodes) if nodes else model.graph.node.add(op_type="Relu")


def _names(model: ModelProto) -> list[str]:
    graph = model.graph
    names = [tensor.name for tensor in (*graph.initializer, *graph.input, *graph.output)]
    return [*names, *(name for node in graph.node for name in node.output), "", "nothing"]


def dims(random: Random, model: ModelProto) -> None:
    """The shape of a constant, without its data or with it."""
    tensor = _tensor(random, model)
    place = random.randrange(len(tensor.dims) + 1)
    if place < len(tensor.dims) and random.randrange(3):
        tensor.dims[place] = _limit(random, tensor.dims[place])
    elif random.randrange(2):
        tensor.dims.insert(place, random.choice((0, 1, 1, 2)))
    elif len(tensor.dims):
        del tensor.dims[place % len(tensor.dims)]


def values(random: Random, model: ModelProto) -> None:
    """The numbers of a constant: of all, the one most likely to be a scale, a shape or pads."""
    tensor = _tensor(random, model)
    for _ in range(3):
        if np.prod(tensor.dims, dtype=float) <= 8:
            break
        tensor = _tensor(random, model)
    try:
        array = numpy_helper.to_array(tensor).copy()
    except Exception:  # whatever onnx finds wrong with what was mutated before
        return
    if not array.size or array.dtype.kind not in "iuf":
        return
    place = random.randrange(array.size)
    with np.errstate(all="ignore"):
        if array.dtype.kind == "f":
            array.flat[place] = np.float64(float(random.choice(NUMBERS) % (1 << 1000)))
        else:
            bits = 8 * array.dtype.itemsize
            value = near(random, int(array.flat[place])) % (1 << bits)
            unsigned = np.array(value, f"u{array.dtype.itemsize}")
            array.flat[place] = unsigned.view(array.dtype)
    if random.randrange(5) == 0:
        array = np.full_like(array, array.flat[place])
    name = tensor.name
    tensor.CopyFrom(numpy_helper.from_array(array, name))


def reshaped(random: Random, model: ModelProto) -> None:
    """A constant of another shape whose data fits it: a bias, a scale, pads or weights."""
    tensor = _tensor(random, model)
    try:
        array = numpy_helper.to_array(tensor)
    except Exception:  # whatever onnx finds wrong with what was mutated before
        return
    size = array.size
    lengths = (0, 1, 2, 3, 5, size, size + 1, max(0, size - 1))
    shape = [random.choice(lengths) for _ in range(random.randrange(4))]
    if np.prod(shape) > 10_000:
        return
    name = tensor.name
    tensor.CopyFrom(numpy_helper.from_array(np.resize(array, shape), name))


def element_type(random: Random, model: ModelProto) -> None:
    """The type of a constant, its data as before or converted."""
    tensor = _tensor(random, model)
    if random.randrange(2):
        tensor.data_type = random.choice((*range(26), 99, -1))
        return
    dtype = random.choice(("u1", "i1", "u2", "i2", "i4", "i8", "u8", "f2", "f4", "f8", "?", "c8"))
    try:
        array = numpy_helper.to_array(tensor)
        with np.errstate(all="ignore"):
            tensor.CopyFrom(numpy_helper.from_array(array.astype(dtype), tensor.name))
    except Exception:  # whatever onnx finds wrong with what was mutated before
        return


def data(random: Random, model: ModelProto) -> None:
    """The data of a constant: cut, longer, in another field, or not there."""
    tensor = _tensor(random, model)
    choice = random.randrange(6)
    if choice == 0:
        tensor.raw_data = tensor.raw_data[: random.randrange(len(tensor.raw_data) + 1)]
    elif choice == 1:
        tensor.raw_data += random_bytes(random, 16)
    elif choice == 2:
        tensor.raw_data = byte_level.mutated(random, tensor.raw_data or b"\0")
    elif choice == 3:
        tensor.ClearField("raw_data")
    elif choice == 4:
        tensor.ClearField("raw_data")
        tensor.float_data.extend([1.0] * random.randrange(4))
        tensor.int64_data.extend([_limit(random)] * random.randrange(4))
        tensor.int32_data.extend([random.randrange(-9, 300)] * random.randrange(4))
    else:
        tensor.string_data.extend([b"\xff"] * random.randrange(3))


def external(random: Random, model: ModelProto) -> None:
    """What a constant says of its data beside the model."""
    tensor = _tensor(random, model)
    tensor.data_location = random.choice((TensorProto.EXTERNAL,) * 4 + (TensorProto.DEFAULT,))
    if not tensor.external_data or random.randrange(3) == 0:
        told = {"location": "w.bin", "offset": "0", "length": str(len(tensor.raw_data))}
        if random.randrange(2):
            tensor.ClearField("raw_data")
        for key, value in told.items():
            tensor.external_data.add(key=key, value=value)
    field = random.choice(list(tensor.external_data))
    choice = random.randrange(4)
    places = (*WORDS[:12], "..", ".", "/dev/zero", "/etc", "../w.bin", "model.onnx", "w.bin/")
    if choice == 0:
        field.value = random.choice(places)
    elif choice == 1:
        field.value = str(random.choice(INTEGERS))
    elif choice == 2:
        field.key = random.choice(("location", "offset", "length", "checksum", "", "x"))
    else:
        tensor.external_data.remove(field)


def attribute(random: Random, model: ModelProto) -> None:
    """A number or a word of an attribute."""
    with_any = [node for node in model.graph.node if node.attribute]
    if not with_any:
        return
    changed = random.choice(list(random.choice(with_any).attribute))
    if changed.type == AttributeProto.INT:
        changed.i = _limit(random, changed.i)
    elif changed.type == AttributeProto.INTS and changed.ints:
        place = random.randrange(len(changed.ints))
        choice = random.randrange(6)
        if choice < 4:
            changed.ints[place] = _limit(random, changed.ints[place])
        elif choice == 4:
            del changed.ints[place]
        else:
            changed.ints.insert(place, changed.ints[place])
    elif changed.type == AttributeProto.FLOAT:
        changed.f = float(np.float32(random.choice((0.0, -1.0, 1e38, float("nan"), float("inf")))))
    elif changed.type == AttributeProto.STRING:
        changed.s = random.choice(("", "SAME_UPPER", "x", "reflect", "wrap")).encode() + (
            b"\xff" if random.randrange(4) == 0 else b""
        )


ATTRIBUTES = (
    *("axis", "axes", "pads", "strides", "dilations", "group", "kernel_shape", "ceil_mode", "perm"),
    *("auto_pad", "keepdims", "to", "mode", "blocksize", "alpha", "beta", "transA", "transB"),
    *("value", "allowzero", "count_include_pad", "output_dtype", "block_size", "split", "epsilon"),
    *("num_outputs", "start", "end", "noop_with_empty_axes", "channels_last", "storage_order"),
)


def other_attribute(random: Random, model: ModelProto) -> None:
    """An attribute more, of any type, or one less."""
    node = _node(random, model)
    if node.attribute and random.randrange(2):
        node.attribute.remove(random.choice(list(node.attribute)))
        if random.randrange(2):
            return
    name = random.choice(ATTRIBUTES)
    ints = [_limit(random) for _ in range(random.randrange(1, 5))]
    value = random.choice(
        (
            _limit(random),
            random.choice((0, 1, 2, -1)),
            ints,
            [1] * len(ints),
            0.5,
            [0.5],
            "x",
            ["x"],
        )
    )
    if random.randrange(8) == 0:
        value = numpy_helper.from_array(np.arange(3, dtype=np.int64), "t")
    node.attribute.append(helper.make_attribute(name, value))


def inputs(random: Random, model: ModelProto) -> None:
    """What a node reads: another tensor, none, one more or one less."""
    node = _node(random, model)
    choice = random.randrange(5)
    if not node.input or choice == 0:
        node.input.append(random.choice(_names(model)))
        return
    place = random.randrange(len(node.input))
    if choice < 3:
        node.input[place] = random.choice(_names(model))
    elif choice == 3:
        del node.input[place]
    else:
        node.input.insert(place, node.input[place])


def fresh_input(random: Random, model: ModelProto) -> None:
    """What a node reads: a constant of its own, of an odd shape or value."""
    node = _node(random, model)
    dtype = random.choice(("i8", "i8", "f4", "i1", "u1", "i4"))
    shape = [random.choice((0, 1, 2, 3, 4)) for _ in range(random.randrange(4))]
    made = np.zeros(shape, dtype)
    if made.size and dtype in {"i8", "f4", "i4"}:
        most = 1 << (31 if dtype == "i4" else 63)
        made.flat[:] = [max(-most, min(most - 1, near(random, 1))) for _ in range(made.size)]
    name = f"fresh{len(model.graph.initializer)}"
    model.graph.initializer.append(numpy_helper.from_array(made, name))
    if node.input and random.randrange(4):
        node.input[random.randrange(len(node.input))] = name
    else:
        node.input.append(name)


OPERATORS = """
    Conv Gemm MatMul MaxPool AveragePool GlobalAveragePool Add Mul Sub Div Concat Pad Slice
    Reshape Transpose Flatten Squeeze Unsqueeze Gather Split ReduceMean BatchNormalization Clip
    Relu LeakyRelu Sigmoid LeakyRelu HardSigmoid HardSwish Tanh Softmax Cast Identity DepthToSpace
    SpaceToDepth Shape QuantizeLinear DequantizeLinear QLinearConv QLinearMatMul Constant
    ConstantOfShape Expand Range Tile Where Equal Size Neg QGemm QLinearAdd QLinearConcat
    QLinearSoftmax QLinearReduceMean QLinearMul QLinearAveragePool QLinearLeakyRelu ArgMax Dropout
    If Loop Elu Resize
""".split()  # noqa: SIM905


def operator(random: Random, model: ModelProto) -> None:
    """A node is another operator, or of another domain."""
    node = _node(random, model)
    if random.randrange(6):
        node.op_type = random.choice(OPERATORS)
    if random.randrange(3) == 0:
        node.domain = random.choice(("", "ai.onnx", "com.microsoft", "x", "ai.onnx.ml"))


def nodes(random: Random, model: ModelProto) -> None:
    """A node less, twice, or in another place."""
    graph = model.graph
    if not graph.node:
        return
    place = random.randrange(len(graph.node))
    node = NodeProto()
    node.CopyFrom(graph.node[place])
    choice = random.randrange(4)
    if choice != 1:
        del graph.node[place]
    if choice > 0:
        graph.node.insert(random.randrange(len(graph.node) + 1), node)
    if choice == 3:
        # Whoever read its result reads what it read.
        for other in graph.node:
            for at, name in enumerate(other.input):
                if name in node.output and node.input:
                    other.input[at] = node.input[0]


def more_nodes(random: Random, model: ModelProto) -> None:
    """An operator between a tensor and all that read it."""
    graph = model.graph
    place = random.randrange(len(graph.node) + 1)
    names = [name for node in list(graph.node)[:place] for name in node.output] or _names(model)
    name, made = random.choice(names), f"between{len(graph.node)}"
    for node in graph.node:
        for at, read in enumerate(node.input):
            if read == name:
                node.input[at] = made
    new = helper.make_node(random.choice(OPERATORS), [name], [made], name=made)
    graph.node.insert(place, new)


def outputs(random: Random, model: ModelProto) -> None:
    """What a node or the model is said to compute."""
    node = _node(random, model)
    choice = random.randrange(5)
    if choice == 0:
        node.output.append(random.choice(_names(model)))
    elif choice == 1 and node.output:
        node.output[0] = random.choice(_names(model))
    elif choice == 2 and node.output:
        del node.output[0]
    elif choice == 3 and model.graph.output:
        model.graph.output[0].name = random.choice(_names(model))
    else:
        node.name = random.choice(("", "a", *WORDS[:6]))


def input_shape(random: Random, model: ModelProto) -> None:
    """What the model says of its input."""
    if not model.graph.input:
        return
    info = model.graph.input[0]
    axes = info.type.tensor_type.shape.dim
    choice = random.randrange(8)
    if choice < 4 and axes:
        axis = random.choice(list(axes))
        axis.dim_value = _limit(random, axis.dim_value)
    elif choice == 4:
        axes.add(dim_value=random.choice((0, 1, 1, 2, 1 << 40)))
    elif choice == 5 and axes:
        axes.remove(random.choice(list(axes)))
    elif choice == 6:
        info.type.tensor_type.elem_type = random.choice((*range(26), 99))
    elif random.randrange(2):
        info.type.ClearField("tensor_type")
    else:
        model.graph.input.add().CopyFrom(info)


def versions(random: Random, model: ModelProto) -> None:
    """The versions that the model is written in."""
    version = random.choice((*range(27), 99, 1 << 31, -1, INT64 - 1))
    if random.randrange(3) == 0:
        model.ir_version = version
    elif model.opset_import and random.randrange(6):
        random.choice(list(model.opset_import)).version = version
    elif random.randrange(2):
        del model.opset_import[:]
    else:
        model.opset_import.append(helper.make_opsetid(random.choice(("", "x")), version))


def function(random: Random, model: ModelProto) -> None:
    """Functions of the model's own; one may call itself."""
    name = random.choice(("f", "g"))
    body = [helper.make_node(random.choice(("Relu", "f", "Nothing")), ["a"], ["b"])]
    body[0].domain = random.choice(("", "own"))
    opsets = [helper.make_opsetid("", random.choice((1, 13, 17)))]
    made = helper.make_function("own", name, ["a"], ["b"], body, opsets)
    model.functions.append(made)
    node = _node(random, model)
    node.op_type, node.domain = name, "own"
    if random.randrange(4):
        model.opset_import.append(helper.make_opsetid("own", 1))


def duplicate_constant(random: Random, model: ModelProto) -> None:
    """A constant twice, under another name, or under that of another tensor."""
    tensor = TensorProto()
    tensor.CopyFrom(_tensor(random, model))
    tensor.name = random.choice(_names(model))
    model.graph.initializer.append(tensor)


MUTATIONS: tuple[Callable[[Random, ModelProto], None], ...] = (
    *(dims, values, values, values, reshaped, reshaped, element_type, data, external),
    *(attribute, attribute, attribute, other_attribute, other_attribute, inputs, fresh_input),
    *(fresh_input, operator, nodes, more_nodes, outputs, input_shape, input_shape, versions),
    *(function, duplicate_constant),
)
