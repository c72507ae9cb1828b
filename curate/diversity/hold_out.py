"""Which pictures to hold out for validation, so that nothing of them is trained on.

Pictures that are nearly the same lie on one side: those of one group, and all that are linked by a kernel value of at
least 1/2 (the similarity at which two pictures count as 1.33), chains included, since a burst is a chain. Of what can
be taken whole, each pick comes from the view that is furthest behind its share of the set, and in it the picture that
stands for the most of what no pick stands for yet (facility location: Nemhauser, Wolsey and Fisher 1978). So the
held-out pictures are typical ones; a view's only picture stays in the training.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from curate.diversity import effective, targets
from curate.records import View

if TYPE_CHECKING:
    from numpy.typing import NDArray

KNOWN = 0.7  # least share of pictures with a known view from which they are spread over views: as coverage's verdict
SAMPLE = 2048  # pictures that stand for a larger set when typical ones are looked for
BLOCK = 1024  # rows whose kernel is held at once
UNKNOWN = -1  # view of a row of which none is known
NEAR = 0.5  # kernel value from which two pictures lie on one side


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOutInputs:
    """The set, row by row, in an order that does not depend on how its files are listed."""

    embeddings: NDArray[np.float32]  # [N, D]
    views: Sequence[View | None]  # [N]; None: not known
    together: Sequence[Sequence[int]]  # rows of one photograph or one group of look-alikes
    u: float  # similarity scale: 1 - half similarity
    folded: bool = False  # left and right count as one


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutRows:
    """What is held out."""

    rows: tuple[int, ...]  # in the order of the picks
    linked: int  # of them, those that another one drew along
    views: int | None  # different views among them; None: spread by looks alone


def hold_out(inputs: HoldOutInputs, count: int) -> HeldOutRows:
    """`count` rows, or fewer where only whole groups could reach it; () where nothing can be taken whole."""
    choice = _Choice(inputs)
    linked = 0
    for cautious in (True, False):  # a view's only picture is taken after all, if need be
        choice.open_all()
        while len(choice.taken) < count:
            row = choice.next()
            if row is None:
                break
            unit = choice.unit(row)
            fits = len(choice.taken) + len(unit) <= min(count, choice.size - 1)
            if not fits or (cautious and choice.empties_a_view(unit)):
                choice.pass_over(unit)
            else:
                choice.take(row, unit)
                linked += len(unit) - 1
    views = {choice.view(row) for row in choice.taken} - {UNKNOWN}
    return HeldOutRows(rows=tuple(choice.taken), linked=linked, views=len(views) if choice.views > 1 else None)


class _Choice:
    """The rows that can still be taken, and those that are."""

    def __init__(self, inputs: HoldOutInputs) -> None:
        self._bins = _bins(inputs)  # of each row
        self._all = np.bincount(self._bins + 1)  # rows by bin; UNKNOWN comes first
        self._taken = np.zeros_like(self._all)
        self._units, self._typical = _Units(inputs), _Typical(inputs)
        self._open = np.ones(len(self._bins), dtype=bool)
        self.taken: list[int] = []
        self.size = len(self._bins)
        self.views = int((self._all > 0).sum())

    def open_all(self) -> None:
        self._open[:] = True
        self._open[self.taken] = False

    def next(self) -> int | None:
        """The most typical row of the view that is furthest behind its share of the set; None where none is left."""
        rows = np.flatnonzero(self._open)
        if not len(rows):
            return None
        behind = (len(self.taken) + 1) * self._all / self.size - self._taken
        there = np.unique(self._bins[rows])
        view = there[np.round(behind[there + 1], 9).argmax()]
        return self._typical.best(rows[self._bins[rows] == view])

    def unit(self, row: int) -> tuple[int, ...]:
        return self._units.of(row)

    def view(self, row: int) -> int:
        return int(self._bins[row])

    def empties_a_view(self, unit: Sequence[int]) -> bool:
        rows = self._bins[list(unit)] + 1
        lost = np.bincount(rows, minlength=len(self._all))
        return self.views > 1 and bool((self._all - self._taken - lost < 1)[rows].any())

    def pass_over(self, unit: Sequence[int]) -> None:
        self._open[list(unit)] = False

    def take(self, row: int, unit: Sequence[int]) -> None:
        self.taken += [row, *(one for one in unit if one != row)]
        self._open[list(unit)] = False
        np.add.at(self._taken, self._bins[list(unit)] + 1, 1)
        for one in unit:
            self._typical.add(one)


def _bins(inputs: HoldOutInputs) -> NDArray[np.intp]:
    """The view of each row; UNKNOWN for all where too few are known."""
    found = np.array(
        [
            UNKNOWN if view is None or view.yaw_deg is None else targets.bin_of(view.yaw_deg, folded=inputs.folded)
            for view in inputs.views
        ],
        dtype=np.intp,
    )
    return found if (found != UNKNOWN).sum() >= KNOWN * len(found) else np.full_like(found, UNKNOWN)


class _Units:
    """The pictures that lie on one side with a given one."""

    def __init__(self, inputs: HoldOutInputs) -> None:
        self._vectors, self._u = effective.unit(inputs.embeddings), inputs.u
        self._groups: dict[int, list[int]] = {}
        for group in inputs.together:
            for row in group:
                self._groups.setdefault(row, []).extend(group)

    def of(self, row: int) -> tuple[int, ...]:
        """The row with all that are linked to it, however far round; sorted."""
        found, open_ = {row}, [row]
        while open_:
            beside = {*self._near(open_.pop())} - found
            found |= beside
            open_ += sorted(beside)
        return tuple(sorted(found))

    def _near(self, row: int) -> Iterator[int]:
        values = effective.kernel(self._vectors @ self._vectors[row], self._u)
        yield from map(int, np.flatnonzero(values >= NEAR))
        yield from self._groups.get(row, ())


class _Typical:
    """How much of the set each picture stands for that no pick stands for yet."""

    def __init__(self, inputs: HoldOutInputs) -> None:
        self._vectors, self._u = effective.unit(inputs.embeddings), inputs.u
        n = len(self._vectors)
        self._asked = self._vectors[np.linspace(0, n - 1, min(n, SAMPLE)).astype(np.intp)]
        self._covered = np.zeros(len(self._asked))
        self._bounds = np.concatenate(
            [np.round(self._near(range(at, min(at + BLOCK, n))).sum(axis=1), 9) for at in range(0, n, BLOCK)]
        )

    def best(self, rows: NDArray[np.intp]) -> int:
        """The row that stands for the most; asked anew only while it may still be the best, for it never grows."""
        while True:
            row = int(rows[self._bounds[rows].argmax()])
            gain = float(np.round(np.maximum(self._near([row])[0] - self._covered, 0.0).sum(), 9))
            if gain >= self._bounds[row]:
                return row
            self._bounds[row] = gain

    def add(self, row: int) -> None:
        np.maximum(self._covered, self._near([row])[0], out=self._covered)

    def _near(self, rows: Sequence[int]) -> NDArray[np.float64]:
        return effective.kernel(self._vectors[list(rows)] @ self._asked.T, self._u)
