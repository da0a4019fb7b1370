"""Compile options: Python, command line and JSON have the same ones, under the same names."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from enum import EnumMeta
from functools import partial
from itertools import product
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest
import typer

import neurochip as nc
from command_line import neurochip
from neurochip.cli import app, compile_options
from neurochip.errors import InputError, SettingsError
from neurochip.lower import CODES, decide
from neurochip.options import (
    DESCRIBED,
    OBJECTIVES,
    QUARTZ_MODES,
    ZEROS,
    CompileOptions,
    OptionKeywords,
)
from neurochip.settings import BIASES, GRANULARITIES, INTEGRATIONS

OPTIONS = {each.name: each.default for each in fields(CompileOptions)}

NOT_ON_THE_COMMAND_LINE = {"normalization", "measure_sums"}
"""`--mean` and `--std` are the first; the second is what `inspect` shows."""
OTHER_FLAGS = {"overrides": "--set"}
"""One assignment each: the name is a verb."""
NO_FIELDS = {
    "calibration", "scale", "mean", "std", "levels", "integration", "granularity", "bias"
}  # fmt: skip
"""Of the command line: samples, another word for `--t-max`, and settings of all layers."""

EVERY_OPTION = CompileOptions(
    chip="darwin3",
    code="quartz",
    t_max=16,
    zeros="spike",
    quartz_mode="loihi",
    percentile=99.5,
    pipeline=True,
    overrides={"noc.hop_cycles": "3", "core.weight_bits": "[16]"},
    shape={"x": (1, 3, 32, 32)},
    output_tensor="y",
    objective="energy",
    effort=1,
    max_cores=9,
    placement="p.toml",
    optimize=2,
    settings=nc.Settings(
        nc.LayerSettings(headroom=2.0), {"conv": nc.LayerSettings(headroom=2.0, rot=1)}
    ),
    normalization=nc.Normalization((0.5, 0.25, 0.125), 0.5),
    measure_sums=True,
)


def parameters_of(command: str) -> dict[str, object]:
    """The options of a command as typer made them, by name."""
    group = typer.main.get_command(app)
    return {each.name: each for each in group.get_command(None, command).params}


# Python


def test_every_option_is_a_keyword_of_the_same_type():
    keywords = get_type_hints(OptionKeywords)
    hints = get_type_hints(CompileOptions)
    old = {"timesteps": "t_max", "output": "output_tensor"}
    assert keywords.keys() == hints.keys() - {"chip", "code"} | old.keys()
    for name, type_of_keyword in keywords.items():
        assert type_of_keyword == hints[old.get(name, name)], name


def test_every_option_is_documented_where_it_is_taken():
    for documented in (nc.compile.__doc__, CompileOptions.__doc__):
        words = " ".join(documented.split())
        for name, each in DESCRIBED.items():
            assert f" {name}: {each.help}" in words


def test_keywords_win_over_options(examples):
    graph = nc.load_graph(examples / "digits_cnn.onnx")
    options = CompileOptions(chip="tiny", code="quartz", t_max=16, zeros="spike")
    image = nc.compile(graph, options=options, t_max=8, zeros=None)
    assert (image.chip.name, image.code) == ("tiny", "quartz")
    assert (image.options.t_max, image.options.zeros) == (8, "silent")
    assert nc.compile(graph, "ideal", "rate", options=CompileOptions()).code == "rate"


def test_an_unknown_keyword_is_a_type_error():
    with pytest.raises(TypeError, match=r"compile\(\) got an unexpected keyword argument 't_min'"):
        nc.compile("model.onnx", t_min=3)


def test_earlier_names_are_taken_with_a_note(examples, digits_pictures):
    model = examples / "digits_cnn.onnx"
    with pytest.warns(DeprecationWarning, match="`timesteps` is called `t_max` now") as noted:
        image = nc.compile(model, "ideal", "quartz", timesteps=16)
    assert Path(noted[0].filename) == Path(__file__)
    assert image.options.t_max == 16
    (name,) = [output.name for output in nc.load_graph(model).outputs]
    with pytest.warns(DeprecationWarning, match="`output` is called `output_tensor` now"):
        assert nc.compile(model, "ideal", output=name).options.output_tensor == name
    with pytest.warns(DeprecationWarning, match="`output` is called") as noted:
        assert nc.load_graph(model, output=name).outputs[0].name == name
    assert Path(noted[0].filename) == Path(__file__)
    with pytest.warns(DeprecationWarning, match="`CodeOptions` is `CompileOptions` now"):
        old = nc.CodeOptions(timesteps=16, mode="exact")
    assert old == CompileOptions(t_max=16, quartz_mode="exact")


def test_an_option_given_by_both_names_is_refused():
    with pytest.raises(InputError, match="`timesteps` is called `t_max` now, and both are given"):
        nc.compile("model.onnx", timesteps=16, t_max=16)
    calibration = np.zeros((1, 3), np.float32)
    for taking in (nc.load_graph, partial(nc.quantize, calibration=calibration)):
        with pytest.raises(InputError, match="`output` is called `output_tensor` now, and both"):
            taking("model.onnx", output="y", output_tensor="y")


# Command line


@pytest.mark.parametrize("command", ["run", "compile", "inspect"])
def test_every_option_is_on_the_command_line_under_its_name_with_its_help(command):
    taken = parameters_of(command)
    for name, each in DESCRIBED.items():
        assert (name in taken) == (name not in NOT_ON_THE_COMMAND_LINE), name
        if name in taken:
            flag = OTHER_FLAGS.get(name, "--" + name.replace("_", "-"))
            assert taken[name].opts == [flag]
            assert taken[name].help == each.help


def test_the_command_line_has_no_other_options_of_compiling():
    made = {each.name for each in compile_options.parameters()}
    assert made == OPTIONS.keys() - NOT_ON_THE_COMMAND_LINE | NO_FIELDS


def test_words_are_the_same_on_the_command_line():
    words = {"zeros": ZEROS, "quartz_mode": QUARTZ_MODES, "objective": OBJECTIVES}
    words |= {"integration": INTEGRATIONS, "granularity": GRANULARITIES, "bias": BIASES}
    found = {}
    for each in compile_options.parameters():
        for kind in get_args(get_args(each.annotation)[0]):  # `Annotated[kind | None, help]`
            if isinstance(kind, EnumMeta):
                found[each.name] = tuple(word.value for word in kind)
    assert found == words


def test_what_is_not_given_is_left_to_the_defaults():
    nothing = dict.fromkeys(each.name for each in compile_options.parameters())
    chosen = compile_options.chosen_of(nothing | {"pipeline": False})
    assert chosen.asked_for == ()
    assert chosen.compile_options == CompileOptions(settings=nc.Settings())


def test_what_is_given_is_an_option():
    nothing = dict.fromkeys(each.name for each in compile_options.parameters())
    chosen = compile_options.chosen_of(
        nothing
        | {"levels": 15, "pipeline": True, "overrides": ["noc.hop_cycles=3"], "shape": ["x=1,3"]}
        | {"optimize": 0, "bias": "exact", "mean": "0.5,0.25", "calibration": Path("c.npz")}
    )
    assert chosen.compile_options == CompileOptions(
        t_max=16,
        pipeline=True,
        overrides={"noc.hop_cycles": "3"},
        shape={"x": (1, 3)},
        settings=nc.Settings(nc.LayerSettings(bias="exact")),
        normalization=nc.Normalization((0.5, 0.25)),
    )
    assert chosen.asked_for == (
        "`--t-max or --levels`",
        "`--pipeline`",
        "`--set`",
        "`--shape`",
        "`--optimize`",
        "`--calibration`",
        "`--bias`",
    )


def test_help_has_headings_and_what_is_not_of_compiling_stands_last():
    lines = neurochip("run", "--help").stdout.splitlines()
    headings = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    groups = ["Samples:", "Compiling:", "Spike code:", "Placement:", "Layers:"]
    assert headings == ["Arguments:", *groups, "Options:"]
    section = "\n".join(lines[lines.index("Spike code:") : lines.index("Placement:")])
    assert "--quartz-mode" in section
    assert "--settings" not in section


# JSON


def test_every_option_goes_to_json_and_back():
    for name, default in OPTIONS.items():
        if name != "chip":
            assert getattr(EVERY_OPTION, name) != default, f"{name} is not tested"
    document = json.loads(json.dumps(EVERY_OPTION.to_json()))
    assert document.keys() == OPTIONS.keys()
    assert CompileOptions.from_json(document) == EVERY_OPTION
    assert CompileOptions.from_json({}) == CompileOptions()


def test_python_values_become_plain_data():
    chip = nc.chip("darwin3", {"noc.hop_cycles": np.int64(3)})
    told = CompileOptions(chip=chip, overrides={"core.weight_bits": np.array([8, 16])}).to_json()
    assert json.loads(json.dumps(told))["chip"] == "darwin3"
    assert told["overrides"] == {"core.weight_bits": "[8, 16]"}
    assert CompileOptions(settings=Path("a.toml")).to_json()["settings"] == "a.toml"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([], "`options` is [], expected a table"),
        ({"t_maxx": 3}, "unknown option 't_maxx'; did you mean 't_max'?"),
        ({"t_max": "3"}, "`t_max` is '3', expected a whole number"),
        ({"zeros": "loud"}, "`zeros` is 'loud', expected silent or spike"),
        ({"optimize": 3}, "`optimize` is 3, expected a whole number from 0 to 2"),
        ({"overrides": {"a.b": 3}}, "`overrides.a.b` is 3, expected text"),
        ({"shape": {"x": [0]}}, "`shape.x[0]` is 0, expected a whole number from 1"),
        ({"normalization": {"mean": [0.5]}}, "`normalization.std` is None, expected a list"),
        ({"normalization": {"mean": [0.5], "std": [0.0]}}, "`std` is 0, expected a number above 0"),
        ({"settings": {"default": {"rot": 9}}}, "`default.rot` is 9, expected 0 to 7"),
        ({"settings": 3}, "settings: no table"),
    ],
)
def test_json_that_is_no_options_is_refused(data, told):
    with pytest.raises(SettingsError) as raised:
        CompileOptions.from_json(data)
    assert told in str(raised.value)


# What was decided


def test_what_is_left_open_is_decided_once():
    for code in CODES:
        chip = nc.chip("ideal")
        decided = decide(CompileOptions(code=code), chip)
        assert decide(decided, chip) == decided
    open_ones = ("t_max", "zeros", "quartz_mode", "percentile")

    def decided_for(chip, **options):
        decided = decide(CompileOptions(**options), nc.chip(chip))
        return tuple(getattr(decided, name) for name in open_ones)

    assert decided_for("ideal") == (None, None, None, None)
    assert decided_for("ideal", code="quartz") == (256, "silent", "exact", None)
    assert decided_for("darwin3", code="quartz") == (16, "silent", "exact", None)
    assert decided_for("ideal", code="quartz", quartz_mode="published") == (
        256, "spike", "published", 99.99
    )  # fmt: skip
    assert decided_for("ideal", code="rate", t_max=8) == (8, None, None, None)
    assert decided_for("ideal", code="rate") == (64, None, None, None)


def test_options_of_other_codes_are_refused():
    values = {"t_max": 16, "zeros": "spike", "quartz_mode": "published", "percentile": 99.0}
    known = {"stem": set(), "rate": {"t_max"}, "quartz": set(values)}
    for code, name in product(CODES, values):
        asked_for = CompileOptions(code=code, quartz_mode="published" if code == "quartz" else None)
        asked_for = replace(asked_for, **{name: values[name]})
        if name in known[code]:
            assert getattr(decide(asked_for, nc.chip("ideal")), name) == values[name]
            continue
        with pytest.raises(SettingsError) as raised:
            decide(asked_for, nc.chip("ideal"))
        told = f"the code {code!r} has no {name} to choose, {values[name]!r} is given"
        assert str(raised.value) == told


def test_a_report_says_what_was_decided_and_compiles_the_same_image_again(examples, tmp_path):
    model, settings = examples / "digits_cnn.onnx", tmp_path / "s.toml"
    settings.write_text("[default]\nheadroom = 2.0\n")
    asked_for = ("--chip", "darwin3", "--code", "quartz", "--set", "noc.hop_cycles=3")
    others = ("--settings", settings, "--mean", "0.5", "--pipeline", "--optimize", "1")
    ran = neurochip("run", model, *asked_for, *others, "--timing", "none", "--json")
    assert ran.exit_code == 0, ran.stderr
    told = json.loads(ran.stdout)["options"]
    wanted = {
        "chip": "darwin3",
        "code": "quartz",
        "t_max": 16,
        "zeros": "silent",
        "quartz_mode": "exact",
        "percentile": None,
        "pipeline": True,
        "overrides": {"noc.hop_cycles": "3"},
        "shape": None,
        "output_tensor": None,
        "objective": "cores",
        "effort": 0,
        "max_cores": None,
        "placement": None,
        "optimize": 1,
        "normalization": {"mean": [0.5], "std": [1.0]},
        "measure_sums": False,
    }
    assert wanted.items() <= told.items()
    assert told["settings"]["default"]["headroom"] == 2.0
    assert told["settings"]["layers"] == {}
    path = tmp_path / "a.image"
    assert neurochip("compile", model, *asked_for, *others, "--output", path).exit_code == 0
    again = nc.compile(model, options=CompileOptions.from_json(told))
    assert again.to_bytes() == path.read_bytes()
    assert nc.report(simulated(nc.Image.load(path))).contents.options == told


def test_stages_by_hand_keep_what_was_decided(examples):
    graph, chip = nc.load_graph(examples / "digits_cnn.onnx"), nc.chip("tiny")
    network = nc.lower(graph, chip, "quartz", options=CompileOptions(t_max=8))
    image = nc.assemble(nc.place(network, nc.chip("tiny", {"noc.hop_cycles": 2})))
    options = image.options
    assert (options.chip, options.code, options.t_max) == ("tiny", "quartz", 8)
    assert options.overrides == {"noc.hop_cycles": "2"}


def simulated(image):
    samples = np.zeros((1, *image.input_shape), np.float32)
    return nc.simulate(image, samples, timing="none", judge_range=False)
