"""Which views a set holds and lacks."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.diversity import TARGETS, CoverageInputs, coverage, scenes, shot_list
from curate.diversity.targets import YAWS, bin_of, centre_deg, pitch_bin
from curate.records import Coverage, View


def view(yaw: float | None, pitch: float | None = 0.0, framing: str | None = "close_up") -> View:
    return View(yaw_deg=yaw, pitch_deg=pitch, confidence=0.9, framing=framing, framing_confidence=0.9)  # type: ignore[arg-type]


def measured(views: list[View | None], weights: list[float] | None = None, **changes: object) -> Coverage:
    count = len(views)
    inputs = {
        "views": views,
        "weights": np.ones(count) if weights is None else np.array(weights),
        "captions": [None] * count,
        "scene": np.arange(count),
    }
    return coverage.measure(CoverageInputs(**{**inputs, **changes}))  # type: ignore[arg-type]


ALL_ROUND = [
    view(45.0 * turn, pitch, framing)
    for turn in range(-3, 5)
    for framing in ("close_up", "upper_body", "full_body")
    for pitch in (-30.0, 0.0, 30.0)
]


def test_a_set_from_all_sides_lacks_nothing() -> None:
    found = measured(ALL_ROUND)
    assert found.headline == "views 8 of 8"
    assert found.gaps == ()
    assert found.largest_gap_deg == 45.0
    assert shot_list(found) == ("nothing is missing that a character set is asked for",)


def test_a_set_from_the_front_names_what_it_lacks() -> None:
    found = measured([view(yaw) for yaw in (-40, -10, 0, 5, 40, 90)])
    assert found.headline == "views 4 of 8 · largest gap 230° (rear left) · no picture from below or from above"
    assert [gap.name for gap in found.gaps if gap.kind == "view"] == ["left side", "back", "rear left", "rear right"]
    assert {gap.name for gap in found.gaps if gap.kind == "framing"} == {
        "upper body or three-quarter body",
        "full body",
    }
    assert list(found.gaps) == sorted(found.gaps, key=lambda gap: (-gap.worth, gap.name))
    assert shot_list(found)[0].startswith("full body: ")


def test_copies_inflate_nothing() -> None:
    once = measured([view(0), view(90)], [1.0, 1.0])
    copied = measured([view(0), view(90), view(90), view(90)], [1.0, 0.4, 0.3, 0.3])
    assert copied.yaw.tolist() == pytest.approx(once.yaw.tolist())
    assert copied.matrix.sum() == pytest.approx(2.0)


def test_a_view_of_less_than_one_effective_image_is_thin_not_missing() -> None:
    found = measured([view(0), view(90)], [1.0, 0.4])
    thin = next(gap for gap in found.gaps if gap.name == "right side")
    assert (thin.missing, thin.has) == (False, 0.4)
    assert thin.worth < next(gap for gap in found.gaps if gap.name == "left side").worth


def test_left_and_right_count_apart_unless_they_may_be_mirrored() -> None:
    views = [view(0), view(45), view(90), view(135), view(180)]
    assert measured(views).views_seen == 5
    folded = measured(views, folded=True)
    assert (folded.views_seen, folded.views_wanted, len(folded.yaw)) == (5, 5, 5)
    assert folded.largest_gap_deg == 45.0


def test_too_many_unknown_views_are_no_verdict() -> None:
    found = measured([view(0), view(20), view(None), view(None)])
    assert not found.measured
    assert found.headline == "views not measured: 50 % of the set shows no view that can be told"
    assert (found.gaps, found.largest_gap_deg) == ((), None)
    assert shot_list(found) == (found.headline,)
    assert measured([view(0), view(0), view(0), view(None)]).measured


def test_pictures_that_were_not_measured_are_no_verdict() -> None:
    found = measured([None, None])
    assert (found.measured, found.headline) == (False, "views not measured")
    assert coverage.as_json(found)["yaw"] is None
    assert not measured([]).measured
    assert measured([]).headline == "views not measured: there is no picture of a subject"


def test_pictures_without_pitch_or_framing_count_where_they_are_known() -> None:
    found = measured([view(0, None, None), view(90, None, "full_body"), view(180, 20.0, None)])
    assert found.measured
    assert found.yaw.sum() == 3.0
    assert found.pitch.tolist() == [0.0, 0.0, 1.0]
    assert found.framing.sum() == found.matrix.sum() == 1.0
    assert {gap.name for gap in found.gaps if gap.kind == "height"} == {"from below"}
    without = measured([view(0, None, None), view(90, None, None)])
    assert not any(gap.kind in ("framing", "cell") and gap.framings == () for gap in without.gaps)
    json.dumps(coverage.as_json(without), allow_nan=False)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_small_set_has_gaps_and_no_findings_of_shares(count: int) -> None:
    found = measured([view(0)] * count)
    assert found.headline.startswith("views 1 of 8")
    assert found.largest_gap_deg == 360.0
    assert found.findings == ()


def test_framings_that_one_view_lacks_are_one_line() -> None:
    views = [view(yaw, 0.0, framing) for yaw in (0, 180) for framing in ("close_up", "upper_body", "full_body")]
    shots = shot_list(measured([*views, view(90, 0.0, "close_up")]))
    assert "right side as full body and as upper body or three-quarter body: there only in other framings" in shots


def test_a_face_is_not_asked_for_its_back() -> None:
    found = measured([view(yaw) for yaw in (-90, -45, 0, 45, 90)], preset="face")
    assert found.headline.startswith("views 5 of 5")
    assert found.largest_gap_deg == 45.0
    assert not any("rear" in gap.name or "back" in gap.name for gap in found.gaps)


def test_a_style_has_scenes_and_no_views() -> None:
    found = measured([view(None), view(0)], preset="style", weights=[0.2, 0.8])
    assert found.headline == "2 scenes (a style set has no views to cover)"
    assert found.gaps == ()


def test_a_framing_and_a_view_that_never_meet_are_a_gap() -> None:
    views = [view(yaw, 0.0, framing) for yaw in (0, 180) for framing in ("close_up", "upper_body", "full_body")][:-1]
    cells = [gap for gap in measured(views).gaps if gap.kind == "cell"]
    assert [gap.name for gap in cells] == ["full body, back"]


def test_a_view_that_most_pictures_share_is_said() -> None:
    found = measured([view(0)] * 5 + [view(90)])
    assert found.findings[0] == "83 % of the set shows one view: front"


@settings(deadline=None)
@given(st.lists(st.floats(-180, 180), min_size=1, max_size=30), st.booleans())
def test_masses_add_up_and_gaps_have_worth(yaws: list[float], folded: bool) -> None:
    found = measured([view(yaw) for yaw in yaws], folded=folded)
    assert found.yaw.sum() == found.matrix.sum() == pytest.approx(len(yaws))
    assert found.views_seen == np.count_nonzero(found.yaw)
    assert all(0 < gap.worth <= 1 for gap in found.gaps)
    assert found.largest_gap_deg is not None
    assert 360 / (2 * len(yaws)) - 1e-6 <= found.largest_gap_deg <= 360 + 1e-6
    json.dumps(coverage.as_json(found), allow_nan=False)


@settings(deadline=None)
@given(st.floats(-180, 180))
def test_an_angle_lies_in_the_bin_whose_middle_is_nearest(yaw: float) -> None:
    off = (yaw - centre_deg(bin_of(yaw, folded=False)) + 180) % 360 - 180
    assert abs(off) <= 22.5 + 1e-9
    assert 0 <= bin_of(yaw, folded=True) <= 4


def test_bins_have_the_names_of_the_viewers_sides() -> None:
    assert [YAWS[bin_of(yaw, folded=False)] for yaw in (0, 45, 90, 180, -180, -90, -45)] == [
        "front",
        "front right",
        "right side",
        "back",
        "back",
        "left side",
        "front left",
    ]
    assert [pitch_bin(pitch) for pitch in (-40, 0, 10, 40)] == [0, 1, 1, 2]


def test_every_preset_says_where_its_targets_are_from() -> None:
    assert set(TARGETS) == {"character", "face", "style", "object"}
    assert all(one.source for one in TARGETS.values())
    assert all(sum(one.framings.values()) <= 1.0 for one in TARGETS.values())
    with pytest.raises(KeyError):
        measured([view(0)], preset="other")


def _scene_set() -> np.ndarray:
    random = np.random.default_rng(2)
    middles = np.eye(40)[[0] * 6 + [1, 2, 3]]
    return (middles + 0.02 * random.normal(size=(9, 40))).astype(np.float32)


def test_pictures_that_look_alike_are_one_scene_the_largest_first() -> None:
    scene = scenes.clusters(_scene_set(), 0.95)
    assert scene[:6].tolist() == [0] * 6
    assert len(set(scene)) == 4
    assert scenes.evenness(scene, np.ones(9)) < 0.85
    assert scenes.evenness(np.arange(9), np.ones(9)) == pytest.approx(1.0)


def test_a_scene_that_most_pictures_share_is_named_from_captions_that_say_it() -> None:
    scene = scenes.clusters(_scene_set(), 0.95)
    captions = [f"nora, smiling {n}, in front of a brick wall" for n in range(6)] + ["nora, a", "nora, b", "nora, c"]
    assert scenes.findings(scene, captions)[0] == (
        '6 of 9 pictures share one scene: "in front of a brick wall"; other surroundings teach more'
    )
    assert "look alike as a whole" in scenes.findings(scene, [None] * 9)[0]
    assert scenes.findings(np.arange(9), [None] * 9) == ()


def test_captions_that_never_vary_are_said() -> None:
    same = scenes.findings(np.arange(6), ["a photo of nora"] * 6)
    assert same[0].startswith("all 6 captions are the same")
    most = scenes.findings(np.arange(6), [f"nora, {n}" + (", in a park" if n < 4 else "") for n in range(6)])
    assert most == ('4 of 6 captions say "in a park": pictures without it are what the set lacks',)


def test_scenes_do_not_depend_on_the_order_of_pictures() -> None:
    rows = _scene_set()
    shuffled = np.random.default_rng(1).permutation(9)
    one, other = scenes.clusters(rows, 0.95)[shuffled], scenes.clusters(rows[shuffled], 0.95)
    assert ((one[:, None] == one) == (other[:, None] == other)).all()


def test_large_sets_are_clustered_by_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "MOST", 20)
    rows = np.repeat(np.eye(4, dtype=np.float32), 25, axis=0)
    assert np.bincount(scenes.clusters(rows, 0.95)).tolist() == [25, 25, 25, 25]
