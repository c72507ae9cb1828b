"""Regularisation pictures beside the subject's: compared across, and only there."""

from __future__ import annotations

from dataclasses import replace

import curate
from curate.copies import across


def as_regularisation(analysis: curate.Analysis, *paths: str) -> curate.Analysis:
    pictures = tuple(
        replace(one, role="regularisation") if one.path in paths else one for one in analysis.catalog.pictures
    )
    return replace(analysis, catalog=replace(analysis.catalog, pictures=pictures))


def never(a: int, b: int) -> None:
    """Nothing is aligned: only equal pixels are copies."""


def test_equal_bytes_need_no_alignment(samples: curate.Analysis) -> None:
    changed = as_regularisation(samples, "IMG_2041.jpg")
    (found,) = across(changed.catalog, changed.features, never, edit_floor=0.9)
    assert (found.path, found.regularisation) == ("nora_03.jpg", "IMG_2041.jpg")
    assert found.edit == "the same bytes"
    assert found.correlation is None


def test_a_set_without_regularisation_is_asked_nothing(samples: curate.Analysis) -> None:
    def refuse(a: int, b: int) -> None:
        raise AssertionError(f"{a} and {b} were compared")

    assert across(samples.catalog, samples.features, refuse, edit_floor=0.9) == ()


def test_only_pairs_across_are_proposed(samples: curate.Analysis) -> None:
    beside = ("nora_16.jpg", "nora_17.jpg", "nora_selfie.jpg")
    changed = as_regularisation(samples, *beside)
    roles = [one.role for one in changed.catalog.pictures]
    asked: list[tuple[int, int]] = []

    def note(a: int, b: int) -> None:
        asked.append((a, b))

    assert across(changed.catalog, changed.features, note, edit_floor=0.5) == ()
    assert asked
    assert all((roles[a], roles[b]) == ("subject", "regularisation") for a, b in asked)
    assert {changed.catalog.pictures[b].path for _, b in asked} == set(beside)
