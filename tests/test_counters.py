"""Counters by population: the core names them once, and every one of them is told somewhere."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

import neurochip as nc
from conftest import ROOT
from neurochip._core import population_counters
from neurochip.energy import EVENT_ENERGIES, FEW_HAVE, STATIC
from neurochip.report.contents import PopulationRow, Relays


@pytest.fixture(scope="module")
def run(digits_pictures):
    image = nc.compile(ROOT / "examples" / "digits_cnn.onnx")
    return nc.simulate(image, digits_pictures[:2], timing="none", compare=False)


def test_every_counter_by_population_is_in_a_report_or_has_an_energy():
    """A new row in `counters.rs` needs one in `report/contents.py` or in `energy.py`."""
    rows = {field.name for kind in (PopulationRow, Relays) for field in fields(kind)}
    with_energy = {counter for _, counter in (*EVENT_ENERGIES.values(), *FEW_HAVE.values(), STATIC)}
    assert set(population_counters()) <= rows | with_energy


def test_every_counter_by_population_is_explained():
    told = (ROOT / "docs" / "machine.md").read_text()
    assert [name for name in population_counters() if f"`{name}`" not in told] == []


def test_populations_add_up_to_what_the_chip_counted(run):
    """Weights, flits and updates are of populations alone; the input's packets are no core's."""
    assert list(run.by_population) == population_counters()
    for name in ("spikes", "sops", "flit_hops", "link_flits", "soma_updates"):
        summed = run.by_population[name].sum(axis=1)
        np.testing.assert_array_equal(summed, run.counters[name], err_msg=name)
    assert run.by_population["sops"].shape == (2, len(run.population_names))


def test_the_names_of_earlier_versions_still_work_and_say_so(run):
    with pytest.warns(
        DeprecationWarning, match=r'`layer_sops` is called `by_population\["sops"\]`'
    ):
        assert run.layer_sops is run.by_population["sops"]
    with pytest.warns(DeprecationWarning, match="`layer_names` is called `population_names`"):
        assert run.layer_names == run.population_names
    with pytest.warns(DeprecationWarning, match="`layer_overflows` is called `overflows`"):
        assert run.layer_overflows.sum() == 0
    with pytest.warns(DeprecationWarning, match="`layers` is called `populations`"):
        assert run.image.layers is run.image.populations
    with pytest.raises(AttributeError, match="no attribute 'layer_colours'"):
        _ = run.layer_colours
