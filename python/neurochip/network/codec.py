"""Codec: the dataclasses of a network, equal by value, as the core's schema has them, and back.

Rust owns the schema (`_core.image_schema`); a dataclass has its field names. Nothing here names a
field: a new one is written and read because it is there, and `tests/test_codec.py` fails while one
side has what the other has not.

| Python | the core's part | the host's part |
|---|---|---|
| `int`, `bool`, `str` | the same | the same |
| `np.float32` | its bits | |
| array of integers | a range of the binary part | a list |
| array of real numbers | | a list |
| tuple | a list | a list |
| dataclass | a table, tagged with its `VARIANT` | a table of what is no default |
| name of a population (`INDEX`) | its index | |

A class says nothing of how it is kept: each of its fields is then a field of the same name in the
core's schema (`image/description.rs`), written and read by its type. Otherwise

- `VARIANT`: which variant of the schema's enum it is, such as `{"kind": "dense"}`;
- `COMPUTED`: fields of the schema that follow from what it holds, and the property that says each;
- `ELSEWHERE`: fields of the schema that other stages add;
- `field(metadata=host())`: what the core does not know, and only the host's part keeps;
- `field(metadata=rows("shift"))`: an array of two axes, and what says how many rows it has;
- `field(metadata=APART)`: what has a place of its own, such as weights in blocks;
- `field(metadata=INDEX)`: the name of a population, which the schema has as an index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import lru_cache, partial
from types import UnionType
from typing import (
    Any,
    ClassVar,
    Literal,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import numpy as np
from numpy.typing import NDArray

from ..plain import MAX_COUNT, each, real, table, text, truth, whole

APART: Mapping[str, Any] = {"stored": "apart"}
INDEX: Mapping[str, Any] = {"index": True}


def host(low: float = -MAX_COUNT, high: float = MAX_COUNT) -> Mapping[str, Any]:
    """Kept in the host's part, which the core does not check: numbers from `low` to `high`."""
    return {"stored": "host", "low": low, "high": high}


def rows(named: str) -> Mapping[str, Any]:
    """As many rows as the field `named` of the schema says: a count, or an array of one per row."""
    return {"rows": named}


class ByValue:
    """A dataclass with arrays, declared with `eq=False`: equal by value, and without a hash."""

    __slots__ = ()
    __hash__: ClassVar[None] = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        """Whether every field that is compared holds the same."""
        if type(self) is not type(other):
            return NotImplemented
        assert is_dataclass(self)
        names = [each.name for each in fields(self) if each.compare]
        return all(are_same(getattr(self, name), getattr(other, name)) for name in names)


def are_same(a: Any, b: Any) -> bool:
    """Whether two values are equal; arrays are if shape and every number are.

    Integers may be stored at another width, as those of an image file are.
    """
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype.kind == b.dtype.kind and np.array_equal(a, b)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return False
    return bool(a == b)


Described = Mapping[str, Any]
"""A table of a description."""

Data = TypeVar("Data")

NOTHING: Described = {}


@dataclass(frozen=True, slots=True)
class Encoding:
    """What is needed to write."""

    numbers: Callable[[NDArray[np.integer]], Described]
    """Stores integers in the binary part; returns where they are."""
    index: Mapping[str, int]
    """Of populations, by name."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """What is needed to read."""

    numbers: Callable[[Described], NDArray[np.int64]]
    """Integers of the binary part, from where they are."""
    names: Sequence[str]
    """Of populations."""


# The core's part


def described(data: Any, encoding: Encoding) -> dict[str, Any]:
    """A dataclass as the core's schema says it."""
    cls = type(data)
    known = dict(getattr(cls, "VARIANT", NOTHING))
    for name, hint in core_fields(cls):
        known[name] = _described(getattr(data, name), hint, field_of(cls, name), encoding)
    for name, by in computed(cls).items():
        known[name] = getattr(data, by)
    return known


def _described(value: Any, hint: Any, field: Field[Any], encoding: Encoding) -> Any:
    if isinstance(value, str) and field.metadata.get("index"):
        return encoding.index[value]
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, np.ndarray):
        return encoding.numbers(value)
    if is_dataclass(value):
        return described(value, encoding)
    if isinstance(value, tuple):
        return [_described(one, None, field, encoding) for one in value]
    if isinstance(value, np.float32):
        return int(value.view(np.uint32))
    return bool(value) if isinstance(value, bool | np.bool_) else int(value)


def restored(
    cls: type[Data],
    told: Described,
    beside: Described,
    decoding: Decoding,
    **given: Any,
) -> Data:
    """A dataclass, read back.

    Args:
        cls: Its class.
        told: What the core's part says; the core has checked it.
        beside: What the host's part says.
        decoding: What is needed to read.
        **given: What is stored apart; None until it is filled in.

    Raises:
        ValueError: If the host's part holds something else, or does not fit the core's; a
            `KeyError` names a field that is missing.
    """
    apart = {own.name: None for own in fields_of(cls) if _is_missing_apart(own)}
    known: dict[str, Any] = {**apart, **given}
    beside = table(beside, "network")
    own = {each.name for each in fields_of(cls) if _place(each) != "apart"}
    if unknown := beside.keys() - own:
        raise ValueError(f"{cls.__name__} has no {min(unknown)!r}")
    for name, hint in core_fields(cls):
        if name not in given:
            field = field_of(cls, name)
            known[name] = _restored(hint, told.get(name), beside.get(name), field, decoding)
            if "rows" in field.metadata:
                known[name] = known[name].reshape(_count(told[field.metadata["rows"]]), -1)
    known |= _told_fields(cls, beside, _host_fields(cls))
    data = cls(**known)
    for name, by in computed(cls).items():
        if getattr(data, by) != told.get(name):
            raise ValueError(
                f"{cls.__name__}: `{name}` is {getattr(data, by)} by the host's part and "
                f"{told.get(name)} by the core's"
            )
    return data


def _restored(hint: Any, told: Any, beside: Any, field: Field[Any], decoding: Decoding) -> Any:
    if told is None:
        return None
    if field.metadata.get("index"):
        return (
            tuple(decoding.names[n] for n in told) if type(told) is list else decoding.names[told]
        )
    options = _classes(hint)
    if options:
        cls = next(one for one in options if is_variant(one, told))
        return restored(cls, told, NOTHING if beside is None else beside, decoding)
    if get_origin(hint) is tuple:
        of_each = [None] * len(told) if beside is None else beside
        if len(of_each) != len(told):
            raise ValueError(f"`{field.name}` has {len(told)} parts, {len(of_each)} for the host")
        inner = get_args(hint)[0]
        pairs = zip(told, of_each, strict=True)
        return tuple(_restored(inner, one, host, field, decoding) for one, host in pairs)
    if (dtype := array_type(hint)) is not None:
        return decoding.numbers(told).astype(dtype)
    return np.uint32(told).view(np.float32) if hint is np.float32 else told


def _count(told: Any) -> int:
    """Of rows: a count, or where numbers are, of which there is one per row."""
    return int(told["count"] if isinstance(told, Mapping) else told)


# The host's part


def beside(data: Any, *, of_host: bool = False) -> dict[str, Any]:
    """What of a dataclass the core's schema does not have; nothing that is a default.

    Args:
        data: The dataclass.
        of_host: Whether the core knows nothing of it at all.
    """
    known: dict[str, Any] = {}
    for field in fields(data):
        value = getattr(data, field.name)
        if of_host or _place(field) == "host":
            if field.default is MISSING or not are_same(value, field.default):
                known[field.name] = _plain(value)
        elif _place(field) == "core" and (inner := _beside(value)):
            known[field.name] = inner
    return known


def _beside(value: Any) -> Any:
    if is_dataclass(value):
        return beside(value)
    if isinstance(value, tuple):
        parts = [_beside(one) for one in value]
        return parts if any(parts) else None
    return None


def _plain(value: Any) -> Any:
    """A value that only the host knows, as JSON has it."""
    if hasattr(value, "to_json"):
        return value.to_json()
    if is_dataclass(value):
        return beside(value, of_host=True)
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _told_fields(
    cls: type[Any], told: Described, names: Sequence[tuple[str, Any]]
) -> dict[str, Any]:
    """What the host's part says of some fields; those that it does not say have a default."""
    known = {}
    for name, hint in names:
        field = field_of(cls, name)
        if name in told:
            known[name] = _told(hint, told[name], name, field)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise KeyError(name)
    return known


def _told(hint: Any, value: Any, what: str, field: Field[Any]) -> Any:
    if type(None) in get_args(hint):
        if value is None:
            return None
        (hint,) = (one for one in get_args(hint) if one is not type(None))
    low, high = field.metadata.get("low", -(2**62)), field.metadata.get("high", 2**62)
    if (dtype := array_type(hint)) is not None:
        read: Any = real if dtype.kind == "f" else whole
        return np.array(each(value, what, partial(read, low=low, high=high)), dtype)
    if get_origin(hint) is tuple:
        inner = get_args(hint)[0]
        return each(value, what, lambda one, where: _told(inner, one, where, field))
    if hasattr(hint, "from_json"):
        return hint.from_json(value)
    if is_dataclass(hint):
        assert isinstance(hint, type)
        told = table(value, what)
        if unknown := told.keys() - {each.name for each in fields_of(hint)}:
            raise ValueError(f"`{what}` has no {min(unknown)!r}")
        types = hints_of(hint)
        return hint(**_told_fields(hint, told, [(one, types[one]) for one in types]))
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ValueError(f"`{what}` is {value!r}, expected {' or '.join(get_args(hint))}")
        return value
    if hint in (str, bool):
        return {str: text, bool: truth}[hint](value, what)
    return (real if hint is float else whole)(value, what, low, high)


# What classes say of themselves

Asked = TypeVar("Asked", bound=Callable[..., Any])


def once(of_class: Asked) -> Asked:
    """Asks each class once; types are hashable, which type checkers do not know of all."""
    return cast("Asked", lru_cache(maxsize=None)(of_class))


@once
def hints_of(cls: type[Any]) -> Mapping[str, Any]:
    """The types of its fields, by name."""
    types = get_type_hints(cls)
    return {each.name: types[each.name] for each in fields(cls)}


@once
def fields_of(cls: type[Any]) -> tuple[Field[Any], ...]:
    """Its fields."""
    return fields(cls)


@once
def field_of(cls: type[Any], name: str) -> Field[Any]:
    """A field by its name."""
    return next(each for each in fields(cls) if each.name == name)


@once
def core_fields(cls: type[Any]) -> tuple[tuple[str, Any], ...]:
    """Names and types of what the core's schema has by the same name."""
    return tuple(_fields_in(cls, "core"))


@once
def _host_fields(cls: type[Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(_fields_in(cls, "host"))


def _fields_in(cls: type[Any], place: str) -> Iterator[tuple[str, Any]]:
    for field in fields_of(cls):
        if _place(field) == place:
            yield field.name, hints_of(cls)[field.name]


def computed(cls: type[Any]) -> Mapping[str, str]:
    """Fields of the schema that follow from the others, with the property that says each."""
    known: Mapping[str, str] = getattr(cls, "COMPUTED", NOTHING)
    return known


def is_variant(cls: type[Any], told: Described) -> bool:
    """Whether a table of a description is one of this class."""
    return all(told[tag] == word for tag, word in getattr(cls, "VARIANT", NOTHING).items())


def _classes(hint: Any) -> list[type[Any]]:
    """The dataclasses that a field may hold."""
    one_of = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return [one for one in one_of if isinstance(one, type) and is_dataclass(one)]


def array_type(hint: Any) -> np.dtype[Any] | None:
    """The type of the numbers of an array, or of one that may be missing; None of no array."""
    one_of = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    for one in one_of:
        if get_origin(one) is np.ndarray:
            number: np.dtype[Any] = np.dtype(get_args(get_args(one)[1])[0])
            return number
    return None


def _place(field: Field[Any]) -> str:
    """Where a field is kept: in the `core`'s part, the `host`'s, or `apart`."""
    return str(field.metadata.get("stored", "core"))


def _is_missing_apart(field: Field[Any]) -> bool:
    """Whether a field is kept apart, and has to be filled in."""
    return _place(field) == "apart" and field.default is MISSING
