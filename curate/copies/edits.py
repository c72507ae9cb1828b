"""How one file was made from another, in words: the recovered map and what the two files tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import atan2, degrees, hypot, sqrt
from typing import Literal

from curate.copies.align import Proof
from curate.copies.overlap import Extent
from curate.records import Catalog, Facts, Features, Region

REFRAMED = 0.5  # share of each side: a crop to less is another framing (a head cut from a full figure)
REMADE = 0.25  # share of the picture, textured on both sides: with more changed it is another picture
WHOLE = 0.97  # share of a side from which nothing was cropped; the map is good to a pixel or two of 512
SAME_SIZE = 0.04  # share by which sizes may differ without being called resized
SAME_ASPECT = 0.03
UPRIGHT = 1.0  # degrees: below it nothing was turned
UNEVEN = 0.05  # difference of the shares of width and height that makes a border a screenshot's bars
FRAMED = 0.25  # excess of jumps at an outline over lines beside it: borders .4 to 1, crops out of a scene -.1 to .1
FRESH_DETAIL = 0.75  # correlation of the finest band: below it the noise is another frame's ...
LIKE_DETAIL = (0.6, 1.6)  # ... provided that neither file has lost or gained detail
SAME_FOCUS, STEADY = 0.1, 1.5  # share of the size, degrees: frames of one burst differ by no more
LIKE_QUALITY = 25.0  # difference in JPEG quality that explains lost detail
BRIGHTER = 18.0  # grey levels of 255, of the mean
GREY = 0.02  # mean saturation, 0-1
FACE_INSIDE = 0.7  # share of the changed region that lies on the face, from which it is the face that differs
FACE_MARGIN = 0.15  # of the face's sides: the detector's box ends at the brows and the chin
FACE_REMADE = 0.5  # share of what changed that shows something in both pictures; below it a face is covered

Box = tuple[float, float, float, float]  # left, top, right, bottom in shares of the picture


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """What is known of one file besides its pixels."""

    facts: Facts
    checks: Mapping[str, float]
    bytes_per_pixel: float


def files(catalog: Catalog, measured: Features) -> tuple[File, ...]:
    """One File for each picture."""
    return tuple(
        File(facts=facts, checks=checks, bytes_per_pixel=picture.size_bytes / (facts.width * facts.height))
        for picture, facts, checks in zip(catalog.pictures, measured.facts, measured.checks, strict=True)
    )


def relation(proof: Proof) -> Literal["copy", "variant", "reframed"]:
    """What two aligned pictures of one photograph are to each other, captions aside."""
    for extent in (proof.extent_a, proof.extent_b):
        filled = sqrt(extent.area / (extent.width * extent.height)) if extent.area else 1.0  # less where it is tilted
        if max(extent.width, extent.height) * filled < REFRAMED and extent.edge < FRAMED:
            return "reframed"
    return "variant" if proof.remade_share > REMADE else "copy"


def is_other_face(proof: Proof, face: Box | None) -> bool:
    """Whether what differs is the face itself, in a picture whose face lies there: another expression, then.

    `face` is that of the proof's first picture. A face that is painted over or blanked is an edit like any other.
    """
    changed = proof.changed
    if face is None or changed is None or proof.painted or proof.remade_share < FACE_REMADE * proof.changed_share:
        return False
    left, top, right, bottom = face
    wide, high = FACE_MARGIN * (right - left), FACE_MARGIN * (bottom - top)
    across = min(changed.right, right + wide) - max(changed.left, left - wide)
    down = min(changed.bottom, bottom + high) - max(changed.top, top - high)
    area = (changed.right - changed.left) * (changed.bottom - changed.top)
    return across > 0 and down > 0 and across * down >= FACE_INSIDE * area


def is_crop(proof: Proof) -> bool:
    """Whether b shows less of the photograph than a."""
    return _is_partial(proof.extent_a) and proof.extent_a.edge < FRAMED


def has_border(proof: Proof) -> bool:
    """Whether b has something round what a shows: a frame, a screenshot's bars, other pictures."""
    return _is_partial(proof.extent_b) and proof.extent_b.edge >= FRAMED


def _is_partial(extent: Extent) -> bool:
    return min(extent.width, extent.height) < WHOLE


def scale(proof: Proof, a: Facts, b: Facts) -> float:
    """Pixels of b for one pixel of a, along a side; 0.6 where b is a resized copy at 60 %."""
    xx, xy, yx, yy = proof.affine[:, :2].ravel() * (b.width, b.width, b.height, b.height)
    area = abs(xx * yy - xy * yx) / (a.width * a.height)
    return sqrt(area)


def framing(proof: Proof) -> str:
    """The smaller of two framings as a share of the larger one's sides."""
    share = min(sqrt(proof.extent_a.area), sqrt(proof.extent_b.area))
    return f"a crop to {share:.0%} of its sides"


def describe(proof: Proof, keeper: File, member: File) -> str:
    """How the member was made from the keeper: "mirrored, cropped to 81 %, resized to 60 %"."""
    framed = has_border(proof)
    parts = [*_turns(proof, keeper.facts, member.facts), *_frame(proof, framed)]
    factor = scale(proof, keeper.facts, member.facts)
    if abs(factor - 1) > SAME_SIZE:
        parts.append(f"resized to {factor:.0%}" if factor < 1 else f"enlarged to {factor:.0%}")
    parts += _stretch(proof, keeper.facts, member.facts)
    if is_other_frame(proof, keeper, member):
        return _said(["frame of the same burst", *parts])
    parts += _tones(keeper, member)
    if proof.changed is not None:
        parts.append(f"one region differs ({place(proof.changed)}, {proof.changed_share:.1%} of the picture)")
    parts += _encoding(keeper, member, changed=bool(parts))
    return _said(parts)


def _said(parts: Sequence[str]) -> str:
    return ", ".join(parts).replace("%", " %")


def place(region: Region) -> str:
    """Where a region lies, in words."""
    x, y = (region.left + region.right) / 2, (region.top + region.bottom) / 2
    if region.right - region.left > 0.7 and region.bottom - region.top > 0.7:
        return "all over"
    row = "upper" if y < 1 / 3 else "lower" if y > 2 / 3 else ""
    column = "left" if x < 1 / 3 else "right" if x > 2 / 3 else ""
    if region.right - region.left > 0.7:
        column = ""
    return " ".join(word for word in (row, column) if word) or "middle"


def _pixel_map(proof: Proof, a: Facts, b: Facts) -> tuple[float, float, float, float]:
    xx, xy, yx, yy = proof.affine[:, :2].ravel()
    return xx * b.width / a.width, xy * b.width / a.height, yx * b.height / a.width, yy * b.height / a.height


def _angle(proof: Proof, a: Facts, b: Facts) -> float:
    """Degrees by which b is turned, clockwise on the screen, after any mirroring."""
    xx, xy, yx, yy = _pixel_map(proof, a, b)
    if proof.mirrored:
        xx, yx = -xx, -yx
    return degrees(atan2(yx - xy, xx + yy))  # y points down


def _turns(proof: Proof, a: Facts, b: Facts) -> list[str]:
    angle = _angle(proof, a, b)
    quarter = round(angle / 90) * 90
    words = []
    if proof.mirrored:
        words.append("mirrored" if quarter % 180 == 0 else "mirrored and turned")
        if abs(quarter) == 180:
            return ["flipped upside down", *_tilt(angle - quarter)]
    elif abs(quarter) == 180:
        words.append("upside down")
    elif quarter:
        words.append(f"turned by 90 degrees {'clockwise' if quarter > 0 else 'anticlockwise'}")
    return words + _tilt(angle - quarter)


def _tilt(angle: float) -> list[str]:
    angle = (angle + 180) % 360 - 180
    return [f"tilted by {abs(angle):.0f} degrees"] if abs(angle) >= UPRIGHT else []


def _frame(proof: Proof, framed: bool) -> list[str]:
    words = []
    if framed:
        bars = proof.extent_b
        words.append("screenshot of it" if abs(bars.width - bars.height) > UNEVEN else "with a border")
    if is_crop(proof):
        words.append(f"cropped to {sqrt(proof.extent_a.area):.0%}")
    return words


def _stretch(proof: Proof, a: Facts, b: Facts) -> list[str]:
    xx, xy, yx, yy = _pixel_map(proof, a, b)
    wide, high = hypot(xx, yx), hypot(xy, yy)
    if min(wide, high) <= 0 or abs(wide / high - 1) <= SAME_ASPECT:
        return []
    return [f"stretched by {max(wide, high) / min(wide, high) - 1:.0%}"]


def is_other_frame(proof: Proof, a: File, b: File) -> bool:
    """Whether the two are frames of one burst: as fine as each other, with noise of their own."""
    if proof.mirrored or has_border(proof) or abs(scale(proof, a.facts, b.facts) - 1) > SAME_FOCUS:
        return False
    if abs(_angle(proof, a.facts, b.facts)) > STEADY:
        return False
    quality, other = (file.checks.get("compression", 100.0) for file in (a, b))
    like = LIKE_DETAIL[0] < proof.detail_ratio < LIKE_DETAIL[1] and abs(quality - other) < LIKE_QUALITY
    return like and proof.detail < FRESH_DETAIL


def _tones(keeper: File, member: File) -> list[str]:
    words = []
    one, other = keeper.checks, member.checks
    if "saturation" in one and "saturation" in other and one["saturation"] > 2 * GREY >= 2 * other["saturation"]:
        words.append("without colour")
    if "brightness" in one and "brightness" in other:
        step = other["brightness"] - one["brightness"]
        if abs(step) > BRIGHTER:
            words.append("brighter" if step > 0 else "darker")
    return words


def _encoding(keeper: File, member: File, changed: bool) -> list[str]:
    words = []
    if member.facts.format != keeper.facts.format:
        words.append(f"saved as {member.facts.format}")
    elif not changed:
        words.append("re-encoded")
    lossy = member.facts.format in ("JPEG", "WEBP", "AVIF", "HEIF")
    ratio = keeper.bytes_per_pixel / max(member.bytes_per_pixel, 1e-6)
    if lossy and ratio > 1.6:
        much = "much stronger" if ratio > 2.5 else "stronger"
        words.append(f"{much} {member.facts.format} compression")
    return words
