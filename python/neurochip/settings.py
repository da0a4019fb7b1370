"""Settings: what a user may decide layer by layer, and the small TOML file that says it.

    [default]               # every layer that has not its own
    rot = 1

    [layers."/conv1/Conv"]  # what is not given here is the default's
    rot = 0
    drlo = 4

A new setting is a field of `LayerSettings` with its range; reading, writing and refusing follow.
One with a `help` is an option of the command line, too, which decides it for all layers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from .errors import SettingsError
from .files import reason, refuse_lfs_pointer
from .reprs import counted
from .toml import parse

MAX_BITS = 8
"""Of what is sent: no train has more spikes."""
MOST_TOLD = 20
"""Problems of a file that are listed one by one."""
MAX_BYTES = 1 << 23
"""Of a file: some hundred bytes per layer are usual."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A range of whole numbers, both ends included."""

    low: int
    high: int

    def holds(self, value: object) -> bool:
        """Whether a value read from TOML is one of them."""
        return type(value) is int and self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{self.low} to {self.high}"


@dataclass(frozen=True, slots=True)
class OneOf:
    """Some words."""

    words: tuple[str, ...]

    def holds(self, value: object) -> bool:
        """Whether a value read from TOML is one of them."""
        return value in self.words

    def __str__(self) -> str:
        return f"{', '.join(self.words[:-1])} or {self.words[-1]}"


@dataclass(frozen=True, slots=True)
class Number:
    """A range of numbers, both ends included."""

    low: float
    high: float

    def holds(self, value: object) -> bool:
        """Whether a value read from TOML is one of them."""
        return type(value) in (int, float) and self.low <= value <= self.high  # type: ignore[operator]

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


Integration: TypeAlias = Literal["auto", "exact", "scaled", "double"]
Bias: TypeAlias = Literal["auto", "exact", "scaled", "calibrated"]
Granularity: TypeAlias = Literal["per_layer", "per_channel"]
Scale: TypeAlias = Literal["auto", "largest"]

INTEGRATIONS: tuple[Integration, ...] = get_args(Integration)
BIASES: tuple[Bias, ...] = get_args(Bias)
GRANULARITIES: tuple[Granularity, ...] = get_args(Granularity)
SCALES: tuple[Scale, ...] = get_args(Scale)

DEFAULT_HEADROOM = 1.3
"""Room for membranes beyond the calibration maximum: a test image can exceed it.

Measured on MNIST's MLP with 256 calibration samples: 1.1 lets 18 of 10,000 images overflow, which
costs 0.13 points of accuracy; 1.3 lets none, and costs none. It takes a quarter of a bit.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSettings:
    """What is decided for one layer."""

    integration: Integration = field(
        default="auto",
        metadata={
            "allowed": OneOf(INTEGRATIONS),
            "of_sums": True,
            "help": "How weight sums enter membranes: exact where proven, else scaled.",
        },
    )
    """How weight sums enter the membrane; `auto` is exact where proven, and else scaled."""
    granularity: Granularity = field(
        default="per_layer",
        metadata={
            "allowed": OneOf(GRANULARITIES),
            "of_sums": True,
            "help": "Whether a scaled layer has one scale, or each channel.",
        },
    )
    """Whether a scaled layer has one scale, as published, or one per channel."""
    s1: Scale = field(default="auto", metadata={"allowed": OneOf(SCALES), "of_sums": True})
    """`largest` fills a scaled membrane, as published; `auto` does not where that rounds less."""
    headroom: float = field(
        default=DEFAULT_HEADROOM, metadata={"allowed": Number(0.01, 1000), "of_sums": True}
    )
    """Factor between the largest membrane of the calibration and the largest that fits."""
    bias: Bias = field(
        default="auto",
        metadata={
            "allowed": OneOf(BIASES),
            "of_sums": True,
            "help": "Where biases are added: to membranes, or at the output's scale.",
        },
    )
    """Where the bias is added; `auto` is exact where its register holds it, or scaled with sums."""
    rot: int = field(default=0, metadata={"allowed": Whole(0, MAX_BITS - 1)})
    """RoT: values sent are rounded to multiples of `2^rot`; 0 leaves them as they are."""
    drlo: int | None = field(default=None, metadata={"allowed": Whole(1, MAX_BITS)})
    """DRLO: only the first so many spikes of a train are sent; None sends all.

    In a file all are `drlo = 8`: no train has more.
    """

    def __repr__(self) -> str:
        decided = [
            f"{each.name}={getattr(self, each.name)!r}"
            for each in fields(self)
            if getattr(self, each.name) != each.default
        ]
        return f"LayerSettings({', '.join(decided)})"

    @property
    def leaves_spikes_out(self) -> bool:
        """Whether trains are sent with fewer spikes than they have."""
        return self.rot > 0 or self.drlo is not None

    @property
    def sparsity(self) -> str:
        """Which spikes are left out, in words."""
        rounded = [f"RoT {self.rot}"] if self.rot else []
        limited = [f"DRLO {self.drlo}"] if self.drlo is not None else []
        return ", ".join(rounded + limited) or "none"


FIELDS = {each.name: each for each in fields(LayerSettings)}
OF_SUMS = [name for name, each in FIELDS.items() if each.metadata.get("of_sums", False)]
"""What only layers with weights have."""
HELP = {name: each.metadata["help"] for name, each in FIELDS.items() if "help" in each.metadata}
"""What the command line decides for all layers, and how it says so."""


@dataclass(frozen=True)
class Settings:
    """What is decided for every layer of a network."""

    default: LayerSettings = LayerSettings()
    layers: Mapping[str, LayerSettings] = field(default_factory=dict)
    """By the layer's name, complete: fields that a file leaves out are the default's."""

    def __repr__(self) -> str:
        return f"Settings({self.default}, {counted(len(self.layers), 'layer')} by name)"

    def of(self, layer: str) -> LayerSettings:
        """The settings of a layer."""
        return self.layers.get(layer, self.default)

    @property
    def with_all_spikes(self) -> Settings:
        """The same without RoT and DRLO."""
        layers = {name: replace(layer, rot=0, drlo=None) for name, layer in self.layers.items()}
        return Settings(replace(self.default, rot=0, drlo=None), layers)

    def refuse_others(self, code: str, known: Collection[str]) -> None:
        """Checks that nothing is decided which a spike code does not have.

        Raises:
            SettingsError: All fields that are set and mean nothing to the code.
        """
        every = (self.default, *self.layers.values())
        unlike = {
            name
            for name in FIELDS
            if name not in known
            and any(getattr(each, name) != FIELDS[name].default for each in every)
        }
        if unlike:
            raise SettingsError(
                f"{', '.join(f'`{name}`' for name in FIELDS if name in unlike)}: the code "
                f"{code!r} has no such settings",
                hint="leave them out, or choose the code 'stem'",
            )

    def refuse_unknown(self, known: Iterable[str]) -> None:
        """Checks the names of layers against those of a network.

        Raises:
            SettingsError: All names that the network does not have, with those that come near.
        """
        names = list(known)
        unknown = [name for name in self.layers if name not in names]
        if unknown:
            raise SettingsError(
                "the settings name layers that the network does not have:\n"
                + "\n".join(f"  {name!r}{_nearest(name, names)}" for name in unknown[:MOST_TOLD])
                + (f"\n  ... and {len(unknown) - MOST_TOLD:,} more" * (len(unknown) > MOST_TOLD)),
                hint="`neurochip inspect` lists the layers of a graph",
            )

    def to_toml(self, comment: str = "") -> str:
        """The file's text; `comment` stands before it, line by line."""
        import tomlkit  # only who writes needs it

        document = tomlkit.document()
        for line in comment.splitlines():
            document.add(tomlkit.comment(line) if line else tomlkit.nl())
        if comment:
            document.add(tomlkit.nl())
        if self.default != LayerSettings():
            document.add("default", _to_table(self.default, LayerSettings()))
        if self.layers:
            layers = tomlkit.table(is_super_table=True)
            for name, layer in self.layers.items():
                layers.add(tomlkit.key(name), _to_table(layer, self.default))
            document.add("layers", layers)
        return tomlkit.dumps(document)

    @staticmethod
    def from_toml(text: str, source: str = "settings", **default: Any) -> Settings:
        """Reads a file's text.

        Args:
            text: TOML.
            source: What messages call it.
            default: Fields of the default that win over the file's, checked already.

        Raises:
            SettingsError: If it is no TOML, or not these tables, fields and ranges: all at once.
        """
        try:
            tables = parse(text)
        except ValueError as error:
            raise SettingsError(f"{source}: {error}") from error
        return Settings._of_tables(tables, source, default)

    def to_json(self) -> dict[str, Any]:
        """The tables of the file, as plain data; that of the default is complete."""
        default = {name: _plain(getattr(self.default, name)) for name in FIELDS}
        layers = {name: _unlike(layer, self.default) for name, layer in self.layers.items()}
        return {"default": default, "layers": layers}

    @staticmethod
    def from_json(data: Any, source: str = "settings") -> Settings:
        """Reads `to_json` back.

        Raises:
            SettingsError: As `from_toml`.
        """
        if not isinstance(data, dict):
            raise SettingsError(f"{source}: no table")
        return Settings._of_tables(dict(data), source, {})

    @staticmethod
    def _of_tables(tables: dict[str, Any], source: str, default: Mapping[str, Any]) -> Settings:
        reading = _Reading()
        decided = reading.layer("default", tables.pop("default", {}), LayerSettings())
        decided = replace(decided, **default)
        layers = tables.pop("layers", {})
        if not isinstance(layers, dict):
            reading.tell("`layers` is no table")
            layers = {}
        overrides = {
            name: reading.layer(f'layers."{name}"', table, decided)
            for name, table in layers.items()
        }
        for name in tables:
            reading.tell(f"unknown table `{name}`", name, ("default", "layers"))
        if reading.problems:
            raise SettingsError(f"{source}: {reading}")
        return Settings(decided, overrides)

    @staticmethod
    def load(path: str | Path, **default: Any) -> Settings:
        """Reads a settings file; fields given here win over those of its default.

        Raises:
            SettingsError: If it cannot be read, and as `from_toml`.
        """
        try:
            with Path(path).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise SettingsError(f"cannot read settings {str(path)!r}: {reason(error)}") from error
        refuse_lfs_pointer(data, f"settings {str(path)!r}", SettingsError)
        if len(data) > MAX_BYTES:
            raise SettingsError(f"settings {str(path)!r} have more than {MAX_BYTES:,} bytes")
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise SettingsError(f"settings {str(path)!r} are no text: {error}") from error
        return Settings.from_toml(text, repr(str(path)), **default)


class _Reading:
    """Reads tables and collects what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._more = 0

    def __str__(self) -> str:
        more = [f"... and {self._more:,} more such problems"] if self._more else []
        return "\n".join(self.problems + more)

    def tell(self, problem: str, name: str = "", known: Iterable[str] = ()) -> None:
        """Keeps a problem with what may be meant by an unknown name; many are only counted."""
        if len(self.problems) < MOST_TOLD:
            self.problems.append(problem + _nearest(name, known))
        else:
            self._more += 1

    def layer(self, where: str, table: Any, default: LayerSettings) -> LayerSettings:
        """A table's settings, completed by the default."""
        if not isinstance(table, dict):
            self.tell(f"`{where}` is no table")
            return default
        known = {name: value for name, value in table.items() if self._is_right(where, name, value)}
        if known.get("drlo") == MAX_BITS:
            known["drlo"] = None
        return replace(default, **known)

    def _is_right(self, where: str, name: str, value: Any) -> bool:
        if name not in FIELDS:
            self.tell(f"unknown field `{where}.{name}`", name, FIELDS)
            return False
        allowed = FIELDS[name].metadata["allowed"]
        if not allowed.holds(value):
            self.tell(f"`{where}.{name}` is {value!r}, expected {allowed}")
            return False
        return True


def _to_table(layer: LayerSettings, default: LayerSettings) -> Any:
    """What a layer has other than the default."""
    import tomlkit

    table = tomlkit.table()
    for name, value in _unlike(layer, default).items():
        table.add(name, value)
    return table


def _unlike(layer: LayerSettings, default: LayerSettings) -> dict[str, Any]:
    """What a layer has other than the default, as a file has it."""
    values = {name: getattr(layer, name) for name in FIELDS}
    return {
        name: _plain(value) for name, value in values.items() if value != getattr(default, name)
    }


def _plain(value: Any) -> Any:
    """All spikes are the most that a train can have: TOML has no word for nothing."""
    return MAX_BITS if value is None else value


def _nearest(name: str, known: Iterable[str]) -> str:
    """The names that come near, or all of a few."""
    names = list(known)
    near = get_close_matches(name, names, n=3) or (names if len(names) <= 6 else [])
    return f"; did you mean {' or '.join(repr(each) for each in near)}?" if near else ""
