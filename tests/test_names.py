"""A name means one thing: no two classes of the package share one."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "python" / "neurochip"


def classes_of(path: Path) -> list[str]:
    """The classes that a file defines at top level."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return [node.name for node in body if isinstance(node, ast.ClassDef)]


def homes_of_names(folder: Path) -> dict[str, list[str]]:
    """For each class name, the files that define a class of that name."""
    homes = defaultdict(list)
    for path in sorted(folder.rglob("*.py")):
        for name in classes_of(path):
            homes[name].append(str(path.relative_to(folder)))
    return homes


def test_no_two_classes_of_the_package_have_the_same_name():
    homes = homes_of_names(PACKAGE)
    assert len(homes) > 200  # the package was read
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}


def test_a_name_that_two_files_define_is_found(tmp_path):
    (tmp_path / "one.py").write_text("class Builder: ...\n")
    (tmp_path / "two.py").write_text("class Builder: ...\nclass Other: ...\n")
    assert homes_of_names(tmp_path) == {"Builder": ["one.py", "two.py"], "Other": ["two.py"]}
