"""Body yaw all the way round, so that backs are backs; whether a person is there at all; framing.

BlazePose: a detector for the person's middle and size, then 33 landmarks in the picture and in metres. Its own flag and
visibilities tell nothing (the flag is high on a quarter of pictures without people, hips are "visible" on mere faces).
What does tell is the mirrored picture: a person is found in the same place again, a teapot is not.

The shoulders' direction in metres gives the yaw. Measured (bench/views.py): where it says "back" it is right, where it
says "front" it may be wrong, so only backs are believed. The absence of a face proves nothing: a hand can hide it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from curate.features.views import face
from curate.features.views.base import Evidence, Raw, Reading, framing_of, wrapped
from curate.features.views.networks import Detector, Found, Network, Working, mapped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

NAME = "body"
DETECTOR, LANDMARKS = "pose_detection.tflite", "pose_landmark_full.tflite"
STRIDES, POINTS = (8, 16, 32, 32, 32), 4
LEAST = 0.3  # score of a person that is looked at
RIVAL = 0.6  # share of the best score from which another person counts, where a face says which one is meant
REGION = (
    2.5  # side of the landmarks' square, in distances from the hips to the circle round the person (MediaPipe's own)
)
HEAD = slice(0, 11)  # landmarks of the head
SHOULDERS, HIPS, NEXT = (11, 12), (23, 24), (33, 34)  # landmarks; NEXT: middle and rim of the region to look at again
HEELS, TOES = (29, 30), (31, 32)
BACK_DEG = 100.0  # |body yaw| that says back
EDGE = 0.02  # share of the picture's width from its edge within which a shoulder is held for cut off
CUTS = (
    0.6,
    1.25,
    1.9,
)  # room between shoulders and lower edge, in lengths of the torso, shoulders to hips: hips lie at
# 1, mid-thigh at 1.3, knees at 1.65 and ankles at 2.3 by the proportions of adults (Drillis and Contini 1966)
SPREAD = 0.2  # standard deviation of that room's logarithm


@dataclass(frozen=True, slots=True)
class _Body:
    score: float
    flag: float  # 0-1
    yaw: float  # degrees
    head: Floats  # px [2]
    shoulders: Floats
    hips: Floats
    toes: float  # px that the toes are shown below the heels
    sides: tuple[float, float]  # px: x of the shoulder to the left in the picture, and of the one to the right


class Bodies:
    """Finds and measures the person. For one thread."""

    def __init__(self, detector: bytes, landmarks: bytes) -> None:
        self._detector = Detector(detector, STRIDES, POINTS)
        self._landmarks = Network(landmarks)

    def measure(self, view: Working, seen: Raw) -> dict[str, float]:
        """Raw numbers of the person at the face, or of the clearest; {} without one, or where a face needs no witness.
        Asks the mirror where the face is not clear, and then looks twice."""
        if face.is_certain(seen):  # most portraits: saves two of the four networks
            return {}
        clear = face.is_clear(seen)
        anchor = _face_middle(seen, view)
        person = self._person(view, anchor)
        if person is None:
            return {}
        first = self._look(view, person, passes=1 if clear else 2)
        torso = max(float(np.hypot(*(first.shoulders - first.hips))), 1e-6)
        values = {
            "body_score": first.score,
            "body_flag": first.flag,
            "body_yaw": first.yaw,
            "body_head": float(first.head[1]) / view.height,
            "body_toes": first.toes / torso,
            "body_room": (view.height - float(first.shoulders[1])) / torso,
            "body_left": first.sides[0] / view.width,
            "body_right": 1.0 - first.sides[1] / view.width,
        }
        if anchor is not None:
            width = (seen["face_right"] - seen["face_left"]) * view.width
            height = (seen["face_bottom"] - seen["face_top"]) * view.height
            values["body_off_face"] = float(np.hypot(*(first.head - anchor))) / max(width, height, 1e-6)
        if clear and face.is_trusted({**seen, **values}):
            return values
        if clear:
            first = self._look(view, person, passes=2)
        return values | self._witness(view, first, anchor)

    def _witness(self, view: Working, first: _Body, anchor: Floats | None) -> dict[str, float]:
        """What the mirrored picture shows, and how far it is from the picture itself, in heads over shoulders."""

        def back(point: Floats) -> Floats:
            return np.array([view.width - point[0], point[1]])

        mirrored = view.mirrored()
        person = self._person(mirrored, None if anchor is None else back(anchor))
        if person is None:
            return {}
        second = self._look(mirrored, person, passes=2)
        apart = np.hypot(*(first.head - back(second.head))) + np.hypot(*(first.shoulders - back(second.shoulders)))
        size = max(float(np.hypot(*(first.head - first.shoulders))), 1e-6)
        return {
            "mirror_score": second.score,
            "mirror_flag": second.flag,
            "mirror_yaw": wrapped(-second.yaw),
            "mirror_distance": float(min(apart / 2 / size, 99.0)),
        }

    def _person(self, view: Working, anchor: Floats | None) -> Found | None:
        """The clearest person, or of those that are nearly as clear the one nearest to the face."""
        found = self._detector.find(view, LEAST)
        if not found or anchor is None:
            return found[0] if found else None
        rivals = [one for one in found if one.score >= RIVAL * found[0].score]
        return min(rivals, key=lambda one: float(np.hypot(*(one.middle - anchor))))

    def _look(self, view: Working, person: Found, passes: int) -> _Body:
        middle, rim = person.points[0], person.points[1]
        for _ in range(passes):
            flag, points, solid = self._pass(view, middle, rim)
            middle, rim = points[NEXT[0]], points[NEXT[1]]
        return _body(person, flag, points, solid)

    def _pass(self, view: Working, middle: Floats, rim: Floats) -> tuple[float, Floats, Floats]:
        """(flag, landmarks [39, 2] in px, [39, 3] in metres with the picture's axes)."""
        up = rim - middle
        angle = float(np.arctan2(up[1], up[0]) + np.pi / 2)
        side = self._landmarks.side
        part, whole = view.part(middle, REGION * max(float(np.hypot(*up)), 1.0), angle, side)
        outputs = self._landmarks(part, (195, 117, 1))
        points = mapped(outputs[195].reshape(39, 5)[:, :2], whole)
        solid = outputs[117].reshape(39, 3).astype(np.float64)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        solid[:, :2] = solid[:, :2] @ turn.T
        return float(outputs[1][0]), points, solid


def read(evidence: Evidence) -> Reading | None:
    """A back, where that is sure; else only the framing, and only of a person whom the mirror confirms."""
    raw = evidence.raw
    if "body_flag" not in raw or face.is_trusted(raw):
        return None
    framing, confidence = framing_of(raw["body_room"], CUTS, SPREAD)
    sure = is_sure(raw)
    if _is_back(raw):
        return Reading(
            source=NAME,
            yaw_deg=_back_yaw(raw),
            yaw_error_deg=35.0,
            certainty=0.9 if sure else 0.75,
            framing=framing,
            framing_confidence=confidence * (0.95 if sure else 0.7),
        )
    if sure:
        return Reading(source=NAME, certainty=0.9, framing=framing, framing_confidence=0.9 * confidence)
    return None


def is_sure(raw: Raw) -> bool:
    """Whether picture and mirror agree so well that there is a person, whatever the flags say."""
    scores = min(raw.get("body_score", 0.0), raw.get("mirror_score", 0.0))
    flag = max(raw.get("body_flag", 0.0), raw.get("mirror_flag", 0.0))
    return scores >= 0.5 and flag >= 0.5 and raw.get("mirror_distance", 9.0) < face.MOVED


def _is_back(raw: Raw) -> bool:
    """No face that looks at us, a head within the picture, and the body says back: in picture and mirror, or in one of
    them where all else fits."""
    if raw.get("mesh", 0.0) >= 0.2 or raw["body_head"] < 0.0 or _is_half(raw):
        return False
    if raw["body_room"] >= CUTS[2] and raw["body_toes"] > 0.0:  # feet that are seen point at the camera
        return False
    says = [abs(raw.get(name, 0.0)) >= BACK_DEG for name in ("body_yaw", "mirror_yaw")]
    return face.is_mirrored(raw) and (all(says) or (any(says) and is_sure(raw)))


def _is_half(raw: Raw) -> bool:
    """Whether one shoulder lies beyond the picture's edge and the other does not: of half a person's front, with half a
    face that no detector knows, the network often makes a back (6 of 80 portraits cut down the middle)."""
    return (raw.get("body_left", 1.0) < EDGE) != (raw.get("body_right", 1.0) < EDGE)


def _back_yaw(raw: Raw) -> float:
    """Degrees: the mean direction of what says back."""
    turns = np.radians([raw[name] for name in ("body_yaw", "mirror_yaw") if abs(raw[name]) >= BACK_DEG])
    return float(np.degrees(np.arctan2(np.sin(turns).sum(), np.cos(turns).sum())))


def _face_middle(seen: Raw, view: Working) -> Floats | None:
    """Where the person's face is, in px; None without one that is likely to be a face."""
    if seen.get("face_score", 0.0) < face.SOME:
        return None
    x, y = (seen["face_left"] + seen["face_right"]) / 2, (seen["face_top"] + seen["face_bottom"]) / 2
    return np.array([x * view.width, y * view.height])


def _body(found: Found, flag: float, points: Floats, solid: Floats) -> _Body:
    left, right = SHOULDERS
    across = solid[left] - solid[right]  # of the person's own shoulders
    return _Body(
        score=found.score,
        flag=flag,
        yaw=float(np.degrees(np.arctan2(across[2], across[0]))),
        head=points[HEAD].mean(axis=0),
        shoulders=points[list(SHOULDERS)].mean(axis=0),
        hips=points[list(HIPS)].mean(axis=0),
        toes=float(points[list(TOES), 1].mean() - points[list(HEELS), 1].mean()),
        sides=(float(points[list(SHOULDERS), 0].min()), float(points[list(SHOULDERS), 0].max())),
    )
