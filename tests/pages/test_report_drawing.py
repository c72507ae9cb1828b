"""The geometry behind the report's pictures: aligned pairs, the map, the chart, and text as it may be shown."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.pages.report import alignment, exposures, placing, text

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
MIRRORED = (-1.0, 0.0, 1.0, 0.0, 1.0, 0.0)
shares = st.floats(0.05, 0.45)


def test_a_copy_of_the_whole_shares_all_of_its_keeper() -> None:
    assert alignment.area(alignment.shared(IDENTITY)) == pytest.approx(1.0)
    assert alignment.area(alignment.shared(MIRRORED)) == pytest.approx(1.0)


@given(left=shares, top=shares, right=shares, bottom=shares)
def test_a_crop_shares_just_what_it_was_cropped_to(left: float, top: float, right: float, bottom: float) -> None:
    wide, tall = 1 - left - right, 1 - top - bottom
    found = (1 / wide, 0.0, -left / wide, 0.0, 1 / tall, -top / tall)
    corners = alignment.shared(found)
    assert alignment.area(corners) == pytest.approx(wide * tall)
    assert min(x for x, _ in corners) == pytest.approx(left)
    assert max(y for _, y in corners) == pytest.approx(1 - bottom)


@given(angle=st.floats(-180, 180), scale=st.floats(0.3, 3), x=st.floats(-0.5, 0.5), y=st.floats(-0.5, 0.5))
def test_the_shared_part_lies_within_the_keeper(angle: float, scale: float, x: float, y: float) -> None:
    c, s = scale * math.cos(math.radians(angle)), scale * math.sin(math.radians(angle))
    corners = alignment.shared((c, -s, x, s, c, y))
    assert all(-1e-9 <= value <= 1 + 1e-9 for corner in corners for value in corner)
    assert 0 <= alignment.area(corners) <= 1 + 1e-9


def test_a_map_without_a_way_back_draws_nothing() -> None:
    flat = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    assert alignment.shared(flat) == ()
    assert alignment.transform(flat, (10, 10), (10, 10)) is None


@given(angle=st.floats(-180, 180), x=st.floats(0, 1), y=st.floats(0, 1))
def test_the_transform_lays_each_point_of_a_copy_onto_its_own_place(angle: float, x: float, y: float) -> None:
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    found, member, keeper = (c, -s, 0.2, s, c, -0.1), (200, 100), (300, 400)
    at = (found[0] * x + found[1] * y + found[2], found[3] * x + found[4] * y + found[5])
    laid = alignment.transform(found, member, keeper)
    assert laid is not None
    a, b, cc, d, e, f = map(float, re.findall(r"-?[\d.]+", laid))
    px, py = at[0] * member[0], at[1] * member[1]
    assert a * px + cc * py + e == pytest.approx(x * keeper[0], abs=0.05)
    assert b * px + d * py + f == pytest.approx(y * keeper[1], abs=0.05)


@pytest.mark.parametrize("count", [0, 1, 2, 7, 60, 1500])
def test_every_picture_of_the_map_has_a_cell_of_its_own(count: int) -> None:
    vectors = np.random.default_rng(1).normal(size=(count, 8)).astype(np.float32)
    found, (columns, rows) = placing.cells(placing.project(vectors)[0])
    assert len({tuple(cell) for cell in found.tolist()}) == count
    assert count == 0 or (found.min() >= 0 and found[:, 0].max() < columns and found[:, 1].max() < rows)


def test_pictures_that_are_alike_lie_nearer_than_others_on_the_map() -> None:
    rng = np.random.default_rng(2)
    centres = rng.normal(size=(3, 32)) * 5
    vectors = np.concatenate([centre + rng.normal(size=(12, 32)) * 0.2 for centre in centres]).astype(np.float32)
    cells = placing.cells(placing.project(vectors)[0])[0].astype(float)
    middles = np.stack([cells[12 * n : 12 * n + 12].mean(axis=0) for n in range(3)])
    within = np.mean([np.linalg.norm(cells[12 * n : 12 * n + 12] - middles[n], axis=1).mean() for n in range(3)])
    between = np.mean([np.linalg.norm(middles[n] - middles[m]) for n in range(3) for m in range(n)])
    assert within < between / 2


def test_the_map_says_how_much_it_shows() -> None:
    flat = np.zeros((20, 6), np.float32)
    flat[:, :2] = np.random.default_rng(3).normal(size=(20, 2))
    assert placing.project(flat)[1] == pytest.approx(1.0)
    assert placing.project(np.eye(20, dtype=np.float32))[1] == pytest.approx(2 / 19)


def test_the_map_does_not_depend_on_whether_pictures_or_dimensions_are_more() -> None:
    tall = np.random.default_rng(4).normal(size=(40, 6)).astype(np.float32)
    wide = np.concatenate([tall, np.zeros((40, 60), np.float32)], axis=1)
    np.testing.assert_allclose(placing.project(tall)[0], placing.project(wide)[0], atol=1e-4)


@given(end=st.floats(0.01, 1e6))
def test_ticks_are_few_and_round_and_end_on_the_axis(end: float) -> None:
    found = exposures.ticks(end)
    assert found[0].value == 0.0
    assert 2 <= len(found) <= exposures.TICKS + 1
    assert found[-1].value <= end * (1 + 1e-9)
    assert all(0 <= tick.at <= 100 + 1e-6 for tick in found)
    mantissa = found[1].value / 10 ** math.floor(math.log10(found[1].value) + 1e-9)
    assert min(abs(mantissa - round_) for round_ in (1, 2, 5, 10)) < 1e-6


def a_plan(steps: int, seen: float, sound: tuple[float, float], cap: float, limit: int) -> dict[str, object]:
    return {
        "plan": {"steps": steps},
        "exposures": {"per_effective_image": seen},
        "range": {"cap": cap, "sound": list(sound), "sound_steps": [limit // 2, limit]},
        "checkpoints": [{"name": "half", "step": steps // 2, "per_effective_image": seen / 2, "look_first": True}],
    }


@pytest.mark.parametrize("seen", [1.0, 60.0, 150.0, 5000.0])
def test_the_plan_lies_on_its_line_within_the_chart(seen: float) -> None:
    found = exposures.chart(a_plan(1000, seen, (50, 100), 100, 1500), 2.0)
    assert 0 < found.plan.x < 100
    assert 0 < found.plan.y < 100
    assert found.plan.y / found.plan.x == pytest.approx(found.end[1] / found.end[0])
    assert found.saved[0].x == pytest.approx(found.plan.x / 2)
    assert max(found.end) <= 100 + 1e-6


def test_the_bands_of_the_chart_leave_no_gap() -> None:
    found = exposures.chart(a_plan(1000, 250.0, (50, 100), 100, 1500), 2.0)
    assert [band.name for band in found.bands] == ["under_trained", "sound", "risk", "overfit_likely"]
    assert [band.low for band in found.bands[1:]] == [band.high for band in found.bands[:-1]]
    assert sum(band.height for band in found.bands) == pytest.approx(100)


def test_a_window_that_is_empty_still_gives_a_chart() -> None:
    found = exposures.chart(a_plan(1000, 900.0, (500.0, 100.0), 100, 300), 2.0)
    assert [band.name for band in found.bands] == ["under_trained", "risk", "overfit_likely"]


@given(name=st.text(max_size=60))
def test_shown_text_holds_nothing_invisible(name: str) -> None:
    assert all(c.isprintable() or c in text.JOINERS for c in text.shown(name))


@pytest.mark.parametrize(
    ("given_", "shown"),
    [
        ("cache /root/.cache/curate/x.db: cannot be read", "cache …/x.db: cannot be read"),
        ("D:\\sets\\nora\\a.jpg is gone", "…/a.jpg is gone"),
        ("\\\\server\\share\\a.jpg", "…/a.jpg"),
        ("civitai.com/articles/26698 asks for 40 %", "civitai.com/articles/26698 asks for 40 %"),
        ("huggingface.co/blog and https://example.org/a/b", "huggingface.co/blog and https://example.org/a/b"),
        ("a picture and/or a caption, 3 / 4", "a picture and/or a caption, 3 / 4"),
        ("ViT-B-32/laion2b", "ViT-B-32/laion2b"),
        ("ViT-B-32//data/models/w.pt", "ViT-B-32/…/w.pt"),
        ("/mnt/My Disk/old sets/x.db: gone", "…/x.db: gone"),
        ("C:\\Users\\Jane Doe\\x.db", "…/x.db"),
        ("/data/a.jpg is a copy of /mnt/old sets/b.jpg", "…/a.jpg is a copy of …/b.jpg"),
        ("D:\\sets\\a.jpg and E:\\b.jpg", "…/a.jpg and …/b.jpg"),
        ("\\\\nas\\x\\a.jpg and \\\\nas\\b.jpg", "…/a.jpg and …/b.jpg"),
        ("--model ViT/(/data/w.pt)", "--model ViT/(…/w.pt)"),
    ],
)
def test_only_absolute_paths_are_shortened(given_: str, shown: str) -> None:
    assert text.without_paths(given_) == shown
