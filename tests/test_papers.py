"""What every suite is made of: tables, their tellings, a run into a folder, spikes and fan-out."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

import neurochip as nc
from conftest import ROOT
from neurochip.errors import CapacityError, NeurochipError
from neurochip.inputs import read_inputs
from neurochip.papers import (
    Column,
    Part,
    Plot,
    Section,
    Suite,
    SuiteOptions,
    Table,
    csv_text,
    markdown,
    rich_table,
    run_suite,
    smallest_board,
)
from neurochip.papers.networks import Missing, Places, Subject, trained
from neurochip.papers.spikes import fanout, macs_by_layer, sent, sops_by_layer
from neurochip.tables import as_text
from oracle_fanout import fanout as fanout_in_loops

TABLE = Table(
    name="table-07",
    title="Table 7: a title",
    columns=(Column("network"), Column("SOPs"), Column("change, %", 1, signed=True)),
    rows=(("ours | theirs", 1_234_567, -12.34), ("nothing", None, -0.04)),
    notes=("a note",),
    sources=("a paper, table 7",),
)
ZOO = ROOT / "tests" / "data" / "zoo"


def test_markdown_has_a_heading_the_rows_and_the_remarks():
    assert markdown(TABLE).splitlines() == [
        "## Table 7: a title",
        "",
        "| network | SOPs | change, % |",
        "| --- | ---: | ---: |",
        "| ours \\| theirs | 1,234,567 | -12.3 |",
        "| nothing | – | 0.0 |",
        "",
        "- a note",
        "- Published figures: a paper, table 7",
    ]


def test_csv_has_plain_numbers_and_empty_cells():
    assert list(csv.reader(io.StringIO(csv_text(TABLE)))) == [
        ["network", "SOPs", "change, %"],
        ["ours | theirs", "1234567", "-12.3"],
        ["nothing", "", "0.0"],
    ]


def test_a_terminal_shows_the_same_cells():
    lines = as_text(rich_table(TABLE)).splitlines()
    assert lines[0] == "Table 7: a title"
    assert lines[2].split() == ["ours", "|", "theirs", "1,234,567", "-12.3"]
    assert lines[-1] == "! Published figures: a paper, table 7"


def test_a_change_has_its_sign_and_none_has_none():
    change = Column("change", 2, signed=True)
    assert [change.told(cell) for cell in (1.5, -1.5, 0.001, -0.001, 3, None)] == [
        "+1.50", "-1.50", "0.00", "0.00", "+3", "–",
    ]  # fmt: skip


def test_a_column_of_significant_digits_keeps_small_figures_and_whole_large_ones():
    energy = Column("µJ", digits=3)
    told = [energy.told(cell) for cell in (28_407.9, 284.4, 4.0912, 0.02681, 0.0, -0.00051)]
    assert told == ["28,408", "284", "4.09", "0.0268", "0.00", "-0.000510"]
    assert [energy.stored(cell) for cell in (28_407.9, 0.02681, None)] == ["28408", "0.0268", ""]


def of_parts(*parts):
    return Suite("paper", "A paper", lambda: "Someone, 2025", lambda options: 7, _about, parts)


def _about(bench):
    return (f"a bench of {bench}",)


def told(bench):
    plot = Plot("figure-01", "a line", lambda figure: figure.add_subplot())
    return Section((TABLE,), (plot,), {"ours.settings.toml": "[default]\nrot = 1\n"})


def fails(bench):
    raise NeurochipError(f"cannot measure {bench}")


def test_a_suite_writes_each_table_each_plot_and_then_the_report(tmp_path):
    suite = of_parts(Part("one", told))
    about, section = run_suite(suite, SuiteOptions(tmp_path / "made"))
    assert about == ("a bench of 7",)
    assert section.tables == (TABLE,)
    written = {path.name: path for path in (tmp_path / "made").iterdir()}
    assert sorted(written) == [
        "figure-01.png", "ours.settings.toml", "report.md", "table-07.csv",
    ]  # fmt: skip
    assert written["ours.settings.toml"].read_text() == "[default]\nrot = 1\n"
    assert written["table-07.csv"].read_text() == csv_text(TABLE)
    assert written["figure-01.png"].read_bytes().startswith(b"\x89PNG")
    report = written["report.md"].read_text()
    assert report.startswith("# A paper\n\nSomeone, 2025\n\n- a bench of 7\n")
    assert markdown(TABLE) in report
    assert "![a line](figure-01.png)" in report


def test_a_part_that_fails_leaves_what_was_finished_and_no_report(tmp_path):
    with pytest.raises(NeurochipError, match="cannot measure 7"):
        list(run_suite(of_parts(Part("one", told), Part("two", fails)), SuiteOptions(tmp_path)))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "figure-01.png", "ours.settings.toml", "table-07.csv",
    ]  # fmt: skip


def test_parts_can_be_run_alone_and_unknown_ones_are_told_at_once(tmp_path):
    suite = of_parts(Part("one", told), Part("two", fails))
    assert len(list(run_suite(suite, SuiteOptions(tmp_path), ["one"]))) == 2
    with pytest.raises(NeurochipError) as refused:
        list(run_suite(suite, SuiteOptions(tmp_path), ["three", "one", "four"]))
    assert str(refused.value) == "'paper' has no part 'three', 'four'"
    assert refused.value.hint == "its parts are one, two"


@pytest.fixture
def no_data(monkeypatch):
    monkeypatch.delenv("NEUROCHIP_DATA", raising=False)


@pytest.mark.usefixtures("no_data")
def test_networks_of_the_repository_are_found_and_others_say_what_is_missing(tmp_path):
    places = Places.of(SuiteOptions(tmp_path))
    found = trained("digits_cnn", "digits", places)
    assert isinstance(found, Subject)
    assert (found.trained, len(found.x), len(found.first(3).labels)) == (True, 500, 3)
    missing = trained("mnist_lenet", "mnist", places)
    assert isinstance(missing, Missing)
    assert str(missing).startswith("mnist_lenet: no mnist.npz in ")
    assert str(missing).endswith("; set NEUROCHIP_DATA or give `--data DIR`")
    missing = trained("cifar10_resnet", "cifar10", places)
    assert isinstance(missing, Missing)
    assert "no cifar10_resnet/uint8_qdq.onnx in " in str(missing)


def test_a_folder_asked_for_has_to_exist(tmp_path):
    with pytest.raises(NeurochipError, match="there is no folder") as refused:
        Places.of(SuiteOptions(tmp_path, zoo=tmp_path / "none"))
    assert refused.value.hint == "give `--zoo` one that exists"


@pytest.mark.parametrize("name", ["digits_cnn", "digits_resnet", "mnist_dscnn"])
def test_fanout_is_that_of_synapses_counted_one_by_one(name):
    network = nc.compile(ZOO / name / "uint8_qdq.onnx", "ideal").network
    for projection in network.projections:
        source = network.population(projection.source)
        target = network.population(projection.target)
        expected = fanout_in_loops(projection.connector, source, target)
        np.testing.assert_array_equal(fanout(projection.connector, source, target), expected)


@pytest.mark.parametrize("name", ["digits_cnn", "digits_resnet"])
def test_spikes_times_fanout_are_the_sops_that_the_chip_counts(name):
    samples = read_inputs(ROOT / "examples" / "digits.npz", samples=5)
    image = nc.compile(ZOO / name / "uint8_qdq.onnx", "ideal")
    x = samples.fit_to(image.input_shape).x
    counted = sops_by_layer(image.network, sent(image, x, threads=1))
    run = nc.simulate(image, x, timing="none")
    layers = {each.name: each.layer for each in image.network.populations}
    for name, sops in zip(
        run.population_names, run.by_population["sops"].mean(axis=0), strict=True
    ):
        assert counted.get(layers[name], 0) == pytest.approx(sops)


def test_macs_are_those_of_the_layers_with_weights():
    image = nc.compile(ROOT / "examples" / "mnist_lenet.onnx", "ideal")
    layers = {layer.name: layer for layer in image.graph.layers}
    for name, macs in macs_by_layer(image.network).items():
        layer = layers[name]
        positions = int(np.prod(layer.output.shape[1:])) if len(layer.output.shape) == 3 else 1
        assert macs <= layer.weights.size * positions  # all taps, those in the padding too
        assert macs > 0.8 * layer.weights.size * positions


def test_a_board_is_the_smallest_that_a_network_fits(monkeypatch):
    """LeNet needs more than the 16 cores of a `tiny`; four of them hold it."""
    network = nc.compile(ROOT / "examples" / "mnist_lenet.onnx", "darwin3").network
    assert smallest_board(network, "darwin3").num_chips == 1
    assert smallest_board(network, "tiny").num_chips == 4
    monkeypatch.setattr("neurochip.papers.boards.MAX_SIDE", 1)
    with pytest.raises(CapacityError, match="does not fit 1 x 1 chips: the network needs"):
        smallest_board(network, "tiny")
