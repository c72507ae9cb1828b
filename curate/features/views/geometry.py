"""Rotations of a head from its points.

Axes: x to the viewer's right, y up, z towards the viewer. A rotation R [3, 3] turns points of the head's own frame
(x to the head's left hand, which is the viewer's right in a frontal picture; z out of the face) into these axes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def upright(points: NDArray[np.floating]) -> Floats:
    """Points [N, 2] or [N, 3] of a picture (y down, z away from the viewer) in the axes above."""
    signs = np.array([1.0, -1.0, -1.0])[: points.shape[1]]
    turned: Floats = np.asarray(points, dtype=np.float64) * signs
    return turned


def rotation_of_solid(points: Floats, shape: Floats) -> Floats:
    """The rotation that lays `shape` [N, 3] on `points` [N, 3] best, whatever their place and size (Kabsch 1976)."""
    centred = points - points.mean(axis=0)
    left, _, right = np.linalg.svd(centred.T @ (shape - shape.mean(axis=0)))
    turn = np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    rotation: Floats = left @ turn @ right
    return rotation


def rotation_of_flat(points: Floats, shape: Floats) -> tuple[Floats, float]:
    """(rotation, error) that shows `shape` [N, 3], not all in a plane, as `points` [N, 2] from afar.

    The best linear map is found and brought to the nearest turned and scaled projection. The error is the root mean
    square distance of the points, in units of the shape.
    """
    centred = points - points.mean(axis=0)
    solid = shape - shape.mean(axis=0)
    linear = np.linalg.lstsq(solid, centred, rcond=None)[0].T
    left, sizes, right = np.linalg.svd(linear, full_matrices=False)
    rows = left @ right
    size = max(float(sizes.mean()), 1e-9)
    error = float(np.sqrt(((centred / size - solid @ rows.T) ** 2).sum(axis=1).mean()))
    return np.vstack([rows, np.cross(rows[0], rows[1])]), error


def angles(rotation: Floats) -> tuple[float, float, float]:
    """(yaw, pitch, roll) in degrees: where the camera stands as seen by the head, and how its top leans in the picture.

    None of the three leaks into another: a camera that is held level shows the head's top straight up, whatever yaw and
    pitch are.
    """
    camera = rotation[2]  # the direction to the viewer in the head's frame
    yaw = np.arctan2(-camera[0], camera[2])
    pitch = np.arcsin(np.clip(camera[1], -1.0, 1.0))
    top = rotation[:, 1]
    roll = np.arctan2(top[0], top[1])
    return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))


def rotation(yaw_deg: float, pitch_deg: float, roll_deg: float) -> Floats:
    """The rotation that has these angles."""
    yaw, pitch, roll = np.radians((yaw_deg, pitch_deg, roll_deg))
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    nod = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    lean = np.array([[np.cos(roll), np.sin(roll), 0], [-np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    whole: Floats = lean @ nod @ turn
    return whole
