"""Verdicts on proposed pairs: the cheap look, the careful one where it is needed, and what is known already.

Both directions of a pair share one proof; verdicts are kept by the two digests and the method's version, so that a
later scan compares only what is new.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np

from curate.copies import align, glance
from curate.copies.align import CHEAP, Look, Proof, Sight
from curate.copies.glance import Glance
from curate.copies.overlap import Extent, Overlap
from curate.features.cores import one_core_a_thread
from curate.features.memory import Store
from curate.records import Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curate.copies.overlap import Grey

Pair = tuple[int, int]  # rows of the catalog
GLANCES = 8_000  # held at once: 160 MiB, of 100 features each
SIGHTS = 1_500  # held at once: 190 MiB of cheap looks
CHUNK = 512  # pairs that are looked at together: one note to the store each


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
        self._glance: Callable[[int], Glance] = lru_cache(GLANCES)(lambda row: glance.see(pictures.grey(row)))
        self._see: Callable[[int, Look], Sight] = lru_cache(SIGHTS)(
            lambda row, look: align.see(pictures.grey(row), look)
        )
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
        chunks = [open_pairs[start : start + CHUNK] for start in range(0, len(open_pairs), CHUNK)]
        done = 0
        with one_core_a_thread(solving=False), ThreadPoolExecutor(self.workers) as pool:
            for chunk, following in zip(chunks, [*chunks[1:], []], strict=True):
                try:
                    proofs = self._proofs(pool, chunk, following)
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
                self._note(proofs)
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

    def _proofs(
        self, pool: ThreadPoolExecutor, pairs: Sequence[Pair], following: Sequence[Pair]
    ) -> dict[Pair, Proof | None]:
        """Each picture is looked at once before any is compared that way. Glances at those that follow are taken
        meanwhile: they leave the interpreter free, which comparing glances does not."""
        glances = [pool.submit(self._glance, row) for row in _rows(pairs)]
        wait(glances)
        for row in _rows(following):
            pool.submit(self._glance, row)
        left = [pair for pair in pairs if not self._is_hopeless(pair)]
        list(pool.map(lambda row: self._see(row, CHEAP), _rows(left)))
        return dict.fromkeys(pairs) | dict(zip(left, pool.map(self._compare, left), strict=True))

    def _is_hopeless(self, pair: Pair) -> bool:
        a, b = self._ordered(pair)
        return glance.is_hopeless(self._glance(a), self._glance(b))

    def _compare(self, pair: Pair) -> Proof | None:
        a, b = self._ordered(pair)
        one, other = self._see(a, CHEAP), self._see(b, CHEAP)
        proof = align.compare(one, other)
        closer = self._closer(a, b) if align.is_open(proof, one, other) else None
        if closer is not None and (proof is None or closer.inliers >= align.INLIERS):
            proof = closer
        if proof is None or not proof.same:
            return None
        proof = align.with_changes(proof, self.pictures.grey(a), self.pictures.grey(b))
        return proof if a == pair[0] else turned(proof)

    def _closer(self, a: int, b: int) -> Proof | None:
        """By a careful look. None, too, of pictures in which there is no more to see."""
        look = align.careful_look(self.pictures.grey(a), self.pictures.grey(b))
        return align.compare(self._see(a, look), self._see(b, look)) if look.side > CHEAP.side else None

    def _ordered(self, pair: Pair) -> Pair:
        """From the lesser digest to the greater: the verdict must not depend on the order of the files."""
        return pair if self._in_order(pair) else (pair[1], pair[0])


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
