"""The report's two tellings, from contents that are easy to check by hand."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from rich.console import Console

from contents_example import EXAMPLE, HOT_SPOTS, LAYERS, TIMING
from neurochip.report import SCHEMA_VERSION, Report, words
from neurochip.report.contents import Bound, Cores, Relays
from neurochip.tables import WIDTH

TABLE = """\
accuracy          99.00 % (99 of 100)
energy of events  2.000 µJ a sample, 75.0 % published, 25.0 % assumed
latency           432 µs of work, 16 ms with the tick of 500 µs
samples/s         2,315 of work, 62.5 with the tick
cores             3 of 4; bound: soma of core (0, 1), 45.0 % of work

digits on tiny, code stem, 100 samples
  against exact integers   12 of 52,200 values differ (0.02 %)
  overflows                2 values did not fit their registers
  self-checks passed       values as compiled (all samples), no early spike
  assumed, not published   2 fields of the chip (`-v` names them)

time per sample
  work alone           40,000 cycles, 39,000 to 41,000
  bound by             soma, core (0, 1), layer 'conv': 18,000 cycles
  lower bound          10,000 cycles for any placement; this one takes 4.0 times that
  latency              32 timesteps, 1,600,000 cycles (16 ms) at 100 MHz
  a sample every       32 timesteps, 1,600,000 cycles (16 ms): 62.5 samples/s
  work in a timestep   1,250 cycles on average, 3,900 in the longest
  tick                 50,000 cycles (500 µs)
  shortest tick        4,000 cycles (40 µs) for this work
  longer timesteps     0 longer than the tick
  hidden by the tick   timing parameters: none changes the latency here

activity per sample
                    mean          range
  spikes           1,020   900 to 1,100
  SOPs           300,000

energy per sample
                            energy   of events   of total      each
  synaptic operations     1.500 µJ      75.0 %     25.0 %      5 pJ
  soma updates          500.000 nJ      25.0 %      8.3 %     40 pJ   assumed
  all events              2.000 µJ     100.0 %     33.3 %
  idle chip               4.000 µJ                 66.7 %   0.25 mW   assumed
  total                   6.000 µJ                 75.0 %             ! assumed

chip
  cores used     3 of 4
  fullest core   (0, 1): 512 of 1,024 words of its memory (50.0 %)
  overflows      2

overflows
  layer          overflows in all samples
  conv                                  2

notes
  ! Softmax runs on the host
"""

DETAILS = """\
layers, per sample (overflows: all samples)
  layer                 kind     mode   neurons   spikes      SOPs   overflows
  conv           Convolution   scaled       512    1,000   200,000           2
  fc                   Dense    exact        10       20   100,000           0

self-checks
  against the compiled network   0 of 52,200 values differ
  compared                       all samples

values that differ, by layer
  layer          compiled network   exact integers   reachable accumulator values
  conv                0 of 51,200     12 of 51,200                    3 of 65,536
  fc                   0 of 1,000       0 of 1,000                          exact

assumptions and their reasons
  energy.soma_update_pj   a guess
  noc.hop_cycles          one link
"""


def test_the_table_tells_everything_in_plain_words():
    assert str(Report(EXAMPLE)) == TABLE.rstrip("\n")


HOT = """\
where and when most happens, all samples
  busiest soma       (0, 1) of layer 'conv': 45.0 % of the cycles of work
  busiest Receive    (1, 1) of layer 'fc': 0.03 % of the cycles of work
  hottest link       (0, 1) to (1, 1): 0.250 flits per cycle, 250,000 in all
  fullest queues     4 flits in a router, 2 in a core
  longest timestep   12 after the entry of sample 7: 3,900 cycles of work

"""


def test_a_share_of_less_than_a_tenth_of_a_percent_keeps_one_digit():
    told = [words.percent(part, 100_000) for part in (0, 1, 13, 77, 96, 240, 996, 12_340)]
    assert told == ["0 %", "0.001 %", "0.01 %", "0.08 %", "0.1 %", "0.2 %", "1.0 %", "12.3 %"]
    assert words.percent(1, 0) == "0 %"
    assert words.percent(3, 10**7) == "0.00003 %"
    assert words.percent(1, 10**12) == "1e-10 %"


def test_less_than_all_never_reads_as_all():
    told = [words.percent(100_000 - rest, 100_000) for rest in (0, 1, 13, 40, 60)]
    assert told == ["100.0 %", "99.999 %", "99.99 %", "99.96 %", "99.9 %"]
    assert words.percent(sum([0.1] * 10), 1.0) == "100.0 %", "a sum of floats"


def test_durations_have_another_unit_where_they_would_have_five_digits():
    told = [words.duration(us) for us in (0.0012345, 36.04, 9_999, 10_000, 9_999_000, 1e7, 2e10)]
    assert told == ["0.001234 µs", "36.04 µs", "9,999 µs", "10 ms", "9,999 ms", "10 s", "20,000 s"]


@pytest.mark.parametrize(
    ("grade", "total"),
    [
        ("published", r"^  total +6.000 µJ +100.0 %$"),
        ("assumed", r"^  total +6.000 µJ +75.0 % +! assumed$"),
        ("user", r"^  total +6.000 µJ +66.7 % +! set$"),
    ],
)
def test_a_total_is_marked_where_numbers_without_a_source_dominate_it(grade, total):
    idle = replace(EXAMPLE.energy.idle_terms[0], grade=grade)
    told = str(Report(replace(EXAMPLE, energy=replace(EXAMPLE.energy, idle_terms=(idle,)))))
    assert re.search(total, told, re.MULTILINE)


def test_energy_at_prices_that_were_set_is_neither_published_nor_assumed():
    published, assumed = EXAMPLE.energy.event_terms
    terms = (replace(published, grade="derived"), replace(assumed, grade="user"))
    energy = replace(EXAMPLE.energy, event_terms=terms)
    told = str(Report(replace(EXAMPLE, energy=energy)))
    assert "\nenergy of events  2.000 µJ, 75.0 % published, 0 % assumed, 25.0 % set\n" in told


def test_a_network_that_bounds_the_time_is_named_by_its_way():
    bound = Bound("network", "(0, 1) to +x", None, None, 0.5, 20_000.0)
    told = str(Report(replace(EXAMPLE, bound=bound)))
    assert "\ncores             3 of 4; bound: network at (0, 1) to +x, 50.0 % of work" in told
    assert "\n  bound by             network, (0, 1) to +x: 20,000 cycles\n" in told


def test_on_a_large_board_the_five_lines_still_fit():
    bound = Bound("Receive", "core 3 of (63, 63)", 16_383, "conv", 0.9, 20_000.0)
    contents = replace(EXAMPLE, bound=bound, cores=Cores(1_234, 16_384))
    lines = str(Report(contents)).splitlines()[:5]
    assert lines[4].endswith("  1,234 of 16,384; bound: Receive of core 3 of (63, 63), 90.0 %")
    assert max(map(len, lines)) <= 80


def test_a_tick_that_only_some_timesteps_wait_for_hides_nothing():
    told = str(Report(replace(EXAMPLE, timing=replace(TIMING, tick_cycles=4_000))))
    assert "hidden by the tick" not in told


def test_a_run_with_detail_tells_where_and_when_most_happens():
    assert HOT in str(Report(replace(EXAMPLE, hot_spots=HOT_SPOTS)))


def test_a_run_whose_packets_cross_no_link_has_no_hottest():
    spots = replace(HOT_SPOTS, link=None)
    assert "hottest link       none" in str(Report(replace(EXAMPLE, hot_spots=spots)))


EARLY = """\
early spikes
  layer          early spikes in all samples   of its spikes
  conv                                   500           0.5 %
"""


def test_early_spikes_are_told_in_all_and_by_layer():
    layers = (replace(LAYERS[0], early_spikes=500, spikes=1_000.0), LAYERS[1])
    told = str(Report(replace(EXAMPLE, layers=layers, early_spikes=500)))
    assert "  early spikes             500, sent before all had arrived\n" in told
    assert "no early spike" not in told
    assert EARLY in told


def test_the_details_tell_every_layer_and_every_assumption():
    assert str(Report(EXAMPLE).details()) == DETAILS.rstrip("\n")


def test_no_line_is_wider_than_a_hundred_columns():
    long_name = "encoder_stage_3_block_12_pointwise_convolution_with_a_long_name_quantized"
    layers = tuple(replace(layer, name=long_name, neurons=10**9) for layer in LAYERS)
    contents = replace(
        EXAMPLE, layers=layers, assumed={f"core.field_{i}": "why" for i in range(40)}
    )
    told = str(Report(contents)) + str(Report(contents).details())
    assert max(map(len, told.splitlines())) <= WIDTH


def test_a_run_without_timing_tells_no_time_and_only_the_energy_of_events():
    energy = replace(EXAMPLE.energy, total_pj=None, idle_terms=())
    told = str(Report(replace(EXAMPLE, timing=None, energy=energy, bound=None)))
    assert told.splitlines()[2:5] == [
        "latency           not measured: `--timing none`",
        "samples/s         not measured: `--timing none`",
        "cores             3 of 4; bound not measured: `--timing none`",
    ]
    assert "time per sample" not in told
    assert "all events" in told
    assert "not known without timing" in told
    assert "total" not in told


def test_a_chip_without_a_tick_says_nothing_of_ticks():
    told = str(Report(replace(EXAMPLE, timing=replace(TIMING, tick_cycles=0))))
    assert "latency           432 µs of work; there is no tick\n" in told
    assert "samples/s         2,315\n" in told
    times = told.split("time per sample\n")[1]
    assert "work in a timestep" in times
    assert "tick" not in times


OVERLAPPING = replace(
    TIMING,
    least_work_cycles=None,
    period=8,
    samples_in_flight=4,
    cycles_per_sample=400_000.0,
    samples_per_s=250.0,
    run_cycles=41_200_000,
    run_samples_per_s=242.7,
)


def test_samples_in_flight_have_a_latency_and_a_throughput_of_their_own():
    told = str(Report(replace(EXAMPLE, timing=OVERLAPPING)))
    assert told.split("time per sample\n")[1].startswith(
        "  work alone                  40,000 cycles, 39,000 to 41,000\n"
        "  bound by                    soma, core (0, 1), layer 'conv': 18,000 cycles\n"
        "  latency                     32 timesteps, 1,600,000 cycles (16 ms) at 100 MHz\n"
        "  a sample every              8 timesteps, 400,000 cycles (4,000 µs): 250 samples/s\n"
        "  in flight at once           4 samples\n"
        "  whole run, fill and drain   41,200,000 cycles (412 ms): 243 samples/s\n"
    )


def test_a_run_that_never_fills_the_chip_has_no_throughput():
    timing = replace(
        OVERLAPPING, cycles_per_sample=None, samples_per_s=None, samples_per_s_without_tick=None
    )
    told = str(Report(replace(EXAMPLE, timing=timing)))
    assert "samples/s         not measured: fewer than the 4 that fill the chip\n" in told
    assert "8 timesteps, not measured: fewer than 4 samples" in told


def test_relays_are_told_with_what_they_cost():
    relays = Relays(("relay of a", "relay of b"), 640, 1, 1_020.5, 2_000.0, 10_240.0, 500_000.0)
    told = str(Report(replace(EXAMPLE, relays=relays)))
    assert told.split("relays, per sample\n")[1].startswith(
        "  neurons        640 in 2 populations, on 1 core\n"
        "  SOPs           2,000\n"
        "  packets        1,020\n"
        "  soma updates   10,240\n"
        "  energy         500.000 nJ (25.0 % of all events)\n"
    )


def test_a_run_of_an_image_file_says_that_agreement_was_not_measured():
    told = str(Report(replace(EXAMPLE, compiled=None, exact=None)))
    assert "not measured" in told


def test_a_report_says_which_samples_were_compared_where_these_are_not_all():
    told = Report(replace(EXAMPLE, compared_samples=16))
    lines = " ".join(str(told).split())
    assert "12 of 52,200 values differ (0.02 %), of the first 16 of 100 samples" in lines
    assert "values as compiled (the first 16 of 100 samples)" in lines
    assert "compared the first 16 of 100 samples" in " ".join(str(told.details()).split())
    nothing = str(Report(replace(EXAMPLE, compiled=None, exact=None, compared_samples=0)))
    assert "not measured: `--check none` compares nothing" in nothing


def test_a_terminal_without_colour_gets_no_escapes(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    console = Console(force_terminal=True, width=WIDTH, record=True)
    with console.capture() as captured:
        console.print(Report(EXAMPLE))
    assert "\x1b[3" not in captured.get()


def test_the_json_document_has_the_contents_and_what_the_table_derives():
    told = json.loads(Report(EXAMPLE).to_json())
    assert told["schema_version"] == SCHEMA_VERSION
    assert told["network"] == "digits"
    assert told["accuracy"] == {"correct": 99, "samples": 100, "percent": 99.0}
    assert told["timing"]["shortest_tick_us"] == pytest.approx(40.0)
    assert told["exact"] == {"differing": 12, "compared": 52_200}
    assert [layer["membrane_overflows"] for layer in told["layers"]] == [2, 0]
    assert told["energy"]["event_terms"][1]["assumed"] is True
    assert told["assumed"] == EXAMPLE.assumed
