"""Readings of RoT: what each sends, in which layers, and which published ranges it lands in."""

from __future__ import annotations

import csv
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import neurochip as nc
from command_line import neurochip
from conftest import ROOT
from neurochip.lower import LayerSettings, Settings
from neurochip.network import SpikeCode
from neurochip.papers.networks import Places, trained
from neurochip.papers.sdann.exact import Exact
from neurochip.papers.sdann.published import published
from neurochip.papers.sdann.readings import (
    BITS,
    READINGS,
    Found,
    ReadingResult,
    halves_down,
    read,
    rounded,
    scopes,
    truncated,
    wrapped,
)
from neurochip.papers.sdann.readings_table import CIFAR10, off_by, ranges, within
from neurochip.papers.sdann.size import QUICK as QUICK_SIZE
from neurochip.papers.suite import SuiteOptions
from neurochip.tune import Evaluation

UNSIGNED, SIGNED = SpikeCode(8, False, 0), SpikeCode(8, True, 0)
VALUES = np.array([0, 1, 2, 3, 83, 253, 254, 255], np.int16)


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (rounded, [0, 0, 4, 4, 84, 252, 252, 252]),
        (truncated, [0, 0, 0, 0, 80, 252, 252, 252]),
        (wrapped, [0, 0, 4, 4, 84, 252, 0, 0]),
        (halves_down, [0, 0, 0, 4, 84, 252, 252, 252]),
    ],
)
def test_two_bits_are_left_out_in_four_ways(reading, expected):
    assert reading(VALUES, UNSIGNED, 2).tolist() == expected


def test_in_twos_complement_values_fall_to_the_lower_multiple_and_wrap_to_the_lowest():
    values = np.array([-1, -3, 126, 127, -128], np.int16)
    assert truncated(values, SIGNED, 2).tolist() == [-4, -4, 124, 124, -128]
    assert rounded(values, SIGNED, 2).tolist() == [0, -4, 124, 124, -128]
    assert wrapped(values, SIGNED, 2).tolist() == [0, -4, -128, -128, -128]


def test_with_one_bit_halves_down_are_truncation():
    values = np.arange(256, dtype=np.int16)
    same = halves_down(values, UNSIGNED, 1) == truncated(values, UNSIGNED, 1)
    assert same.all()


@pytest.fixture
def digits(tmp_path, monkeypatch):
    monkeypatch.delenv("NEUROCHIP_DATA", raising=False)
    return trained("digits_resnet", "digits", Places.of(SuiteOptions(tmp_path))).first(20)


def test_rounding_in_all_layers_is_what_the_chip_does_with_rot(digits):
    """In exact integers against the simulator on `ideal`: the same SOPs and the same answers."""
    found = next(each for each in read(digits, lambda doing: None) if each.reading == "rounding")
    path = ROOT / "tests" / "data" / "zoo" / "digits_resnet" / "uint8_qdq.onnx"
    exact = Exact.of(digits.graph)
    outer = {*exact.first, exact.output}
    image = nc.compile(path, "ideal", settings=Settings(LayerSettings(rot=2)))
    run = nc.simulate(image, digits.x, timing="none")
    layers = {each.name: each.layer for each in image.network.populations}
    inner = [
        sops
        for name, sops in zip(
            run.population_names, run.by_population["sops"].mean(axis=0), strict=True
        )
        if layers[name] not in outer
    ]
    sparse = found.sparse[BITS.index(2)]
    assert sparse.sops == pytest.approx(sum(inner))
    np.testing.assert_array_equal(sparse.answers.right, run.predictions == digits.labels)


def test_a_scope_changes_what_its_layers_send_and_nothing_before_them(digits):
    exact = Exact.of(digits.graph)
    layers = scopes(exact)
    assert layers["no first"] == layers["all"][1:]
    assert layers["no last"] == layers["all"][:-1]
    assert set(layers["in, out too"]) - set(layers["all"]) == {exact.input, exact.output}
    codes = digits.graph.quantize(digits.x)

    def cut(values, code):
        return truncated(values, code, 3)

    names = {each.layer: each.name for each in exact.network.populations}
    whole = exact.sends(codes, {}).values
    first, second = (names[layer] for layer in layers["all"][:2])
    sent = exact.sends(codes, dict.fromkeys(layers["no first"], cut)).values
    np.testing.assert_array_equal(sent[first], whole[first])
    assert (whole[second] % 8).any()
    assert not (sent[second] % 8).any()
    sent = exact.sends(codes, dict.fromkeys(layers["in, out too"], cut)).values
    assert (whole["input"] % 8).any()
    assert not (sent["input"] % 8).any()


def test_published_ranges_are_those_of_the_columns():
    bench = paper()
    assert ranges(bench, "sops", CIFAR10) == [(-21.31, -18.52), (-47.69, -39.72), (-70.18, -57.94)]
    everything = published().names
    assert ranges(bench, "points", everything) == [(-14.13, -0.44), (-21.0, -0.59), (-53.37, -2.51)]


def paper():
    return SimpleNamespace(published=published())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ((-18.52, -37.96, -57.94), "1* 3*"),
        ((-17.42, -37.97, -54.67), "1 2 3"),
        ((-16.89, -47.70, -70.19), "–"),
    ],
)
def test_within_names_the_settings_in_the_ranges_and_marks_those_of_cifar10(changes, told):
    assert within(paper(), "sops", changes) == told


def test_off_by_is_the_mean_distance_from_the_paper_s_network_of_the_same_kind():
    """From VGG-16's -18.52, -39.72 and -57.94: 1.52, 0.28 and 2.06 are 1.29 on average."""
    answers = Evaluation(0, np.ones(1, np.bool_), 0.0)
    sparse = [Found(sops, answers) for sops in (83.0, 60.0, 44.12)]
    one = ReadingResult("cifar10_vgg_max", "rounding", "all", Found(100.0, answers), sparse)
    assert off_by(paper(), one) == pytest.approx((1.52 + 0.28 + 2.06) / 3)
    assert off_by(paper(), replace(one, subject="digits_cnn")) is None


@pytest.fixture
def one_network(monkeypatch):
    monkeypatch.delenv("NEUROCHIP_DATA", raising=False)
    network = (("digits_cnn", "digits", 20),)
    size = replace(QUICK_SIZE, trained=network, read=network, synthetic=())
    monkeypatch.setattr("neurochip.papers.sdann.bench.QUICK", size)


@pytest.mark.usefixtures("one_network")
def test_the_table_has_every_reading_and_the_published_ranges_and_is_the_same_again(tmp_path):
    texts = []
    for name in ("one", "two"):
        folder = tmp_path / name
        ran = neurochip("bench", "sdann", "--quick", "-o", folder, "--only", "rot-readings")
        assert ran.exit_code == 0, ran.stderr
        texts.append((folder / "rot-readings.csv").read_text())
    assert texts[0] == texts[1]
    rows = list(csv.DictReader(texts[0].splitlines()))
    ours, paper = rows[:-4], rows[-4:]
    assert [row["reading"] for row in ours if row["layers"] == "all"] == list(READINGS)
    assert len(ours) == 4 + 3 * 2
    assert [row["SOPs, RoT 1"] for row in paper] == ["-18.52", "-21.31", "-16.90", "-21.31"]
    assert [row["accuracy, 3"] for row in paper] == ["-2.51", "-53.37", "-2.51", "-53.37"]
    plain, cut = (row for row in ours if row["layers"] == "all" and row["reading"] in PAIR)
    assert float(cut["SOPs, RoT 3"]) < float(plain["SOPs, RoT 3"]) < 0


PAIR = ("rounding", "truncation")
