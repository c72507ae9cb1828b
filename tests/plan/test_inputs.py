"""What the plan is told of a scanned folder besides its sizes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import curate
from curate.plan import as_json, page
from curate.settings import ScanSettings


def test_the_sample_set_is_one_subject_and_its_copies_are_said(samples) -> None:  # type: ignore[no-untyped-def]
    plan = curate.recommend(samples, target_steps=1000)
    assert plan.subjects is not None
    assert (plan.subjects.groups, plan.subjects.odd) == ((), ())
    assert plan.as_they_lie is not None
    assert plan.as_they_lie.files == len(samples.catalog.pictures)
    assert plan.as_they_lie.sampled_diversity < plan.exposures.sampled_diversity
    json.dumps(as_json(plan))


def test_one_picture_copied_eighty_times_is_told_that_it_will_behave_like_two_or_three(
    sample_folder: Path, sample_cache: Path, tmp_path: Path
) -> None:
    names = [f"nora_{i:02d}.jpg" for i in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)]
    for name in names:
        shutil.copy(sample_folder / name, tmp_path)
    for i in range(80):
        shutil.copy(sample_folder / names[0], tmp_path / f"again_{i:02d}.jpg")
    settings = ScanSettings(model="builtin", offline=True, cache=sample_cache)
    plan = curate.recommend(tmp_path, scan_settings=settings, target_steps=1000)
    assert plan.pictures == len(names)
    assert plan.as_they_lie is not None
    assert plan.as_they_lie.files == 90
    assert 1 < plan.as_they_lie.sampled_diversity < 2
    said = " ".join(page(plan).split())
    assert "the 90 files would behave like 1." in said
    assert "copies take most of the draws" in said


def test_turned_transparent_and_uncaptioned_pictures_are_named(samples) -> None:  # type: ignore[no-untyped-def]
    plan = curate.recommend(samples, target_steps=1000)
    kept = {
        p.path: (p, f)
        for p, f, k in zip(samples.catalog.pictures, samples.features.facts, samples.kept, strict=True)
        if k
    }
    assert plan.concerned is not None
    assert set(plan.concerned.uncaptioned) == {path for path, (p, _) in kept.items() if not (p.caption or "").strip()}
    assert set(plan.concerned.oriented) == {path for path, (_, f) in kept.items() if f.orientation != 1}
    assert plan.concerned.uncaptioned
