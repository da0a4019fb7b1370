"""The compiled core: five classes, flat arrays."""

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Chip",
    "Image",
    "Job",
    "Placer",
    "Simulator",
    "built_in_chips",
    "image_schema",
    "instruction_set",
    "population_counters",
]

def built_in_chips() -> list[tuple[str, str]]:
    """Name and TOML text of each chip that travels with the package."""

def image_schema() -> str:
    """What the description of an image may say, as JSON Schema."""

def population_counters() -> list[str]:
    """The names of what a run counts by population, in the order of its arrays."""

def instruction_set() -> str:
    """For which instructions loops run: baseline, avx2 or avx512."""

@final
class Chip:
    """A checked chip description."""

    def __new__(cls, toml: str, overrides: list[tuple[str, str]]) -> Chip: ...
    @staticmethod
    def from_json(text: str) -> Chip: ...
    def to_json(self) -> str: ...
    def fingerprint(self) -> str: ...
    def ports(self) -> list[tuple[int, int]]: ...
    def barrier_cycles(self, active_nodes: int) -> int: ...
    def tick_cycles(self) -> int: ...
    def provenance(self, field: str) -> str | None: ...
    def provenance_json(self, field: str) -> str | None: ...
    def assumed(self) -> list[tuple[str, str]]: ...
    def __reduce__(self) -> tuple[Any, tuple[str]]: ...
    def replay(
        self,
        created: NDArray[np.uint64],
        source: NDArray[np.uint32],
        destination: NDArray[np.uint32],
        decoded: bool,
    ) -> Job: ...

@final
class Image:
    """A checked image."""

    def __new__(cls, description: str, blob: bytes) -> Image: ...
    @staticmethod
    def from_bytes(data: bytes) -> Image: ...
    def to_bytes(self) -> bytes: ...
    def description(self) -> str: ...
    def blob(self) -> bytes: ...
    def __reduce__(self) -> tuple[Any, tuple[bytes]]: ...

@final
class Simulator:
    """An image unpacked for running."""

    def __new__(cls, image: Image) -> Simulator: ...
    def flows(
        self, spikes: NDArray[np.uint64]
    ) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint64]]: ...
    def start(
        self,
        codes: NDArray[np.uint8],
        cycles: bool,
        record: bool,
        threads: int,
        part: tuple[int, bool] = ...,
        detail: bool = False,
    ) -> Job: ...

@final
class Job:
    """Work under way on other threads."""

    def wait(self, seconds: float) -> bool: ...
    def done(self) -> int: ...
    def cancel(self) -> None: ...
    def result(self) -> dict[str, Any]: ...

@final
class Placer:
    """Tiles that are to be placed on a mesh."""

    def __new__(
        cls,
        size: tuple[int, int],
        max_hops: tuple[int | None, int | None],
        core_words: NDArray[np.int64],
        ports: tuple[int, list[tuple[int, int]]],
        tile_words: NDArray[np.int64],
        flows: tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint64]],
    ) -> Placer: ...
    def cost(self, nodes: NDArray[np.uint32]) -> tuple[int, int]: ...
    def descend(self, nodes: NDArray[np.uint32]) -> NDArray[np.uint32]: ...
    def anneal(self, nodes: NDArray[np.uint32], spread: int, seed: int) -> NDArray[np.uint32]: ...
