"""One subject or several: careful about splits, exact about names."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from curate.diversity import SubjectInputs, subjects

U = 0.045  # the built-in embedder's scale, nearly
WIDE = 384  # dimensions


def cluster(seed: int, count: int, *, within: float, like: int | None = None, between: float = 16.0) -> np.ndarray:
    """Unit vectors about `within` u from each other, and `between` u from the cluster `like`, if one is given."""
    shared = 1.0 - within * U  # cosine of two members
    centre = np.zeros(WIDE)
    centre[seed if like is None else like] = 1.0
    if like is not None:
        cosine = (1.0 - between * U) / shared
        centre *= cosine
        centre[seed] = np.sqrt(1.0 - cosine**2)
    noise = np.random.default_rng(seed).normal(size=(count, WIDE))
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    vectors = np.sqrt(shared) * centre + np.sqrt(1.0 - shared) * noise
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def judged(*parts: np.ndarray, captions: list[str] | None = None, calibrated: bool = True):  # type: ignore[no-untyped-def]
    vectors = np.concatenate(parts)
    names = [f"{'abcdefgh'[i]}{j}.png" for i, part in enumerate(parts) for j in range(len(part))]
    return subjects.judge(
        SubjectInputs(
            embeddings=vectors,
            u=U,
            captions=captions or [None] * len(vectors),
            paths=names,
            calibrated=calibrated,
        )
    )


def test_the_example_in_the_docstring_holds() -> None:
    result = doctest.testmod(subjects)
    assert (result.attempted, result.failed) == (1, 0)


def test_two_different_things_are_found_and_named_without_captions() -> None:
    found = judged(cluster(1, 8, within=6), cluster(2, 5, within=6, like=1))
    assert [len(group) for group in found.groups] == [8, 5]
    assert {path[0] for path in found.groups[1]} == {"b"}
    assert "may be 2 subjects" in found.findings[0]
    assert "b0.png" in found.findings[0]
    assert found.odd == ()


def test_three_subjects_are_three() -> None:
    found = judged(*(cluster(seed, 6, within=5) for seed in (1, 2, 3)))
    assert [len(group) for group in found.groups] == [6, 6, 6]


@pytest.mark.parametrize("between", [8.0, 11.0])
def test_one_subject_in_two_outfits_is_one(between: float) -> None:
    found = judged(cluster(1, 10, within=5), cluster(2, 8, within=5, like=1, between=between))
    assert (found.groups, found.odd, found.findings) == ((), (), ())


def test_names_in_the_captions_split_people_that_look_alike() -> None:
    parts = cluster(1, 6, within=8), cluster(2, 6, within=8, like=1, between=11)
    captions = ["nora, a woman in a park"] * 6 + ["lisa, a woman at home"] * 6
    assert judged(*parts).groups == ()
    assert [len(group) for group in judged(*parts, captions=captions).groups] == [6, 6]


def test_one_name_for_all_captions_speaks_against_a_split() -> None:
    parts = cluster(1, 6, within=6.5), cluster(2, 6, within=6.5, like=1, between=13.5)
    captions = ["nora in a park"] * 6 + ["nora at home"] * 6
    assert len(judged(*parts).groups) == 2
    assert judged(*parts, captions=captions).groups == ()


def test_colours_and_kinds_of_shot_are_no_names() -> None:
    parts = cluster(1, 6, within=8), cluster(2, 6, within=8, like=1, between=11)
    captions = ["red dress, nora, close-up"] * 6 + ["blue dress, nora, close-up"] * 6
    assert judged(*parts, captions=captions).groups == ()


def test_a_stranger_is_named_and_a_new_view_is_not() -> None:
    own = cluster(1, 10, within=6)
    assert judged(own, cluster(2, 1, within=6, like=1, between=18)).odd == ("b0.png",)
    assert judged(own, cluster(2, 1, within=6, like=1, between=10)).odd == ()


def test_a_caption_without_the_name_makes_a_doubt_a_finding() -> None:
    own, other = cluster(1, 10, within=4), cluster(2, 1, within=4, like=1, between=10)
    named = ["nora, smiling"] * 10
    assert judged(own, other, captions=[*named, "nora, from behind"]).odd == ()
    assert judged(own, other, captions=[*named, ""]).odd == ()
    found = judged(own, other, captions=[*named, "a dog on a lawn"])
    assert found.odd == ("b0.png",)
    assert "b0.png may not belong" in found.findings[0]


def test_nothing_is_said_of_few_pictures_or_by_an_embedder_without_a_scale() -> None:
    assert judged(cluster(1, 2, within=5), cluster(2, 2, within=5)).findings == ()
    assert judged(cluster(1, 6, within=5), cluster(2, 6, within=5), calibrated=False).findings == ()


def test_a_large_set_is_looked_at_in_part_and_says_so() -> None:
    found = judged(cluster(1, 1500, within=6), cluster(2, 1500, within=6))
    assert len(found.groups) == 2
    assert "2,000 of 3,000" in found.findings[-1]


def test_captions_of_another_number_are_refused() -> None:
    with pytest.raises(ValueError, match="captions: expected 4, got 1"):
        SubjectInputs(embeddings=cluster(1, 4, within=5), u=U, captions=[None], paths="abcd")


def test_draws_of_a_large_set_are_estimated_within_two_per_cent() -> None:
    from curate.diversity import effective, sampled_diversity

    random = np.random.default_rng(3)
    centres = random.normal(size=(200, 32))
    vectors = centres[random.integers(0, 200, 9000)] + 0.4 * random.normal(size=(9000, 32))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    for draws in (np.ones(9000), random.pareto(1.5, 9000) + 0.01, np.r_[5000.0, np.ones(8999)], np.eye(9000)[7]):
        exact = effective._diversity(vectors, draws / draws.sum(), U)
        assert sampled_diversity(vectors, np.arange(9000), draws, U) == pytest.approx(exact, rel=0.02)
