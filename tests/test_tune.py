"""Tune: what the search finds holds, is better than one choice for all, and survives a kill."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import neurochip as nc
from neurochip import LayerSettings, Samples, Settings
from neurochip.errors import InputError, SettingsError
from neurochip.plots import plot_format
from neurochip.tune import save_plot
from neurochip.tune.evaluate import PROBE, Evaluator
from neurochip.tune.journal import FORMAT, Journal
from neurochip.tune.prediction import Prediction, Step
from neurochip.tune.space import ALL_SPIKES, CHOICES, Space

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def image():
    return nc.compile(ROOT / "tests/data/zoo/digits_resnet/uint8_qdq.onnx", "ideal")


@pytest.fixture(scope="module")
def digits(examples):
    pictures = np.load(examples / "digits.npz")
    x = (pictures["x"][:, None] / np.float32(255)).astype(np.float32)
    return Samples(x, pictures["y"].astype(np.int64))


@pytest.fixture(scope="module")
def tuned(image, digits):
    return nc.tune(image, digits.between(0, 100), digits.between(100, 250), 2.0, trials=12)


def test_settings_by_layer_beat_the_best_single_choice_for_all_layers(tuned):
    assert tuned.best_uniform is not None
    assert tuned.found.tried.evaluation.sops < tuned.best_uniform.tried.evaluation.sops


def test_no_more_accuracy_is_lost_than_allowed_on_either_set_of_samples(tuned):
    found, dense = tuned.found, tuned.dense
    assert found.tried.evaluation.loss(dense.tried.evaluation) <= 2.0
    assert found.held_out.loss(dense.held_out) <= 2.0


def test_what_was_measured_is_what_a_run_with_the_settings_measures(tuned, image, digits, tmp_path):
    path = tmp_path / "found.toml"
    path.write_text(tuned.settings().to_toml("found"))
    sparse = nc.compile(image.graph, "ideal", settings=path)
    run = nc.simulate(sparse, digits.x[:100], timing="none")
    evaluation = tuned.found.tried.evaluation
    assert run.compiled_agreement.differing.sum() == 0
    assert run.sops.sum() == evaluation.sops
    np.testing.assert_array_equal(run.predictions == digits.labels[:100], evaluation.right)


def test_on_the_front_fewer_sops_mean_fewer_right_answers(tuned):
    evaluations = [tried.evaluation for tried in tuned.front]
    for more, fewer in pairwise(evaluations):
        assert fewer.sops < more.sops
        assert fewer.correct < more.correct
    for tried in tuned.tried:
        assert any(
            each.sops <= tried.evaluation.sops and each.correct >= tried.evaluation.correct
            for each in evaluations
        )


def test_what_does_not_hold_on_unseen_samples_is_given_up_for_what_does(image, digits):
    """Where every answer is wrong none can be lost: the search takes the fewest SOPs there are."""
    wrong = Samples(digits.x[:40], (digits.labels[:40] + 1) % 10)
    tuned = nc.tune(image, wrong, digits.between(100, 200), 0.0, trials=2)
    assert len(tuned.checked) > 1
    *failed, found = tuned.checked
    assert found is tuned.found
    assert found.held_out.correct >= tuned.dense.held_out.correct
    assert all(each.held_out.correct < tuned.dense.held_out.correct for each in failed)
    sops = [each.tried.evaluation.sops for each in tuned.checked]
    assert sops == sorted(sops)


def test_the_loss_s_error_comes_from_the_samples_that_changed_sides(tuned):
    dense = replace(tuned.dense.held_out, right=np.array([True] * 100))
    sparse = replace(dense, right=np.array([False] * 4 + [True] * 96))
    assert sparse.loss(dense) == 4.0
    assert sparse.loss_error(dense) == pytest.approx(100 * np.sqrt(0.04 * 0.96) / 10)
    # Of 60 that were right 4 are lost, of the others 2 are gained: 6 in 100 changed, 2 in the mean.
    dense = replace(dense, right=np.array([True] * 60 + [False] * 40))
    sparse = replace(dense, right=np.array([False] * 4 + [True] * 58 + [False] * 38))
    assert sparse.loss(dense) == pytest.approx(2.0)
    assert sparse.loss_error(dense) == pytest.approx(100 * np.sqrt(0.06 - 0.02**2) / 10)


def test_sops_per_sample_are_all_sops_over_all_samples_right_or_wrong(tuned):
    four = replace(tuned.dense.held_out, sops=10, right=np.array([True, False, False, False]))
    assert four.sops_per_sample == 2.5


def test_the_distance_of_a_probe_does_not_depend_on_how_often_it_is_run(image, digits):
    x, y = digits.x[:20], digits.labels[:20]
    distances = []
    for times in (1, 3):
        part = Samples(np.repeat(x, times, axis=0), np.repeat(y, times))
        evaluator = Evaluator(image, {PROBE: part}, Journal(None, ""), None)
        sparse = evaluator.space.uniform(LayerSettings(rot=5))
        distances.append(evaluator(sparse, PROBE).distance)
    assert distances[0] == pytest.approx(distances[1])
    assert distances[0] > 0


def test_the_ladder_saves_most_for_the_distance_it_adds_first():
    mild, strong = Step(0.1, 1.0), Step(0.3, 2.0)
    other = Step(0.1, 0.4)
    steps = [{0: Step(0, 0), 1: mild, 2: strong}, {0: Step(0, 0), 1: other}]
    ladder = Prediction(steps).ladder()
    # 0.4 / 0.1 = 4 for the second layer, 2.0 / 0.3 = 6.7 for the first one's strong choice.
    assert ladder == [(0, 0), (0, 1), (2, 1)]


def test_neighbours_that_move_outputs_less_than_all_that_failed_come_first():
    steps = [
        {0: Step(0, 0), 1: Step(0.1, 1.0), 2: Step(0.2, 5.0)},
        {0: Step(0, 0), 1: Step(0.05, 2.0)},
    ]
    promising = Prediction(steps).promising((0, 0), failed=[(2, 0)])
    assert promising == [(1, 1), (1, 0), (0, 1), (2, 1), (2, 0)]


def test_a_space_has_no_choice_that_changes_nothing_or_leaves_nothing(image):
    space = Space.of(image.network)
    assert all(own[0] == ALL_SPIKES for own in space.choices.values())
    network = nc.load_graph(ROOT / "tests/data/zoo/digits_cnn/w4a4_qdq.onnx")
    narrow = Space.of(nc.lower(network, nc.chip("ideal")))
    assert {layer.sparsity for own in narrow.choices.values() for layer in own} == {
        "none", "RoT 1", "RoT 2", "RoT 3", "DRLO 3", "DRLO 2", "DRLO 1",
        "RoT 1, DRLO 2", "RoT 1, DRLO 1", "RoT 2, DRLO 1",
    }  # fmt: skip
    assert len(narrow.settings(narrow.uniform(CHOICES[0]), Settings()).layers) == len(
        narrow.choices
    )


def test_layers_that_round_are_tried_with_fewer_spikes_besides(tuned):
    chosen = [tuned.space.chosen(tried.assignment) for tried in tuned.tried]
    both = [
        (layer, each) for own in chosen for layer, each in own.items() if each.rot and each.drlo
    ]
    assert both
    for layer, each in both:
        rounding = replace(each, drlo=None)
        assert any(own[layer] == rounding for own in chosen), (layer, each.sparsity)


def test_all_that_settings_say_beside_sparsity_stays(tuned):
    base = Settings(LayerSettings(), {"elsewhere": LayerSettings()})
    assert "elsewhere" in tuned.settings(base).layers


def refusal(image, *parts, **options):
    with pytest.raises((InputError, SettingsError)) as raised:
        nc.tune(image, *parts, **options)
    return str(raised.value)


def test_samples_that_do_not_fit_are_refused(image, digits):
    ten, none = digits.first(10), digits.first(0)
    assert refusal(image, none, ten) == (
        "0 samples of the search with 0 labels, expected one or more of each"
    )
    assert refusal(image, ten, Samples(ten.x, ten.labels[:3])) == (
        "10 samples held out with 3 labels, expected one or more of each"
    )
    assert refusal(image, ten, ten, max_loss=-1.0) == (
        "`max_loss` is -1 points, expected 0 to less than 100"
    )
    assert refusal(image, Samples(ten.x, ten.labels + 5), ten).startswith("label 1")


def test_an_image_that_cannot_be_changed_or_was_already_is_refused(image, digits, tmp_path):
    ten = digits.first(10)
    image.save(tmp_path / "dense.image")
    assert "holds no graph to change" in refusal(nc.Image.load(tmp_path / "dense.image"), ten, ten)
    sparse = nc.compile(image.graph, "ideal", settings=Settings(LayerSettings(rot=1)))
    assert "leaves spikes out already" in refusal(sparse, ten, ten)


def test_a_journal_gives_back_what_was_added_and_drops_a_line_cut_short(tmp_path):
    path = tmp_path / "a.journal"
    with Journal(path, "abc") as journal:
        journal.add("first", {"sops": 1})
        journal.add("second", {"sops": 2})
    path.write_bytes(path.read_bytes()[:-5])
    with Journal(path, "abc") as journal:
        assert journal.records == {"first": {"sops": 1}}
        journal.add("third", {"sops": 3})
    with Journal(path, "abc") as journal:
        assert list(journal.records) == ["first", "third"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("not json\n", "is no journal of a search"),
        ("one line without an end", "is no journal of a search"),
        ('{"format": "another"}\n', "is no journal of a search"),
        (json.dumps({"format": FORMAT, "search": "b"}) + "\n", "is of another network"),
    ],
)
def test_a_file_that_is_no_journal_of_this_search_is_left_as_it_is(tmp_path, content, told):
    path = tmp_path / "a.journal"
    path.write_text(content)
    with pytest.raises(InputError, match=told):
        Journal(path, "a")
    assert path.read_text() == content


def test_a_journal_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot keep a journal in .*: no such file"):
        Journal(tmp_path / "no" / "a.journal", "a")


PROGRAM = """
import os, signal, sys, threading
import numpy as np
import neurochip as nc

def tell(doing):
    global told
    told += 1
    if told == int(sys.argv[2]):  # while an evaluation is under way, or its line is written
        threading.Timer(0.003, os.kill, (os.getpid(), signal.SIGKILL)).start()

told = 0
images = np.load("examples/digits.npz")
x = (images["x"][:, None] / np.float32(255)).astype(np.float32)
samples = nc.Samples(x, images["y"].astype(np.int64))
image = nc.compile("examples/digits_cnn.onnx", "tiny")
parts = samples.between(0, 60), samples.between(60, 120)
tuned = nc.tune(image, *parts, max_loss=1.0, trials=6, journal=sys.argv[1], tell=tell)
print(tuned.settings().to_toml())
"""


def search(journal, killed_at=0):
    """A search in a process of its own: its exit code and what it found."""
    command = [sys.executable, "-c", PROGRAM, str(journal), str(killed_at)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=300)
    return done.returncode, done.stdout


def test_a_search_that_is_killed_goes_on_and_loses_no_finished_evaluation(tmp_path):
    whole, killed = tmp_path / "whole.journal", tmp_path / "killed.journal"
    _, wanted = search(whole)
    finished = b""
    for killed_at in (3, 20):
        exit_code, _ = search(killed, killed_at)
        assert exit_code == -signal.SIGKILL
        before, finished = finished, killed.read_bytes()
        assert finished.startswith(before)
        finished = finished[: finished.rfind(b"\n") + 1]
        # One is told of, at least all those told of before it are there.
        assert finished.count(b"\n") >= killed_at - 1
    assert search(killed) == (0, wanted)
    assert killed.read_bytes() == whole.read_bytes(), "the same evaluations, none of them twice"
    assert whole.read_bytes().startswith(finished)


def test_a_finished_search_is_answered_from_its_journal(image, digits, tmp_path, monkeypatch):
    parts = digits.between(0, 20), digits.between(20, 40)
    options = {"max_loss": 5.0, "trials": 1, "journal": tmp_path / "a.journal"}
    first = nc.tune(image, *parts, **options)
    monkeypatch.setattr(import_module("neurochip.tune.evaluate"), "simulate", None)
    again = nc.tune(image, *parts, **options)
    assert again.settings() == first.settings()


@pytest.mark.parametrize("name", ["front.png", "front.SVG"])
def test_the_front_is_plotted(tuned, name):
    file = io.BytesIO()
    save_plot(tuned, file, plot_format(Path(name)))
    start = file.getvalue()[:8]
    assert start.startswith(b"\x89PNG" if name == "front.png" else b"<?xml")
