"""The Network against the core's schema, and against the bytes of its own image."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurochip as nc
from integer_graphs import STEPS, drawn
from neurochip import _core
from neurochip.errors import CapacityError, ChipError, SettingsError, UnsupportedOpError
from neurochip.network import Network
from neurochip.network.codec import array_type, computed, core_fields, field_of
from test_interpret import CHIPS, CODES

# The schema, both ways


def schema() -> dict[str, Any]:
    return json.loads(_core.image_schema())


def differences(root: Mapping[str, Any]) -> list[str]:
    """What the classes that a Network may hold and the core's schema do not say alike."""
    return list(_of_class(Network, root, root, "network"))


def _of_class(cls: type, told: Mapping, root: Mapping, where: str) -> Iterator[str]:
    ours = {name: (hint, field_of(cls, name)) for name, hint in core_fields(cls)}
    variant = getattr(cls, "VARIANT", {})
    every = {*ours, *computed(cls), *variant, *getattr(cls, "ELSEWHERE", ())}
    theirs = told.get("properties", {})
    yield from (f"{where}.{name}: not in Python" for name in theirs if name not in every)
    yield from (f"{where}.{name}: not in Rust" for name in every if name not in theirs)
    for name, (hint, field) in ours.items():
        if name in theirs:
            yield from _of_field(hint, field, theirs[name], root, f"{where}.{name}")


def _of_field(hint: Any, field: Any, told: Mapping, root: Mapping, where: str) -> Iterator[str]:
    parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    options = [one for one in told.get("anyOf", [told]) if one.get("type") != "null"]
    if (type(None) in parts) != (len(options) < len(told.get("anyOf", [told]))):
        yield f"{where}: only one side may leave it out"
    (told,) = options
    name = told.get("$ref", "").rpartition("/")[2]
    told = root["$defs"][name] if name else told
    classes = [one for one in parts if is_dataclass(one)]
    if classes:
        yield from _of_variants(classes, told, root, where)
    elif get_origin(hint) is tuple:
        yield from _of_field(get_args(hint)[0], field, told["items"], root, where)
    elif array_type(hint) is not None:
        yield from () if name == "Numbers" else [f"{where}: an array here, {told} there"]
    else:
        plain = {int: "integer", np.float32: "integer", bool: "boolean", str: "string"}[parts[0]]
        wanted = "integer" if field.metadata.get("index") else plain
        yield from () if told["type"] == wanted else [f"{where}: {wanted} here, {told} there"]


def _of_variants(classes: list, told: Mapping, root: Mapping, where: str) -> Iterator[str]:
    if "oneOf" not in told:
        (cls,) = classes
        yield from _of_class(cls, told, root, where)
        return
    ours = {tuple(cls.VARIANT.items()): cls for cls in classes}
    theirs = {
        tuple((n, p["const"]) for n, p in one["properties"].items() if "const" in p): one
        for one in told["oneOf"]
    }
    yield from (f"{where} {tag}: not in Python" for tag in theirs.keys() - ours.keys())
    yield from (f"{where} {tag}: not in Rust" for tag in ours.keys() - theirs.keys())
    for tag in ours.keys() & theirs.keys():
        yield from _of_class(ours[tag], theirs[tag], root, f"{where} {tag[0][1]}")


def test_every_variant_and_field_of_the_core_s_schema_is_one_of_a_dataclass():
    assert differences(schema()) == []


def objects(told: Any) -> Iterator[dict[str, Any]]:
    """All tables with fields in a schema, but those of what is no network's."""
    if isinstance(told, dict):
        if "properties" in told:
            yield told
        for name, part in told.items():
            if name not in ("Blob", "Numbers", "Tile"):
                yield from objects(part)
    elif isinstance(told, list):
        for part in told:
            yield from objects(part)


def test_any_field_that_one_side_gains_loses_or_renames_is_seen():
    count = len(list(objects(schema())))
    assert count > 20
    for place in range(count):
        for name in list(list(objects(schema()))[place]["properties"]):
            for change in (lambda of, name: of.pop(name), lambda of, name: of.update(new={})):
                changed = schema()
                change(list(objects(changed))[place]["properties"], name)
                assert differences(changed), (place, name)


def test_any_variant_that_one_side_gains_or_loses_is_seen():
    enums = [name for name, told in schema()["$defs"].items() if "oneOf" in told]
    enums.remove("Readout")  # two words, which a property of `QuartzNeurons` says
    assert sorted(enums) == ["Connector", "Integration", "Model", "Requantizer", "SpikeCode"]
    for name in enums:
        for place in range(len(schema()["$defs"][name]["oneOf"])):
            changed = schema()
            del changed["$defs"][name]["oneOf"][place]
            assert differences(changed), (name, place)
        changed = schema()
        tag = next(iter(changed["$defs"][name]["oneOf"][0]["properties"]))
        changed["$defs"][name]["oneOf"].append({"properties": {tag: {"const": "another"}}})
        assert differences(changed), name


# Plain data


def reachable(value: Any, path: str = "network") -> Iterator[tuple[str, Any]]:
    """All that a value holds, with where it is."""
    yield path, value
    if is_dataclass(value):
        for each in fields(value):
            yield from reachable(getattr(value, each.name), f"{path}.{each.name}")
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from reachable(part, f"{path}[{name!r}]")
    elif isinstance(value, tuple | list):
        for number, part in enumerate(value):
            yield from reachable(part, f"{path}[{number}]")


def assert_is_plain_data(image: nc.Image) -> None:
    """It is what its image's bytes say, and a copy of it too; nothing in it can be called."""
    network = image.network
    assert [path for path, value in reachable(network) if callable(value)] == []
    read = nc.Image.from_bytes(image.to_bytes()).network
    for each in fields(network):
        assert getattr(read, each.name) == getattr(network, each.name), each.name
    assert read == network
    assert pickle.loads(pickle.dumps(read)) == network
    assert copy.deepcopy(network) == network
    assert str(read) == str(network)
    again = nc.assemble(nc.place(read, image.chip))
    assert nc.Image.from_bytes(again.to_bytes()).network == network


@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    steps=st.lists(st.sampled_from(STEPS), max_size=4),
    chip=st.sampled_from(CHIPS),
    code=st.sampled_from(CODES),
    accumulator=st.booleans(),
    pipeline=st.booleans(),
)
def test_a_network_nobody_designed_is_the_network_of_its_bytes(
    seed, steps, chip, code, accumulator, pipeline
):
    graph, samples = drawn(seed, steps, accumulator)
    try:
        image = nc.compile(
            graph, chip[0], overrides=chip[1], calibration=samples, pipeline=pipeline, **code
        )
    except (CapacityError, ChipError, SettingsError, UnsupportedOpError):
        return
    assert_is_plain_data(image)


@pytest.mark.parametrize("code", CODES, ids=lambda code: "-".join(map(str, code.values()))[:24])
def test_a_network_of_the_zoo_is_the_network_of_its_bytes(examples, digits_pictures, code):
    image = nc.compile(
        examples / "digits_cnn.onnx", "ideal", calibration=digits_pictures[:8],
        normalization=nc.Normalization(0.5, 0.25), **code,
    )  # fmt: skip
    assert_is_plain_data(image)
    assert image.normalization == nc.Image.from_bytes(image.to_bytes()).normalization


def test_networks_that_differ_in_one_number_are_not_equal(examples):
    network = nc.compile(examples / "digits_cnn.onnx", "tiny").network
    arrays = [path for path, value in reachable(network) if isinstance(value, np.ndarray)]
    assert len(arrays) > 10
    for path in arrays:
        changed = copy.deepcopy(network)
        array = dict(reachable(changed))[path]
        array.flat[0] += 1
        assert changed != network, path
    with pytest.raises(TypeError):
        hash(network)
