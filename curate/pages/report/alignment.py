"""How two pictures of one photograph lie on each other, for drawing.

A map is affine, from shares (0-1) of the keeper's width and height to shares of its member's: (xx, xy, x0, yx, yy, y0).
"""

from __future__ import annotations

from collections.abc import Iterable

Map = tuple[float, float, float, float, float, float]
Point = tuple[float, float]
Size = tuple[int, int]  # (width, height) px

WHOLE = 0.97  # share of the keeper from which nothing is drawn: the map is good to a pixel or two of 512
SINGULAR = 1e-6  # determinant below which a map has no way back
SQUARE: tuple[Point, ...] = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def inverse(found: Map) -> Map | None:
    """From shares of the member to shares of the keeper; None where there is no way back."""
    xx, xy, x0, yx, yy, y0 = found
    whole = xx * yy - xy * yx
    if abs(whole) < SINGULAR:
        return None
    a, b, c, d = yy / whole, -xy / whole, -yx / whole, xx / whole
    return a, b, -(a * x0 + b * y0), c, d, -(c * x0 + d * y0)


def shared(found: Map) -> tuple[Point, ...]:
    """The part of the keeper that its member shows too, as corners in shares of the keeper; () where there is none."""
    back = inverse(found)
    if back is None:
        return ()
    corners = through(back, SQUARE)
    for axis, bound, sign in ((0, 0.0, 1), (0, 1.0, -1), (1, 0.0, 1), (1, 1.0, -1)):
        corners = _clipped(corners, axis, bound, sign)
    return tuple(corners)


def area(corners: tuple[Point, ...]) -> float:
    """Of a polygon, by the shoelace formula."""
    ahead = (*corners[1:], *corners[:1])
    return abs(sum(x * v - u * y for (x, y), (u, v) in zip(corners, ahead, strict=True))) / 2


def transform(found: Map, member: Size, keeper: Size) -> str | None:
    """The SVG transform that lays the member (px) onto the keeper (px); None where there is no way back."""
    back = inverse(found)
    if back is None:
        return None
    xx, xy, x0, yx, yy, y0 = back
    (w, h), (width, height) = member, keeper
    a, b, c, d = xx * width / w, yx * height / w, xy * width / h, yy * height / h
    return f"matrix({a:.5f} {b:.5f} {c:.5f} {d:.5f} {x0 * width:.3f} {y0 * height:.3f})"


def through(found: Map, points: Iterable[Point]) -> list[Point]:
    """The points as the map lays them on the other picture."""
    xx, xy, x0, yx, yy, y0 = found
    return [(xx * x + xy * y + x0, yx * x + yy * y + y0) for x, y in points]


def _clipped(corners: list[Point], axis: int, bound: float, sign: int) -> list[Point]:
    """What of a polygon lies on one side of a line (Sutherland and Hodgman 1974)."""
    kept: list[Point] = []
    for before, after in zip([*corners[-1:], *corners[:-1]], corners, strict=True):
        inside, was = sign * (after[axis] - bound) >= 0, sign * (before[axis] - bound) >= 0
        if inside != was:
            part = (bound - before[axis]) / (after[axis] - before[axis])
            kept.append((before[0] + part * (after[0] - before[0]), before[1] + part * (after[1] - before[1])))
        if inside:
            kept.append(after)
    return kept
