"""The command line's answers: what a user sees, and what a script can rely on."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from command_line import neurochip
from neurochip.cli.console import INTERRUPTED

ZOO = Path(__file__).parent / "data" / "zoo"


@pytest.fixture(scope="module")
def digits(examples):
    return examples / "digits_cnn.onnx"


@pytest.fixture(scope="module")
def pictures(examples):
    return examples / "digits.npz"


def answer(*arguments):
    told = neurochip(*arguments)
    assert told.exit_code == 0, told.stderr
    return told


def test_run_tells_accuracy_agreement_time_activity_energy_and_memory(digits, pictures):
    told = answer("run", digits, "--chip", "darwin3.toml", "--input", pictures, "--samples", 3)
    assert told.stderr == ""
    lines = told.stdout.splitlines()
    assert lines[0] == "accuracy          100.00 % (3 of 3)"
    assert lines[6] == "digits_cnn on darwin3, code stem, 3 samples"
    headings = [line for line in lines[6:] if line and not line.startswith(" ")]
    assert headings[1:] == [
        "time per sample",
        "activity per sample",
        "energy per sample",
        "chip",
        "notes",
    ]
    assert any(line.startswith("  soma updates") and "assumed" in line for line in lines)
    assert max(map(len, lines)) <= 100


def test_scaled_integration_is_noted_loudly_and_more_so_without_calibration(digits, pictures):
    common = ("run", digits, "--samples", 1, "--timing", "none", "--json")
    scaled = "integrated by scaled weight sums, not exactly: /0/Conv, /3/Conv, /6/Gemm"
    uncalibrated = (
        "scaled by the proven interval: no calibration samples: /0/Conv, /3/Conv, /6/Gemm"
    )
    assert json.loads(answer(*common, "--input", pictures).stdout)["notes"] == [scaled]
    assert json.loads(answer(*common).stdout)["notes"] == [scaled, uncalibrated]
    assert json.loads(answer(*common, "--chip", "ideal").stdout)["notes"] == []


def test_details_tell_every_layer(digits, pictures):
    told = answer("run", digits, "--input", pictures, "--samples", 2, "--timing", "none", "-v")
    for layer in ("/0/Conv", "/2/MaxPool", "/3/Conv", "/6/Gemm"):
        assert f"\n  {layer} " in told.stdout
    assert "\nassumptions and their reasons\n" in told.stdout


def test_json_is_one_document_and_nothing_else(digits, pictures):
    told = answer("run", digits, "--input", pictures, "--samples", 2, "--json")
    assert told.stderr == ""
    document = json.loads(told.stdout)
    assert document["schema_version"] == 2
    assert document["samples"] == 2
    assert document["accuracy"] == {"correct": 2, "samples": 2, "percent": 100.0}
    assert document["compiled"]["differing"] == 0
    assert document["timing"]["tick_cycles"] == 166_500
    assert document["energy"]["event_terms"][0]["field"] == "energy.sop_pj"


def test_without_samples_one_random_sample_is_run_and_said_so(digits):
    told = answer("run", digits, "--timing", "none", "--seed", 7)
    assert told.stderr == "note: no `--input`: running 1 random sample, seed 7\n"
    assert "1 sample\n" in told.stdout
    assert told.stdout.startswith("accuracy          not measured: no labels\n")


def test_values_and_sops_do_not_depend_on_timing_or_threads(digits, pictures):
    def activity(*options):
        common = ("run", digits, "--input", pictures, "--samples", 4, "--json")
        return json.loads(answer(*common, *options).stdout)["activity"]

    timed = activity("--timing", "cycle", "--threads", 2)
    assert activity("--timing", "cycle", "--threads", 1) == timed
    untimed = activity("--timing", "none")
    assert untimed == {name: timed[name] for name in untimed}


def test_an_override_changes_the_run_and_is_no_assumption(digits, pictures):
    common = ("run", digits, "--input", pictures, "--samples", 1, "--json")
    usual = json.loads(answer(*common).stdout)
    slower = json.loads(answer(*common, "--set", "core.timing.sops_per_cycle=1").stdout)
    assert (
        slower["timing"]["work_cycles_per_timestep"] > usual["timing"]["work_cycles_per_timestep"]
    )
    priced = json.loads(answer(*common, "--set", "energy.soma_update_pj=1.5").stdout)
    assert priced["energy"]["event_terms"][1]["price"] == 1.5
    assert "energy.soma_update_pj" not in priced["assumed"]


def test_a_compiled_image_runs_as_its_graph_does(digits, pictures, tmp_path):
    image = tmp_path / "digits.image"
    compiled = answer("compile", digits, "-o", image, "--calibration", pictures)
    assert f"{image}: {image.stat().st_size:,} bytes" in compiled.stdout
    common = ("--input", pictures, "--samples", 5, "--json")
    from_image = json.loads(answer("run", image, *common).stdout)
    from_graph = json.loads(answer("run", digits, *common).stdout)
    assert from_image["exact"] is None
    for part in ("accuracy", "activity", "timing", "energy", "fullest"):
        assert from_image[part] == from_graph[part]


def test_a_placement_can_be_optimized_and_says_what_that_was_worth(digits, pictures, tmp_path):
    image = tmp_path / "digits.image"
    options = ("--calibration", pictures, "--optimize", 2)
    told = answer("compile", digits, "-o", image, *options).stdout
    table = told[told.index("placement, level 2") :].splitlines()
    assert table[0].split() == ["placement,", "level", "2", "before", "after", "ratio"]
    before, after = (float(figure.replace(",", "")) for figure in table[1].split()[-3:-1])
    assert after < before
    assert table[3].startswith("cycles of work in a timestep")
    assert table[4] == "traffic of 16 calibration samples"
    assert table[1] in answer("inspect", image).stdout
    common = ("--input", pictures, "--samples", 3)
    assert "placement optimized at level 2" in answer("run", image, *common).stdout
    plain, moved = (
        json.loads(answer("run", *model, *common, "--json").stdout)["activity"]
        for model in ((digits, "--objective", "cores"), (image,))
    )
    assert moved["flit hops"]["mean"] < plain["flit hops"]["mean"]
    assert {**moved, "flit hops": None} == {**plain, "flit hops": None}


def test_level_1_counts_and_times_nothing(digits, pictures, tmp_path):
    options = ("--calibration", pictures, "--optimize", 1)
    told = answer("compile", digits, "-o", tmp_path / "digits.image", *options).stdout
    assert "flit hops a sample" in told
    assert "cycles of work" not in told
    assert "placement" not in answer("compile", digits, "-o", tmp_path / "digits.image").stdout


def test_an_image_refuses_what_only_a_graph_can_take(digits, tmp_path):
    image = tmp_path / "digits.image"
    answer("compile", digits, "-o", image, "--chip", "ideal")
    for option in (
        ("--chip", "darwin3"),
        ("--code", "stem"),
        ("--set", "noc.hop_cycles=3"),
        ("--optimize", "0"),
    ):
        told = neurochip("run", image, *option)
        assert told.exit_code == 1
        assert "is an image, which was compiled for its chip already" in told.stderr


def test_a_failed_compilation_leaves_no_file(tmp_path):
    (tmp_path / "model.onnx").write_text("not a model")
    told = neurochip("compile", tmp_path / "model.onnx", "-o", tmp_path / "a.image")
    assert told.exit_code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_labels_of_a_file_of_their_own_decide_the_accuracy(digits, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((4, 8, 8), np.uint8))
    (tmp_path / "y.txt").write_text("0 1 2 3")
    told = answer(
        "run", digits, "--input", tmp_path / "x.npy", "--labels", tmp_path / "y.txt", "--json"
    )
    assert json.loads(told.stdout)["accuracy"]["correct"] == 1


def test_inspect_shows_a_graph_its_placement_and_a_chip(digits):
    graph = answer("inspect", digits).stdout
    assert graph.startswith("digits_cnn: 5 layers\n")
    assert "8 x 8 x 8" in graph
    placed = answer("inspect", digits, "--chip", "darwin3").stdout
    assert "digits_cnn on darwin3, code stem" in placed
    assert "memory words" in placed
    chip = answer("inspect", "darwin3").stdout
    assert "energy.sop_pj" in chip
    assert "measured average, 5.47 pJ/SOP" in chip


def test_inspect_shows_how_each_layer_is_integrated(digits, pictures):
    told = answer("inspect", digits, "--chip", "darwin3", "--calibration", pictures).stdout
    lines = told.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("layer         mode"))
    assert [line.split() for line in lines[start - 1 : start + 2]] == [
        ["largest", "largest", "headroom", "bias", "constants"],
        ["layer", "mode", "s1", "sum", "seen", "possible", "bits", "bits", "differ", "at"],
        ["/0/Conv", "scaled", "0.242", "104,227", "121,125", "0.4", "of", "16", "scaled,", "14",
         "2,694", "of", "1,209,473"],
    ]  # fmt: skip
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize(
    "asked_for",
    [
        ("--integration", "double"),
        ("--bias", "calibrated"),
        ("--granularity", "per_channel"),
        ("--code", "quartz"),
        ("--optimize", "0"),
        ("--pipeline",),
        ("--set", "noc.hop_cycles=3"),
    ],
)
def test_whatever_decides_how_a_graph_is_compiled_takes_the_chip_unless_given(digits, asked_for):
    told = answer("inspect", digits, *asked_for, "--json").stdout
    assert told == answer("inspect", digits, "--chip", "darwin3", *asked_for, "--json").stdout
    assert "image" in json.loads(told)


def test_a_shape_is_about_the_graph_alone(digits):
    told = answer("inspect", digits, "--shape", "input=1,1,8,8", "--json").stdout
    assert list(json.loads(told)) == ["schema_version", "graph"]


def test_modes_are_chosen_for_a_network_and_for_single_layers(digits, pictures, tmp_path):
    settings = tmp_path / "settings.toml"
    settings.write_text('default.bias = "calibrated"\nlayers."/3/Conv".integration = "exact"\n')
    told = answer(
        "inspect", digits, "--chip", "darwin3", "--settings", settings, "--integration", "double",
        "--bias", "auto", "--json",
    ).stdout  # fmt: skip
    layers = {layer["name"]: layer for layer in json.loads(told)["image"]["layers"]}
    modes = {name: (layer["mode"], layer["bias_mode"]) for name, layer in layers.items()}
    assert modes["/0/Conv"] == modes["/6/Gemm"] == ("double", "exact")
    assert modes["/3/Conv"] == ("exact", "calibrated"), "its bias does not fit 16 bits"
    assert layers["/3/Conv"]["membrane_bits"] == 16
    assert layers["/0/Conv"]["membrane_bits"] == 32
    per_channel = answer(
        "inspect", digits, "--chip", "darwin3", "--granularity", "per_channel", "--json"
    ).stdout
    assert len(json.loads(per_channel)["image"]["layers"][1]["s1"]) == 8


UNPROVEN = "! sums are not proven to fit their membranes: overflows are counted: /0/Conv, /3/Conv"
SCALED = "integrated by scaled weight sums, not exactly"


def test_sums_that_do_not_fit_are_told_at_the_top_and_below(digits, pictures):
    told = answer(
        "run", digits, "--input", pictures, "--integration", "exact", "--timing", "none"
    ).stdout
    assert re.search(r"^  overflows +[\d,]+ values did not fit their registers$", told, re.M)
    assert re.search(r"^accuracy +\d?\d\.\d\d %", told, re.M)
    assert UNPROVEN in told


def test_what_run_says_of_modes_inspect_and_compile_say_before(digits, pictures, tmp_path):
    exact, scaled = ("--integration", "exact"), ("--integration", "scaled")
    for command in (("inspect", digits), ("compile", digits, "-o", tmp_path / "digits.image")):
        assert UNPROVEN in answer(*command, *exact).stdout
        told = " ".join(answer(*command, *scaled).stdout.split())
        for note in ("scaled by the proven interval: no calibration samples", SCALED):
            assert f"! {note}: /0/Conv, /3/Conv, /6/Gemm" in told
        calibrated = answer(*command, *scaled, "--calibration", pictures).stdout
        assert SCALED in calibrated
        assert "no calibration samples" not in calibrated
    document = json.loads(answer("inspect", digits, *scaled, "--json").stdout)
    assert SCALED in document["image"]["notes"][0]


def test_notes_of_a_graph_that_its_image_repeats_are_told_once():
    graph = ZOO / "digits_cnn" / "w4a4_qdq.onnx"
    alone, placed = (answer("inspect", graph, *chip).stdout for chip in ((), ("--chip", "ideal")))
    for told in (alone, placed):
        assert told.count("! Clip at 'a0' cuts codes") == 1
        assert told.count("! 'l2' is not quantized again") == 1


def test_inspect_tells_a_graph_an_image_and_a_chip_as_one_document(digits, tmp_path):
    graph = json.loads(answer("inspect", digits, "--json").stdout)
    assert list(graph) == ["schema_version", "graph"]
    assert [layer["kind"] for layer in graph["graph"]["layers"]] == [
        "Convolution", "MaxPool", "Convolution", "Rearrange", "Dense",
    ]  # fmt: skip
    image = tmp_path / "digits.image"
    answer("compile", digits, "--chip", "tiny", "--objective", "cores", "-o", image)
    told = json.loads(answer("inspect", image, "--json").stdout)["image"]
    assert (told["chip"], told["timesteps"], len(told["cores"])) == ("tiny", 33, 4)
    assert (told["fewest"]["cores"], told["fewest"]["chips"]) == (4, 1)
    chip = json.loads(answer("inspect", "darwin3", "--json").stdout)["chip"]
    assert chip["core"]["second_state_word"]["soma_cycles"]["accumulate"] == 12


def test_inspect_shows_an_override_as_what_it_is():
    chip = answer("inspect", "tiny", "--set", "noc.hop_cycles=7").stdout
    (line,) = (line for line in chip.splitlines() if line.startswith("noc.hop_cycles"))
    assert line.split() == ["noc.hop_cycles", "7", "set", "for", "this", "run"]


def test_chips_and_operators_are_listed():
    chips = json.loads(answer("chips", "--json").stdout)
    assert {"darwin3", "ideal", "tiny"} <= {chip["name"] for chip in chips}
    assert answer("chips").stdout.splitlines()[0].split() == (
        ["chip", "cores", "neurons", "a", "core", "cycle", "source"]
    )
    operators = json.loads(answer("ops", "--json").stdout)
    assert {"Conv", "QLinearConv", "MaxPool"} <= set(operators)
    assert answer("ops").stdout.split() == operators


def test_the_version_is_that_of_the_installed_package():
    assert answer("--version").stdout == f"neurochip {version('neurochip')}\n"


@pytest.mark.parametrize("command", ["run", "compile", "inspect", "chips", "ops"])
def test_every_command_explains_itself(command):
    assert "Usage: neurochip" in answer(command, "--help").stdout


def test_ctrl_c_ends_a_run_within_a_second_and_says_what_was_done(examples):
    arguments = ["run", examples / "mnist_lenet.onnx", "--samples", "10000", "--chip", "ideal"]
    process = subprocess.Popen(
        [sys.executable, "-m", "neurochip", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == (
        "note: no `--input`: running 10,000 random samples, seed 0\n"
    )
    time.sleep(0.5)
    interrupted_s = time.monotonic()
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    # A second on a machine with time to spare; the run itself would take ten times as long as this.
    assert time.monotonic() - interrupted_s < 5.0
    assert process.returncode == INTERRUPTED
    assert stdout == ""
    assert re.fullmatch(
        r"interrupted: after \d+\.\d s, while simulating 10,000 samples"
        r"(: [\d,]+ of 10,000 samples were finished)?; nothing was written\n",
        stderr,
    )


def test_samples_in_flight_are_told_by_run_compile_and_inspect(digits, pictures, tmp_path):
    image = tmp_path / "digits.image"
    compiled = answer("compile", digits, "--chip", "tiny", "--pipeline", "-o", image).stdout
    line = "a sample takes 33 timesteps, one enters every 8: up to 5 are in flight"
    assert line in compiled.splitlines()
    assert line in answer("inspect", image).stdout.splitlines()
    samples = ("--input", pictures, "--samples", 6)
    ran = answer("run", digits, "--chip", "tiny", "--pipeline", *samples, "--json").stdout
    again = answer("run", image, *samples, "--json", "--threads", 2).stdout
    assert json.loads(again)["timing"] == json.loads(ran)["timing"]
    timing = json.loads(ran)["timing"]
    assert (timing["timesteps"], timing["period"], timing["samples_in_flight"]) == (33, 8, 5)
    assert timing["cycles_per_sample"] < timing["cycles"]["mean"]


def test_a_rate_code_and_an_image_file_are_checked_against_the_compiled_network(examples, tmp_path):
    digits, image = examples / "digits_cnn.onnx", tmp_path / "a.image"
    assert neurochip("compile", digits, "--chip", "ideal", "-o", image).exit_code == 0
    common = ("--samples", 2, "--timing", "none", "-v")
    for model, *options in ((digits, "--code", "rate", "--chip", "ideal"), (image,)):
        told = neurochip("run", model, *options, *common)
        assert told.exit_code == 0, told.stderr
        said = " ".join(told.stdout.split())
        assert "against the compiled network 0 of 1,428 values differ" in said


@pytest.mark.parametrize(
    ("check", "compared"), [((), 16), (("--check", 3), 3), (("--check", "all"), 20)]
)
def test_so_many_samples_are_compared_as_check_says(digits, pictures, check, compared):
    options = ("--input", pictures, "--samples", 20, "--timing", "none", "--json", *check)
    told = json.loads(answer("run", digits, "--chip", "ideal", *options).stdout)
    assert told["compared_samples"] == compared
    assert told["exact"]["compared"] % compared == 0
    assert told["accuracy"]["samples"] == 20


def test_codes_are_compared_over_as_many_samples_as_check_says(digits, pictures):
    options = ("--codes", "stem,rate:16", "--input", pictures, "--samples", 4, "--timing", "none")
    told = answer("compare", digits, "--chip", "ideal", *options, "--check", 2).stdout
    assert "values that differ: of the first 2 of 4 samples" in told.splitlines()
    told = answer("compare", digits, "--chip", "ideal", *options, "--check", "none").stdout
    assert "values that differ" not in told


def test_a_check_of_no_number_of_samples_is_refused(digits):
    told = neurochip("run", digits, "--check", "-1")
    assert told.exit_code == 2
    assert "'-1' is neither a number of samples nor 'all' or 'none'" in " ".join(
        told.stderr.replace("│", " ").split()
    )
