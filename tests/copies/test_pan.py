"""The frames of a slow camera pan: no chain swallows them, and what is compared grows as their number does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_groups import REGION, facts, picture, proof

from curate import copies
from curate.copies.align import Proof
from curate.records import Catalog, Features, Group

comparing = import_module("curate.copies.compare")  # the room shows the function of that name

SAME, ALIKE = 3, 30  # frames apart that are still one photograph, and much alike


class MadeUp:
    """Stands in for the prover: frames a few apart are copies. Counts what it is asked for the first time."""

    method = "made up"

    def __init__(self, verdict: Callable[[int, int], Proof | None]) -> None:
        self.verdict = verdict
        self.known: dict[tuple[int, int], Proof | None] = {}

    def __call__(self, a: int, b: int) -> Proof | None:
        pair = (min(a, b), max(a, b))
        if pair not in self.known:
            self.known[pair] = self.verdict(*pair)
        return self.known[pair]

    @property
    def copies(self) -> dict[tuple[int, int], Proof]:
        return {pair: proof for pair, proof in sorted(self.known.items()) if proof is not None}

    def prove(self, pairs: NDArray[np.intp], progress: object = None) -> None:
        for a, b in pairs.tolist():
            self(a, b)

    def assume(self, pairs: NDArray[np.intp]) -> None:
        self.known.update(dict.fromkeys(map(tuple, pairs.tolist())))


def frames(count: int, reach: float, flips: float) -> tuple[Catalog, Features]:
    """A pan: cosines fall as exp(-(distance / reach)^2 / 2), hashes by so many bits a frame."""
    random = np.random.default_rng(0)
    times = np.arange(count)[:, None]
    vectors = np.cos(times * random.normal(size=512) / reach + random.uniform(0, 2 * np.pi, 512))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    flipped = random.random(count) < flips
    bits = np.where(flipped, np.uint64(1) << random.integers(0, 64, count).astype(np.uint64), np.uint64(0))
    hashes = random.integers(1, 2**63, size=(count, 8), dtype=np.uint64)
    hashes[:, 0] = np.bitwise_xor.accumulate(bits) ^ np.uint64(0x0F0F_3C3C_55AA_9966)
    names = [f"frame{row:05}.jpg" for row in range(count)]
    catalog = Catalog(folder="pan", pictures=tuple(picture(name, f"frame {name}") for name in names), broken=())
    features = Features(
        facts=tuple(facts(name) for name in names), hashes=hashes, embeddings=vectors.astype(np.float32),
        checks=tuple({} for _ in names),
    )  # fmt: skip
    return catalog, features


def compared(
    monkeypatch: pytest.MonkeyPatch,
    count: int,
    verdict: Callable[[int, int], Proof | None],
    *,
    reach: float = 94.0,  # cosine .95 at 30 frames
    flips: float = 0.5,
) -> tuple[MadeUp, tuple[Group, ...]]:
    prover = MadeUp(verdict)
    monkeypatch.setattr(comparing, "Prover", lambda *_, **__: prover)
    catalog, features = frames(count, reach, flips)
    unused: Any = None  # pictures and store, which only a true prover reads
    evidence = copies.compare(catalog, features, unused, unused, edit_floor=0.95, half_similarity=0.95)
    return prover, copies.stars(evidence)


def near(a: int, b: int) -> Proof | None:
    return proof() if abs(a - b) <= SAME else None


def test_each_frame_is_a_direct_copy_of_its_keeper(monkeypatch: pytest.MonkeyPatch) -> None:
    _, groups = compared(monkeypatch, 500, near)
    stars = [group for group in groups if group.kind == "copy"]
    assert all(abs(member.row - group.keeper) <= SAME for group in stars for member in group.members)
    members = Counter(member.row for group in stars for member in group.members)
    assert max(members.values()) == 1
    assert len(stars) >= 500 // (2 * SAME + 1)
    assert len(members) + len(stars) >= 490  # nearly every frame has a copy beside it


def test_the_quick_search_gives_the_groups_that_comparing_everything_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    _, groups = compared(monkeypatch, 300, near)
    all_pairs = [(a, b) for a in range(300) for b in range(a + 1, 300)]
    monkeypatch.setattr(comparing, "pairs", lambda *_: np.array(all_pairs))
    _, slow = compared(monkeypatch, 300, near)
    key: Callable[[Iterable[Group]], Mapping[int, set[int]]] = lambda found: {
        group.keeper: {member.row for member in group.members} for group in found if group.kind == "copy"
    }
    assert key(groups) == key(slow)


@pytest.mark.parametrize(
    ("what", "verdict", "flips"),
    [
        ("a pan", near, 0.5),
        ("a camera at rest", lambda _a, _b: proof(), 0.02),
        (
            "something that moves before a camera at rest",
            lambda a, b: proof(changed=REGION, changed_share=0.04, remade_share=0.04) if (a + b) % 2 else proof(),
            0.02,
        ),
        ("frames that are no copies", lambda _a, _b: None, 0.02),
    ],
)
def test_a_handful_of_alignments_a_frame_however_many_frames(
    monkeypatch: pytest.MonkeyPatch, what: str, verdict: Callable[[int, int], Proof | None], flips: float
) -> None:
    asked = {count: len(compared(monkeypatch, count, verdict, flips=flips)[0].known) / count for count in (300, 1200)}
    assert asked[1200] <= 26, what  # ten by embedding and sixteen by hash, most of them found from both sides
    assert asked[1200] <= 1.2 * asked[300], what
