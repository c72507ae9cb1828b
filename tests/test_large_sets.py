"""Large sets: what was counted before is read again, and work grows as the number of pictures does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from curate import diversity, pages
from curate.copies.groups import Evidence
from curate.decisions import Decisions
from curate.diversity import effective, kernels, landmarks, maximum
from curate.records import Catalog, Diversity, Facts, Features, Model, Picture
from curate.settings import ScanSettings
from curate.stages import deciding
from curate.stages.measured import Measured

U = 0.05


def vectors(count: int, scenes: int = 40, seed: int = 0) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    made = random.normal(size=(scenes, 32))[random.integers(0, scenes, count)] + 0.2 * random.normal(size=(count, 32))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def measured(embeddings: NDArray[np.float32], cache: Path) -> Measured:
    names = [f"{row:04}.jpg" for row in range(len(embeddings))]
    pictures = tuple(Picture(path=name, digest=name, size_bytes=9, caption=name) for name in names)
    facts = tuple(
        Facts(
            width=512, height=512, format="JPEG", mode="RGB", orientation=1, has_alpha=False, frames=1, profile="",
            bits=8, pixel_digest=name,
        )
        for name in names
    )  # fmt: skip
    none = tuple({} for _ in names)
    features = Features(
        facts=facts, hashes=np.zeros((len(names), 8), np.uint64), embeddings=embeddings, checks=none,
    )  # fmt: skip
    evidence = Evidence(
        rows=range(len(names)), pictures=pictures, files=(), proofs={}, prove=lambda _a, _b: None,
        similarity=lambda _a, _b: 0.0, alike={},
    )  # fmt: skip
    shipped = next(iter(scales().values()))
    return Measured(
        settings=ScanSettings(cache=cache, views="off"),
        catalog=Catalog(folder="set", pictures=pictures),
        features=features,
        model=Model(name="a model", device="cpu", half_similarity=1 - U, calibrated=True),
        scale=replace(shipped, u=U, half_similarity=1 - U),
        evidence=evidence,
        vectors={},
        notes=(),
        groups=(),
    )


def scales() -> dict[str, diversity.Scale]:
    import json
    from importlib.resources import files

    known = json.loads(files("curate.diversity").joinpath("scales.json").read_text(encoding="utf-8"))
    return {key: diversity.read_scale(values) for key, values in known.items()}


def counting(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures each whole count had."""
    counts: list[int] = []
    measure = diversity.measure

    def counted(embeddings: NDArray[np.float32], *rest: object) -> Diversity:
        counts.append(len(embeddings))
        return measure(embeddings, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(diversity, "measure", counted)
    return counts


def numbers(held: Diversity) -> tuple[object, ...]:
    return (*(getattr(held, name) for name in ("effective_images", "low", "high", "evenness")), held.weights.tobytes())


def test_a_set_that_is_as_it_was_is_not_counted_again_and_has_the_same_numbers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(deciding, "LARGE", 100)
    counts = counting(monkeypatch)
    first = deciding.decide(measured(vectors(300), tmp_path))
    again = deciding.decide(measured(vectors(300), tmp_path))
    assert counts == [300]
    assert numbers(first.diversity) == numbers(again.diversity)
    assert first.coverage is not None
    assert again.coverage is not None
    assert first.coverage.scenes == again.coverage.scenes > 1
    assert pages.as_json(first) == pages.as_json(again)


@pytest.mark.parametrize("what", ["a picture", "a model", "a decision", "the memory"])
def test_a_set_that_changed_is_counted_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: str) -> None:
    monkeypatch.setattr(deciding, "LARGE", 100)
    found = measured(vectors(300), tmp_path)
    deciding.decide(found)
    counts = counting(monkeypatch)
    decisions = Decisions()
    if what == "a picture":
        found = measured(vectors(301)[1:], tmp_path)
    elif what == "a model":
        found = replace(found, scale=replace(found.scale, u=2 * U))
    elif what == "a decision":
        decisions = replace(decisions, left_out=frozenset({("0007.jpg", "0007.jpg")}))
    else:
        for file in tmp_path.glob("features*"):
            content = bytearray(file.read_bytes())
            content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
            file.write_bytes(content)
    with_memory = deciding.Deciding(found).exact(decisions)
    assert counts == [300]
    alone = deciding.Deciding(replace(found, settings=replace(found.settings, use_cache=False))).exact(decisions)
    assert numbers(with_memory.diversity) == numbers(alone.diversity)


def test_rows_without_weight_leave_the_kernel_and_the_count_is_that_of_all_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, keepers = vectors(900, scenes=300), np.arange(900)
    whole = diversity.measure(made, keepers, 4 * U)
    sizes: list[int] = []
    solve = maximum.maximum_diversity

    def counted(K: NDArray[np.float64], *rest: object) -> tuple[float, NDArray[np.float64]]:
        sizes.append(len(K))
        return solve(K, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(landmarks, "maximum_diversity", counted)
    monkeypatch.setattr(landmarks, "DENSE", 700)
    monkeypatch.setattr(landmarks, "LANDMARKS", 64)
    few = diversity.measure(made, keepers, 4 * U)
    assert not few.at_least
    assert max(sizes) < 700
    for one, other in ((whole.effective_images, few.effective_images), (whole.low, few.low), (whole.high, few.high)):
        assert 0.99 * one <= other <= one * (1 + 1e-9)


@pytest.mark.parametrize("pool", [landmarks.POOL, 100])
def test_the_count_is_the_same_bits_on_any_number_of_cores(monkeypatch: pytest.MonkeyPatch, pool: int) -> None:
    monkeypatch.setattr(landmarks, "DENSE", 600)
    monkeypatch.setattr(landmarks, "LANDMARKS", 64)
    monkeypatch.setattr(landmarks, "POOL", pool)
    made, found = vectors(900, scenes=300), []
    for threads in (1, 4):
        monkeypatch.setattr(landmarks, "THREADS", threads)
        found.append(numbers(diversity.measure(made, np.arange(900), U)))
    assert found[0] == found[1]


def test_the_count_is_the_same_bits_without_a_copy_of_the_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landmarks, "DENSE", 600)
    monkeypatch.setattr(landmarks, "LANDMARKS", 64)
    monkeypatch.setattr(kernels, "EXACT", 500)  # so that vectors are float32 either way
    made, keepers = (1.5 * vectors(900, scenes=300)).astype(np.float32), np.arange(900)
    keepers[1::9] = keepers[::9]
    found = []
    for most in (500, 900):  # photographs up to which a copy is made
        monkeypatch.setattr(effective, "COPIED", most)
        found.append(numbers(diversity.measure(made, keepers, U)))
    assert found[0] == found[1]


def test_the_kernels_that_are_solved_do_not_grow_with_the_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of rows that carry weight decides, not that of pictures: cosines asked for grow as the set does."""
    monkeypatch.setattr(landmarks, "DENSE", 200)
    monkeypatch.setattr(landmarks, "LANDMARKS", 32)
    solved: list[int] = []
    solve = maximum.maximum_diversity

    def counted(K: NDArray[np.float64], *rest: object) -> tuple[float, NDArray[np.float64]]:
        solved.append(len(K) ** 2)
        return solve(K, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(landmarks, "maximum_diversity", counted)
    work = {}
    for count in (500, 4000):
        solved.clear()
        diversity.measure(vectors(count, scenes=30), np.arange(count), 0.2)
        work[count] = sum(solved)
    assert work[4000] <= 4 * work[500]  # 64 times were it one kernel


def test_the_page_and_the_json_say_how_much_a_quick_search_found(tmp_path: Path) -> None:
    found = deciding.decide(measured(vectors(20), tmp_path))
    assert found.recall is None
    assert '"search_recall": null' in pages.as_json(found)
    quick = replace(found, recall=0.99871)
    said = " ".join(line.text.strip() for line in pages.scan_page(quick))
    assert "99.8 % were found" in said
    assert "as a sample shows" in said
    assert '"search_recall": 0.9987' in pages.as_json(quick)
    assert "sample" not in " ".join(line.text for line in pages.scan_page(found))
