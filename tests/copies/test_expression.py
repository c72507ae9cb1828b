"""Another expression is another picture: a pair that matches but for the face is a look-alike, not a copy."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import pytest

from curate.copies import edits
from curate.copies.edits import Box, File
from curate.copies.groups import Evidence, stars
from curate.copies.prove import Prover
from curate.records import Facts, Group, Picture

SIDE = 400  # px
FACE: Box = (0.35, 0.15, 0.65, 0.5)
ELSEWHERE: Box = (0.7, 0.7, 0.95, 0.95)


class Shelf:
    """Pictures in memory, without verdicts."""

    def __init__(self, pictures: list[np.ndarray]) -> None:
        self.pictures = pictures

    def grey(self, row: int) -> np.ndarray:
        return self.pictures[row]

    def get_verdicts(self, pairs, method):  # type: ignore[no-untyped-def]
        return {}

    def put_verdicts(self, verdicts, method) -> None:  # type: ignore[no-untyped-def]
        """Nothing is kept."""


def portrait(smile: bool, frown: bool = False) -> np.ndarray:
    """A textured room with a face in it, whose brows, eyes and mouth show one expression or the other."""
    random = np.random.default_rng(5)
    room = random.integers(0, 256, (SIDE // 8, SIDE // 8), dtype=np.uint8)
    picture = cv2.resize(room, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    middle = (SIDE // 2, int(0.325 * SIDE))
    skin = cv2.GaussianBlur(np.random.default_rng(6).integers(150, 230, (SIDE, SIDE), dtype=np.uint8), (0, 0), 1.2)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.ellipse(mask, middle, (58, 68), 0, 0, 360, 255, -1)
    picture[mask > 0] = skin[mask > 0]
    for side in (-1, 1):
        eye = (middle[0] + 24 * side, middle[1] - 14)
        cv2.circle(picture, eye, 9 if smile else 4, 20, -1)
        cv2.line(picture, (eye[0] - 14, eye[1] - 20), (eye[0] + 14, eye[1] - (20 if smile else 32)), 10, 5)
    cv2.ellipse(picture, (middle[0], middle[1] + 30), (26, 16), 0, 10 if smile else 190, 170 if smile else 350, 15, 6)
    return picture


def grouped(pictures: list[np.ndarray], faces: Mapping[int, Box]) -> tuple[Group, ...]:
    names = [f"{row}.png" for row in range(len(pictures))]
    prover = Prover(Shelf(pictures), names, Shelf(pictures))
    pairs = [(a, b) for a in range(len(pictures)) for b in range(a + 1, len(pictures))]
    prover.prove(pairs)
    facts = [
        Facts(
            width=SIDE, height=SIDE, format="PNG", mode="RGB", orientation=1, has_alpha=False, frames=1, profile="",
            bits=8, pixel_digest=name,
        )
        for name in names
    ]  # fmt: skip
    return stars(
        Evidence(
            rows=range(len(pictures)),
            pictures=[Picture(path=name, digest=name, size_bytes=9, caption="x") for name in names],
            files=[File(facts=one, checks={}, bytes_per_pixel=1.0) for one in facts],
            proofs={pair: proof for pair in pairs if (proof := prover(*pair)) is not None},
            prove=prover,
            similarity=lambda a, b: 0.99,
            alike={},
            faces=faces,
        )
    )


def test_another_expression_is_a_look_alike_and_is_said_to_be_one() -> None:
    (group,) = grouped([portrait(True), portrait(False)], {0: FACE, 1: FACE})
    assert group.kind == "lookalike"
    (member,) = group.members
    assert member.edit.startswith("the same but for the face: another expression (")
    assert member.edit.endswith(" % of the picture)")


@pytest.mark.parametrize("faces", [{}, {0: ELSEWHERE, 1: ELSEWHERE}], ids=["no face was found", "elsewhere"])
def test_the_same_change_where_no_face_is_stays_a_copy(faces: dict[int, Box]) -> None:
    (group,) = grouped([portrait(True), portrait(False)], faces)
    assert group.kind == "copy"
    assert "one region differs" in group.members[0].edit


def test_the_same_expression_is_a_copy() -> None:
    again = cv2.GaussianBlur(portrait(True), (0, 0), 0.6)
    (group,) = grouped([portrait(True), again], {0: FACE, 1: FACE})
    assert group.kind == "copy"


def test_a_face_that_is_painted_over_is_a_copy() -> None:
    hidden = portrait(True)
    cv2.rectangle(hidden, (145, 65), (255, 195), 128, -1)
    (group,) = grouped([portrait(True), hidden], {0: FACE})
    assert group.kind == "copy"


def test_more_that_changed_than_the_face_is_no_expression() -> None:
    found = Prover(shelf := Shelf([portrait(True), portrait(False)]), ["a", "b"], shelf)
    found.prove([(0, 1)])
    proof = found(0, 1)
    assert proof is not None
    assert edits.is_other_face(proof, FACE)
    assert not edits.is_other_face(proof, (0.35, 0.15, 0.42, 0.2))  # a face that is a small part of what differs
    assert not edits.is_other_face(proof, None)
