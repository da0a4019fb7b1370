"""No file imports itself by way of others: what it is can be read without what comes later."""

from __future__ import annotations

from import_graph import circle, python_imports, rust_imports

FACE = "neurochip"
"""Imports nothing before it is asked for; its imports for type checkers name every stage."""


def test_no_file_of_the_package_imports_itself_by_way_of_others():
    graph = python_imports()
    assert len(graph) > 200  # the package was read
    assert FACE in graph
    graph = {name: files - {FACE} for name, files in graph.items() if name != FACE}
    assert circle(graph) is None


def test_no_module_of_the_core_names_itself_by_way_of_others():
    graph = rust_imports()
    assert {"image::description", "engine::noc"} <= graph["engine"] | graph["simulator"]
    assert circle(graph) is None


def test_an_import_for_type_checkers_inside_a_function_closes_a_circle(tmp_path):
    package = tmp_path / "house"
    (package / "room").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "room" / "__init__.py").write_text("from .door import open_it\n")
    (package / "room" / "door.py").write_text("from ..wall import Wall\n")
    (package / "wall.py").write_text(
        "if TYPE_CHECKING:\n    def here():\n        from .room import open_it\n"
    )
    around = circle(python_imports(package))
    assert around is not None
    assert set(around) == {"house.room", "house.room.door", "house.wall"}


def test_a_path_in_an_expression_and_a_nested_use_close_a_circle(tmp_path):
    (tmp_path / "lib.rs").write_text("mod one; mod two; mod three;")
    (tmp_path / "one.rs").write_text("use crate::{three::{Three}, two::{A, b::B}};")
    (tmp_path / "two.rs").write_text("fn f() { super::one::g() } // crate::three")
    (tmp_path / "three.rs").write_text("#[cfg(test)]\nmod tests { use crate::one::g; }")
    graph = rust_imports(tmp_path)
    assert graph["one"] == {"two", "three"}
    assert graph["three"] == set()
    assert set(circle(graph) or ()) == {"one", "two"}
