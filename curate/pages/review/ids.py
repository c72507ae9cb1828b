"""How the page names pictures: by digest, never by path."""

from __future__ import annotations

from collections.abc import Sequence

from curate.records import Picture


class UnknownPicture(LookupError):  # noqa: N818  (named by what is wrong, like BrokenPicture)
    """The page named a picture that the set does not hold."""


class Ids:
    """One id a row: its digest; for further files of the same bytes the digest, a tilde and a number."""

    def __init__(self, pictures: Sequence[Picture]) -> None:
        seen: dict[str, int] = {}
        names = []
        for picture in pictures:
            times = seen[picture.digest] = seen.get(picture.digest, 0) + 1
            names.append(picture.digest if times == 1 else f"{picture.digest}~{times}")
        self.names = tuple(names)
        self.shared = frozenset(digest for digest, times in seen.items() if times > 1)
        self._rows = {name: row for row, name in enumerate(names)}

    def row(self, name: object) -> int:
        """The row of an id. Raises UnknownPicture."""
        row = self._rows.get(name) if isinstance(name, str) else None
        if row is None:
            raise UnknownPicture(f"no picture of this set is called {str(name)[:80]!r}")
        return row

    def rows(self, names: object) -> tuple[int, ...]:
        if not isinstance(names, list):
            raise UnknownPicture("expected a list of pictures")
        return tuple(self.row(name) for name in names)
