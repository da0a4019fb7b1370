"""The words of docstrings, help texts and messages: standard ones, which every reader knows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "python" / "neurochip"
RUST = (ROOT / "rust" / "neurochip" / "src", ROOT / "rust" / "neurochip-py" / "src")

COUNTED = (
    "one|two|numbers?|scales?|point|bytes?|bits?|rows?|entry|flits?|spikes?|packets?|samples|words?"
    "|points?|weights?|column|element"
)
EACH = (
    "output channel|channel|sample|neuron|core|node|timestep|tensor|layer|row|line|file|output"
    "|second|cycle|value|population|bit|byte|network|code|packet|flit|input|word|tile|synapse|port"
)
REFUSED = {
    rf"(?<!many )(?<!which )\b(?:{COUNTED}) an? (?:{EACH})\b"
    r"(?! (?:can|is|takes?|sends?|has|holds|stores|leaves|adds|that|or)\b)(?!,)": "one per channel",
    r"\bless than nothing\b": "negative",
    r"\bbehind\b": "after, downstream",
    r"\b(?:is|are|was|were|be|not) told\b(?! apart)|\btold (?:of|by|as|with|layer)\b": "reported",
    r"\btells? (?:of|it|them|the user)\b|\btellings\b": "says, reports",
    r"\bpictures?\b(?!\.py)": "images, samples",
    r"(?<!_)\bprices?\b|\bpriced\b": "energy per event",
    r"\bat hand\b": "given, known; not published",
}
"""What is not written, as regular expressions, and what is written instead."""

LATER = (
    "rust/neurochip/src/neuron.rs",
    "rust/neurochip/src/neuron/",
    "rust/neurochip/src/values.rs",
    "rust/neurochip/src/synapse.rs",
)
"""Rooms whose words are still the earlier ones."""


def written_in_python(path: Path) -> Iterator[tuple[int, str]]:
    """Docstrings, help texts and messages: strings of more than one word, with their lines."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value


def written_in_rust(path: Path) -> Iterator[tuple[int, str]]:
    """Blocks of doc comments, with the line of each that they begin in."""
    block, start = [], 1
    for number, line in enumerate([*path.read_text(encoding="utf-8").splitlines(), ""], 1):
        if found := re.match(r"\s*//[/!] ?(.*)", line):
            start = start if block else number
            block.append(found[1])
        elif block:
            yield start, "\n".join(block)
            block = []


def refused(text: str) -> list[str]:
    """Each phrase that is not written, and what is instead."""
    one_line = " ".join(text.split())
    return [
        f"{found[0]!r}: write {instead}"
        for pattern, instead in REFUSED.items()
        for found in re.finditer(pattern, one_line, re.IGNORECASE)
    ]


def files() -> list[Path]:
    paths = [*PACKAGE.rglob("*.py"), *(path for folder in RUST for path in folder.rglob("*.rs"))]
    return sorted(path for path in paths if not str(path.relative_to(ROOT)).startswith(LATER))


def test_docstrings_and_messages_are_in_words_that_every_reader_knows():
    found = []
    for path in files():
        written = written_in_python if path.suffix == ".py" else written_in_rust
        for line, text in written(path):
            found += [f"{path.relative_to(ROOT)}:{line}: {each}" for each in refused(text)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "Scales, one a channel.", "flits a cycle", "one scale an\n    output channel",
        "It weighs less than nothing.", "values behind it", "no accuracy is told",
        "a folder of pictures", "counts times prices", "neither is at hand",
    ],
)  # fmt: skip
def test_a_phrase_that_is_refused_is_found(text):
    assert len(refused(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "one per channel", "How many spikes a code, or a setting, sends", "Level q tells the two "
        "apart", "what is told apart", "which weights a spike adds", "negative",
    ],
)  # fmt: skip
def test_standard_english_is_not_refused(text):
    assert refused(text) == []
