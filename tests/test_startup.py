"""Start-up: names that are imported when they are asked for, and what a command does not import."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import neurochip as nc
from neurochip.cli import COMMANDS

PACKAGE = Path(nc.__file__).parent


def names_for_type_checkers() -> dict[str, str]:
    """Each public name, and where the imports that only type checkers read say it is."""
    homes = {}
    for node in ast.walk(ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            for alias in node.names:
                homes[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return homes


def test_every_public_name_is_what_type_checkers_take_it_for():
    homes = names_for_type_checkers()
    assert sorted(homes) == sorted(nc.__all__)
    assert homes == nc._HOMES
    for name, home in homes.items():
        module, _, attribute = home.rpartition(".")
        assert getattr(nc, name) is getattr(import_module(f"neurochip.{module}"), attribute)


def test_functions_keep_their_names_when_modules_of_the_same_name_are_imported():
    told = ran_python(
        "import neurochip.report, neurochip.chip, neurochip.simulate.run, neurochip.tune\n"
        "import neurochip as nc\n"
        "print([callable(getattr(nc, name)) for name in nc.__all__].count(False))\n"
        "from neurochip import report, tune\n"
        "print(report.__name__, tune.__name__, nc.report is report)\n"
    )
    assert told.split("\n") == ["0", "report tune True", ""]


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'neurochip' has no attribute 'simulat'"):
        nc.simulat  # noqa: B018
    assert set(nc.__all__) <= set(dir(nc))


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["--help"], {"numpy", "onnx", "rich", "neurochip.chip", "neurochip.cli.run"}),
        (["chips"], {"onnx", "PIL", "tomlkit", "neurochip.lower", "neurochip.papers"}),
        (["ops"], {"onnx.reference", "PIL", "tomlkit", "neurochip.lower", "neurochip.papers"}),
        (["run", "--help"], {"onnx.reference", "PIL", "tomlkit", "matplotlib", "neurochip.papers"}),
    ],
)
def test_a_command_imports_nothing_that_it_does_not_need(arguments, absent):
    """Found by a process of its own: whatever tests have imported is there already."""
    told = ran_python(
        "import sys\n"
        "from neurochip.cli import app\n"
        f"sys.argv = ['neurochip', *{arguments!r}]\n"
        "try:\n"
        "    app()\n"
        "except SystemExit as end:\n"
        "    assert not end.code\n"
        f"print('loaded:', *sorted({absent!r} & set(sys.modules)))\n"
    )
    assert told.splitlines()[-1] == "loaded:"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_of_each_what_its_own_help_says(name):
    module = import_module(f"neurochip.cli.{name}")
    help_text = module.app.info.help if hasattr(module, "app") else module.command.__doc__
    assert help_text.splitlines()[0] == COMMANDS[name]


def ran_python(program: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return finished.stdout
