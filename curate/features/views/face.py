"""Yaw, pitch and roll from a face, to about 90 degrees; framing from the room below it.

A detector (BlazeFace for whole pictures) finds the face with six key points; a mesh of 468 points answers up to some
60 degrees and says itself whether it trusts what it sees. Where it does not, the six key points tell a profile. A face
that is found is not yet a face that is seen: the detector fires on the backs of heads, on dogs and on plush toys. So a
weak face needs a witness, the body.

Measured on rendered heads with known angles (bench/views.py): the mesh's yaw falls short beyond 30 degrees, by 10 at
55; what makes up for that is one number, SHORTFALL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from curate.features.views import geometry, shapes
from curate.features.views.base import Evidence, Raw, Reading, framing_of, wrapped
from curate.features.views.networks import Detector, Found, Network, Working, largest, mapped, sigmoid

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAME = "face"
DETECTOR, MESH = "face_detection_back.tflite", "face_landmark.tflite"
STRIDES, POINTS = (16, 32, 32, 32), 6  # of BlazeFace's model for the back camera
LEAST = 0.5  # score of a face that counts
SURE = 0.8  # score of a face that needs no witness: dogs and plush toys reach .78, people's clear faces .7 to .97
SOME = 0.65  # score of a profile that one witness is enough for
TRUSTED, CERTAIN = 0.5, 0.9  # the mesh's own flag, 0-1
REGION = 1.5  # side of the mesh's square, in sides of the face (MediaPipe's own)
SHORTFALL = 0.19  # by which the mesh's yaw falls short, as a share, at 45 degrees measured; grows with the square
PROFILE_DEG = 55.0  # least |yaw| of the key points that is believed where the mesh declines: it answers up to some 60
PROFILE_ERROR = 0.15  # most that the key points of a profile may be off the shape, in its units
NECK_DEG = 100.0  # most that a head turns on its shoulders (some 80), and the body's error
MOVED = 0.4  # distance of a person to itself in the mirror, in heads over shoulders: 95 % of people in sight of the
# camera stay within .37, 90 % of other things move by more than .6
FLAT_DEG = 60.0  # |yaw| beyond which nothing was found to tell pitch
TINY_PX = 20.0  # height of a face below which eyes and nose are a few pixels
CUTS = (1.9, 5.5, 8.5)  # room between chin and lower edge, in heights of the detector's box, which is .6 of a head's:
# by the draughtsman's canon of 7.5 heads the chest, the crotch and the shins lie 1.2, 3.3 and 5.2 heads below the chin
SPREAD = 0.18  # standard deviation of that room's logarithm
NECESSARY = (0, 1, 2, 3)  # key points that a face must show: eyes, nose, mouth


class Faces:
    """Finds and measures faces. For one thread."""

    def __init__(self, detector: bytes, mesh: bytes) -> None:
        self._detector = Detector(detector, STRIDES, POINTS)
        self._mesh = Network(mesh)
        self._numbers, self._shape = shapes.mesh()

    def measure(self, view: Working) -> dict[str, float]:
        """Raw numbers of the largest face; {} without one. Boxes in shares of the picture."""
        found = self._detector.find(view, LEAST)
        face = largest(found)
        if face is None:
            return {}
        left, top, right, bottom = face.box / [view.width, view.height, view.width, view.height]
        flag, points = self._points(view, face)
        solid = geometry.rotation_of_solid(geometry.upright(points[self._numbers]), self._shape)
        flat, error = geometry.rotation_of_flat(geometry.upright(face.points), np.array(shapes.KEY_POINTS))
        mesh, key = geometry.angles(solid), geometry.angles(flat)
        shares = face.points / [view.width, view.height]
        outside = (np.abs(shares - 0.5) > 0.5).max(axis=1)
        values = {
            "faces": len(found),
            "face_rivals": sum(one.size > face.size / 2 for one in found) - 1,
            "face_score": face.score,
            "face_left": left,
            "face_top": top,
            "face_right": right,
            "face_bottom": bottom,
            "face_px": face.height / view.shrunk,
            "face_room": (view.height - face.box[3]) / face.height,
            "face_cut": sum(outside[list(NECESSARY)]),
            "mesh": flag,
            **dict(zip(("mesh_yaw", "mesh_pitch", "mesh_roll"), mesh, strict=True)),
            "points_yaw": key[0],
            "points_roll": key[2],
            "points_error": error,
        }
        return {name: float(value) for name, value in values.items()}

    def _points(self, view: Working, face: Found) -> tuple[float, NDArray[np.float64]]:
        """(flag 0-1, points [468, 3] in px) of the mesh: seen once where the detector says, once where that leads."""
        across = face.points[1] - face.points[0]
        _, points = self._pass(view, face.middle, face.size, float(np.arctan2(across[1], across[0])))
        across = points[263, :2] - points[33, :2]  # outer corners of the eyes
        angle = float(np.arctan2(across[1], across[0]))
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        level = points[:, :2] @ turn.T
        low, high = level.min(axis=0), level.max(axis=0)
        return self._pass(view, turn.T @ ((low + high) / 2), float((high - low).max()), angle)

    def _pass(
        self, view: Working, middle: NDArray[np.float64], size: float, angle: float
    ) -> tuple[float, NDArray[np.float64]]:
        part, whole = view.part(middle, REGION * max(size, 1.0), angle, self._mesh.side)
        outputs = self._mesh(part, (1404, 1))
        points = outputs[1404].reshape(468, 3).astype(np.float64)
        depth = points[:, 2] * REGION * size / self._mesh.side
        return float(sigmoid(outputs[1])[0]), np.column_stack([mapped(points[:, :2], whole), depth])


def read(evidence: Evidence) -> Reading | None:
    """The face's own view, where it is trusted to be a face and not the back of a head."""
    raw = evidence.raw
    if raw.get("face_score", 0.0) < LEAST:
        return None
    notes = _notes(raw)
    if not is_trusted(raw) or raw["face_cut"] > 1:
        return Reading(source=NAME, notes=notes) if notes and raw["mesh"] >= TRUSTED else None
    yaw, error = _yaw(raw)
    if raw["face_px"] < TINY_PX:
        error *= 2
    room, confidence = framing_of(raw["face_room"], CUTS, SPREAD)
    meshed = raw["mesh"] >= TRUSTED
    return Reading(
        source=NAME,
        yaw_deg=yaw,
        yaw_error_deg=error,
        pitch_deg=raw["mesh_pitch"] if meshed and abs(yaw) <= FLAT_DEG else None,
        roll_deg=raw["mesh_roll"] if meshed else raw["points_roll"],
        certainty=0.98 if meshed else 0.9,
        framing=room,
        framing_confidence=confidence,
        notes=notes,
    )


def is_trusted(raw: Raw) -> bool:
    """Whether what was found is a face that looks at us, or past us: a table of witnesses."""
    score, mesh = raw.get("face_score", 0.0), raw.get("mesh", 0.0)
    beside = raw.get("body_flag", 0.0) >= 0.5 and raw.get("body_off_face", 9.0) < 0.6
    standing = beside and raw.get("body_score", 0.0) >= 0.5
    if score < LEAST:
        return False
    if mesh >= TRUSTED:
        if is_certain(raw):
            return True
        looks_away = abs(wrapped(raw["mesh_yaw"] - raw.get("body_yaw", 0.0))) > NECK_DEG
        return (standing or is_mirrored(raw)) and not looks_away
    profile = abs(raw["points_yaw"]) >= PROFILE_DEG and raw["points_error"] < PROFILE_ERROR
    return profile and ((score >= SOME and beside) or is_mirrored(raw))


def is_certain(raw: Raw) -> bool:
    """Whether the face needs no witness, so that nothing of the body is asked."""
    return raw.get("face_score", 0.0) >= SURE and raw.get("mesh", 0.0) >= CERTAIN


def is_clear(raw: Raw) -> bool:
    """Whether the mesh trusts the face, so that one look at the body is witness enough."""
    return raw.get("face_score", 0.0) >= LEAST and raw.get("mesh", 0.0) >= TRUSTED


def is_mirrored(raw: Raw) -> bool:
    """Whether the mirrored picture shows the same person: what is no person moves about (see body.py)."""
    flags = min(raw.get("body_flag", 0.0), raw.get("mirror_flag", 0.0))
    return flags >= 0.5 and raw.get("mirror_distance", 9.0) < MOVED


def box(raw: Raw) -> tuple[float, float, float, float] | None:
    """(left, top, right, bottom) of the face in shares of the picture; None without a face that is trusted."""
    if not is_trusted(raw):
        return None
    return raw["face_left"], raw["face_top"], raw["face_right"], raw["face_bottom"]


def _yaw(raw: Raw) -> tuple[float, float]:
    """(yaw, standard deviation to be expected), degrees. Beyond 30 degrees the key points have a growing say."""
    key = raw["points_yaw"]
    if raw["mesh"] < TRUSTED:
        return key, 13.0
    measured = raw["mesh_yaw"]
    mesh = measured * (1.0 + SHORTFALL * (measured / 45.0) ** 2)
    say = float(np.clip((abs(mesh) - 30.0) / 60.0, 0.0, 0.5))
    yaw = float(np.clip((1.0 - say) * mesh + say * key, -120.0, 120.0))
    return yaw, 3.0 + 9.0 * (yaw / 75.0) ** 2


def _notes(raw: Raw) -> tuple[str, ...]:
    said = []
    if raw["face_rivals"] >= 1:
        said.append(f"{raw['faces']:.0f} faces: the view is that of the largest")
    if raw["face_px"] < TINY_PX:
        said.append(f"the face is {raw['face_px']:.0f} px high, too small to be sure")
    if raw["face_cut"] > 1:
        said.append("half of the face lies outside the picture")
    return tuple(said)
