"""--resize-to: smaller files that train the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from output_sets import Exporter, draw
from PIL import Image
from trainer_loaders import LOADERS, size_of

from curate import output, trainers
from curate.errors import ExportError
from curate.output.scaling import short_side, smaller
from curate.pictures import scaled_down

TRAINED = [name for name in output.LAYOUTS if name != "folder"]
SIDES = st.integers(64, 9000)


def placer(trainer: str, resolution: int) -> trainers.Placer:
    chosen = trainers.get(trainer)
    options = chosen.curate_options(resolution, trainers.base("sdxl"))
    return chosen.placer(trainers.DataSet(subsets=(), resolution=resolution, options=options))


@pytest.mark.parametrize("trainer", TRAINED)
@pytest.mark.parametrize("resolution", [512, 768, 1024])
@settings(deadline=None)  # the first example lists the buckets
@given(width=SIDES, height=SIDES)
def test_no_trainer_scales_up_what_was_scaled_down(trainer: str, resolution: int, width: int, height: int) -> None:
    written = smaller((width, height), short_side(resolution))
    if written == (width, height):
        return
    for place in placer(trainer, resolution)(written):
        assert place.scaled[0] <= written[0]
        assert place.scaled[1] <= written[1]


@given(width=SIDES, height=SIDES, short=st.integers(1, 5000))
def test_the_proportion_stays_within_a_pixel(width: int, height: int, short: int) -> None:
    w, h = smaller((width, height), short)
    assert min(w, h) == min(width, height, short)
    assert w <= width
    assert h <= height
    assert abs(w * height - h * width) <= max(width, height)


def exported(export: Exporter, trainer: str, **more: Any) -> output.Written:
    length = {"epochs": 4} if trainers.get(trainer).budget == "epochs" else {"max_steps": 60}
    values = {"base": "qwen" if trainer == "musubi" else "sdxl", "resolution": 128, "batch_size": 1, **length}
    return export(trainer=trainer, values=values, resize_to=128, **more)


@pytest.mark.parametrize("trainer", TRAINED)
def test_large_pictures_and_their_masks_are_written_smaller_and_others_stay(
    export: Exporter, source: Path, trainer: str
) -> None:
    draw(source / "large.png", (600, 300))
    draw(source / "small.jpg", (200, 100), seed=1)
    mask = np.zeros((300, 600), np.uint8)
    mask[:, :300] = 255
    Image.fromarray(mask).save(source / "large-masklabel.png")
    written = exported(export, trainer)
    root = Path(written.destination)
    found = list(LOADERS[trainer](root))
    sizes = sorted(size_of(one.path) for one in found)
    assert sizes == [(200, 100), (260, 130)]
    (small,) = [one for one in found if one.path.suffix == ".jpg"]
    assert small.path.read_bytes() == (source / "small.jpg").read_bytes()
    (large,) = [one for one in found if one.path.suffix == ".png"]
    if large.weights is not None:
        assert large.weights.shape == (130, 260)
        assert (large.weights[:, :129] == 1).all()
        assert (large.weights[:, 131:] == 0).all()
    assert any("scaled down from 600x300 to 260x130 px" in line for line in written.lines)


def test_colours_are_averaged_as_they_are_stored() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    assert np.abs(scaled_down(stripes, 32, 32)[8:24, 8:24].astype(int) - 100).max() <= 3
    flat = np.full((70, 50, 3), 77, np.uint8)
    assert (scaled_down(flat, 10, 14) == 77).all()


def test_a_mask_is_never_darker_than_black_or_brighter_than_white_beside_its_edge() -> None:
    mask = np.full((90, 90), 40, np.uint8)
    mask[:, 45:] = 210
    small = scaled_down(mask, 30, 30)
    assert small.min() == 40
    assert small.max() == 210


def test_a_size_below_what_is_trained_is_refused(export: Exporter, source: Path) -> None:
    draw(source / "a.png", (600, 300))
    with pytest.raises(ExportError, match=r"--resize-to 512 is too small: sdxl is trained at 1024 px"):
        export(trainer="kohya", values={"epochs": 2}, resize_to=512)


def test_the_size_is_rounded_up_to_what_buckets_are_rounded_to(export: Exporter, source: Path) -> None:
    draw(source / "a.png", (600, 300))
    written = export(trainer="folder", resize_to=200)
    with Image.open(Path(written.destination) / "a.png") as image:
        assert image.size == (520, 260)
