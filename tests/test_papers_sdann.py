"""The suite of the SDANN paper: what its figures mean, and a small run of it as a user sees it."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import neurochip as nc
from command_line import neurochip
from neurochip.chip import load as load_chip
from neurochip.image import Image
from neurochip.lower import LayerSettings, Settings
from neurochip.lower.stem.codes import generating_layers
from neurochip.network import Population, PopulationFacts, Rate, SpikeCode, StemNeurons
from neurochip.papers import SuiteOptions
from neurochip.papers.networks import Places, trained
from neurochip.papers.sdann.by_layer import CodedOperations
from neurochip.papers.sdann.codes import COUNTED, LOWEST, NEAREST, PLAIN, countings, rate_name
from neurochip.papers.sdann.facts import ALL_SPIKES, DRLO, UNIFORM, measured, sparse_values
from neurochip.papers.sdann.hybrid import shortened
from neurochip.papers.sdann.pipeline import WAYS, PipelineRun
from neurochip.papers.sdann.published import published
from neurochip.papers.sdann.rate import simulated
from neurochip.papers.sdann.size import QUICK as QUICK_SIZE
from neurochip.papers.sdann.uniform import explained, of_even_values

EIGHT_BITS = SpikeCode(8, False, 0)


@pytest.fixture
def no_data(monkeypatch):
    monkeypatch.delenv("NEUROCHIP_DATA", raising=False)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("NEUROCHIP_DATA", raising=False)
        options = SuiteOptions(tmp_path_factory.mktemp("facts"), threads=1)
        subject = trained("digits_resnet", "digits", Places.of(options))
        return measured(subject.first(8), options)


def test_every_published_table_has_its_source_and_only_known_networks():
    tables = published().tables
    for name, table in tables.items():
        if name not in ("title", "citation", "names"):
            assert table["source"].startswith("SDANN, ")
            fields = [field for field in table.values() if isinstance(field, dict)]
            assert {network for field in fields for network in field} <= set(tables["names"])


@pytest.mark.parametrize("network", ["tiny_vgg", "tiny_yolo"])
def test_published_energy_changes_as_published_sops_do(network):
    """Table 10 against table 8: 1.79 to 1.62 mJ is -9.50 %, for -9.32 % of the SOPs."""
    dense, sparse = (
        published().figure("energy", field, network) for field in ("dense_mj", "sparse_mj")
    )
    sops = published().figure("hybrid", "sops", network)
    assert 100 * (sparse / dense - 1) == pytest.approx(sops, abs=0.2)


def test_the_price_of_a_sop_is_the_chips_own():
    assert load_chip("darwin3").spec["energy"]["sop_pj"] == 5.47
    assert published().constant("operations", "mac_pj") == 0.23


def test_a_plain_rate_code_sends_a_level_as_so_many_spikes():
    source, values = of_code(EIGHT_BITS), np.array([0, 1, 128, 255], np.int16)
    assert countings({}, 255)[PLAIN](source, values).tolist() == [0, 1, 128, 255]
    assert countings({}, 16)[PLAIN](source, values).tolist() == [0, 0, 8, 16]
    assert countings({}, 255)[PLAIN](source, np.array([-3], np.int16)).tolist() == [3]


def test_real_neurons_round_count_from_the_lowest_level_and_saturate_at_the_highest_rate():
    """Of codes -128 to 127 around zero, whose highest rate is that of 100 above the lowest."""
    source, values = of_code(SpikeCode(8, True, 0)), np.array([-128, -118, 0, 127], np.int16)
    ways = countings({"p": Rate(64, 100, -128)}, 16)
    assert ways[PLAIN](source, values).tolist() == [8, 7, 0, 7]
    assert ways[NEAREST](source, values).tolist() == [8, 7, 0, 8]
    assert ways[LOWEST](source, values).tolist() == [0, 1, 8, 16]
    assert ways[COUNTED](source, values).tolist() == [0, 2, 16, 16]


@pytest.mark.parametrize("timesteps", [16, 255])
def test_spikes_of_a_rate_code_are_counted_as_they_are_simulated(digits, timesteps):
    """Into the first layer exactly; behind it spikes come unevenly, which moves some by one."""
    subject = trained("digits_resnet", "digits", Places.of(SuiteOptions(Path())))
    found = simulated(subject.first(8), timesteps, SuiteOptions(Path(), threads=1))
    counted, (first, *_) = digits.layers[rate_name(timesteps)], digits.layers["STEM"]
    assert found.layers[first] == counted[first]
    assert found.sops == pytest.approx(sum(counted.values()), rel=0.1)


def test_direct_encoding_multiplies_in_the_first_layer_and_sends_spikes_behind_it(digits):
    both = CodedOperations(digits, "counted", digits.layers)
    sops = digits.layers["rate, T = 16"]
    behind = sum(sops[layer] for layer in sops if layer != both.first)
    assert both.direct_total(16) == pytest.approx(16 * digits.macs[both.first] + behind)


def of_code(code):
    return Population(
        "p",
        "p",
        (1, 1, 4),
        code,
        StemNeurons(None, None, None, 0, 255),
        PopulationFacts("Dense", "exact"),
    )


def test_sparse_values_are_those_of_the_worked_example():
    """docs/neurons.md, 3.10: 83 with RoT 2 is 84, with DRLO 2 behind it 80; 255 becomes 252."""
    values = np.array([83, 255], np.int16)
    assert sparse_values(values, EIGHT_BITS, LayerSettings(rot=2)).tolist() == [84, 252]
    assert sparse_values(values, EIGHT_BITS, LayerSettings(rot=2, drlo=2)).tolist() == [80, 192]


def test_even_values_save_what_their_bits_hold():
    """DRLO 5: of 1,024 spikes 47 are the sixth or later: 28 x 1 + 8 x 2 + 1 x 3."""
    assert of_even_values(LayerSettings(drlo=5)) == pytest.approx(-100 * 47 / 1024)
    assert of_even_values(LayerSettings(drlo=8)) == 0


def test_what_trains_lose_and_what_rounding_adds_is_most_of_what_is_measured(digits):
    for choice in UNIFORM:
        change, effect = digits.outcomes[choice].change(digits.dense), digits.effects[choice]
        assert effect.left_out > 0
        assert (effect.added == 0) == (choice in DRLO)
        assert change == pytest.approx(effect.added - effect.left_out, abs=4)


def test_layers_add_up_to_the_sops_of_the_run(digits):
    assert sum(digits.layers["STEM"].values()) == pytest.approx(digits.outcomes[ALL_SPIKES].sops)


def test_shares_of_bits_and_trains_are_whole(digits):
    assert digits.trains.by_bit.sum() == pytest.approx(1)
    assert digits.trains.by_length.sum() == pytest.approx(1)


def test_the_reason_names_what_was_measured(digits):
    told = explained(digits)
    rot = -digits.outcomes[LayerSettings(rot=3)].change(digits.dense)
    assert f"RoT 3 {rot:.1f} % against 35.5 %" in told
    assert f"{100 * digits.trains.by_length[0]:.0f} % of the trains are silent" in told


@pytest.mark.parametrize(("way", "period"), list(zip(WAYS, (32, 8, 16), strict=True)))
def test_the_law_of_samples_in_flight(way, period):
    timed = PipelineRun("net", way, layers=3, latency=33, period=8.0, relays=0, microseconds=1.0)
    assert (timed.latency_by_law, timed.period_by_law) == (32, period)


QUICK = ("bench", "sdann", "--quick", "--threads", 2)


def tables(folder):
    return {path.name: path.read_text() for path in folder.glob("*.csv")}


@pytest.fixture
def smallest(monkeypatch):
    """A quick run of the fewest networks that fill every table."""
    size = replace(
        QUICK_SIZE,
        trained=(("cifar10_vgg_max", "cifar10", 16), ("digits_cnn", "digits", 40)),
        read=(("digits_cnn", "digits", 20),),
        synthetic=(("tiny_vgg", 1),),
        by_layer=("digits_cnn", "tiny_vgg"),
        pipelined=("digits_cnn",),
        trials=0,
    )
    monkeypatch.setattr("neurochip.papers.sdann.bench.QUICK", size)


@pytest.mark.usefixtures("no_data", "smallest")
def test_a_run_tells_what_it_leaves_out_and_is_the_same_again(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    ran = neurochip(*QUICK, "-o", first)
    assert ran.exit_code == 0, ran.stderr
    assert "! LEFT OUT: cifar10_vgg_max: no " in ran.stdout
    assert "written: " in ran.stdout.splitlines()[-1]
    about, measured = ran.stdout.split("\n\n", 1)
    assert "structure not the paper's own: tiny_vgg, ours, 5.76 M parameters" in about
    assert max(map(len, measured.splitlines())) <= 160
    names = {
        f"table-{number}.csv" for number in ("02-03", "04", "05", "06", "07", "08", "09", "10")
    }
    assert names <= tables(first).keys()
    assert {f"figure-{number}.png" for number in ("08", "09", "11")} <= {
        path.name for path in first.iterdir()
    }
    report = (first / "report.md").read_text()
    assert "synthetic weights" in report
    assert "digits_cnn (trained): SOPs of a sample by layer, rate codes simulated" in report
    assert "tiny_vgg (synthetic weights): SOPs of a sample by layer, rate codes counted" in report
    rows = list(csv.DictReader(tables(first)["table-04.csv"].splitlines()))
    synthetic = [row for row in rows if row["weights"] == "synthetic weights"]
    assert synthetic
    assert {row["all spikes, %"] for row in synthetic} == {""}  # no accuracy is told of them

    again = neurochip(*QUICK, "-o", second, "--only", "tables-04-05", "--only", "table-08")
    assert again.exit_code == 0, again.stderr
    for name, content in tables(second).items():
        assert tables(first)[name] == content, name


@pytest.fixture
def one_network(monkeypatch):
    """A quick run of one network, on few samples."""
    trained = (("digits_cnn", "digits", 40),)
    size = replace(QUICK_SIZE, trained=trained, synthetic=(), searched=16, trials=0)
    monkeypatch.setattr("neurochip.papers.sdann.bench.QUICK", size)


@pytest.mark.usefixtures("no_data", "one_network")
def test_journals_of_other_images_are_left_alone_and_a_killed_search_goes_on(tmp_path, monkeypatch):
    foreign = tmp_path / "digits_cnn.journal"
    foreign.write_text('{"format": "neurochip tune 1", "search": "another image"}\n')
    search = (*QUICK, "-o", tmp_path, "--only", "table-08")
    ran = neurochip(*search)
    assert ran.exit_code == 0, ran.stderr
    assert (tmp_path / "report.md").exists()
    assert foreign.read_text().endswith('"another image"}\n')
    (own,) = set(tmp_path.glob("*.journal")) - {foreign}
    finished, table = own.read_bytes(), (tmp_path / "table-08.csv").read_bytes()
    killed = b"".join(finished.splitlines(keepends=True)[:-3])
    own.write_bytes(killed)
    assert neurochip(*search).exit_code == 0
    assert own.read_bytes() == finished
    assert (tmp_path / "table-08.csv").read_bytes() == table

    # The same network as another version would write it: the bytes differ, and nothing else.
    monkeypatch.setattr(Image, "to_bytes", lambda image: b"another format")
    assert neurochip(*search).exit_code == 0
    assert own.read_bytes() == finished
    assert len(set(tmp_path.glob("*.journal"))) == 3


@pytest.mark.usefixtures("no_data", "one_network")
def test_table_8_says_what_each_layer_leaves_out_and_writes_it_as_settings(tmp_path):
    ran = neurochip(*QUICK, "-o", tmp_path, "--only", "table-08")
    assert ran.exit_code == 0, ran.stderr
    row, *_ = csv.DictReader((tmp_path / "table-08.csv").read_text().splitlines())
    written = (tmp_path / "digits_cnn.settings.toml").read_text()
    settings = Settings.from_toml(written)
    change = float(row["SOPs by layer, %"])
    assert f"SOPs change by {change:.2f} %" in written
    graph = Places.of(SuiteOptions(tmp_path)).zoos[-1] / "digits_cnn" / "uint8_qdq.onnx"
    layers = generating_layers(nc.compile(graph, "darwin3", settings=settings).network)
    assert row["by layer"].split() == [shortened(settings.of(layer)) for layer in layers]
    assert any(settings.of(layer).leaves_spikes_out for layer in layers)
    paper = of_the_paper(tmp_path, 8)
    assert len(paper) == 8
    columns = ("all spikes, paper, %", "hybrid, paper", "SOPs, paper, %")
    cells = [paper["Tiny-VGG, ImageNet"][column] for column in columns]
    assert cells == ["54.05", "-0.68", "-9.32"]


@pytest.mark.usefixtures("no_data", "one_network")
def test_tables_2_and_3_tell_each_accuracy_and_its_change_the_papers_too(tmp_path):
    ran = neurochip(*QUICK, "-o", tmp_path, "--only", "tables-02-03")
    assert ran.exit_code == 0, ran.stderr
    accuracies, changes = (
        list(csv.DictReader((tmp_path / name).read_text().splitlines()))
        for name in ("table-02-03.csv", "table-02-03-changes.csv")
    )
    assert len(accuracies) == len(changes) == 1 + len(published().names)
    for accuracy, change in zip(accuracies, changes, strict=True):
        for column in accuracy.keys() & change.keys() - {"network", "paper's network"}:
            theirs = column.startswith("SDANN")
            quantized = accuracy["quantized, paper" if theirs else "quantized"]
            if accuracy[column]:
                difference = float(accuracy[column]) - float(quantized)
                assert float(change[column]) == pytest.approx(difference, abs=0.006)
            else:
                assert change[column] == ""
    cifar10net = next(row for row in accuracies if row["paper's network"] == "CIFAR10Net")
    assert (cifar10net["quantized, paper"], cifar10net["SDANN, scaled"]) == ("91.93", "91.89")
    assert accuracies[0]["scaled, 16 bits"] == "100.00"


@pytest.mark.usefixtures("no_data", "one_network")
def test_table_10_tells_the_energy_of_small_networks_with_all_its_digits(tmp_path):
    ran = neurochip(*QUICK, "-o", tmp_path, "--only", "table-10")
    assert ran.exit_code == 0, ran.stderr
    (row,) = csv.DictReader((tmp_path / "table-10.csv").read_text().splitlines())
    assert float(row["µJ"]) == pytest.approx(5.47 * float(row["M SOPs"]), rel=1e-3)
    assert 0 < float(row["µJ, sparse"]) < float(row["µJ"]) < 0.2
    assert all(len(row[name].lstrip("0.")) == 4 for name in ("µJ", "µJ, sparse", "M SOPs"))


def test_settings_of_a_layer_are_told_in_two_characters():
    kinds = (LayerSettings(), LayerSettings(rot=2), LayerSettings(drlo=5))
    assert [shortened(each) for each in kinds] == ["–", "R2", "D5"]


def test_an_unknown_part_names_the_parts(tmp_path):
    refused = neurochip("bench", "sdann", "-o", tmp_path / "x", "--only", "table-11")
    assert refused.exit_code == 1
    assert refused.stderr.splitlines()[0] == "error: 'sdann' has no part 'table-11'"
    assert "tables-02-03, tables-04-05" in refused.stderr
    assert not (tmp_path / "x").exists()


def test_missing_figures_are_named_and_there_is_no_note_where_none_is_missing():
    (told,) = published().gaps("operations", "change")
    assert told == (
        "beside ours stands no change of the paper: `[operations]` of `published.toml` has none"
    )
    assert published().gaps("hybrid", "sops") == ()


NETWORKS = {
    "cifar10net", "resnet18_cifar", "vgg16_cifar", "resnet18", "resnet34", "vgg16", "tiny_vgg",
    "resnet34_voc", "tiny_yolo",
}  # fmt: skip


def test_published_tables_2_to_8_are_whole():
    tables = published().tables
    assert set(tables["names"]) == NETWORKS
    assert tables["conversion"]["accuracy"].keys() == NETWORKS - {"cifar10net"}
    for field in ("float", "quantized", "scaled"):
        assert tables["accuracy"][field].keys() == NETWORKS - {"vgg16_cifar"}
    assert tables["uniform"]["dense"].keys() == NETWORKS
    for field in ("accuracy", "points", "sops"):
        rows = tables["uniform"][field]
        assert rows.keys() == NETWORKS
        assert {len(row) for row in rows.values()} == {6}
    for field in ("dense", "accuracy", "points", "sops"):
        assert tables["hybrid"][field].keys() == NETWORKS - {"vgg16_cifar"}


def test_published_cells_are_those_of_the_paper():
    """Some, typed from the paper's tables by hand: corners and rows that are easily swapped."""
    paper = published()
    assert paper.figure("conversion", "accuracy", "vgg16_cifar") == 92.87
    assert paper.figure("conversion", "accuracy", "resnet34") == 70.16
    assert paper.figure("accuracy", "float", "cifar10net") == 92.29
    assert paper.figure("accuracy", "float", "resnet34_voc") == 73.63
    assert paper.figure("uniform", "dense", "tiny_vgg") == 52.34
    assert paper.figure("uniform", "dense", "tiny_yolo") == 46.69
    assert paper.uniform("accuracy", "rot1", "cifar10net") == 90.81
    assert paper.uniform("points", "rot3", "cifar10net") == -53.37
    assert paper.uniform("points", "drlo3", "tiny_yolo") == -10.09
    assert paper.uniform("points", "drlo4", "resnet34_voc") == 0.86
    assert paper.uniform("sops", "rot1", "vgg16_cifar") == -18.52
    assert paper.uniform("sops", "rot2", "vgg16") == -42.92
    assert paper.uniform("sops", "drlo5", "tiny_yolo") == -0.52
    assert paper.uniform("sops", "drlo3", "resnet18_cifar") == -11.98
    assert paper.uniform("sops", "rot1", None) is None
    assert paper.figure("hybrid", "accuracy", "resnet34_voc") == 73.16
    assert paper.figure("hybrid", "points", "resnet34") == -1.37


def test_published_accuracies_and_their_changes_agree():
    """Changes are of accuracies with more digits: a hundredth may be off."""
    uniform, hybrid = published().tables["uniform"], published().tables["hybrid"]
    for network, dense in uniform["dense"].items():
        changed = [accuracy - dense for accuracy in uniform["accuracy"][network]]
        assert uniform["points"][network] == pytest.approx(changed, abs=0.0101), network
    for network, dense in hybrid["dense"].items():
        change = hybrid["accuracy"][network] - dense
        assert hybrid["points"][network] == pytest.approx(change, abs=0.0101), network


def of_the_paper(folder, number):
    """Rows of a table by the paper's network."""
    rows = csv.DictReader((folder / f"table-{number:02}.csv").read_text().splitlines())
    return {row["paper's network"]: row for row in rows if row["paper's network"]}


@pytest.mark.usefixtures("no_data", "one_network")
def test_tables_4_to_7_have_a_row_for_every_network_of_the_paper(tmp_path):
    parts = [f"--only={name}" for name in ("tables-04-05", "tables-06-07")]
    ran = neurochip(*QUICK, "-o", tmp_path, *parts)
    assert ran.exit_code == 0, ran.stderr
    written = {number: of_the_paper(tmp_path, number) for number in (4, 5, 6, 7)}
    assert [len(rows) for rows in written.values()] == [9, 9, 9, 9]
    row = written[4]["ResNet-34, ImageNet"]
    assert row["paper, all spikes, %"] == "71.64"
    assert written[4]["Tiny-VGG, ImageNet"]["paper, all spikes, %"] == "52.34"
    assert [row[f"paper, RoT {bits}"] for bits in (1, 2, 3)] == ["-14.13", "-21.00", "-51.86"]
    row = written[7]["VGG-16, CIFAR-10"]
    assert [row[f"paper, DRLO {kept}, %"] for kept in (5, 4, 3)] == ["-0.57", "-3.94", "-16.24"]


@pytest.mark.usefixtures("no_data")
@pytest.mark.parametrize("suite", ["sdann", "quartz"])
def test_outside_a_clone_a_suite_says_what_it_needs(suite, tmp_path, monkeypatch):
    monkeypatch.setattr("neurochip.papers.networks.REPOSITORY", tmp_path / "installed")
    refused = neurochip("bench", suite, "--quick", "-o", tmp_path / "out")
    assert refused.exit_code == 1
    first, *reasons = refused.stderr.splitlines()
    assert first == "error: there is no trained network to measure:"
    assert "  mnist_lenet: no mnist_lenet/uint8_qdq.onnx in any folder" in refused.stderr
    assert any("`--zoo DIR`" in line and "`--data DIR`" in line for line in reasons)
    assert refused.stdout == ""
    assert not (tmp_path / "out").exists()
