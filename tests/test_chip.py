"""Chips: found by name or path, checked, overridden, with the source of every number."""

from __future__ import annotations

import json

import pytest

import neurochip as nc
from neurochip import _core
from neurochip.chip import built_in
from neurochip.errors import ChipError

TINY = dict(_core.built_in_chips())["tiny"]


def refusal(chip, overrides=None) -> ChipError:
    with pytest.raises(ChipError) as raised:
        nc.chip(chip, overrides)
    return raised.value


def test_the_built_in_chips_are_those_of_the_folder():
    assert built_in() == ("darwin3", "ideal", "loihi", "loihi2", "tiny", "truenorth")


@pytest.mark.parametrize("name", built_in())
def test_a_built_in_chip_is_found_with_and_without_its_ending(name):
    assert nc.chip(name).fingerprint == nc.chip(f"{name}.toml").fingerprint
    assert nc.chip(name).spec["name"] == name


def test_darwin3_is_what_its_file_says():
    chip = nc.chip("darwin3")
    assert chip.clock_mhz == 333.0
    assert len(chip.cores()) == 24 * 24 - 1
    assert 0 not in chip.cores(), "the manager"
    assert chip.position(25) == (1, 1)
    assert [chip.dendrite_words(node) for node in range(1, 6)] == [
        65_536, 8_192, 8_192, 65_536, 65_536,
    ]  # fmt: skip
    assert chip.spec["core"]["weight_sum_bits"] == 16


def test_a_file_is_read_from_its_path(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TINY.replace('name = "tiny"', 'name = "mine"'))
    assert nc.chip(path).name == "mine"
    assert nc.chip(str(path)).name == "mine"


def test_a_file_wins_over_a_built_in_name(tmp_path, monkeypatch):
    (tmp_path / "tiny").write_text(TINY.replace('name = "tiny"', 'name = "my own"'))
    monkeypatch.chdir(tmp_path)
    assert nc.chip("tiny").name == "my own"
    assert nc.chip("tiny.toml").name == "tiny", "no file of that name"


def test_a_loaded_chip_passes_through():
    chip = nc.chip("tiny")
    assert nc.chip(chip) is chip


def test_a_loaded_chip_cannot_be_overridden():
    error = refusal(nc.chip("tiny"), {"noc.hop_cycles": 3})
    assert str(error) == "a chip that is loaded cannot be overridden"
    assert error.hint == "give its name and `overrides`"


def test_a_misspelt_name_is_answered_with_the_nearest():
    error = refusal("darwin")
    assert str(error) == (
        "no chip 'darwin': no such file, and not one of `darwin3`, `ideal`, `loihi`, `loihi2`, "
        "`tiny`, `truenorth`"
    )
    assert error.hint == "did you mean `darwin3`?"


def test_a_name_near_to_none_is_answered_with_all():
    assert refusal("xyzzy").hint == (
        "the built-in chips are `darwin3`, `ideal`, `loihi`, `loihi2`, `tiny`, `truenorth`"
    )


def test_a_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "chip.toml"
    path.write_bytes(b"\xff\xfe\x00")
    assert str(refusal(path)).startswith(f"cannot read chip file {str(path)!r}: ")


def test_an_unknown_field_is_told_with_its_line_and_what_is_near(tmp_path):
    path = tmp_path / "chip.toml"
    path.write_text(TINY.replace("max_neurons = 512", "max_neurons = 512\nmax_neruons = 512"))
    line = TINY[: TINY.index("max_neurons")].count("\n") + 2
    told = str(refusal(path))
    expected = f"line {line}: unknown field `core.max_neruons`; did you mean `max_neurons`?"
    assert told.endswith(expected)


def test_a_file_that_is_not_toml_is_told_where(tmp_path):
    path = tmp_path / "chip.toml"
    path.write_text('name = "broken\n')
    assert "line 1, column" in str(refusal(path))


def test_impossible_values_are_told_all_at_once():
    error = refusal("tiny", {"core.max_neurons": 0, "noc.hop_cycles": 0})
    assert str(error).splitlines() == [
        "in chip 'tiny':",
        "`core.max_neurons` is 0, expected 1 to 16777216",
        "`noc.hop_cycles` is 0, expected 1 to 65536",
    ]


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("noc.hop_cycels", 3, "hop_cycels"),
        ("nco.hop_cycles", 3, "nco"),
        ("noc.hop_cycles", "'fast'", "hop_cycles"),
        ("noc.hop_cycles", "3 4", "noc.hop_cycles"),
        ("provenance.noc", "'mine'", "provenance"),
    ],
)
def test_an_override_that_does_not_fit_is_told(field, value, told):
    assert told in str(refusal("tiny", {field: value}))


def test_overrides_take_python_values_and_toml():
    for value in (7, "7"):
        assert nc.chip("tiny", {"noc.hop_cycles": value}).spec["noc"]["hop_cycles"] == 7
    assert nc.chip("tiny", {"mesh.reserved": [[1, 1]]}).cores().count(5) == 0
    assert nc.chip("tiny", {"core.overflow": "'wrap'"}).spec["core"]["overflow"] == "wrap"
    assert nc.chip("tiny", {"io.1.io_cycles": 5}).spec["io"][1]["io_cycles"] == 5


def test_an_override_changes_the_fingerprint_and_its_provenance_and_nothing_else():
    plain, changed = nc.chip("darwin3"), nc.chip("darwin3", {"noc.hop_cycles": 5})
    assert plain.fingerprint != changed.fingerprint
    assert changed.provenance("noc.hop_cycles") == "set for this run"
    assert changed.provenance("noc.queue_flits") == plain.provenance("noc.queue_flits")


def test_every_number_says_where_it_comes_from():
    chip = nc.chip("darwin3")
    assert chip.provenance("energy.sop_pj") == "Q: measured average, 5.47 pJ/SOP"
    assert chip.provenance("no.such_field") == ""
    assumed = chip.assumed()
    assert assumed["noc.hop_cycles"].startswith("three cycles of router")
    assert "energy.sop_pj" not in assumed
    assert set(nc.chip("tiny").assumed()) == {"*"}


def test_a_chip_comes_back_from_its_own_json():
    chip = nc.chip("darwin3", {"noc.hop_cycles": 5})
    again = nc.Chip(_core.Chip.from_json(json.dumps(chip.spec)))
    assert again.spec == chip.spec
    assert again.fingerprint == chip.fingerprint


def test_a_chip_with_profiles_is_called_by_its_own_too():
    assert nc.chip("loihi:nahuku").name == "loihi:nahuku"
