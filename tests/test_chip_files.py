"""Chip files: extending a built-in chip, what is known of each number, and what is refused."""

from __future__ import annotations

import copy
import json
import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

import neurochip as nc
from command_line import neurochip
from neurochip.chip import built_in, unit
from neurochip.errors import ChipError

GRADES = {"published", "derived", "fitted", "assumed", "user"}


def every_built_in() -> list[str]:
    names = []
    for name in built_in():
        chip = nc.chip(name)
        names += [name, *(f"{name}:{profile}" for profile in chip.profiles)]
    return names


def written(tmp_path, text, name="mine.toml"):
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", every_built_in())
def test_every_field_of_every_built_in_chip_has_a_grade_and_what_goes_with_it(name):
    shown = neurochip("inspect", name, "--json")
    assert shown.exit_code == 0, shown.stderr
    rows = json.loads(shown.stdout)["fields"]
    assert len(rows) > 50
    for row in rows:
        assert row["grade"] in GRADES, row
        assert row["value"] not in (None, []), row
        known = "source" if row["grade"] in {"published", "derived", "fitted"} else "why"
        assert row[known], row
        assert (row["low"] is None) == (row["high"] is None)


def test_fields_are_told_with_the_units_that_their_names_have():
    units = {
        "process.clock_mhz": "MHz",
        "process.vdd_v": "V",
        "core.dendrite_memory.depth_words_by_column": "words",
        "core.timing.soma_cycles.stem.accumulate": "cycles",
        "core.timing.soma_latency": "cycles",
        "core.timing.sops_per_cycle": "SOPs per cycle",
        "sync.tick_us": "us",
        "mesh.max_hops_x": "hops",
        "energy.sop_pj": "pJ",
        "energy.static_mw": "mW",
        "core.overflow": "",
        "mesh.width": "",
    }
    assert {field: unit(field) for field in units} == units


@pytest.mark.parametrize("name", ["tianjic", "darwin3_faster_mesh"])
def test_examples_of_chips_that_extend_a_built_in_one_run_the_digits(
    examples, digits_pictures, name
):
    chip = nc.chip(examples / f"{name}.toml")
    assert chip.name == name
    image = nc.compile(examples / "digits_cnn.onnx", chip)
    run = nc.simulate(image, digits_pictures[:2])
    assert not run.compiled_agreement.differing.any()


def test_what_a_file_changes_is_the_users_until_it_states_a_source(tmp_path, examples):
    text = 'extends = "darwin3"\nname = "cheap"\n[energy]\nsop_pj = 1.2\n'
    chip = nc.chip(written(tmp_path, text))
    assert chip.stated("energy.sop_pj") == {
        "grade": "user",
        "why": "set in this file, which extends 'darwin3'",
    }
    assert chip.stated("energy.packet_pj")["grade"] == "assumed"
    cited = text + '[provenance]\n"energy.sop_pj" = "Q: measured here"\n'
    assert nc.chip(written(tmp_path, cited)).stated("energy.sop_pj")["grade"] == "published"
    copied = neurochip("chips", "darwin3", "--toml").stdout.replace("sop_pj = 5.47", "sop_pj = 1.2")
    stated = nc.chip(written(tmp_path, copied)).stated("energy.sop_pj")
    assert stated["grade"] == "user"
    run = nc.simulate(
        nc.compile(examples / "digits_cnn.onnx", tmp_path / "mine.toml"),
        np.zeros((1, 1, 8, 8), np.float32),
    )
    (sops, *_) = json.loads(nc.report(run).to_json())["energy"]["event_terms"]
    assert sops["provenance"].startswith("user: ")
    assert "5.47" not in sops["provenance"]


def test_a_built_in_chip_is_printed_as_the_file_it_is(tmp_path):
    printed = neurochip("chips", "loihi", "--toml")
    assert printed.exit_code == 0
    again = nc.chip(written(tmp_path, printed.stdout))
    assert again.fingerprint == nc.chip("loihi").fingerprint
    assert again.assumed() == nc.chip("loihi").assumed()
    refused = neurochip("chips", "loihi3", "--toml")
    assert refused.exit_code == 1
    assert refused.stderr.startswith(
        "error: no built-in chip 'loihi3'\nhint: the built-in chips are "
    )
    assert neurochip("chips", "--toml").exit_code == 2


def test_ticks_are_times_and_ports_move_with_the_mesh():
    darwin3 = nc.chip("darwin3")
    assert darwin3.tick_cycles == 166_500
    assert nc.chip("darwin3", {"process.clock_mhz": 500}).tick_cycles == 250_000
    assert nc.chip("darwin3", {"sync.tick_cycles": 7}).tick_cycles == 7
    assert darwin3.ports() == [(23, 12), (0, 12), (12, 23), (12, 0)]
    assert nc.chip("darwin3", {"mesh.width": 8}).ports() == [(7, 12), (0, 12), (4, 23), (4, 0)]


def test_overrides_take_numpys_numbers_and_arrays():
    given = {
        "noc.hop_cycles": np.int64(3),
        "energy.sop_pj": np.float32(0.5),
        "core.soma.table": np.bool_(True),
        "core.weight_bits": np.array([2, 8]),
        "mesh.max_hops_x": None,
        "io": ({"at": "middle", "side": "-x", "io_cycles": np.uint8(2)},),
    }
    spec = nc.chip("tiny", given).spec
    assert (spec["noc"]["hop_cycles"], spec["energy"]["sop_pj"]) == (3, 0.5)
    assert (spec["core"]["weight_bits"], spec["core"]["soma"]["table"]) == ([2, 8], True)
    assert spec["mesh"]["max_hops_x"] is None
    assert nc.chip("tiny", given).ports() == [(0, 2)]


def fingerprint_of(chip):
    return chip.fingerprint


def test_a_chip_travels_between_processes():
    chip = nc.chip("loihi:nahuku", {"noc.hop_cycles": 3})
    for again in (pickle.loads(pickle.dumps(chip)), copy.deepcopy(chip)):
        assert again.spec == chip.spec
        assert again.provenance("noc.hop_cycles") == "set for this run"
    with ProcessPoolExecutor(1) as pool:
        assert pool.submit(fingerprint_of, chip).result() == chip.fingerprint
    assert repr(chip) == "Chip('loihi:nahuku', 128 cores)"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('extends = "darwin4"', '`extends` is "darwin4", expected one of the built-in chips'),
        ("name = 3\n", "line 1: `name` is 3, expected text"),
        (
            "version https://git-lfs.github.com/spec/v1\n",
            "is a Git LFS pointer, not the file itself",
        ),
        ("#" * (1 << 20) + "\n", "the file has 1048577 bytes, expected 1048576 or fewer"),
        ("a = " + "[" * 300_000, "max recursion depth met"),
        ('extends = "tiny"\nname = "x"\n[noc]\nhop_cycles = inf\n', "`noc.hop_cycles` is inf"),
    ],
)
def test_a_file_that_is_no_chip_is_refused(tmp_path, text, told):
    with pytest.raises(ChipError) as raised:
        nc.chip(written(tmp_path, text))
    assert told in str(raised.value)
