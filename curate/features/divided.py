"""A store in two places: what was measured of pictures where many machines share it, all else in the user's cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from curate.features.memory import Parts, Store
from curate.features.parquet import ParquetStore


class Divided(Store):
    """Measured features in one store, all else in another; what the second knows of features from before counts too."""

    def __init__(self, features: ParquetStore, rest: Store, measured: Callable[[str], bool]) -> None:
        """`measured`: whether a part is one of measured features."""
        self.features, self._rest, self._measured = features, rest, measured

    @property
    def problems(self) -> tuple[str, ...]:
        return (*self._rest.problems, *self.features.problems)

    def each(self, part: str, keys: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        held: set[str] = set()
        for key, value in self._rest.each(part, keys):
            held.add(key)
            yield key, value
        if self._measured(part) and len(held) < len(keys):
            yield from self.features.each(part, [key for key in keys if key not in held])

    def holds(self, parts: Sequence[str], keys: Sequence[str]) -> set[str]:
        held = self._rest.holds(parts, keys)
        rest = [key for key in keys if key not in held]
        return held | (self.features.holds(parts, rest) if all(map(self._measured, parts)) else set())

    def put(self, parts: Parts) -> None:
        ours = {part: values for part, values in parts.items() if self._measured(part)}
        self.features.put(ours)
        self._rest.put({part: values for part, values in parts.items() if part not in ours})

    def put_later(self, part: str, key: str, value: bytes) -> None:
        (self.features if self._measured(part) else self._rest).put_later(part, key, value)

    def has(self, part: str) -> bool:
        return self._rest.has(part) or (self._measured(part) and self.features.has(part))

    def close(self) -> None:
        try:
            self.features.close()
        finally:
            self._rest.close()
