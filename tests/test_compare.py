"""Codes side by side: the table, the document, the plot, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import neurochip as nc
from neurochip.cli import app
from neurochip.compare import Coding, compare, document, render, save_plot
from neurochip.compare.plot import _point
from neurochip.errors import InputError, UnsupportedOpError
from neurochip.tables import as_text

CODINGS = (Coding("stem"), Coding("quartz", 16), Coding("rate", 32))


@pytest.fixture(scope="module")
def network(examples):
    archive = np.load(examples / "digits.npz")
    x = (archive["x"][:12].astype(np.float32) / np.float32(255))[:, None]
    return nc.load_graph(examples / "digits_cnn.onnx"), x, archive["y"][:12]


@pytest.fixture(scope="module")
def compared(network):
    graph, x, labels = network

    def image(coding):
        return nc.compile(graph, code=coding.code, t_max=coding.t_max, calibration=x)

    return compare(image, CODINGS, x, labels)


def test_every_code_is_a_run_of_its_own(compared, network):
    graph, x, labels = network
    for coded in compared.codes:
        image = nc.compile(graph, code=coded.coding.code, t_max=coded.coding.t_max, calibration=x)
        told = nc.report(nc.simulate(image, x), labels).contents
        assert coded.contents == told
        assert coded.energy_delay_js == pytest.approx(
            coded.events_pj * 1e-12 * told.timing.latency_with_tick_us * 1e-6
        )
    assert compared.refused == ()


def test_the_table_has_a_column_a_code(compared):
    told = as_text(render(compared))
    header, *rows = told.splitlines()[1:]
    assert header.split() == ["stem", "quartz:16", "rate:32"]
    by_name = {row.strip()[:12].strip(): row for row in rows if row.strip()}
    assert by_name["accuracy"].split()[1::2] == ["100.00", "100.00", "100.00"]
    sops = [f"{coded.contents.activity['SOPs'].mean:,.0f}" for coded in compared.codes]
    assert by_name["SOPs"].split()[1:] == sops


def test_the_best_of_a_row_is_marked_and_equal_figures_are_not(compared):
    told = as_text(render(compared)).splitlines()
    by_name = {row[2:34].strip(): row for row in told[2:]}
    assert "*" not in by_name["accuracy"], "all are alike"
    events = [coded.events_pj for coded in compared.codes]
    cells = by_name["energy of events"].split("   ")
    marked = [cell.strip().startswith("*") for cell in cells if "J" in cell]
    assert marked == [pj == min(events) for pj in events]
    assert "* the best of its row" in told


@pytest.mark.parametrize(
    ("key", "figure", "most"),
    [
        ("throughput", lambda told: told["report"]["timing"]["samples_per_s"], True),
        ("cores", lambda told: told["report"]["cores"]["used"], False),
        ("energy-delay", lambda told: told["energy_delay_js"], False),
    ],
)
def test_codes_are_sorted_by_what_was_asked_the_best_first(network, key, figure, most):
    graph, x, labels = network

    def image(coding):
        return nc.compile(graph, code=coding.code, t_max=coding.t_max, calibration=x)

    told = json.loads(document(compare(image, CODINGS[::-1], x[:2], labels[:2], sort=key)))
    figures = [figure(each) for each in told["codes"]]
    assert figures == sorted(figures, reverse=most)
    assert told["best"][key][0].partition(":")[0] == told["codes"][0]["code"]


def test_what_codes_cannot_be_sorted_by_is_refused_before_anything_is_compiled(network):
    with pytest.raises(InputError, match="codes cannot be sorted by 'colour'"):
        compare(lambda coding: None, CODINGS, network[1], sort="colour")


def test_the_plot_can_include_the_idle_chip(compared):
    for coded in compared.codes:
        report = coded.contents.energy
        assert _point(coded, idle=False)[1] == pytest.approx(report.all_events_pj / 1e6)
        assert _point(coded, idle=True)[1] == pytest.approx(report.total_pj.mean / 1e6)


def test_the_document_holds_every_report(compared):
    told = json.loads(document(compared))
    assert [each["code"] for each in told["codes"]] == ["stem", "quartz", "rate"]
    assert [each["window_timesteps"] for each in told["codes"]] == [None, 16, 32]
    assert told["codes"][1]["report"]["code"] == "quartz"
    assert told["refused"] == {}


@pytest.mark.parametrize("format", ["png", "svg"])
def test_the_plot_is_a_picture(compared, tmp_path, format):
    pytest.importorskip("matplotlib")
    path = tmp_path / f"codes.{format}"
    with path.open("wb") as file:
        save_plot(compared, file, format)
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG" if format == "png" else b"<?xml")
    if format == "svg":
        assert b"equal energy-delay product" in data or len(data) > 10_000


def test_a_code_that_the_chip_refuses_is_left_out_and_named(network):
    graph, x, labels = network

    def image(coding):
        if coding.code == "rate":
            raise UnsupportedOpError("'g'", {"Lookup": [("t", "a table")]}, "cannot", "leave it")
        return nc.compile(graph, code=coding.code, calibration=x)

    compared = compare(image, [Coding("rate"), Coding("stem")], x, labels, timing="none")
    assert [coded.coding.code for coded in compared.codes] == ["stem"]
    told = as_text(render(compared))
    assert "! rate is left out" in told
    assert "latency" not in told
    with pytest.raises(UnsupportedOpError):
        compare(image, [Coding("rate"), Coding("rate", 16)], x)


@pytest.mark.parametrize("codes", ["stem", "stem,stem"])
def test_one_code_is_nothing_to_compare(network, codes):
    codings = [Coding.parse(each) for each in codes.split(",")]
    with pytest.raises(InputError, match="is nothing to compare"):
        compare(lambda coding: None, codings, network[1])


def test_a_window_is_a_number(examples):
    with pytest.raises(InputError, match="'many' is no number of timesteps"):
        Coding.parse("quartz:many")
    assert Coding.parse(" quartz:16") == Coding("quartz", 16)


def run(*arguments):
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


def test_the_command_compares_and_plots(examples, tmp_path):
    pytest.importorskip("matplotlib")
    plot = tmp_path / "codes.png"
    told = run(
        examples / "digits_cnn.onnx", "--input", examples / "digits.npz", "--samples", 5,
        "--codes", "stem,quartz:8", "--plot", plot,
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    assert "digits_cnn on darwin3, 5 samples" in told.stdout
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert f"written: {plot}" in told.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--codes", "stem"), "stem is nothing to compare"),
        (("--codes", "stem,morse"), None),
        (("--timing", "none", "--plot", "a.png"), "the plot shows latencies"),
        (("--idle",), "`--idle` is about a plot"),
        (("--tick", "soon"), "`tick` is 'soon', expected a time"),
        (("--plot", "a.pdf"), "the name says the format"),
    ],
)
def test_what_cannot_be_compared_is_told(examples, arguments, message):
    told = run(
        examples / "digits_cnn.onnx", "--input", examples / "digits.npz", "--samples", 2, *arguments
    )
    if message is None:
        assert told.exit_code == 0
        assert "morse is left out: no spike code 'morse'" in told.stdout
    else:
        assert told.exit_code == 1
        assert message in told.stderr
