"""What an earlier comparison found is carried over, and gives what comparing everything anew gives."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_groups import facts, picture, proof

from curate import copies
from curate.copies import propose, remembered
from curate.copies.align import Proof
from curate.copies.remembered import Carried, Compared, Present
from curate.features import Store
from curate.records import Catalog, Features

comparing = import_module("curate.copies.compare")  # the room shows the function of that name

EVERY = 240  # pictures that there are


def drawn(seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.uint64]]:
    """Pictures of some scenes, a third of them near another by their hash too; the last forty have equal embeddings in
    pairs, and the first six are flat."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(12, 24))[random.integers(0, 12, EVERY)] + random.normal(size=(EVERY, 24))
    vectors[-20:] = vectors[-40:-20]
    hashes = random.integers(1, 2**63, size=(EVERY, 8), dtype=np.uint64)
    others = random.integers(0, EVERY, EVERY // 3)
    hashes[: len(others), 0] = hashes[others, random.integers(0, 8, len(others))] ^ np.uint64(0b1011)
    hashes[:6] = 0
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), hashes


VECTORS, HASHES = drawn()


def present(rows: NDArray[np.intp], method: str = "rule 1") -> Present:
    digests = np.array([b"%04d" % (row * 7 % EVERY) for row in range(EVERY)])
    return Present(
        digests=digests[rows], embeddings=VECTORS[rows], hashes=HASHES[rows], floors=(0.3, 0.5), method=method
    )


def compared(now: Present, before: Compared | None) -> Compared:
    """As it is kept and read again; every seventh proposed pair is a copy."""
    carried = Carried(before, now)
    near, hashed = carried.neighbours(), carried.hashed()
    proposed = propose.pairs(near.similarity, near.rows, 0.3, hashed)
    found = remembered.read(remembered.write(carried.renewed(near, hashed, proposed[(proposed.sum(axis=1) % 7) > 0])))
    assert found is not None
    return found


def same(one: Compared, other: Compared) -> None:
    assert one.neighbours.rows.tolist() == other.neighbours.rows.tolist()
    assert one.neighbours.similarity.tobytes() == other.neighbours.similarity.tobytes()
    pairs = [sorted(map(tuple, np.sort(found.hashed, axis=1).tolist())) for found in (one, other)]
    assert pairs[0] == pairs[1]


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 9), st.integers(0, 9), st.booleans())
def test_pictures_that_come_and_go_leave_the_same_comparison_as_none_before(random, come, gone, renamed) -> None:  # type: ignore[no-untyped-def]
    rows = sorted(random.sample(range(EVERY), EVERY - 20))
    first = np.array(rows[come:])
    after = rows[: len(rows) - gone]
    if renamed:
        random.shuffle(after)
    last = np.array(after)
    same(compared(present(last), compared(present(first), None)), compared(present(last), None))


def test_only_what_is_new_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    before = compared(present(np.arange(1, EVERY)), None)
    counted: list[int] = []
    cosines = propose.cosines

    def counting(vectors: NDArray[np.float32], one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float32]:
        counted.append(len(one))
        return cosines(vectors, one, other)

    monkeypatch.setattr(propose, "cosines", counting)
    monkeypatch.setattr(propose, "candidates", lambda *_: pytest.fail("searched as if nothing were known"))
    carried = Carried(before, present(np.arange(EVERY)))
    carried.neighbours()
    listed = propose.ALIKE + propose.SPARE
    assert 0 < sum(counted) <= EVERY * (listed + 1) // 2  # far from the EVERY * listed of a whole search


def test_the_same_pictures_need_no_comparison_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    now = present(np.arange(EVERY))
    before = compared(now, None)
    for name in ("candidates", "cosines"):
        monkeypatch.setattr(propose, name, lambda *_: pytest.fail("compared"))
    carried = Carried(before, now)
    assert carried.is_unchanged
    assert carried.neighbours().first(propose.ALIKE).rows.tolist() == before.neighbours.rows.tolist()


@pytest.mark.parametrize("what", ["embedding", "hash", "floor"])
def test_what_was_measured_anew_is_compared_anew(what: str) -> None:
    now = present(np.arange(EVERY))
    before = compared(now, None)
    other = now.embeddings.copy(), now.hashes.copy()
    other[0][3], other[1][3] = (now.embeddings[9], now.hashes[9])
    changed = {
        "embedding": replace(now, embeddings=other[0]),
        "hash": replace(now, hashes=other[1]),
        "floor": replace(now, floors=(0.2, 0.5)),
    }[what]
    assert not Carried(before, changed).is_unchanged
    same(compared(changed, before), compared(changed, None))


def test_pairs_that_were_refuted_by_another_rule_are_proved_again() -> None:
    now = present(np.arange(EVERY))
    before = compared(now, None)
    assert len(Carried(before, now).refuted()) > 100
    assert len(Carried(before, replace(now, method="rule 2")).refuted()) == 0


def test_a_crowd_of_near_hashes_is_cut_as_a_whole_search_cuts_it() -> None:
    hashes = HASHES.copy()
    hashes[100:140, 0] = hashes[100, 0] ^ (np.uint64(1) << np.arange(40).astype(np.uint64) % np.uint64(3))
    now = replace(present(np.arange(EVERY)), hashes=hashes)
    some = np.delete(np.arange(EVERY), 110)
    before = compared(
        replace(now, digests=now.digests[some], embeddings=now.embeddings[some], hashes=hashes[some]), None
    )
    same(compared(now, before), compared(now, None))


@pytest.mark.parametrize("at", [10, 3000, -30])
def test_a_damaged_memory_is_no_memory(at: int) -> None:
    kept = bytearray(remembered.write(compared(present(np.arange(EVERY)), None)))
    assert remembered.read(bytes(kept)) is not None
    kept[at] ^= 0xFF
    read = remembered.read(bytes(kept))
    if read is not None:  # a byte that means nothing, such as a date of the archive
        same(read, compared(present(np.arange(EVERY)), None))
    assert remembered.read(bytes(kept[:-100])) is None
    assert remembered.read(None) is None


class Remembering(Store):
    """A store in memory."""

    def __init__(self) -> None:
        self.held: dict[str, dict[str, bytes]] = {}
        self.written = 0

    def get(self, part, keys):  # type: ignore[no-untyped-def]
        return {key: self.held.get(part, {})[key] for key in keys if key in self.held.get(part, {})}

    def put(self, parts) -> None:  # type: ignore[no-untyped-def]
        for part, values in parts.items():
            self.held.setdefault(part, {}).update(values)
            self.written += len(values)


def scanned(rows: list[int], store: Store, monkeypatch: pytest.MonkeyPatch) -> tuple[list[tuple[int, int]], object]:
    """(pairs that had to be aligned, the groups) of the pictures of these rows."""
    asked: list[tuple[int, int]] = []

    def proofs(self: copies.Prover, _pool, pairs, _following) -> dict[tuple[int, int], Proof | None]:  # type: ignore[no-untyped-def]
        asked.extend(pairs)
        return {pair: proof() if sum(rows[at] for at in pair) % 5 == 0 else None for pair in pairs}

    monkeypatch.setattr(copies.Prover, "_proofs", proofs)
    names = [f"{row:04}.jpg" for row in rows]
    catalog = Catalog(folder="set", pictures=tuple(picture(name, f"picture {name}") for name in names), broken=())
    features = Features(
        facts=tuple(facts(name) for name in names), hashes=HASHES[rows], embeddings=VECTORS[rows],
        checks=tuple({} for _ in names),
    )  # fmt: skip
    evidence = copies.compare(catalog, features, None, store, edit_floor=0.6, half_similarity=0.5)  # type: ignore[arg-type]
    return asked, copies.stars(evidence)


def test_a_second_scan_aligns_only_pairs_of_the_new_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "LEAST", 50)
    store = Remembering()
    every = list(range(150))
    first, _ = scanned(every[:40] + every[41:], store, monkeypatch)
    assert len(first) > 300
    written = store.written
    again, groups = scanned(every[:40] + every[41:], store, monkeypatch)
    assert again == []
    assert store.written == written  # nothing new, nothing written
    added, groups = scanned(every, store, monkeypatch)
    assert 0 < len(added) <= 2 * propose.NEIGHBOURS + 40  # those it proposes, those that propose it, copies of copies
    assert groups == scanned(every, Remembering(), monkeypatch)[1]
