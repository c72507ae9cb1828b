"""Pairs are proposed by rank, proved once, and remembered by digest."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from curate.copies import align, glance, propose, prove
from curate.copies.prove import Prover, turned
from curate.errors import FolderError


class Shelf:
    """Small pictures and verdicts held in memory, through the protocols of the prover."""

    def __init__(self, pictures: list[np.ndarray]) -> None:
        self.pictures = pictures
        self.kept: dict[tuple[str, str], str] = {}

    def grey(self, row: int) -> np.ndarray:
        return self.pictures[row]

    def get_verdicts(self, pairs, method):  # type: ignore[no-untyped-def]
        return {pair: self.kept[pair] for pair in pairs if pair in self.kept}

    def put_verdicts(self, verdicts, method) -> None:  # type: ignore[no-untyped-def]
        self.kept.update(verdicts)


def shelf() -> Shelf:
    picture = cv2.resize(cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2GRAY), (400, 400), interpolation=cv2.INTER_AREA)
    crop = np.ascontiguousarray(picture[40:360, 60:380])
    other = cv2.resize(cv2.cvtColor(data.coffee(), cv2.COLOR_RGB2GRAY), (400, 267), interpolation=cv2.INTER_AREA)
    return Shelf([picture, crop, other])


@pytest.mark.parametrize("digests", [["a", "b", "c"], ["c", "b", "a"]])
def test_a_verdict_is_remembered_and_read_back_in_either_direction(digests: list[str]) -> None:
    kept = shelf()
    first = Prover(kept, digests, kept)
    first.prove([(0, 1), (0, 2), (1, 2)])
    assert first.compared == 3
    assert first(0, 2) is None
    again = Prover(kept, digests, kept)
    again.prove([(0, 1), (0, 2), (1, 2)])
    assert again.compared == 0
    for a, b in ((0, 1), (1, 0)):
        one, other = first(a, b), again(a, b)
        assert one is not None
        assert other is not None
        assert one.affine == pytest.approx(other.affine, abs=1e-6)
        assert one.extent_a == other.extent_a
    whole = again(0, 1)
    assert whole is not None
    assert whole.extent_a.width == pytest.approx(0.8, abs=0.01)
    back = again(1, 0)
    assert back is not None
    assert back.extent_b.width == pytest.approx(0.8, abs=0.01)


def test_turning_a_proof_twice_gives_it_back() -> None:
    kept = shelf()
    proof = Prover(kept, ["a", "b", "c"], kept)(0, 1)
    assert proof is not None
    assert turned(turned(proof)).affine == pytest.approx(proof.affine)


def test_the_nearest_are_found_exactly() -> None:
    vectors = np.random.default_rng(3).normal(size=(60, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = propose.nearest(vectors, 5)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    assert (found.rows == np.argsort(-cosines, axis=1)[:, :5]).all()
    assert found.similarity == pytest.approx(np.sort(cosines, axis=1)[:, ::-1][:, :5], abs=1e-5)


def test_equal_pictures_find_each_other_and_not_themselves() -> None:
    vectors = np.tile(np.float32([[1, 0]]), (20, 1))
    rows = propose.nearest(vectors, 6).rows
    assert rows.shape == (20, 6)
    assert (rows != np.arange(20)[:, None]).all()


def test_one_picture_has_no_neighbours() -> None:
    found = propose.nearest(np.float32([[1, 0]]))
    assert found.similarity.shape == found.rows.shape == (1, 0)


def test_pairs_below_what_an_edit_can_do_are_dropped_unless_their_hashes_are_near() -> None:
    similarity = np.float32([[0.9, 0.2], [0.9, 0.3], [0.3, 0.2]])
    rows = np.array([[1, 2], [0, 2], [1, 0]])
    none = np.zeros((0, 2), np.intp)
    assert propose.pairs(similarity, rows, 0.5, none).tolist() == [[0, 1]]
    assert propose.pairs(similarity, rows, 0.5, np.array([[2, 0]])).tolist() == [[0, 1], [0, 2]]


def test_each_picture_is_looked_at_once_however_many_pairs_it_is_in(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = cv2.resize(cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2GRAY), (400, 400), interpolation=cv2.INTER_AREA)
    kept = Shelf([np.ascontiguousarray(picture[at : at + 360, at : at + 360]) for at in range(0, 40, 8)])
    looks: list[tuple[str, int]] = []  # how, and the address of the picture: they are kept on the shelf
    for module, how in ((glance, "glance"), (align, "look")):
        see = module.see

        def noted(grey: np.ndarray, *look: align.Look, see=see, how=how) -> object:  # type: ignore[no-untyped-def]
            looks.append((how, id(grey)))
            return see(grey, *look)

        monkeypatch.setattr(module, "see", noted)
    pairs = [(a, b) for b in range(5) for a in range(b)]
    prover = Prover(kept, list("abcde"), kept)
    prover.prove(pairs)
    assert all(prover(*pair) for pair in pairs)
    assert sorted(looks) == sorted({(how, id(grey)) for how in ("glance", "look") for grey in kept.pictures})


def test_chunks_of_pairs_give_what_all_together_give(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, told = shelf(), []
    pairs = [(0, 1), (0, 2), (1, 2)]
    whole = Prover(kept, ["a", "b", "c"], kept, method="whole")
    whole.prove(pairs)
    monkeypatch.setattr(prove, "CHUNK", 1)
    single = Prover(kept, ["a", "b", "c"], kept, method="single")
    kept.kept.clear()
    single.prove(pairs, lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert single.compared == 3
    for pair in pairs:
        assert (whole(*pair) is None) == (single(*pair) is None) == (2 in pair)


def test_many_pairs_are_known_in_whatever_portions_they_were_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prove, "NEW", 50)
    random = np.random.default_rng(4)
    pairs = np.sort(random.integers(0, 300, (2000, 2)), axis=1)
    known, expected = prove._Pairs(300), set()
    for some in np.split(pairs, [3, 10, 200, 240, 900, 1500]):
        known.add(some)
        expected |= set(map(tuple, some.tolist()))
        asked = np.sort(random.integers(0, 300, (500, 2)), axis=1)
        assert [pair in known for pair in map(tuple, asked.tolist())] == [
            pair in expected for pair in map(tuple, asked.tolist())
        ]
    assert known.have(asked).tolist() == [pair in expected for pair in map(tuple, asked.tolist())]
    assert known.have(pairs).all()


def held(prover: Prover) -> int:
    return prover._glances.taken + prover._cheap.taken + prover._careful.taken


def test_what_was_seen_is_held_within_a_bound_and_forgotten_in_the_end() -> None:
    kept = shelf()
    prover = Prover(kept, ["a", "b", "c"], kept, memory=2**17)
    roomy = Prover(shelf(), ["a", "b", "c"], shelf())
    pairs = [(0, 1), (0, 2), (1, 2)]
    for one in (prover, roomy):
        one.prove(pairs)
    assert [prover(*pair) is None for pair in pairs] == [roomy(*pair) is None for pair in pairs] == [False, True, True]
    assert held(prover) <= 2**17 < held(roomy)
    roomy.detach()
    assert held(roomy) == 0
    assert roomy(0, 1) is not None


def test_once_detached_nothing_is_shown_of_a_picture_that_is_gone() -> None:
    kept = shelf()

    def gone(row: int) -> np.ndarray:
        raise FolderError(f"{row}.png", "is gone", "Scan again")

    kept.grey = gone  # type: ignore[method-assign]
    prover = Prover(kept, ["a", "b", "c"], kept)
    with pytest.raises(FolderError, match="is gone"):
        prover(0, 1)
    prover.detach()
    assert prover(0, 1) is None


def test_a_single_pair_is_answered_without_a_look_at_all_that_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    n = 3_000
    monkeypatch.setattr(Prover, "_proofs", lambda self, _pool, pairs, _following: dict.fromkeys(pairs))
    prover = Prover(shelf(), [f"{row:04}" for row in range(n)], Shelf([]))
    every = np.array([(row, other) for row in range(0, n, 2) for other in range(row + 1, row + 101) if other < n])
    prover.assume(every)
    assert len(prover._refuted._ordered) == len(every) > 2 * prove.NEW
    ordered = prover._refuted._ordered
    for row in range(1, 400, 2):
        assert prover(row, row + 2) is None
    assert prover._refuted._ordered is ordered
    assert prover.compared == 200
