"""Verdicts on proposed pairs: the cheap look, the careful one where it is needed, and what is known already.

Both directions of a pair share one proof; verdicts are kept by the two digests and the method's version, so that a
later scan compares only what is new.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from threading import Lock
from typing import TYPE_CHECKING, Protocol

import numpy as np

from curate.copies import align
from curate.copies.align import CHEAP, GLANCE, Look, Proof, Sight
from curate.copies.overlap import Extent, Overlap
from curate.features.cores import one_core_a_thread
from curate.features.memory import Store
from curate.records import Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curate.copies.overlap import Grey

SIGHTS = 3_000  # held at once: 50 KiB for a glance, 130 KiB for a cheap look
CHUNK = 256  # pairs a worker is handed at once: one note to the store each


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
    ) -> None:
        self.pictures, self.digests, self.verdicts = pictures, digests, verdicts
        self.method, self.workers = method, workers
        self._known: dict[tuple[int, int], Proof | None] = {}
        self._sights: OrderedDict[tuple[int, int], Sight] = OrderedDict()
        self._lock = Lock()
        self.compared = 0  # pairs that were aligned in this run

    def __call__(self, a: int, b: int) -> Proof | None:
        """The proof that b is the photograph of a, as a map from a to b; None where they are not shown to be one."""
        low, high = min(a, b), max(a, b)
        if (low, high) not in self._known:
            self.prove([(low, high)])
        proof = self._known[low, high]
        return proof if proof is None or a == low else turned(proof)

    def prove(self, pairs: Iterable[tuple[int, int]], progress: Callable[[int, int], None] | None = None) -> None:
        """Compares all pairs that are not known yet, in parallel. `progress` gets (done, all)."""
        wanted = [pair for pair in dict.fromkeys(pairs) if pair not in self._known]
        self._recall(wanted)
        open_pairs = [pair for pair in wanted if pair not in self._known]
        if not open_pairs:
            return
        done = 0
        with one_core_a_thread(), ThreadPoolExecutor(self.workers) as pool:
            for start in range(0, len(open_pairs), CHUNK):
                chunk = open_pairs[start : start + CHUNK]
                try:
                    proofs = list(pool.map(self._compare, chunk))
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
                self._note(dict(zip(chunk, proofs, strict=True)))
                done += len(chunk)
                if progress is not None:
                    progress(done, len(open_pairs))

    def assume(self, pairs: NDArray[np.intp]) -> None:
        """Takes pairs [M, 2] of rows, the lesser first, for no copies: an earlier scan found so by the same method."""
        self._known.update(dict.fromkeys(map(tuple, pairs.tolist())))

    def detach(self) -> None:
        """From now on nothing is asked of the store or kept there: it may be closed. What is known stays known."""
        self.verdicts = Store()

    def _recall(self, pairs: Sequence[tuple[int, int]]) -> None:
        names = {pair: self._name(pair) for pair in pairs}
        kept = self.verdicts.get_verdicts(list(names.values()), self.method) if names else {}
        for pair, name in names.items():
            if name in kept:
                proof = _read(kept[name])
                self._known[pair] = proof if proof is None or self._in_order(pair) else turned(proof)

    def _note(self, proofs: Mapping[tuple[int, int], Proof | None]) -> None:
        self._known.update(proofs)
        self.compared += len(proofs)
        written = {
            self._name(pair): _write(proof if proof is None or self._in_order(pair) else turned(proof))
            for pair, proof in proofs.items()
        }
        self.verdicts.put_verdicts(written, self.method)

    def _name(self, pair: tuple[int, int]) -> tuple[str, str]:
        one, other = self.digests[pair[0]], self.digests[pair[1]]
        return (one, other) if one <= other else (other, one)

    def _in_order(self, pair: tuple[int, int]) -> bool:
        return self.digests[pair[0]] <= self.digests[pair[1]]

    def _compare(self, pair: tuple[int, int]) -> Proof | None:
        # always from the lesser digest to the greater: the verdict must not depend on the order of the files
        a, b = pair if self._in_order(pair) else pair[::-1]
        if align.is_hopeless(self._see(a, GLANCE), self._see(b, GLANCE)):
            return None
        one, other = self._see(a), self._see(b)
        proof = align.compare(one, other)
        if align.is_open(proof, one, other):
            look = align.careful_look(self.pictures.grey(a), self.pictures.grey(b))
            closer = align.compare(self._see(a, look), self._see(b, look))
            if closer is not None and (proof is None or closer.inliers >= align.INLIERS):
                proof = closer
        if proof is None or not proof.same:
            return None
        proof = align.with_changes(proof, self.pictures.grey(a), self.pictures.grey(b))
        return proof if a == pair[0] else turned(proof)

    def _see(self, row: int, look: Look = CHEAP) -> Sight:
        key = (row, look.side)
        with self._lock:
            if key in self._sights:
                self._sights.move_to_end(key)
                return self._sights[key]
        sight = align.see(self.pictures.grey(row), look)
        with self._lock:
            self._sights[key] = sight
            while len(self._sights) > SIGHTS:
                self._sights.popitem(last=False)
        return sight


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
