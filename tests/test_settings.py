"""Settings: their TOML file, and how a wrong one is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import neurochip as nc
from neurochip import LayerSettings, Settings
from neurochip.errors import SettingsError
from neurochip.settings import BIASES, GRANULARITIES, INTEGRATIONS, SCALES

LAYERS = st.builds(
    LayerSettings,
    rot=st.integers(0, 7),
    drlo=st.none() | st.integers(1, 7),
    integration=st.sampled_from(INTEGRATIONS),
    granularity=st.sampled_from(GRANULARITIES),
    s1=st.sampled_from(SCALES),
    headroom=st.floats(0.01, 1000),
    bias=st.sampled_from(BIASES),
)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


def refusal(text: str) -> str:
    with pytest.raises(SettingsError) as raised:
        Settings.from_toml(text)
    return str(raised.value)


@given(st.builds(Settings, LAYERS, st.dictionaries(NAMES, LAYERS, max_size=4)))
def test_what_is_written_is_read_again(settings):
    read = Settings.from_toml(settings.to_toml("found by a search\n\nover digits"))
    assert read.default == settings.default
    assert read.layers == settings.layers


def test_a_layer_has_the_default_s_fields_unless_its_own_table_gives_them():
    settings = Settings.from_toml(
        'default.rot = 1\ndefault.drlo = 4\n[layers."/0/Conv"]\nrot = 0\n[layers.fc]\ndrlo = 8\n'
    )
    assert settings.of("/0/Conv") == LayerSettings(rot=0, drlo=4)
    assert settings.of("fc") == LayerSettings(rot=1, drlo=None)
    assert settings.of("elsewhere") == LayerSettings(rot=1, drlo=4)


def test_a_written_file_says_no_more_than_was_decided():
    settings = Settings(LayerSettings(rot=1), {"/0/Conv": LayerSettings(rot=1, drlo=4)})
    assert settings.to_toml("98.0 %") == (
        '# 98.0 %\n\n[default]\nrot = 1\n\n[layers."/0/Conv"]\ndrlo = 4\n'
    )
    assert Settings().to_toml() == ""


def test_all_that_is_wrong_with_a_file_is_said_at_once():
    assert refusal(
        "[default]\nrott = 1\n[layers.fc]\nrot = 9\ndrlo = 0\n[layers.a]\nrot = true\n[layer.b]\n"
    ) == (
        "settings: unknown field `default.rott`; did you mean 'rot'?\n"
        '`layers."fc".rot` is 9, expected 0 to 7\n'
        '`layers."fc".drlo` is 0, expected 1 to 8\n'
        '`layers."a".rot` is True, expected 0 to 7\n'
        "unknown table `layer`; did you mean 'layers'?"
    )


def test_what_should_be_a_table_and_is_none_is_refused():
    assert refusal("default = 1\nlayers = 2") == (
        "settings: `default` is no table\n`layers` is no table"
    )
    assert refusal("layers.fc = 2") == 'settings: `layers."fc"` is no table'


def test_what_is_no_toml_is_refused_with_its_place():
    assert "at line 2, column 6" in refusal("[default]\nrot =\n")


def test_files_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"cannot read settings '.*': no such file"):
        Settings.load(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"settings '.*binary\.toml' are no text"):
        Settings.load(tmp_path / "binary.toml")


def test_layers_that_the_network_does_not_have_are_refused_all_at_once(examples, tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text('[layers."/0/Cov"]\nrot = 1\n[layers.nowhere]\nrot = 2\n')
    with pytest.raises(SettingsError) as raised:
        nc.compile(examples / "digits_cnn.onnx", "tiny", settings=path)
    graph = nc.load_graph(examples / "digits_cnn.onnx")
    first, wrong, nowhere = str(raised.value).splitlines()
    assert first == "the settings name layers that the network does not have:"
    assert wrong.startswith("  '/0/Cov'; did you mean '/0/Conv'")
    assert nowhere.startswith("  'nowhere'")
    assert graph.layers[0].name == "/0/Conv"
    assert raised.value.hint == "`neurochip inspect` lists the layers of a graph"


def test_words_and_numbers_that_cannot_be_are_refused():
    text = 'default.integration = "twice"\ndefault.bias = 3\ndefault.headroom = 0\n'
    assert refusal(text + 'default.granularity = "per_neuron"\nlayers.a.headroom = "more"\n') == (
        "settings: `default.integration` is 'twice', expected auto, exact, scaled or double\n"
        "`default.bias` is 3, expected auto, exact, scaled or calibrated\n"
        "`default.headroom` is 0, expected 0.01 to 1000\n"
        "`default.granularity` is 'per_neuron', expected per_layer or per_channel\n"
        "`layers.\"a\".headroom` is 'more', expected 0.01 to 1000"
    )


def test_what_the_command_line_decides_wins_over_the_default_but_not_over_a_layer_s_table():
    text = 'default.bias = "exact"\ndefault.rot = 1\nlayers.a.bias = "exact"\nlayers.b.rot = 2\n'
    settings = Settings.from_toml(text, bias="calibrated")
    assert settings.default == LayerSettings(bias="calibrated", rot=1)
    assert settings.of("a") == LayerSettings(bias="exact", rot=1)
    assert settings.of("b") == LayerSettings(bias="calibrated", rot=2)
