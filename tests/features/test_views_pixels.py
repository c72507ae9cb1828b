"""Views of real pixels: with the model files, the sample pictures' known views; without them, a plain word."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from curate.errors import ModelError
from curate.features import weights
from curate.features.views import Evidence, LateViewer, Viewer, combine, open_viewer
from curate.features.views.base import BIN_DEG, wrapped
from curate.features.views.networks import Network, Working, letterboxed
from curate.pictures import decode

ROOT = Path(__file__).parents[2]
WHITE = (255, 255, 255)
TRUTH = [json.loads(line) for line in (ROOT / "tests/truth/labels.jsonl").read_text(encoding="utf-8").splitlines()]
GOOD = [one for one in TRUTH if one["file"] != "nora_21.jpg"]  # that one is a broken file


@pytest.fixture(scope="module")
def viewer() -> Viewer:
    try:
        return open_viewer()
    except ModelError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def seen(viewer: Viewer) -> dict[str, dict[str, float]]:
    return {one["file"]: viewer.measure(_pixels(one["file"])) for one in GOOD}


def _pixels(name: str) -> np.ndarray:
    return decode((ROOT / "sample_images" / name).read_bytes(), background=WHITE).rgb


def test_every_sample_shows_its_known_yaw_on_its_known_side(seen: dict[str, dict[str, float]]) -> None:
    errors = {}
    for one in GOOD:
        yaw = combine(Evidence(raw=seen[one["file"]])).yaw_deg
        assert yaw is not None, one["file"]
        errors[one["file"]] = abs(wrapped(yaw - one["yaw_deg"]))
        if 30 < abs(one["yaw_deg"]) < 150:
            assert yaw * one["yaw_deg"] > 0, one["file"]
        if abs(one["yaw_deg"]) > 115:
            assert abs(yaw) > 112.5, one["file"]
    assert max(errors.values()) < 30
    assert np.mean(list(errors.values())) < 5


def test_every_sample_shows_its_known_height_and_framing(seen: dict[str, dict[str, float]]) -> None:
    off = []
    for one in GOOD:
        view = combine(Evidence(raw=seen[one["file"]]))
        assert view.framing == one["shot"], one["file"]
        if abs(one["yaw_deg"]) <= 45:
            assert view.pitch_deg is not None
            off.append(view.pitch_deg - one["pitch_deg"])
    assert abs(np.mean(off)) < 3
    assert np.abs(off).mean() < 6


def test_what_calls_itself_sure_is_in_the_right_bin(seen: dict[str, dict[str, float]]) -> None:
    sure = 0
    for one in GOOD:
        view = combine(Evidence(raw=seen[one["file"]]))
        if view.confidence > 0.8:
            assert view.yaw_deg is not None
            assert round(view.yaw_deg / BIN_DEG) % 8 == round(one["yaw_deg"] / BIN_DEG) % 8, one["file"]
            sure += 1
    assert sure >= len(GOOD) / 2


@pytest.mark.parametrize("name", ["nora_09.jpg", "nora_12.jpg", "nora_14.jpg"])
def test_a_mirrored_picture_is_turned_to_the_other_side(viewer: Viewer, name: str) -> None:
    rgb = _pixels(name)
    there = combine(Evidence(raw=viewer.measure(rgb)))
    back = combine(Evidence(raw=viewer.measure(np.ascontiguousarray(rgb[:, ::-1]))))
    assert there.yaw_deg is not None
    assert back.yaw_deg is not None
    assert back.yaw_deg == pytest.approx(-there.yaw_deg, abs=8)


def test_a_leaning_picture_leans(viewer: Viewer) -> None:
    import cv2

    rgb = _pixels("nora_01.jpg")
    height, width = rgb.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -20, 1.0)  # clockwise as seen: the top to the right
    leaning = cv2.warpAffine(rgb, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    straight, leant = (combine(Evidence(raw=viewer.measure(one))) for one in (rgb, leaning))
    assert straight.roll_deg is not None
    assert leant.roll_deg is not None
    assert leant.roll_deg - straight.roll_deg == pytest.approx(20, abs=4)


def test_a_copy_without_its_face_is_not_called_a_front_or_a_back(viewer: Viewer) -> None:
    rgb = _pixels("nora_01.jpg").copy()
    left, top, right, bottom = (int(value) for value in GOOD[0]["face_bbox"])
    rgb[top:bottom, left:right] = (90, 140, 60)
    assert combine(Evidence(raw=viewer.measure(rgb))).yaw_deg is None


def _odd_pictures() -> dict[str, np.ndarray]:
    random = np.random.default_rng(3)
    ramp = np.linspace(0, 255, 300).astype(np.uint8)
    return {
        "one pixel": np.full((1, 1, 3), 200, np.uint8),
        "a line": np.full((1, 900, 3), 90, np.uint8),
        "a strip": random.integers(0, 255, (2000, 9, 3), dtype=np.uint8),
        "black": np.zeros((300, 200, 3), np.uint8),
        "noise": random.integers(0, 255, (256, 256, 3), dtype=np.uint8),
        "a ramp": np.repeat(np.tile(ramp, (300, 1))[:, :, None], 3, axis=2),
    }


@pytest.mark.parametrize("name", _odd_pictures())
def test_a_picture_of_nothing_claims_nothing(viewer: Viewer, name: str) -> None:
    raw = viewer.measure(_odd_pictures()[name])
    assert all(isinstance(value, float) and math.isfinite(value) for value in raw.values())
    view = combine(Evidence(raw=raw))
    assert (view.yaw_deg, view.framing) == (None, None)


def test_numbers_survive_json_and_threads(viewer: Viewer, seen: dict[str, dict[str, float]]) -> None:
    names = [one["file"] for one in GOOD[:6]]
    with ThreadPoolExecutor(3) as pool:
        again = list(pool.map(lambda name: viewer.measure(_pixels(name)), names))
    assert again == [seen[name] for name in names]
    assert json.loads(json.dumps(again)) == again


def test_without_model_files_views_are_not_measured_and_it_is_said_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"curate models get|pip install ai-edge-litert") as caught:
        open_viewer(tmp_path, offline=True)
    assert "\n" not in str(caught.value)
    assert not any(tmp_path.iterdir())


def test_without_model_files_captions_still_speak() -> None:
    view = combine(Evidence(caption="nora, from behind, full body"))
    assert (view.yaw_deg, view.framing, view.sources) == (180.0, "full_body", ("captions",))


def test_a_file_that_is_no_network_is_said() -> None:
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    with pytest.raises(ModelError, match="a network cannot be loaded"):
        Network(b"not a network" * 100)


def test_networks_are_named_in_the_key_so_that_others_measure_anew() -> None:
    assert all(one.sha256[:8] in LateViewer.key for one in weights.FILES.values())


def test_a_letterbox_keeps_the_aspect_and_tells_where_it_lies() -> None:
    view = Working(np.full((100, 50, 3), 255, np.uint8))
    square, corner, scale = letterboxed(view, 64)
    assert square.shape == (64, 64, 3)
    assert corner.tolist() == [16, 0]
    assert scale.tolist() == pytest.approx([0.64, 0.64])
    assert square[:, 16:48].min() == 255
    assert square[:, :16].max() == square[:, 48:].max() == 0


def test_a_part_is_cut_where_it_was_asked_for() -> None:
    rgb = np.zeros((200, 300, 3), np.uint8)
    rgb[80:120, 140:160] = 255
    part, whole = Working(rgb).part(np.array([150.0, 100.0]), 40.0, np.pi / 2, 80)
    assert part.shape == (80, 80, 3)
    rows, columns = np.nonzero(part[:, :, 0] > 0.5)
    assert abs(np.ptp(columns) - 79) < 4  # the bar stands in the picture and lies in the turned part
    assert abs(np.ptp(rows) - 39) < 4
    assert (whole @ [40, 40, 1]).tolist() == pytest.approx([150, 100])
