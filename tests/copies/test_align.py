"""Copies are proved on real photographs from scikit-image, edited here; baits are drawn here."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import pytest
from skimage import data

from curate.copies import align, edits
from curate.copies.align import CHEAP, Proof


@functools.cache
def photograph(name: str) -> np.ndarray:
    """Grey uint8, long side 512 px."""
    picture = cv2.cvtColor(getattr(data, name)()[..., :3], cv2.COLOR_RGB2GRAY)
    scale = 512 / max(picture.shape)
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def prove(a: np.ndarray, b: np.ndarray) -> Proof | None:
    """What copies.prove does with one pair: cheap, then careful where that leaves it open, then what changed."""
    one, other = align.see(a, CHEAP), align.see(b, CHEAP)
    proof = align.compare(one, other)
    if align.is_open(proof, one, other):
        look = align.careful_look(a, b)
        careful = align.compare(align.see(a, look), align.see(b, look))
        proof = careful if careful is not None and (proof is None or careful.inliers >= align.INLIERS) else proof
    return align.with_changes(proof, a, b) if proof is not None and proof.same else None


def jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE)


def tilted(picture: np.ndarray, degrees: float) -> np.ndarray:
    height, width = picture.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return cv2.warpAffine(picture, turn, (width, height))


def framed(picture: np.ndarray) -> np.ndarray:
    return cv2.copyMakeBorder(picture, 60, 90, 20, 20, cv2.BORDER_CONSTANT, value=25)


def cut(picture: np.ndarray, share: float, x: float = 0.5, y: float = 0.5) -> np.ndarray:
    """A crop to `share` of each side, with its free room divided by x and y."""
    height, width = picture.shape
    h, w = round(height * share), round(width * share)
    top, left = round((height - h) * y), round((width - w) * x)
    return picture[top : top + h, left : left + w]


EDITS = {
    "jpeg 12": lambda p: jpeg(p, 12),
    "half size": lambda p: cv2.resize(p, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "thumbnail": lambda p: cv2.resize(p, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA),
    "crop to 70 %": lambda p: cut(p, 0.7, 0.2, 0.9),
    "mirrored": lambda p: p[:, ::-1],
    "mirrored crop": lambda p: jpeg(cut(p, 0.85)[:, ::-1], 60),
    "quarter turn": lambda p: np.rot90(p),
    "three quarter turns": lambda p: np.rot90(p, 3),
    "half turn": lambda p: np.rot90(p, 2),
    "upside down": lambda p: p[::-1],
    "tilted": lambda p: tilted(p, 8),
    "brighter": lambda p: (p * 1.35).clip(0, 255).astype(np.uint8),
    "gamma": lambda p: (255 * (p / 255) ** 0.6).astype(np.uint8),
    "blurred": lambda p: cv2.GaussianBlur(p, (0, 0), 2.5),
    "noisy": lambda p: (p + np.random.default_rng(1).normal(0, 10, p.shape)).clip(0, 255).astype(np.uint8),
    "framed": framed,
    "squashed": lambda p: cv2.resize(p, (p.shape[1], round(p.shape[0] * 0.88))),
}


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket"])
@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_copy_is_proved(name: str, edit: str) -> None:
    original = photograph(name)
    proof = prove(original, np.ascontiguousarray(EDITS[edit](original)))
    assert proof is not None, f"{edit} of {name} was not recognised"
    assert edits.relation(proof) == "copy"
    assert proof.mirrored == (edit in ("mirrored", "mirrored crop", "upside down"))


@pytest.mark.parametrize(
    ("a", "b"),
    [("astronaut", "chelsea"), ("coffee", "rocket"), ("astronaut", "coffee"), ("chelsea", "coffee")],
)
def test_different_photographs_are_not_one(a: str, b: str) -> None:
    assert prove(photograph(a), photograph(b)) is None


def test_two_views_of_one_scene_are_not_copies() -> None:
    left, right, _ = data.stereo_motorcycle()
    views = [
        cv2.resize(cv2.cvtColor(v, cv2.COLOR_RGB2GRAY), (512, 342), interpolation=cv2.INTER_AREA) for v in (left, right)
    ]
    assert prove(*views) is None


def test_the_map_tells_the_share_that_was_cropped() -> None:
    proof = prove(photograph("astronaut"), cut(photograph("astronaut"), 0.75, 0.1, 0.9))
    assert proof is not None
    assert proof.extent_a.width == pytest.approx(0.75, abs=0.01)
    assert proof.extent_a.height == pytest.approx(0.75, abs=0.01)
    assert proof.extent_b.area == pytest.approx(1, abs=0.02)
    back = align.invert(proof.affine)
    assert (back[:, :2].sum(1) + back[:, 2]) == pytest.approx([0.1 * 0.25 + 0.75, 0.9 * 0.25 + 0.75], abs=0.01)


def test_a_crop_to_less_than_half_of_each_side_is_another_framing() -> None:
    original = photograph("astronaut")
    head = cut(original, 0.42, 0.4, 0.05)
    proof = prove(original, head)
    assert proof is not None
    assert edits.relation(proof) == "reframed"
    kept = prove(original, cut(original, 0.6, 0.4, 0.05))
    assert kept is not None
    assert edits.relation(kept) == "copy"


def test_a_tilted_crop_is_judged_by_its_own_sides_not_by_what_it_reaches_over() -> None:
    original = photograph("astronaut")
    deep = prove(original, cut(tilted(original, 12), 0.45, 0.4, 0.3))
    assert deep is not None
    assert deep.extent_a.width > 0.5  # it lies aslant
    assert edits.relation(deep) == "reframed"
    kept = prove(original, cut(tilted(original, 12), 0.6, 0.4, 0.3))
    assert kept is not None
    assert edits.relation(kept) == "copy"


def test_a_changed_region_is_found_with_its_place_and_share() -> None:
    original = photograph("astronaut")
    changed = original.copy()
    changed[60:140, 330:450] = changed[300:380, 30:150]
    proof = prove(original, jpeg(changed, 85))
    assert proof is not None
    region = proof.changed
    assert region is not None
    assert (region.left, region.top) == pytest.approx((330 / 512, 60 / 512), abs=0.04)
    assert (region.right, region.bottom) == pytest.approx((450 / 512, 140 / 512), abs=0.04)
    assert region.share == pytest.approx(80 * 120 / 512**2, rel=0.5)
    assert edits.place(region) == "upper right"


@pytest.mark.parametrize("edit", ["jpeg 12", "brighter", "noisy", "half size", "mirrored", "tilted", "crop to 70 %"])
def test_an_edit_of_the_whole_picture_is_no_changed_region(edit: str) -> None:
    original = photograph("astronaut")
    proof = prove(original, np.ascontiguousarray(EDITS[edit](original)))
    assert proof is not None
    assert proof.changed is None


def dot(x: int, y: int) -> np.ndarray:
    picture = np.full((400, 400), 255, np.uint8)
    cv2.circle(picture, (x, y), 30, 0, -1)
    return picture


def gradient(angle: float) -> np.ndarray:
    y, x = np.mgrid[0:1:300j, 0:1:300j]
    return (255 * (0.5 + 0.4 * (x * np.cos(angle) + y * np.sin(angle) - 0.5))).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (dot(100, 100), dot(260, 240)),
        (gradient(0.2), gradient(0.9)),
        (np.full((300, 300), 200, np.uint8), np.full((300, 300), 60, np.uint8)),
        (photograph("astronaut")[:16, :16], photograph("astronaut")[:16, :16]),
    ],
    ids=["dots on white", "gradients", "flat", "tiny"],
)
def test_plain_and_tiny_pictures_are_never_called_copies(a: np.ndarray, b: np.ndarray) -> None:
    assert prove(np.ascontiguousarray(a), np.ascontiguousarray(b)) is None


def test_mirrored_descriptors_are_those_of_the_mirrored_picture() -> None:
    picture = photograph("coffee")
    own, mirrored = align.see(picture, CHEAP), align.see(np.ascontiguousarray(picture[:, ::-1]), CHEAP)
    flipped = own.points.copy()
    flipped[:, 0] = own.grey.shape[1] - 1 - flipped[:, 0]
    likeness = align._unit(own.descriptors[:, align.MIRROR]) @ align._unit(mirrored.descriptors).T
    near = np.linalg.norm(mirrored.points[likeness.argmax(1)] - flipped, axis=1) < 2
    assert near.mean() > 0.8
