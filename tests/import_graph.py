"""What imports what: the files of the Python package, and the modules of the Rust core."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "python" / "neurochip"
CORE = ROOT / "rust" / "neurochip" / "src"

TEST_MODULE = re.compile(r"#\[cfg\(test\)\]\s*mod \w+ \{")
USE = re.compile(r"\buse\s+([^;]+);")
PATH = re.compile(r"(?<![\w:])[a-z_]\w*(?:::\w+)+")


def imported_modules(path: Path, package: Path = PACKAGE) -> Iterator[str]:
    """Full names of what a file imports: `neurochip.graph.load` for `from ..graph import load`."""
    folders = [package.name, *path.relative_to(package).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = folders[: len(folders) - node.level + 1] if node.level else []
            names = [*base, *([node.module] if node.module else [])]
            yield from (".".join([*names, alias.name]) for alias in node.names)


def python_imports(package: Path = PACKAGE) -> dict[str, set[str]]:
    """For each file of the package, the files it imports, also inside functions and for types."""
    files = {_python_name(path, package): path for path in package.rglob("*.py")}
    graph = {}
    for name, path in files.items():
        asked = (_file_of(module, files) for module in imported_modules(path, package))
        graph[name] = {file for file in asked if file} - {name}
    return graph


def _python_name(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _file_of(module: str, files: Mapping[str, Path]) -> str | None:
    """The file that is imported: the last name may be a file, or a name inside one."""
    return next((each for each in (module, module.rpartition(".")[0]) if each in files), None)


def rust_imports(source: Path = CORE) -> dict[str, set[str]]:
    """For each module of a crate, the modules that it names outside tests.

    A module may name what is above it: a folder's file holds what its files share.
    """
    modules = {_rust_name(path, source): path for path in source.rglob("*.rs")}
    modules = {name: path for name, path in modules.items() if name[-1:] != ("tests",)}
    graph: dict[str, set[str]] = {}
    for name, path in modules.items():
        text = TEST_MODULE.split(re.sub(r"//[^\n]*", "", path.read_text(encoding="utf-8")))[0]
        named = [each for tree in USE.findall(text) for each in _paths_of_use(tree)]
        named += PATH.findall(USE.sub("", text))
        found = (_module_of(each, name, set(modules)) for each in named)
        others = (each for each in found if each is not None and each != name[: len(each)])
        graph["::".join(name)] = {"::".join(each) for each in others}
    return graph


def _rust_name(path: Path, source: Path) -> tuple[str, ...]:
    parts = path.relative_to(source).with_suffix("").parts
    return () if parts == ("lib",) else parts


def _paths_of_use(tree: str) -> list[str]:
    """`a::{b, c::d}` is `a::b` and `a::c::d`."""
    before, brace, inside = tree.strip().partition("{")
    if not brace:
        return [before.split(" as ")[0].strip()]
    parts, depth = [""], 0
    for letter in inside.rstrip()[:-1]:
        depth += (letter == "{") - (letter == "}")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [before + path for part in parts if part.strip() for path in _paths_of_use(part)]


def _module_of(
    path: str, here: tuple[str, ...], modules: set[tuple[str, ...]]
) -> tuple[str, ...] | None:
    """The module that a path leads to; None for another crate's, or a name of this module's own."""
    first, *names = path.split("::")
    at = here
    if first == "crate":
        at = ()
    elif first == "super":
        at = here[:-1]
        while names[:1] == ["super"]:
            at, names = at[:-1], names[1:]
    elif first != "self":
        names = [first, *names]
        if (*here, first) not in modules:
            return None
    for name in names:
        if (*at, name) not in modules:
            break
        at = (*at, name)
    return at


def circle(graph: Mapping[str, set[str]]) -> list[str] | None:
    """A way that ends where it began; None if there is no such way."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return None
