"""Angles from points, against rotations of known angle; what the signs mean."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.features.views import geometry, shapes
from curate.features.views.base import chance_of_bin, framing_of, wrapped
from curate.features.views.networks import anchors

YAW, PITCH, ROLL = st.floats(-170, 170), st.floats(-75, 75), st.floats(-170, 170)


@given(YAW, PITCH, ROLL)
def test_a_rotation_has_the_angles_it_was_made_from(yaw: float, pitch: float, roll: float) -> None:
    found = geometry.angles(geometry.rotation(yaw, pitch, roll))
    assert np.abs([wrapped(a - b) for a, b in zip(found, (yaw, pitch, roll), strict=True)]).max() < 1e-6


@given(YAW, PITCH, ROLL, st.floats(0.1, 500), st.floats(-900, 900))
def test_a_solid_head_is_found_wherever_it_stands(
    yaw: float, pitch: float, roll: float, size: float, at: float
) -> None:
    _, shape = shapes.mesh()
    turned = geometry.rotation(yaw, pitch, roll)
    found = geometry.rotation_of_solid(size * shape @ turned.T + at, shape)
    assert np.abs(found - turned).max() < 1e-6


@given(st.floats(-90, 90), st.floats(-60, 60), st.floats(-45, 45), st.floats(1, 500))
def test_six_flat_points_tell_a_rotation(yaw: float, pitch: float, roll: float, size: float) -> None:
    shape = np.array(shapes.KEY_POINTS)
    turned = geometry.rotation(yaw, pitch, roll)
    found, error = geometry.rotation_of_flat(size * (shape @ turned.T)[:, :2] + 7.0, shape)
    assert np.abs(found - turned).max() < 1e-6
    assert error < 1e-6


def test_points_that_are_no_head_have_a_large_error() -> None:
    flat = np.random.default_rng(5).uniform(0, 100, size=(6, 2))
    assert geometry.rotation_of_flat(flat, np.array(shapes.KEY_POINTS))[1] > 0.3


def _nose(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Where the tip of the nose is shown, from between the ears; x to the viewer's right, y up."""
    shape = np.array(shapes.KEY_POINTS) @ geometry.rotation(yaw, pitch, roll).T
    return (shape[2] - shape[4:].mean(axis=0))[:2]


def test_positive_yaw_turns_the_nose_to_the_viewers_right() -> None:
    assert _nose(30, 0, 0)[0] > 0.5 > 0 > _nose(-30, 0, 0)[0]


def test_positive_pitch_is_a_camera_above_which_sees_the_nose_lower() -> None:
    assert _nose(0, 30, 0)[1] < _nose(0, 0, 0)[1] < _nose(0, -30, 0)[1]


def test_positive_roll_leans_the_top_to_the_viewers_right() -> None:
    top = geometry.rotation(0, 0, 25) @ [0.0, 1.0, 0.0]
    assert top[0] > 0.4


def test_half_a_turn_shows_the_back() -> None:
    facing = geometry.rotation(180, 0, 0) @ [0.0, 0.0, 1.0]
    assert facing[2] == pytest.approx(-1.0)


def test_the_shapes_are_symmetric_and_face_the_viewer() -> None:
    numbers, mesh = shapes.mesh()
    assert len(numbers) == len(set(numbers)) == len(mesh) == 33
    assert mesh[:, 0].sum() == pytest.approx(0.0)
    assert mesh[numbers.index(4), 2] == mesh[:, 2].max()  # the tip of the nose


def test_picture_points_become_upright() -> None:
    assert geometry.upright(np.array([[1.0, 2.0, 3.0]])).tolist() == [[1.0, -2.0, -3.0]]


@pytest.mark.parametrize(("side", "strides", "count"), [(256, (16, 32, 32, 32), 896), (224, (8, 16, 32, 32, 32), 2254)])
def test_detectors_have_the_anchors_that_they_were_trained_with(
    side: int, strides: tuple[int, ...], count: int
) -> None:
    places = anchors(side, strides)
    assert len(places) == count
    assert places.min() > 0
    assert places.max() < 1


def test_the_chance_of_a_bin_falls_towards_its_edge_and_with_the_error() -> None:
    assert chance_of_bin(0, 5) > chance_of_bin(15, 5) > chance_of_bin(22, 5) > 0.5
    assert chance_of_bin(0, 5) > chance_of_bin(0, 35)
    assert chance_of_bin(-180, 10) == pytest.approx(chance_of_bin(180, 10))
    assert chance_of_bin(22.5, 5) == pytest.approx(0.5, abs=0.01)


def test_framing_goes_by_the_room_below_and_is_unsure_at_a_cut() -> None:
    cuts = (1.9, 5.5, 8.5)
    assert [framing_of(room, cuts, 0.2)[0] for room in (-0.3, 0.5, 3.5, 7.0, 12.0)] == [
        "close_up",
        "close_up",
        "upper_body",
        "three_quarter",
        "full_body",
    ]
    assert framing_of(5.5, cuts, 0.2)[1] == pytest.approx(0.5, abs=0.05)
    assert framing_of(3.3, cuts, 0.2)[1] > 0.95
