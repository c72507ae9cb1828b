"""sample_images, exported for each trainer: nothing is left to clean, and the steps are those that were promised."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_layouts import BASE, Reader
from trainer_loaders import LOADERS

import curate
from curate import output, plan

TRAINED = [name for name in output.LAYOUTS if name != "folder"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all trainers, so that pictures are measured once."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("trainer", TRAINED)
def test_the_exported_samples_are_clean_and_train_as_promised(
    samples: curate.Analysis, tmp_path: Path, cache: Path, trainer: str
) -> None:
    base = BASE.get(trainer, "sdxl")
    budget = plan.PlanSettings(target_steps=600, base=base, batch_size=2)
    written = curate.export(samples, tmp_path / "out", output.Settings(trainer=trainer, trigger="nora"), plan=budget)
    found = list(LOADERS[trainer](tmp_path / "out"))
    assert len(found) == sum(samples.kept)
    assert all(caption.strip() for one in found for caption in one.captions)
    assert Reader(written).count(trainer).steps == written.draft.steps
    settings = curate.ScanSettings(model="builtin", offline=True, cache=cache, views="off")
    again = curate.scan(tmp_path / "out", settings)
    assert not again.catalog.broken
    assert not [group for group in again.groups if group.kind != "lookalike"]
    assert len(again.catalog.pictures) == len(found)
    assert not [one.path for one in again.catalog.pictures if one.caption_problem]
    assert {one.orientation for one in again.features.facts} == {1}


@pytest.mark.parametrize("trainer", TRAINED)
def test_an_export_of_an_export_has_the_same_pictures_and_captions(
    samples: curate.Analysis, tmp_path: Path, cache: Path, trainer: str
) -> None:
    chosen = output.Settings(trainer=trainer)
    budget = plan.PlanSettings(target_steps=600, base=BASE.get(trainer, "sdxl"))
    settings = curate.ScanSettings(model="builtin", offline=True, cache=cache, views="off")
    curate.export(samples, tmp_path / "one", chosen, plan=budget)
    curate.export(tmp_path / "one", tmp_path / "two", chosen, plan=budget, scan_settings=settings)
    first = {one.path.name: one for one in LOADERS[trainer](tmp_path / "one")}
    second = {one.path.name: one for one in LOADERS[trainer](tmp_path / "two")}
    assert set(first) == set(second)
    for name, one in first.items():
        assert second[name].captions == one.captions
        assert second[name].path.read_bytes() == one.path.read_bytes()
