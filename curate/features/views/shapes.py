"""The shape of a head, as the networks draw it.

Both were found from 53 near-frontal faces of three rendered people (MakeHuman, CC0), without their labels, by laying
the mesh network's own points on one another and averaging; the faces of different people differed from the mean by less
than .01 of its radius, so the shape is the network's, not the people's. The key points' depths follow from how they
move against the mesh when heads turn. What labels do set is one number: the shape is nodded so that a level view of an
upright head has a pitch of 0.
Units: the root mean square distance of the mesh points below from their mean. x to the viewer's right in a frontal
picture, y up, z out of the face.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MESH = (  # (point on the viewer's left, its twin, |x|, y, z), numbered as in MediaPipe's mesh of 468
    (4, 4, 0.000, -0.340, 0.776),
    (6, 6, 0.000, 0.165, 0.497),
    (10, 10, 0.000, 1.099, 0.411),
    (33, 263, 0.751, 0.251, 0.055),
    (54, 284, 0.992, 0.820, -0.137),
    (67, 297, 0.586, 1.051, 0.272),
    (117, 346, 0.868, -0.029, 0.034),
    (119, 348, 0.542, -0.056, 0.175),
    (121, 350, 0.302, 0.031, 0.234),
    (127, 356, 1.153, 0.206, -0.770),
    (129, 358, 0.349, -0.376, 0.274),
    (132, 361, 1.089, -0.514, -0.878),
    (133, 362, 0.287, 0.218, 0.147),
    (136, 365, 0.789, -1.161, -0.490),
    (143, 372, 1.028, 0.176, -0.188),
    (147, 376, 1.016, -0.450, -0.220),
    (198, 420, 0.233, -0.194, 0.456),
    (205, 425, 0.661, -0.435, 0.193),
)
KEY_POINTS = (  # of the face detector, in its order
    (-0.533, 0.364, 0.232),  # eye on the viewer's left
    (0.533, 0.364, 0.232),
    (0.000, -0.281, 0.883),  # tip of the nose
    (0.000, -0.789, 0.505),  # mouth
    (-1.135, 0.172, -0.926),  # ear on the viewer's left
    (1.135, 0.172, -0.926),
)


def mesh() -> tuple[list[int], NDArray[np.float64]]:
    """(numbers of the points, their places [33, 3])."""
    numbers: list[int] = []
    places: list[tuple[float, float, float]] = []
    for left, right, x, y, z in MESH:
        for number, sign in ((left, -1.0), (right, 1.0)) if left != right else ((left, 0.0),):
            numbers.append(number)
            places.append((sign * x, y, z))
    return numbers, np.array(places)
