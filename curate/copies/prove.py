"""Verdicts on proposed pairs: the cheap look, the careful one where it is needed, and what is known already.

Both directions of a pair share one proof; verdicts are kept by the two digests and the method's version, so that a
later scan compares only what is new.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from curate.copies import align, glance
from curate.copies.align import CHEAP, Look, Proof, Sight
from curate.copies.glance import Glance
from curate.copies.overlap import Extent, Overlap
from curate.errors import FolderError
from curate.features.cores import one_core_a_thread
from curate.features.held import Held, give_back
from curate.features.memory import Store
from curate.records import Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curate.copies.overlap import Grey

Item = TypeVar("Item")
Pair = tuple[int, int]  # rows of the catalog
MEMORY = 384 << 20  # bytes
GLANCES, CHEAP_LOOKS = 0.5, 0.375  # share of it for glances of some 20 KiB and looks of 125; the rest for careful ones
PAIR = 2 * 128 << 10  # bytes of two cheap looks
CHUNK, LEAST = 512, 16  # pairs that are looked at together, at most and at least: one note to the store each
TAKEN = 8  # glances that a thread takes at a time: to hand them over singly takes as long as to take them
TOGETHER = 64  # pairs whose glances a thread compares at a time
TIDIED = 32  # chunks after which memory is given back: what one thread frees of a cache another does not use again
RECALLED = 8_192  # pairs that the store is asked for at once
NEW = 65_536  # pairs found to be no copies before they are put in order


class Pictures(Protocol):
    """Where the small grey pictures come from (features.Thumbnails)."""

    def grey(self, row: int) -> Grey: ...


class Verdicts(Protocol):
    """Where earlier verdicts are kept (features.Store)."""

    def get_verdicts(self, pairs: Sequence[tuple[str, str]], method: str) -> Mapping[tuple[str, str], str]: ...
    def put_verdicts(self, verdicts: Mapping[tuple[str, str], str], method: str) -> None: ...


class Prover:
    """Compares pictures by row. Not a record: it remembers what it has seen.

    `method` names the rule and whatever else decides how the pictures look; stored verdicts are keyed by it.
    """

    def __init__(
        self,
        pictures: Pictures,
        digests: Sequence[str],
        verdicts: Verdicts,
        method: str = align.METHOD,
        workers: int = 2,
        memory: int = MEMORY,
    ) -> None:
        """`memory`: bytes of what was seen in pictures that are held at once, whatever their number."""
        self.pictures, self.digests, self.verdicts = pictures, digests, verdicts
        self.method, self.workers = method, workers
        self._copies: dict[Pair, Proof] = {}
        self._refuted = _Pairs(len(digests))
        cheap = int(memory * CHEAP_LOOKS)
        self._chunk = min(max(cheap // PAIR, LEAST), CHUNK)
        self._glances: Held[int, Glance] = Held(int(memory * GLANCES), lambda one: one.nbytes)
        self._cheap: Held[int, Sight] = Held(cheap, lambda one: one.nbytes)
        self._careful: Held[tuple[int, Look], Sight] = Held(
            memory - cheap - int(memory * GLANCES), lambda one: one.nbytes
        )
        self._is_detached = False
        self.compared = 0  # pairs that were aligned in this run

    @property
    def copies(self) -> dict[Pair, Proof]:
        """What is known of pairs (a, b), a < b, that are one photograph, in order."""
        return dict(sorted(self._copies.items()))

    def __call__(self, a: int, b: int) -> Proof | None:
        """The proof that b is the photograph of a, as a map from a to b; None where they are not shown to be one.

        Raises FolderError for a picture that is gone; once detached, nothing is shown of it.
        """
        pair = min(a, b), max(a, b)
        if pair not in self._copies and pair not in self._refuted:
            try:
                self.prove([pair])
            except FolderError:
                if not self._is_detached:
                    raise
        proof = self._copies.get(pair)
        return proof if proof is None or a < b else turned(proof)

    def prove(
        self, pairs: NDArray[np.intp] | Sequence[Pair], progress: Callable[[int, int], None] | None = None
    ) -> None:
        """Compares those of the pairs [M, 2], each once and the lesser row first, that are not known yet, in parallel.
        `progress` gets (done, all)."""
        unknown = self._unknown(np.asarray(pairs, np.intp).reshape(-1, 2))
        if not len(unknown):
            return
        done = 0
        with one_core_a_thread(solving=False), ThreadPoolExecutor(self.workers) as pool:
            for number, (chunk, following) in enumerate(_with_next(_chunks(unknown, self._chunk)), 1):
                try:
                    found = self._proofs(pool, chunk, following)
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
                self._note(found)
                done += len(chunk)
                if number % TIDIED == 0:
                    give_back()
                if progress is not None:
                    progress(done, len(unknown))

    def assume(self, pairs: NDArray[np.intp]) -> None:
        """Takes pairs [M, 2] of rows, the lesser first, for no copies: an earlier scan found so by the same method."""
        self._refuted.add(pairs)

    def detach(self) -> None:
        """From now on nothing is asked of the store or kept there: it may be closed. Verdicts stay known; what was seen
        in the pictures is forgotten."""
        self.verdicts, self._is_detached = Store(), True
        for held in (self._glances, self._cheap, self._careful):
            held.clear()

    def _unknown(self, pairs: NDArray[np.intp]) -> NDArray[np.intp]:
        """The pairs that must be compared. What the store knows of them is taken from there."""
        left = self._without_known(pairs)
        for chunk in _chunks(left, RECALLED):
            self._recall(chunk)
        return self._without_known(left)

    def _without_known(self, pairs: NDArray[np.intp]) -> NDArray[np.intp]:
        left = np.asarray(pairs[~self._refuted.have(pairs)])
        if not self._copies:
            return left
        chunks = _chunks(left, RECALLED)
        is_open = np.fromiter((pair not in self._copies for chunk in chunks for pair in chunk), bool, len(left))
        return np.asarray(left[is_open])

    def _recall(self, pairs: Sequence[Pair]) -> None:
        names = {pair: self._name(pair) for pair in pairs}
        kept = self.verdicts.get_verdicts(list(names.values()), self.method) if names else {}
        self._learn({pair: _read(kept[name]) for pair, name in names.items() if name in kept})

    def _note(self, found: Mapping[Pair, Proof | None]) -> None:
        """`found`: from the picture of the lesser digest to the other."""
        self.compared += len(found)
        self._learn(found)
        self.verdicts.put_verdicts({self._name(pair): _write(proof) for pair, proof in found.items()}, self.method)

    def _learn(self, found: Mapping[Pair, Proof | None]) -> None:
        self._refuted.add(np.array([pair for pair, proof in found.items() if proof is None], np.intp).reshape(-1, 2))
        for pair, proof in found.items():
            if proof is not None:
                self._copies[pair] = proof if self._in_order(pair) else turned(proof)

    def _name(self, pair: tuple[int, int]) -> tuple[str, str]:
        one, other = self.digests[pair[0]], self.digests[pair[1]]
        return (one, other) if one <= other else (other, one)

    def _in_order(self, pair: tuple[int, int]) -> bool:
        return self.digests[pair[0]] <= self.digests[pair[1]]

    def _proofs(
        self, pool: ThreadPoolExecutor, pairs: Sequence[Pair], following: Sequence[Pair]
    ) -> dict[Pair, Proof | None]:
        """Each picture is looked at once before any is compared that way. Glances at those that follow are taken after
        those of these pairs are compared, so that no thread waits for the other."""
        wait(self._ahead(pool, _rows(pairs)))
        hopeful = [pool.submit(self._hopeful, part) for part in _parts(pairs, TOGETHER)]
        self._ahead(pool, _rows(following))
        left = [pair for part in hopeful for pair in part.result()]
        list(pool.map(self._see, _rows(left)))
        return dict.fromkeys(pairs) | dict(zip(left, pool.map(self._compare, left), strict=True))

    def _hopeful(self, pairs: Sequence[Pair]) -> list[Pair]:
        """Those that a glance leaves open."""
        seen = [(self._glance(a), self._glance(b)) for a, b in map(self._ordered, pairs)]
        return [pair for pair, hopeless in zip(pairs, glance.are_hopeless(seen), strict=True) if not hopeless]

    def _ahead(self, pool: ThreadPoolExecutor, rows: Sequence[int]) -> list[Future[None]]:
        """Takes the glances that are not held."""

        def take(some: Sequence[int]) -> None:
            for row in some:
                self._glance(row)

        new = [row for row in rows if self._glances.get(row) is None]
        return [pool.submit(take, part) for part in _parts(new, TAKEN)]

    def _glance(self, row: int) -> Glance:
        return self._glances.once(row, lambda: glance.see(self.pictures.grey(row)))

    def _see(self, row: int) -> Sight:
        return self._cheap.once(row, lambda: align.see(self.pictures.grey(row), CHEAP))

    def _see_closer(self, row: int, look: Look) -> Sight:
        return self._careful.once((row, look), lambda: align.see(self.pictures.grey(row), look))

    def _compare(self, pair: Pair) -> Proof | None:
        a, b = self._ordered(pair)
        one, other = self._see(a), self._see(b)
        proof = align.compare(one, other)
        closer = self._closer(a, b) if align.is_open(proof, one, other) else None
        if closer is not None and (proof is None or closer.inliers >= align.INLIERS):
            proof = closer
        if proof is None or not proof.same:
            return None
        return align.with_changes(proof, self.pictures.grey(a), self.pictures.grey(b))

    def _closer(self, a: int, b: int) -> Proof | None:
        """By a careful look. None, too, of pictures in which there is no more to see."""
        look = align.careful_look(self.pictures.grey(a), self.pictures.grey(b))
        if look.side <= CHEAP.side:
            return None
        return align.compare(self._see_closer(a, look), self._see_closer(b, look))

    def _ordered(self, pair: Pair) -> Pair:
        """From the lesser digest to the greater: the verdict must not depend on the order of the files."""
        return pair if self._in_order(pair) else (pair[1], pair[0])


class _Pairs:
    """Many pairs of rows, the lesser first, in 8 bytes each: a large set has millions."""

    def __init__(self, rows: int) -> None:
        self._rows = max(rows, 1)
        self._ordered = np.zeros(0, np.int64)
        self._new: set[int] = set()  # few: to put them in order each time would take longer than all else

    def __contains__(self, pair: Pair) -> bool:
        return bool(self.have(np.array([pair]))[0])

    def have(self, pairs: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether each of the pairs [M, 2] is among them."""
        keys = self._keys(pairs)
        known = np.fromiter((key in self._new for key in keys.tolist()), bool, len(keys))
        if len(self._ordered):
            at = np.minimum(np.searchsorted(self._ordered, keys), len(self._ordered) - 1)
            known |= self._ordered[at] == keys
        return known

    def add(self, pairs: NDArray[np.intp]) -> None:
        """Pairs [M, 2]."""
        keys = self._keys(pairs)
        if len(self._new) + len(keys) <= NEW:
            self._new.update(keys.tolist())
            return
        self._ordered = np.union1d(self._ordered, np.concatenate([keys, np.fromiter(self._new, np.int64)]))
        self._new.clear()

    def _keys(self, pairs: NDArray[np.intp]) -> NDArray[np.int64]:
        return pairs[:, 0].astype(np.int64) * self._rows + pairs[:, 1]


def _chunks(pairs: NDArray[np.intp], size: int) -> Iterator[list[Pair]]:
    """So many pairs at a time: as Python's own numbers they take fifteen times the memory."""
    for start in range(0, len(pairs), size):
        yield list(map(tuple, pairs[start : start + size].tolist()))


def _parts(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _with_next(chunks: Iterable[list[Pair]]) -> Iterator[tuple[list[Pair], list[Pair]]]:
    """Each with the one that follows it; the last with an empty one."""
    before: list[Pair] | None = None
    for chunk in chunks:
        if before is not None:
            yield before, chunk
        before = chunk
    if before is not None:
        yield before, []


def _rows(pairs: Iterable[Pair]) -> list[int]:
    """The rows in them, each once."""
    return list(dict.fromkeys(row for pair in pairs for row in pair))


def turned(proof: Proof) -> Proof:
    """The same proof, seen from the other picture."""
    back = align.invert(proof.affine)
    changed = proof.changed
    if changed is not None:
        changed = align.carry(changed, proof.affine)
    factor = abs(float(np.linalg.det(proof.affine[:, :2])))
    return replace(
        proof,
        affine=back,
        extent_a=proof.extent_b,
        extent_b=proof.extent_a,
        detail_ratio=1 / max(proof.detail_ratio, 1e-3),
        painted={"a": "b", "b": "a"}.get(proof.painted, ""),
        changed=changed,
        changed_share=min(1.0, proof.changed_share * factor),
        remade_share=min(1.0, proof.remade_share * factor),
    )


def _write(proof: Proof | None) -> str:
    if proof is None:
        return ""
    values = asdict(proof) | {"affine": proof.affine.round(9).tolist()}
    return json.dumps(values)


def _read(text: str) -> Proof | None:
    if not text:
        return None
    values = json.loads(text)
    changed = values.pop("changed")
    return Proof(
        affine=np.array(values.pop("affine")),
        overlap=Overlap(**values.pop("overlap")),
        extent_a=Extent(**values.pop("extent_a")),
        extent_b=Extent(**values.pop("extent_b")),
        changed=None if changed is None else Region(**changed),
        **values,
    )
