"""`neurochip noc`, as transcripts: the table, the document, the file, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from command_line import neurochip
from recordings import CHIPS, recording

NAME = "booksim2_4x4_queue4_uniform_0.3"
BOOKSIM2 = (
    "--set",
    "noc.inject_cycles=2",
    "--set",
    "noc.hop_cycles=3",
    "--set",
    "noc.eject_cycles=3",
)

TABLE = """\
network of tiny, 4 × 4 routers, cores take packets on arrival
  packets                 7,358 of 1 flit, 2.47 hops on average
  against the recording   0 of 7,358 packets differ
  cycles                  1,539 from the first creation to the last arrival
  offered load            0.3022 flits per node and cycle
  throughput              0.2988 flits per node and cycle
  hottest link            (0, 2) to (0, 1): 0.311 flits per cycle, 478 in all
  waiting for a credit    456 cycles, summed over the outputs of all routers

latency in cycles
                               mean   median   95 %   99 %   largest
  from creation to arrival    12.96       13     21     24        29
  from injection to arrival   12.96       13     21     24        29
  in an empty network         12.41       11     20     23        23
"""


@pytest.fixture
def packets(tmp_path):
    np.savez(tmp_path / "packets.npz", **recording(NAME))
    return tmp_path / "packets.npz"


def test_a_recording_is_replayed_and_summed_up_in_a_table(packets):
    assert CHIPS[NAME][0] == (4, 4)
    told = neurochip("noc", packets, "--chip", "tiny.toml", *BOOKSIM2)
    assert (told.exit_code, told.stderr) == (0, "")
    assert told.stdout == TABLE


def test_the_cycles_of_every_packet_are_written_to_a_file(packets, tmp_path):
    out = tmp_path / "out.npz"
    told = neurochip("noc", packets, "--chip", "tiny", *BOOKSIM2, "-o", out)
    assert told.stdout == TABLE
    with np.load(out) as written:
        for name, column in recording(NAME).items():
            np.testing.assert_array_equal(written[name], column)


def test_the_summary_is_one_document(packets):
    told = neurochip("noc", packets, "--chip", "tiny", *BOOKSIM2, "--json")
    document = json.loads(told.stdout)
    assert document["recorded"] == {"differing": 0, "compared": 7358}
    assert document["consume"] == "arrival"


def test_cores_may_take_packets_at_the_pace_of_the_chip(packets):
    told = neurochip("noc", packets, "--chip", "tiny", *BOOKSIM2, "--consume", "chip")
    assert told.stdout.startswith(
        "network of tiny, 4 × 4 routers, cores take packets at the pace of the chip\n"
    )
    assert "against the recording   0 of" not in told.stdout


def test_a_mesh_that_is_too_small_is_refused_and_nothing_is_written(packets, tmp_path):
    out = tmp_path / "out.npz"
    small = ("--set", "mesh.width=2", "--set", "mesh.height=2", "--set", "io=[]")
    told = neurochip("noc", packets, "--chip", "tiny", *small, "-o", out)
    assert told.exit_code == 1
    assert told.stderr == (
        "error: `source` of packet 1 is 5, expected 0 to 3 (5,470 such packets)\n"
        "hint: the mesh of 'tiny' is 2 × 2, nodes are counted y * width + x\n"
    )
    assert not out.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file of packets: '{path}'"),
        (b"created,source", "cannot read '{path}' as a NumPy file: "),
        (b"PK\x03\x04", "cannot read '{path}' as a NumPy file: "),
    ],
)
def test_a_file_that_holds_no_packets_is_refused(tmp_path, content, message):
    path = tmp_path / "packets.npz"
    if content is not None:
        path.write_bytes(content)
    told = neurochip("noc", path, "--chip", "tiny")
    assert told.exit_code == 1
    assert told.stderr.startswith("error: " + message.format(path=path))


def test_an_array_alone_has_no_columns(tmp_path):
    np.save(tmp_path / "packets.npy", np.zeros((3, 3), int))
    told = neurochip("noc", tmp_path / "packets.npy")
    assert told.stderr == (
        f"error: '{tmp_path}/packets.npy' is a single array, expected an .npz of columns\n"
        "hint: columns are `created`, `source` and `destination`: an array each, or one array "
        "`packets` with their names in `columns`\n"
    )


@pytest.mark.parametrize("arguments", [("noc",), ("noc", "a.npz", "--consume", "never")])
def test_wrong_usage_exits_with_2(arguments):
    assert neurochip(*arguments).exit_code == 2
