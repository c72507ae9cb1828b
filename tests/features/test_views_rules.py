"""What follows from what was measured, the caption and the user: a table of rules."""

from __future__ import annotations

import numpy as np
import pytest

from curate.features.views import ESTIMATORS, Correction, Evidence, classes, combine, face_box, scores
from curate.features.views.base import Reading

FACE = {
    "faces": 1.0,
    "face_rivals": 0.0,
    "face_score": 0.92,
    "face_left": 0.4,
    "face_top": 0.2,
    "face_right": 0.6,
    "face_bottom": 0.4,
    "face_px": 150.0,
    "face_room": 3.4,
    "face_cut": 0.0,
    "mesh": 0.99,
    "mesh_yaw": 3.0,
    "mesh_pitch": 4.0,
    "mesh_roll": -2.0,
    "points_yaw": 2.0,
    "points_roll": -1.0,
    "points_error": 0.03,
}
BODY = {
    "body_score": 0.8,
    "body_flag": 0.99,
    "body_yaw": 4.0,
    "body_head": 0.2,
    "body_room": 0.95,
    "body_toes": -0.1,
    "body_off_face": 0.2,
    "mirror_score": 0.8,
    "mirror_flag": 0.99,
    "mirror_yaw": 2.0,
    "mirror_distance": 0.1,
}
BACK = BODY | {"body_yaw": 170.0, "mirror_yaw": -175.0}
NO_MESH = FACE | {"face_score": 0.7, "mesh": 0.01}


def _without(values: dict[str, float], *prefixes: str) -> dict[str, float]:
    return {name: value for name, value in values.items() if not name.startswith(prefixes)}


def test_every_estimator_says_nothing_of_nothing() -> None:
    assert [one.NAME for one in ESTIMATORS] == ["face", "body", "captions", "clip"]
    assert all(one.read(Evidence()) is None for one in ESTIMATORS)
    view = combine(Evidence())
    assert (view.yaw_deg, view.framing, view.confidence, view.sources) == (None, None, 0.0, ())


YAWS = {  # what was measured: (yaw or None, source)
    "a clear face needs no witness": (FACE, 3.0, "face"),
    "a weak face with a body below it": (FACE | BODY | {"face_score": 0.6}, 3.0, "face"),
    "a weak face alone is a dog": (FACE | {"face_score": 0.6}, None, None),
    "a weak face with a body elsewhere": (
        _without(FACE | BODY, "mirror") | {"face_score": 0.6, "body_off_face": 2.0},
        None,
        None,
    ),
    "a weak face on a body that looks away": (FACE | BACK | {"face_score": 0.6}, None, "body"),
    "a back": (BACK, 177.5, "body"),
    "a back on which the detector fired": (NO_MESH | BACK | {"face_score": 0.6, "points_yaw": 9.0}, 177.5, "body"),
    "a back without a mirror": (_without(BACK, "mirror"), None, None),
    "a back that moves in the mirror is a teapot": (BACK | {"mirror_distance": 2.0}, None, None),
    "a body in front without a face is a hidden face": (BODY, None, "body"),
    "a body whose head is cut off": (BACK | {"body_head": -0.1}, None, "body"),
    "a back whose feet point at us is a hidden face": (BACK | {"body_room": 2.6, "body_toes": 0.05}, None, "body"),
    "half a person, cut by the edge": (BACK | {"body_left": -0.02, "body_right": 0.4}, None, "body"),
    "a back that is wider than the picture": (BACK | {"body_left": -0.02, "body_right": -0.01}, 177.5, "body"),
    "one side says back, all else fits": (BACK | {"mirror_yaw": 10.0}, 170.0, "body"),
    "one side says back, and the person is not sure": (BACK | {"mirror_yaw": 10.0, "mirror_score": 0.4}, None, None),
    "a profile by the key points": (NO_MESH | BODY | {"points_yaw": -80.0}, -80.0, "face"),
    "no profile near the front": (NO_MESH | {"points_yaw": 30.0}, None, None),
    "no profile of points that fit no head": (NO_MESH | BODY | {"points_yaw": 80.0, "points_error": 0.3}, None, "body"),
    "half a face": (FACE | {"face_cut": 2.0}, None, None),
}


@pytest.mark.parametrize("case", YAWS)
def test_the_yaw_comes_from_the_source_that_may_be_believed(case: str) -> None:
    raw, yaw, source = YAWS[case]
    view = combine(Evidence(raw=raw))
    assert view.sources == (() if source is None else (source,))
    if yaw is None:
        assert view.yaw_deg is None
        assert view.confidence == 0.0
    else:
        assert view.yaw_deg == pytest.approx(yaw, abs=0.6)


def test_the_shortfall_of_the_mesh_is_made_up_for_and_keeps_the_side() -> None:
    for sign in (1, -1):
        turned = FACE | {"mesh_yaw": sign * 42.0, "points_yaw": sign * 46.0}
        yaw = combine(Evidence(raw=turned)).yaw_deg
        assert yaw is not None
        assert 46 < sign * yaw < 51


def test_a_profile_and_a_back_have_no_pitch() -> None:
    assert combine(Evidence(raw=NO_MESH | BODY | {"points_yaw": -80.0})).pitch_deg is None
    assert combine(Evidence(raw=BACK)).pitch_deg is None


def test_confidence_is_that_of_the_bin() -> None:
    middle, edge = FACE, FACE | {"mesh_yaw": 21.0, "points_yaw": 21.0}
    assert combine(Evidence(raw=middle)).confidence > 0.95
    assert combine(Evidence(raw=edge)).confidence < 0.7
    assert 0.3 < combine(Evidence(raw=BACK)).confidence < 0.6


def test_tiny_and_several_faces_are_said() -> None:
    raw = FACE | {"face_px": 12.0, "faces": 3.0, "face_rivals": 2.0}
    view = combine(Evidence(raw=raw))
    assert view.notes == ("3 faces: the view is that of the largest", "the face is 12 px high, too small to be sure")
    assert view.confidence < combine(Evidence(raw=FACE)).confidence


def test_the_face_box_is_told_only_of_a_face_that_is_trusted() -> None:
    assert face_box(FACE) == (0.4, 0.2, 0.6, 0.4)
    assert face_box(FACE | {"face_score": 0.55}) is None
    assert face_box({}) is None


CAPTIONS = {  # caption: (aspect, pitch, framing)
    "nora, upper body shot, from behind, outside a house": ("back", None, "upper_body"),
    "1girl, from_behind, cowboy_shot": ("back", None, "three_quarter"),
    "1girl, profile, portrait": ("side", None, "close_up"),
    "a woman, close-up portrait, three-quarter view": ("three_quarter", None, "close_up"),
    "full_body, from_above, front view": ("front", 30.0, "full_body"),
    "(from behind:1.2), solo": ("back", None, None),
    "seen from below, wide shot": (None, -30.0, "full_body"),
    "Side view of a man": ("side", None, None),
}
SILENT = [
    "a man in front of a white wall",
    "a cat jumps from behind a tree",
    "a portrait of nora by the sea, profile of a company",
    "a view of the front door",
    "1girl, looking back, from behind",  # the face is not seen from behind
    "front view, from behind",
    "bustling street",
    "",
]


@pytest.mark.parametrize("caption", CAPTIONS)
def test_a_caption_names_view_and_framing(caption: str) -> None:
    found = ESTIMATORS[2].read(Evidence(caption=caption))
    assert found is not None
    assert (found.aspect, found.pitch_deg, found.framing) == CAPTIONS[caption]


@pytest.mark.parametrize("caption", SILENT)
def test_other_words_name_no_view(caption: str) -> None:
    assert ESTIMATORS[2].read(Evidence(caption=caption)) is None


def test_a_caption_alone_tells_front_and_back_but_no_side() -> None:
    assert combine(Evidence(caption="x, from behind")).yaw_deg == 180.0
    side = combine(Evidence(caption="x, side view"))
    assert side.yaw_deg is None
    assert side.notes == ("the caption says side view, but not to which side",)
    assert combine(Evidence(caption="x, side view"), mirror_ok=True).yaw_deg == 90.0


def test_a_caption_that_agrees_makes_it_surer_and_one_that_does_not_is_said() -> None:
    alone = combine(Evidence(raw=BACK))
    both = combine(Evidence(raw=BACK, caption="x, from behind"))
    assert both.sources == ("body", "captions")
    assert both.confidence > alone.confidence
    against = combine(Evidence(raw=FACE, caption="x, from behind"))
    assert against.yaw_deg == pytest.approx(3.0, abs=0.1)
    assert "the caption says from behind" in against.notes[0]


def test_a_drawn_picture_goes_by_its_tags_first() -> None:
    view = combine(Evidence(raw=FACE, caption="1girl, solo, from behind"))
    assert (view.yaw_deg, view.sources[0]) == (180.0, "captions")
    assert view.notes == ("the caption says from behind, the face is turned by 3°: correct one of them",)
    agreed = combine(Evidence(raw=FACE, caption="1girl, solo, facing viewer"))
    assert (agreed.yaw_deg, agreed.sources, agreed.notes) == (0.0, ("captions", "face"), ())
    assert agreed.confidence > combine(Evidence(caption="1girl, solo, facing viewer")).confidence


def test_the_user_has_the_last_word() -> None:
    said = Correction(yaw_deg=-90.0, framing="full_body")
    view = combine(Evidence(raw=FACE, caption="front view"), correction=said)
    assert (view.yaw_deg, view.framing, view.confidence, view.framing_confidence) == (-90.0, "full_body", 1.0, 1.0)
    assert view.sources[0] == "user"
    assert view.pitch_deg == FACE["mesh_pitch"]


class _Reader:
    """Sentences as vectors: front, side and back lie on axes of their own."""

    def embed_text(self, sentences: list[str]) -> np.ndarray:
        words = (("facing the camera", "looking at", "the front"), ("side", "profile"), ("behind", "back"))
        rows = [[0.05 + float(any(word in s for word in group)) for group in words] for s in sentences]
        return (np.array(rows) / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_clip_speaks_where_nothing_else_does_and_only_with_a_lead() -> None:
    vectors = classes(_Reader())
    behind = scores(np.array([0.0, 0.0, 1.0], dtype=np.float32), vectors)
    view = combine(Evidence(scores=behind))
    assert (view.yaw_deg, view.sources) == (180.0, ("clip",))
    assert view.confidence < 0.5
    assert combine(Evidence(raw=FACE, scores=behind)).sources[0] == "face"
    undecided = scores(np.full(3, 3**-0.5, dtype=np.float32), vectors)
    near = {name: value for name, value in undecided.items() if name.startswith("aspect")}
    assert combine(Evidence(scores=dict.fromkeys(near, 0.25))).yaw_deg is None


def test_clip_never_tells_left_from_right() -> None:
    vectors = classes(_Reader())
    side = scores(np.array([0.0, 1.0, 0.0], dtype=np.float32), vectors)
    assert combine(Evidence(scores=side)).yaw_deg is None


def test_a_reading_without_yaw_has_no_confidence() -> None:
    assert Reading(source="x", certainty=1.0).confidence == 0.0
