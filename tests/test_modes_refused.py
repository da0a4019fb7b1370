"""Modes that a chip or a layer cannot have: each refusal, with the way out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import neurochip as nc
from integer_graphs import dense, graph_of, max_pool, tensor
from neurochip.errors import SettingsError
from neurochip.lower import LayerSettings, Settings
from one_layer import ONE_INPUT, compiled, wide

WAYS = (
    "a scaled membrane holds a scaled one, or a calibrated one fits, or a double membrane holds "
    "an exact one"
)
REFUSED = {
    "double on a chip with one word": (
        "ideal",
        {"integration": "double"},
        "`integration` is double, but a neuron of this chip has one state word "
        "(core.second_state_word)",
    ),
    "exact bias in a scaled membrane": (
        "darwin3",
        {"bias": "exact"},
        "`bias` is exact, but partial sums of up to 102,000 are scaled to fit 16 bits, and an "
        f"exact bias would not be: {WAYS}",
    ),
    "exact bias that its register does not hold": (
        "darwin3",
        {"integration": "exact", "bias": "exact"},
        "`bias` is exact, but biases from 40,000 to 40,000 do not fit 16 bits "
        f"(core.soma.bias_bits): {WAYS}",
    ),
}


@pytest.mark.parametrize(("chip", "fields", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_mode_that_is_impossible_is_refused_with_the_way_out(chip, fields, reason):
    with pytest.raises(SettingsError) as raised:
        compiled(wide(bias=40_000), chip, **fields)
    assert (
        str(raised.value) == f"the settings ask for what chip '{chip}' cannot do:\n  'd': {reason}"
    )
    assert raised.value.hint == "leave `integration` and `bias` of these layers to `auto`"


def test_a_bias_register_narrower_than_the_membrane_holds_no_scaled_bias():
    narrow = {"core.soma.bias_bits": 12}
    image = compiled(wide(bias=4_000), overrides=narrow)
    assert (image.populations[1].facts.mode, image.populations[1].facts.bias_mode) == (
        "scaled",
        "calibrated",
    )
    reason = r"scaled, to a membrane of 16 bits, and biases have 12 \(core\.soma\.bias_bits\)"
    with pytest.raises(SettingsError, match=reason):
        compiled(wide(bias=4_000), overrides=narrow, bias="scaled")


def test_a_bias_that_is_all_that_does_not_fit_is_named():
    """Sums of 1,020 fit 16 bits, a bias of 40,000 does not; 32,000 does, and both together not."""
    for bias, reason in (
        (40_000, r"biases from 40,000 to 40,000 do not fit 16 bits \(core\.soma\.bias_bits\)"),
        (32_000, r"with biases from 32,000 to 32,000 sums are not proven to fit 16 bits \(core\.m"),
    ):
        with pytest.raises(SettingsError, match=f"`bias` is exact, but {reason}"):
            compiled(wide(weight=1, bias=bias), bias="exact")


@pytest.mark.parametrize("integration", ["exact", "double"])
def test_a_scaled_bias_is_exact_where_sums_are_not_scaled(integration):
    image = compiled(wide(weight=1, bias=99), integration=integration, bias="scaled")
    facts = image.populations[1].facts
    assert (facts.mode, facts.bias_mode, facts.bias_bits) == (integration, "exact", 8)
    with pytest.raises(SettingsError, match="`bias` is scaled, but biases from 3,000,000,000 to"):
        compiled(wide(weight=1, bias=3_000_000_000), integration=integration, bias="scaled")


def test_two_words_of_32_bits_are_refused():
    with pytest.raises(SettingsError, match=r"one word of this chip has 32 bits \(core\.membrane"):
        compiled(wide(), overrides={"core.membrane_bits": 32}, integration="double")


def test_all_impossible_modes_are_refused_at_once():
    source = tensor("x", (1, 4, 4))
    pool = max_pool("pool", source, (2, 2))
    layers = [pool, dense("d", ONE_INPUT, np.ones((1, 1)), tensor("y", (1,)))]
    layers[1] = replace(layers[1], inputs=(max_pool("p", source, (4, 4)).output,))
    first = max_pool("p", source, (4, 4))
    text = 'layers.p.bias = "exact"\nlayers.d.integration = "double"\n'
    with pytest.raises(SettingsError) as raised:
        nc.compile(graph_of(source, [first, layers[1]]), "tiny", settings=Settings.from_toml(text))
    assert str(raised.value).splitlines()[1:] == [
        "  'p': `bias` is exact, which is for layers with weights, not MaxPool",
        "  'd': `integration` is double, but a neuron of this chip has one state word "
        "(core.second_state_word)",
    ]


OF_SUMS = {"integration": "scaled", "granularity": "per_channel", "s1": "largest", "bias": "scaled"}


@pytest.mark.parametrize(("name", "value"), [*OF_SUMS.items(), ("headroom", 2.0)])
def test_what_only_sums_have_is_refused_to_a_pooling_layer(name, value):
    pool = max_pool("p", tensor("x", (1, 4, 4)), (2, 2))
    settings = Settings(layers={"p": LayerSettings(**{name: value})})
    with pytest.raises(SettingsError, match=f"`{name}` is {value}, which is for layers with weig"):
        nc.compile(graph_of(pool.inputs[0], [pool]), settings=settings)
