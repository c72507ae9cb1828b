"""The sample set with the real networks: the page says what anybody sees in the pictures.

Nora's set is shot from the front; she is seen from both sides and from behind, never from a rear three-quarter view
and never from below (tests/truth/labels.jsonl).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import curate
from curate.diversity.targets import YAWS, bin_of
from curate.features.views import Evidence, combine, open_viewer
from curate.features.views.base import wrapped
from curate.pages import gaps_page, scan_page
from curate.pages.as_json import as_object

TRUTH = {
    one["file"]: one
    for one in map(
        json.loads, (Path(__file__).parent / "truth" / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    )
}


def test_the_views_that_nora_has_and_lacks_are_those_of_the_labels(seen_samples: curate.Analysis) -> None:
    kept = [
        picture.path for picture, stays in zip(seen_samples.catalog.pictures, seen_samples.kept, strict=True) if stays
    ]
    shown = {YAWS[bin_of(TRUTH[path]["yaw_deg"], folded=False)] for path in kept}
    coverage = seen_samples.coverage
    assert coverage is not None
    assert coverage.measured
    assert {name for name, mass in zip(YAWS, coverage.yaw, strict=True) if mass > 0} == shown
    missing = {gap.name for gap in coverage.gaps if gap.kind == "view" and gap.missing}
    assert missing == set(YAWS) - shown == {"rear left", "rear right"}
    assert [gap.name for gap in coverage.gaps if gap.kind == "height"] == ["from below"]
    assert min(TRUTH[path]["pitch_deg"] for path in kept) > -15


def test_the_page_and_the_shot_list_say_it(seen_samples: curate.Analysis) -> None:
    lines = [line.text for line in scan_page(seen_samples)]
    assert all(len(line) <= 80 for line in lines)
    text = " ".join(" ".join(lines).split())
    assert "VIEWS: 6 of 8" in text
    assert "% of the set shows one view: front." in text
    assert "Missing most: rear left, rear right, from below" in text
    shots = "\n".join(line.text for line in gaps_page(seen_samples))
    assert shots.index("1. rear left:") < shots.index("2. rear right:") < shots.index("3. from below:")


def test_the_json_has_each_pictures_view_and_null_where_there_is_none(seen_samples: curate.Analysis) -> None:
    keys = {"yaw_deg", "pitch_deg", "roll_deg", "confidence", "framing", "framing_confidence", "sources"}
    for picture in as_object(seen_samples)["pictures"]:
        assert keys <= set(picture["views"])
        assert abs(wrapped(picture["views"]["yaw_deg"] - TRUTH[picture["path"]]["yaw_deg"])) < 31
    json.dumps(as_object(seen_samples), allow_nan=False)


def test_only_one_group_was_a_question_of_the_face(samples: curate.Analysis, seen_samples: curate.Analysis) -> None:
    """Views must not break a group of proved copies that differ in nothing but compression, size or side."""
    assert [(g.kind, g.keeper, [m.row for m in g.members]) for g in seen_samples.groups] == [
        (g.kind, g.keeper, [m.row for m in g.members]) for g in samples.groups
    ]


def _viewer(cache: Path):  # type: ignore[no-untyped-def]
    return open_viewer(cache)


def _pixels(sample_folder: Path, name: str) -> np.ndarray:
    return np.asarray(Image.open(sample_folder / name).convert("RGB"))


def test_of_several_people_the_largest_is_taken_and_it_is_said(
    seen_samples: curate.Analysis, sample_folder: Path, sample_cache: Path
) -> None:
    large, small = (_pixels(sample_folder, name) for name in ("nora_09.jpg", "nora_02.jpg"))
    height = min(len(large), len(small))
    small = np.asarray(Image.fromarray(small).resize((small.shape[1] * 7 // 10, small.shape[0] * 7 // 10)))
    beside = np.zeros((height, small.shape[1], 3), np.uint8)
    beside[: len(small)] = small[:height]
    view = combine(Evidence(raw=_viewer(sample_cache).measure(np.hstack([large[:height], beside]))))
    assert view.yaw_deg is not None
    assert abs(view.yaw_deg - TRUTH["nora_09.jpg"]["yaw_deg"]) < 15
    assert "2 faces: the view is that of the largest" in view.notes


@pytest.mark.parametrize("name", ["nora_01.jpg", "nora_04.jpg", "nora_09.jpg"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_half_a_person_is_never_a_back(
    seen_samples: curate.Analysis, sample_folder: Path, sample_cache: Path, name: str, side: str
) -> None:
    left, _, right, _ = TRUTH[name]["face_bbox"]
    middle = int(left + right) // 2
    rgb = _pixels(sample_folder, name)
    half = np.ascontiguousarray(rgb[:, :middle] if side == "left" else rgb[:, middle:])
    yaw = combine(Evidence(raw=_viewer(sample_cache).measure(half))).yaw_deg
    assert yaw is None or abs(yaw - TRUTH[name]["yaw_deg"]) < 30


def test_a_tiny_face_is_said_or_not_claimed(
    seen_samples: curate.Analysis, sample_folder: Path, sample_cache: Path
) -> None:
    person = Image.open(sample_folder / "nora_04.jpg").convert("RGB")
    for side in (60, 90, 140):
        wide = Image.new("RGB", (1000, 800), (90, 120, 80))
        wide.paste(person.resize((side, side * person.height // person.width)), (450, 300))
        view = combine(Evidence(raw=_viewer(sample_cache).measure(np.asarray(wide))))
        assert view.yaw_deg is None or abs(view.yaw_deg) < 30
        if view.yaw_deg is not None and side < 100:
            assert any("too small to be sure" in note for note in view.notes)
