"""Tables: what gives way on a narrow terminal, and what never does."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurochip as nc
from neurochip.cli.chip_tables import fields_table
from neurochip.cli.image_tables import cores_table, modes_table, populations_table
from neurochip.tables import TextColumn, TextTable, as_text, names_and_figures

ZOO = Path(__file__).parent / "data" / "zoo"
NAME = "/stage/body.0/Conv"


def lines(table, width):
    return as_text(table, width).splitlines()


def two_figures():
    table = names_and_figures("layer", "sums", "differ at most")
    table.add_row(NAME, "1,000", "12 of 34,567")
    table.add_row("fc", "7", "none")
    return table


def test_what_fits_is_as_wide_as_it_is():
    assert lines(two_figures(), 44) == [
        "layer                 sums   differ at most",
        "/stage/body.0/Conv   1,000     12 of 34,567",
        "fc                       7             none",
    ]


def test_heads_are_wrapped_first():
    assert lines(two_figures(), 42) == [
        "                                differ at",
        "layer                 sums           most",
        "/stage/body.0/Conv   1,000   12 of 34,567",
        "fc                       7           none",
    ]


def test_then_columns_are_nearer_to_each_other():
    assert lines(two_figures(), 40) == [
        "                              differ at",
        "layer                sums          most",
        "/stage/body.0/Conv  1,000  12 of 34,567",
        "fc                      7          none",
    ]


def test_then_figures_are_wrapped_between_words():
    assert lines(two_figures(), 36) == [
        "                           differ at",
        "layer                sums       most",
        "/stage/body.0/Conv  1,000      12 of",
        "                              34,567",
        "fc                      7       none",
    ]


def test_then_columns_are_next_to_each_other():
    assert lines(two_figures(), 32)[2] == "/stage/body.0/Conv 1,000   12 of"


def test_names_stay_whole_while_anything_else_gives_way():
    table = names_and_figures("layer", "accumulators")
    table.add_row(NAME, "12")
    assert lines(table, 22) == [
        "                   acc",
        "                   umu",
        "                   lat",
        "layer              ors",
        "/stage/body.0/Conv  12",
    ]
    assert lines(table, 15) == [
        "             ac",
        "             cu",
        "             mu",
        "             la",
        "             to",
        "layer        rs",
        "/stage/body. 12",
        "0/Conv",
    ]


def test_names_that_are_too_long_for_any_terminal_are_cut_before_figures_suffer():
    table = names_and_figures("layer", "sums", "differ at most")
    table.add_row("model/block/conv;" * 6, "1,000", "12 of 34,567")
    assert lines(table, 80) == [
        "layer                                                      sums   differ at most",
        "model/block/conv;model/block/conv;model/block/conv;mode   1,000     12 of 34,567",
        "l/block/conv;model/block/conv;model/block/conv;",
    ]


def test_sentences_are_wrapped_before_columns_come_nearer():
    table = TextTable(TextColumn("field"), TextColumn("source", least=10))
    table.add_row("core.membrane_bits", "a guess after the paper")
    assert lines(table, 36) == [
        "field                source",
        "core.membrane_bits   a guess after",
        "                     the paper",
    ]
    assert lines(table, 24)[1:3] == ["core.membrane a guess", "_bits         after the"]


def test_what_is_whole_is_wrapped_nowhere():
    table = TextTable(TextColumn("at", whole=True), TextColumn("layer"))
    table.add_row("(23, 12)", "a b c d e f")
    assert lines(table, 16) == [
        "at         layer",
        "(23, 12)   a b c",
        "           d e f",
    ]


def test_names_in_brackets_are_no_markup():
    table = names_and_figures("layer", "sums")
    table.add_row("[bold]blocks[a]", "1")
    assert lines(table, 80)[1].startswith("[bold]blocks[a]")


words = st.lists(st.text("abc1,/._", min_size=1, max_size=12), min_size=1, max_size=3).map(" ".join)


@settings(max_examples=200, deadline=None)
@given(
    heads=st.lists(words, min_size=1, max_size=5),
    cells=st.lists(st.lists(words, min_size=5, max_size=5), max_size=4),
    width=st.integers(10, 90),
)
def test_no_line_is_too_wide_and_nothing_is_left_out(heads, cells, width):
    table = names_and_figures(*heads)
    for row in cells:
        table.add_row(*row[: len(heads)])
    told = as_text(table, width)
    assert max(map(len, told.splitlines())) <= width
    shown = [*heads, *(cell for row in cells for cell in row[: len(heads)])]
    assert Counter("".join(told.split())) == Counter("".join("".join(shown).split()))


@pytest.mark.parametrize("width", [80, 100, 150])
def test_names_of_layers_are_whole_in_every_table_of_an_image(width):
    image = nc.compile(ZOO / "digits_resnet" / "uint8_qdq.onnx", "darwin3")
    for table in (populations_table(image), modes_table(image), cores_table(image)):
        told = as_text(table, width)
        assert max(map(len, told.splitlines())) <= width
        for layer in image.populations[1:]:
            assert f"{layer.name} " in told


def test_fields_of_a_chip_leave_room_for_their_sources():
    told = as_text(fields_table(nc.chip("darwin3")), 100)
    assert "core.timing.soma_cycles.integrate_fire.integrate" in told
    assert "measured average, 5.47 pJ/SOP" in told
