"""Options and output files: what is accepted, what is refused as usage, what is left behind."""

from __future__ import annotations

import pytest
import typer

from neurochip.cli.files import replacing
from neurochip.cli.options import parse_overrides, parse_scale, parse_shapes
from neurochip.errors import NeurochipError


def test_overrides_are_fields_and_toml_values():
    assert parse_overrides(["noc.hop_cycles=3", "core.overflow = wrap"]) == {
        "noc.hop_cycles": "3",
        "core.overflow": "wrap",
    }
    assert parse_overrides(None) == {}


@pytest.mark.parametrize("text", ["noc.hop_cycles", "=3", "noc.hop_cycles="])
def test_an_override_without_field_or_value_is_wrong_usage(text):
    with pytest.raises(typer.BadParameter, match=r"is not of the form section\.field=value"):
        parse_overrides([text])


def test_shapes_are_names_and_lengths():
    assert parse_shapes(["input=1,3,32,32", "a=b=7"]) == {"input": (1, 3, 32, 32), "a=b": (7,)}


@pytest.mark.parametrize("text", ["1,3,32,32", "input=", "input=1,x", "input=0,3", "=1"])
def test_a_shape_without_name_or_positive_lengths_is_wrong_usage(text):
    with pytest.raises(typer.BadParameter, match="is not of the form name=1,3,32,32"):
        parse_shapes([text])


def test_a_scale_is_a_divisor_or_none():
    assert parse_scale("127.5") == 127.5
    assert parse_scale("none") == 1.0
    with pytest.raises(typer.BadParameter, match="'much' is neither a number nor 'none'"):
        parse_scale("much")


def test_a_finished_file_takes_the_place_of_the_old_one(tmp_path):
    path = tmp_path / "out.image"
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("reason", [ValueError, KeyboardInterrupt])
def test_what_fails_half_way_leaves_the_old_file_and_nothing_else(tmp_path, reason):
    path = tmp_path / "out.image"
    path.write_bytes(b"old")

    def stop_half_way():
        with replacing(path) as file:
            file.write(b"half")
            raise reason

    with pytest.raises(reason):
        stop_half_way()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_refused_before_any_work(tmp_path):
    with pytest.raises(NeurochipError) as raised, replacing(tmp_path / "no" / "out.image"):
        raise AssertionError("the block must not be entered")
    assert str(raised.value) == (
        f"cannot write '{tmp_path}/no/out.image': no such file or directory"
    )
    assert raised.value.hint == "give a file in a folder that exists and that you may write to"


def test_a_folder_is_not_overwritten(tmp_path):
    with pytest.raises(NeurochipError, match="it is a folder"), replacing(tmp_path):
        raise AssertionError("the block must not be entered")
