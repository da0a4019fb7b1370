"""Simulate: what it refuses, what a run holds, and that Ctrl-C is answered."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from importlib import import_module

import numpy as np
import pytest

import neurochip as nc
from integer_graphs import OnHost, convolution, dense, graph_of, rearrange, tensor
from lowered_layers import random_weights
from neurochip.errors import InputError
from neurochip.graph import Output
from neurochip.ops.values import DequantizeOnHost
from neurochip.simulate import Interrupted
from neurochip.simulate.comparison import samples_to_check


@pytest.fixture(scope="module")
def image(examples):
    return nc.compile(examples / "digits_cnn.onnx", "tiny")


@pytest.fixture(scope="module")
def samples(digits_pictures):
    return digits_pictures[:5]


def refusal(image, x, **options) -> InputError:
    with pytest.raises(InputError) as raised:
        nc.simulate(image, x, **options)
    return raised.value


@pytest.mark.parametrize("shape", [(5, 8, 8), (0, 1, 8, 8), (5, 1, 8, 9), (64,)])
def test_samples_of_another_shape_are_refused(image, shape):
    assert str(refusal(image, np.zeros(shape, np.float32))) == (
        f"samples have shape {list(shape)}; 'digits_cnn' takes (samples, 1, 8, 8), "
        "one sample or more"
    )


def test_integers_are_refused_where_real_numbers_are_taken(image):
    error = refusal(image, np.zeros((1, 1, 8, 8), np.int32))
    assert str(error) == "samples are int32, the model takes float32, or images of uint8"
    assert error.hint == "scale them first, such as images: `x.astype(np.float32) / 255`"


def test_pictures_are_divided_by_255_as_on_the_command_line(image, samples):
    pictures = np.rint(samples * 255).astype(np.uint8)
    divided = nc.simulate(image, samples, timing="none").outputs
    np.testing.assert_array_equal(nc.simulate(image, pictures, timing="none").outputs, divided)


@pytest.mark.parametrize(("value", "told"), [(np.nan, "nan"), (-np.inf, "-inf"), (1e300, "inf")])
def test_a_number_that_is_not_finite_is_refused_with_its_place(image, value, told):
    x = np.zeros((3, 1, 8, 8))
    x[2, 0, 4, 7] = value
    assert (
        str(refusal(image, x)) == f"sample 2 holds {told} at [0, 4, 7], expected a finite float32"
    )


def integer_model():
    x = tensor("x", (3,), zero_point=5, signed=True)
    layer = dense("d", x, random_weights(2, 3), tensor("y", (2,)))
    head = (DequantizeOnHost("dequantize", "DequantizeLinear", x.format),)
    outputs = (Output("y", layer.output),)
    graph = nc.Graph("made", x, (3,), head, (layer,), outputs, (), (-128, 127))
    return nc.compile(graph, "tiny")


@pytest.mark.parametrize(("value", "told"), [(-129, "-129.0"), (0.5, "0.5"), (np.nan, "nan")])
def test_what_is_no_code_is_refused_where_codes_are_taken(value, told):
    x = np.zeros((2, 3))
    x[1, 2] = value
    assert str(refusal(integer_model(), x)) == (
        f"sample 1 holds {told} at [2], expected an integer from -128 to 127"
    )


def test_an_unknown_timing_is_refused(image, samples):
    error = refusal(image, samples, timing="roughly")
    assert str(error) == "no timing 'roughly'"
    assert error.hint == "timings are `cycle` and `none`"


def test_no_threads_are_refused(image, samples):
    assert str(refusal(image, samples, threads=0)) == "`threads` is 0, expected 1 to 1024"


def test_arrays_of_a_run_have_a_row_a_sample(image, samples):
    run = nc.simulate(image, samples)
    layers, timesteps = len(image.populations), image.timesteps
    assert run.outputs.shape == run.values.shape == (5, 10)
    assert run.work_cycles.shape == (5, timesteps)
    for counts in (
        run.by_population["spikes"],
        run.by_population["sops"],
        run.by_population["sum_overflows"],
        run.by_population["membrane_overflows"],
        run.overflows,
        run.by_population["early_spikes"],
    ):
        assert counts.shape == (5, layers)
    for counts in run.counters.values():
        assert counts.shape == (5,)
    assert run.cycles.shape == run.sops.shape == run.spikes.shape == run.energy_pj.shape == (5,)
    assert run.population_names == tuple(layer.name for layer in image.populations)


def test_without_timing_there_are_no_cycles(image, samples):
    run = nc.simulate(image, samples, timing="none")
    assert run.cycles is None
    assert run.work_cycles.shape == (5, 0)
    assert (run.counters["timestep_cycles"] == 0).all()
    assert (run.energy_by_component_pj["static"] == 0).all()


def test_totals_are_the_sums_of_the_layers(image, samples):
    run = nc.simulate(image, samples, timing="none")
    np.testing.assert_array_equal(run.spikes, run.by_population["spikes"].sum(axis=1))
    np.testing.assert_array_equal(run.sops, run.by_population["sops"].sum(axis=1))


def test_energy_is_counts_times_prices(samples, examples):
    """With packets of two flits no two counts are alike, so that none can stand for another."""
    priced = {
        "synapses": ("sop_pj", 2.0, "sops"),
        "neurons": ("soma_update_pj", 3.0, "soma_updates"),
        "packets": ("packet_pj", 5.0, "packets"),
        "links": ("flit_hop_pj", 7.0, "flit_hops"),
        "chip_links": ("link_flit_pj", 11.0, "link_flits"),
        "io": ("io_flit_pj", 13.0, "io_flits"),
    }
    overrides = {f"energy.{field}": price for field, price, _ in priced.values()}
    image = nc.compile(
        examples / "digits_cnn.onnx",
        "tiny",
        overrides=overrides | {"noc.packet_flits": 2, "core.max_neurons": 128},
    )
    run = nc.simulate(image, samples)
    counted = ("sops", "soma_updates", "packets", "flits", "flit_hops", "io_flits", "spikes")
    assert len({int(run.counters[name].sum()) for name in counted}) == len(counted)
    assert set(run.energy_by_component_pj) == {*priced, "static"}
    for component, (_, price, counter) in priced.items():
        np.testing.assert_array_equal(
            run.energy_by_component_pj[component], run.counters[counter] * price
        )
    # 10 mW at 100 MHz are 100 pJ a cycle.
    np.testing.assert_allclose(run.energy_by_component_pj["static"], run.cycles * 100.0)
    np.testing.assert_allclose(run.energy_pj, sum(run.energy_by_component_pj.values()))


def test_a_value_of_the_output_that_no_neuron_holds_is_the_zero_point():
    source = tensor("x", (1, 2, 2))
    layer = convolution("c", source, np.ones((1, 1, 1, 1)), tensor("y", (1, 2, 2), 77))
    moved = rearrange("pad", layer.output, np.array([[[-1, 3, 0], [1, -1, 2]]]))
    image = nc.compile(graph_of(source, [layer, moved]), "tiny")
    run = nc.simulate(image, np.ones((1, 1, 2, 2), np.float32))
    assert run.outputs.tolist() == [[[[77, 77, 77], [77, 77, 77]]]]
    bright = nc.simulate(image, np.full((1, 1, 2, 2), 200, np.float32)).outputs
    assert bright.tolist() == [[[[77, 79, 79], [79, 77, 79]]]], "77 + 200 / 100"


def test_a_price_changes_the_energy_and_no_counter(image, samples, examples):
    dear = nc.compile(examples / "digits_cnn.onnx", "tiny", overrides={"energy.sop_pj": 3.0})
    a, b = nc.simulate(image, samples), nc.simulate(dear, samples)
    np.testing.assert_array_equal(a.sops, b.sops)
    np.testing.assert_array_equal(
        3 * a.energy_by_component_pj["synapses"], b.energy_by_component_pj["synapses"]
    )


def test_many_batches_are_one_run(image, samples, monkeypatch):
    whole = nc.simulate(image, samples)
    monkeypatch.setattr(import_module("neurochip.simulate.simulate"), "BATCH_SAMPLES", 2)
    parts = nc.simulate(image, samples)
    np.testing.assert_array_equal(whole.outputs, parts.outputs)
    np.testing.assert_array_equal(whole.work_cycles, parts.work_cycles)
    np.testing.assert_array_equal(whole.exact_agreement.compared, parts.exact_agreement.compared)
    assert parts.exact_agreement.compared.sum() > 0


def test_comparing_changes_nothing_but_the_agreement(image, samples):
    plain, compared = nc.simulate(image, samples, compare=False), nc.simulate(image, samples)
    assert plain.compiled_agreement is plain.exact_agreement is None
    np.testing.assert_array_equal(plain.outputs, compared.outputs)
    assert compared.compiled_agreement.differing.sum() == 0
    assert compared.compiled_agreement.layers == compared.exact_agreement.layers


def test_the_class_is_the_largest_output_or_the_output_itself(image, samples, examples):
    run = nc.simulate(image, samples)
    np.testing.assert_array_equal(run.predictions, run.values.argmax(axis=1))
    layer = image.graph
    tail = (OnHost("top", "ArgMax", lambda values: values.argmax(axis=1, keepdims=True)),)
    outputs = (Output("class", layer.output, tail),)
    graph = nc.Graph("made", layer.input, layer.input_shape, layer.head, layer.layers, outputs, ())
    classes = nc.simulate(nc.compile(graph, "tiny"), samples)
    np.testing.assert_array_equal(classes.predictions, run.predictions)


def test_a_progress_bar_is_drawn_on_standard_error(image, samples, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    nc.simulate(image, samples, progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "simulating" in captured.err


def long_run():
    """A network and samples that take minutes in cycles."""
    source = tensor("x", (8, 32, 32))
    layer = convolution(
        "c", source, random_weights(32, 8, 3, 3), tensor("y", (1, 1, 1)), pads=(1, 1, 1, 1),
        multiplier=0.001,
    )  # fmt: skip
    image = nc.compile(graph_of(source, [layer]), "ideal")
    samples = np.random.default_rng(0).integers(0, 256, (2000, 8, 32, 32)).astype(np.float32)
    return image, samples


def test_ctrl_c_is_answered_within_a_second_and_says_how_far_it_got():
    image, samples = long_run()
    pressed = []

    def press():
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(1.5, press)
    timer.start()
    try:
        with pytest.raises(Interrupted) as raised:
            nc.simulate(image, samples, threads=1)
    finally:
        timer.cancel()
    assert time.monotonic() - pressed[0] < 1.0
    assert raised.value.total == 2000
    assert raised.value.done < 2000
    assert str(raised.value) == f"interrupted after {raised.value.done} of 2000 samples"


def test_ctrl_c_while_a_batch_is_compared_counts_what_was_simulated(image, samples, monkeypatch):
    module = import_module("neurochip.simulate.simulate")
    monkeypatch.setattr(module, "BATCH_SAMPLES", 2)
    batches = []

    def add(self, x, codes, record, handed_over):
        batches.append(len(x))
        if len(batches) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(module.AgreementCount, "add", add)
    with pytest.raises(Interrupted) as raised:
        nc.simulate(image, samples)
    assert (raised.value.done, raised.value.total) == (4, 5)


def test_a_process_that_is_interrupted_does_not_wait_for_its_threads():
    program = (
        "import sys; sys.path[:0] = ['tests']\n"
        "from test_simulate import long_run\n"
        "import neurochip as nc\n"
        "image, samples = long_run()\n"
        "print('running', flush=True)\n"
        "nc.simulate(image, samples)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
    )
    assert process.stdout.readline() == "running\n"
    time.sleep(0.5)
    pressed = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert time.monotonic() - pressed < 2.0
    assert "Interrupted: interrupted after " in err


@pytest.mark.parametrize(
    ("samples", "check", "compared"),
    [
        *[(1, None, 1), (16, None, 16), (17, None, 16), (160, None, 16), (161, None, 17)],
        *[(1_000, None, 100), (40, "all", 40), (40, "none", 0), (40, 0, 0), (40, 3, 3)],
        (40, 41, 40),
    ],
)
def test_so_many_samples_are_checked(samples, check, compared):
    assert samples_to_check(check, None, samples) == compared


@pytest.mark.parametrize("check", [-1, 1.5, "some", True])
def test_other_checks_are_refused(image, samples, check):
    with pytest.raises(InputError, match="expected a number of samples, 'all' or 'none'"):
        nc.simulate(image, samples, check=check)


def test_checking_by_the_old_name_and_the_new_one_is_refused(image, samples):
    with pytest.raises(InputError, match="both are given"):
        nc.simulate(image, samples, check="all", compare=True)
    assert nc.simulate(image, samples, compare=True).exact_agreement.samples == len(samples)


@pytest.mark.parametrize("timing", ["cycle", "none"])
def test_a_part_of_the_samples_is_compared_and_all_are_run(image, samples, monkeypatch, timing):
    whole = nc.simulate(image, samples, timing=timing, check="all")
    monkeypatch.setattr(import_module("neurochip.simulate.simulate"), "BATCH_SAMPLES", 2)
    part = nc.simulate(image, samples, timing=timing, check=3)
    neurons = np.array(whole.exact_agreement.compared) // len(samples)
    for agreement in (part.exact_agreement, part.compiled_agreement):
        assert agreement.samples == 3
        np.testing.assert_array_equal(agreement.compared, 3 * neurons)
    np.testing.assert_array_equal(part.outputs, whole.outputs)
    np.testing.assert_array_equal(part.timestep_cycles, whole.timestep_cycles)
    for name, counted in whole.counters.items():
        np.testing.assert_array_equal(part.counters[name], counted, name)


def test_accuracy_is_of_all_samples_whatever_is_compared(image, samples):
    labels = nc.simulate(image, samples).predictions.copy()
    labels[-1] += 1
    contents = nc.report(nc.simulate(image, samples, check=2), labels=labels).contents
    assert (contents.accuracy.correct, contents.accuracy.samples) == (
        len(samples) - 1,
        len(samples),
    )
    assert contents.compared_samples == 2
