"""Chip: the description of a chip, read and checked by the Rust core.

The schema of a chip file is `ChipSpec` in the core and nowhere else; what is here reads its fields.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from .errors import ChipError
from .files import refuse_lfs_pointer

SUFFIX = ".toml"
MAX_FILE_BYTES = 1 << 20
"""Of a chip file; the core refuses longer ones."""


@dataclass(frozen=True, repr=False)
class Chip:
    """A checked chip description."""

    core: _core.Chip
    source: str | None = field(default=None, compare=False)
    """The name or file that it was read from; None if it was read from an image."""
    overrides: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Fields that were overridden as it was read, with their values as TOML."""

    def __repr__(self) -> str:
        return f"Chip({self.name!r}, {self.num_cores:,} cores)"

    @cached_property
    def spec(self) -> Mapping[str, Any]:
        """Every field, as nested tables; units are in the names."""
        spec: Mapping[str, Any] = json.loads(self.core.to_json())
        return spec

    @property
    def name(self) -> str:
        """What reports call it: with its profile, if it has several."""
        profile = self.spec["profile"]
        return str(self.spec["name"]) if profile is None else f"{self.spec['name']}:{profile}"

    @property
    def profiles(self) -> tuple[str, ...]:
        """The other sets of numbers that its file has."""
        return tuple(self.spec["profiles"])

    @property
    def default_code(self) -> str:
        """The spike code that is meant where none is given."""
        accepted = (self.spec["codes"] or {}).get("accepted")
        return str(accepted[0]) if accepted else "stem"

    def require_code(self, code: str) -> None:
        """Refuses a spike code that its neurons cannot compute.

        Raises:
            ChipError: With the reason.
        """
        codes = self.spec["codes"]
        if codes is None or code in codes["accepted"]:
            return
        reason = codes["refused"].get(code, "nothing is known of it")
        accepted = " or ".join(f"`--code {name}`" for name in codes["accepted"])
        raise ChipError(
            f"{self.name!r} does not compute the code {code!r} (codes.accepted): {reason}",
            hint=f"take {accepted}, or another chip"
            if accepted
            else "take another chip: this one is there to be inspected",
        )

    @property
    def clock_mhz(self) -> float | None:
        """Clock frequency, MHz; None for a chip without a clock."""
        clock: float | None = self.spec["process"]["clock_mhz"]
        return clock

    @property
    def time_base_ns(self) -> float | None:
        """What a cycle is on a chip without a clock, ns; None where there is one."""
        time_base: float | None = self.spec["process"]["time_base_ns"]
        return time_base

    @property
    def cycles_per_us(self) -> float:
        """Cycles in a microsecond, of the clock or of the time base."""
        return self.clock_mhz or 1e3 / float(self.spec["process"]["time_base_ns"])

    @property
    def tick_cycles(self) -> int:
        """Shortest timestep, cycles; 0: none. `sync.tick_us` at the chip's clock, rounded up."""
        return self.core.tick_cycles()

    def barrier_cycles(self, active_nodes: int) -> int:
        """Cycles of the barrier of a network with neurons on so many nodes."""
        return self.core.barrier_cycles(active_nodes)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything but the provenance: equal chips, equal fingerprints."""
        return self.core.fingerprint()

    def provenance(self, field: str) -> str:
        """Where a dotted field's value comes from: a graded source, or `assumed: why`."""
        return self.core.provenance(field) or ""

    def stated(self, field: str) -> Mapping[str, Any]:
        """The same in parts: `grade`, and `source`, `why`, `low`, `high`, `choices` where known.

        Grades are `published`, `derived`, `fitted`, `assumed` and `user`. What needs no source,
        such as the number of chips, is the user's to choose.
        """
        found = self.core.provenance_json(field)
        chosen = {"grade": "user", "why": "chosen for a run"}
        stated: Mapping[str, Any] = chosen if found is None else json.loads(found)
        return stated

    def assumed(self) -> dict[str, str]:
        """The fields whose values no source gives, each with the reason for its value."""
        return dict(self.core.assumed())

    @cached_property
    def board(self) -> tuple[int, int]:
        """Chips along x and along y."""
        board = self.spec["board"]
        return board["chips_x"], board["chips_y"]

    @property
    def num_chips(self) -> int:
        """Chips on the board."""
        return self.board[0] * self.board[1]

    @cached_property
    def chip_size(self) -> tuple[int, int]:
        """Nodes of one chip along x and along y."""
        mesh = self.spec["mesh"]
        return mesh["width"], mesh["height"]

    @cached_property
    def size(self) -> tuple[int, int]:
        """Nodes of the board along x and along y."""
        return self.chip_size[0] * self.board[0], self.chip_size[1] * self.board[1]

    @cached_property
    def cores_per_node(self) -> int:
        """Cores at each router."""
        return self.spec["mesh"]["cores_per_node"] or 1

    def holds_neurons(self) -> NDArray[np.bool_]:
        """(rows, columns) of one chip: where cores can hold neurons."""
        free = np.ones(self.chip_size[::-1], np.bool_)
        for x, y in self.spec["mesh"]["reserved"]:
            free[y, x] = False
        return free

    def cores(self) -> list[int]:
        """The cores of the board that can hold neurons, ascending.

        Those of a node count from its number times the cores of a node.
        """
        nodes = np.flatnonzero(np.tile(self.holds_neurons(), self.board[::-1]))
        first = nodes[:, None] * self.cores_per_node
        cores: list[int] = (first + np.arange(self.cores_per_node)).ravel().tolist()
        return cores

    @property
    def num_cores(self) -> int:
        """How many cores of the board can hold neurons."""
        return int(self.holds_neurons().sum()) * self.num_chips * self.cores_per_node

    def node_of(self, core: int) -> int:
        """The node of a core."""
        return core // self.cores_per_node

    def position_of(self, core: int) -> tuple[int, int]:
        """Column and row on the board of the node of a core."""
        return self.position(self.node_of(core))

    def ports(self) -> list[tuple[int, int]]:
        """Column and row, on the board, of the router of each io port."""
        return self.core.ports()

    def position(self, node: int) -> tuple[int, int]:
        """Column and row of a node on the board."""
        return node % self.size[0], node // self.size[0]

    def chip_at(self, position: tuple[int, int]) -> tuple[int, int]:
        """The chip that a column and row are on, as chips along x and along y."""
        return position[0] // self.chip_size[0], position[1] // self.chip_size[1]

    def dendrite_words(self, core: int) -> int:
        """Words of the dendrite memory of a core."""
        return int(self.dendrite_words_of_column[self.position_of(core)[0]])

    @cached_property
    def dendrite_words_of_column(self) -> NDArray[np.int64]:
        """Words of the dendrite memory of a core, by column of the board."""
        depths = self.spec["core"]["dendrite_memory"]["depth_words_by_column"]
        of_chip = np.resize(np.array(depths, np.int64), self.chip_size[0])
        return np.tile(of_chip, self.board[0])


def built_in() -> tuple[str, ...]:
    """Names of the chips that travel with the package."""
    return tuple(name for name, _ in _core.built_in_chips())


def load(
    chip: str | Path | Chip,
    overrides: Mapping[str, object] | None = None,
) -> Chip:
    """Reads a chip: a built-in name, with or without `.toml`, or a file, which wins over a name.

    Args:
        chip: Name or path, of a chip with several profiles `name:profile`; a `Chip` passes
            through when nothing is overridden.
        overrides: Dotted fields and the values they take in this run, such as
            `{"noc.hop_cycles": 3}`.

    Raises:
        ChipError: If there is no such chip, or it is not a possible one.
    """
    if isinstance(chip, Chip):
        if overrides:
            raise ChipError(
                "a chip that is loaded cannot be overridden", hint="give its name and `overrides`"
            )
        return chip
    overridden = {name: as_toml(value) for name, value in (overrides or {}).items()}
    text, profile = _text(chip)
    settings = [*overridden.items(), *([] if profile is None else [("profile", profile)])]
    try:
        return Chip(_core.Chip(text, settings), str(chip), overridden)
    except ChipError as error:
        told = str(error)
        separator = "\n" if "\n" in told else " "
        raise ChipError(f"in chip {str(chip)!r}:{separator}{told}", hint=error.hint) from None


def _text(chip: str | Path) -> tuple[str, str | None]:
    """What a chip file says, and the profile that a name like `loihi:nahuku` asks for."""
    named, colon, profile = str(chip).rpartition(":")
    if colon and not Path(chip).is_file():
        return _text(named)[0], profile
    path = Path(chip)
    if path.is_file():
        return _file_text(path), None
    texts = dict(_core.built_in_chips())
    name = str(chip).removesuffix(SUFFIX)
    if name in texts:
        return texts[name], None
    near = difflib.get_close_matches(name, texts, n=1, cutoff=0.4)
    known = ", ".join(f"`{known}`" for known in texts)
    hint = f"did you mean `{near[0]}`?" if near else f"the built-in chips are {known}"
    raise ChipError(f"no chip {str(chip)!r}: no such file, and not one of {known}", hint=hint)


def _file_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        refuse_lfs_pointer(content, repr(str(path)), ChipError)
        return content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ChipError(f"cannot read chip file {str(path)!r}: {error}") from error


def built_in_text(name: str) -> str:
    """The file of a built-in chip, to start one's own from.

    Raises:
        ChipError: If there is no such chip.
    """
    texts = dict(_core.built_in_chips())
    if name.removesuffix(SUFFIX) not in texts:
        known = ", ".join(f"`{each}`" for each in texts)
        raise ChipError(f"no built-in chip {name!r}", hint=f"the built-in chips are {known}")
    return texts[name.removesuffix(SUFFIX)]


UNITS = {
    "millicycles": "thousandths of a cycle",
    "cycles": "cycles",
    "latency": "cycles",
    "flits": "flits",
    "hops": "hops",
    "bits": "bits",
    "words": "words",
    "entries": "entries",
    "neurons": "neurons",
    "lanes": "neurons",
    "dendrites": "dendrites",
    "synapses": "synapses",
    "mhz": "MHz",
    "pj": "pJ",
    "mw": "mW",
    "us": "us",
    "ns": "ns",
    "nm": "nm",
    "v": "V",
}
"""By a word of a field's name: the schema puts the unit there."""


def unit(field: str) -> str:
    """The unit of a dotted field; empty for words, switches, positions and plain numbers."""
    table, _, name = field.rpartition(".")
    if name.startswith("sops_per"):
        return "SOPs per cycle"
    if table.startswith(("core.timing.soma_cycles", "core.second_state_word.soma_cycles")):
        return UNITS["cycles"]
    words = name.removesuffix("_x").removesuffix("_y").split("_per_")[0].split("_by_")[0].split("_")
    return next((UNITS[word] for word in reversed(words) if word in UNITS), "")


def as_toml(value: object) -> str:
    """A Python or NumPy value as TOML; text is TOML already, as on the command line."""
    if isinstance(value, str):
        return value
    return _inline(value)


def _inline(value: object) -> str:
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_inline(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return "none" if value is None else json.dumps(value)
