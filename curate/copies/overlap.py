"""What two pictures show where they overlap, once a map from one to the other is known (OpenCV's second door).

All comparisons are made in the frame of the coarser picture, so that no invented pixels are compared.
Block sizes are shares of the frame's long side: the same decision at any working size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from curate.records import Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Grey = NDArray[np.uint8]
    Floats = NDArray[np.float32]
    Affine = NDArray[np.float64]  # [2, 3], pixels of a -> pixels of b

BLOCK = 1 / 14  # of the long side: about 18 px of 256, which holds a few edges of any photograph
FINE_TEXTURE = 4.0  # grey levels of 255: below it, compression and noise outweigh what the block shows
COARSE_TEXTURE = 1.5  # grey levels after smoothing: shading as of folds in a sheet still counts
FLAT = 3.0  # grey levels: a block this even beside a textured one is covered or blanked, not different
COARSE_SIDE = 128  # px, long side at which shading is compared
SMOOTH = 1.25  # px of it
WIDE = 4.0  # times the coarse smoothing: slower changes of light than this (vignettes, lamps) are no difference
MATCHING = 0.8  # correlation from which a block counts as the same
CELL = 8  # px: side of the cells in which changes are looked for
CHANGED = 8.0  # grey levels beyond what one pixel of misfit explains, between pictures of equally fine detail
CHANGED_SOFT = 14.0  # the same where one of them has lost its finest detail
CHANGED_COLOUR = 26.0  # levels, after one linear colour map for the whole picture (filters, grey scale)
EDGE_REACH = 3.0  # px to either side of an outline; the map is good to one or two
SHORT_SIDE = 0.05  # of the picture: a side of the outline shorter than this tells nothing
EDGE_CONTROL = 0.08  # of the outline's distance from its centre: where the lines beside it lie
PLACES, FEWEST_PLACES = 64, 16  # along a side that are looked at, and that must lie in the picture
JUMP = 14  # grey levels from one side to the other
SMALLEST_CHANGE = 0.002  # share of the picture: a mouth in a half-figure; below it, dust
SMALLEST_SOFT_CHANGE = 0.01  # the same where one of the pictures has lost its finest detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much of a picture the overlap covers."""

    width: float  # share of its width, 0-1
    height: float
    area: float
    edge: float  # how much more often the picture jumps at its outline than beside it: high round a border, -1..1


NOWHERE = Extent(width=0, height=0, area=0, edge=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """How well two aligned pictures agree, block by block."""

    blocks: int  # textured on both sides
    fine: float  # median correlation of blocks, -1..1
    coarse: float  # the same after smoothing, with blocks twice the side
    matching: float  # share of coarse blocks that match, 0-1
    low: float  # tenth percentile of the coarse correlations
    detail: float  # median correlation of the finest band alone: noise is not repeated from frame to frame


NOTHING = Overlap(blocks=0, fine=-1, coarse=-1, matching=0, low=-1, detail=0)


@dataclass(frozen=True, slots=True)
class Frame:
    """Two pictures brought into one frame: the coarser one's."""

    a: Floats  # [h, w], first picture
    b: Floats
    valid: Floats  # [h, w], 1 where both have pixels
    swapped: bool  # the frame is a's (b was warped), else b's


def bring_together(grey_a: Grey, grey_b: Grey, affine: Affine) -> Frame:
    """Both pictures in the frame of the coarser one, the finer one low-passed before it is warped."""
    import cv2

    area = abs(float(np.linalg.det(affine[:, :2])))
    if area > 1:
        turned = bring_together(grey_b, grey_a, cv2.invertAffineTransform(affine).astype(np.float64))
        return Frame(turned.b, turned.a, turned.valid, True)
    source = grey_a.astype(np.float32)
    if area < 0.81:
        source = cv2.GaussianBlur(source, (0, 0), 0.5 * float(np.sqrt(1 / area - 1)))
    height, width = grey_b.shape
    warped = cv2.warpAffine(source, affine, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    valid = cv2.warpAffine(np.ones(grey_a.shape, np.float32), affine, (width, height), flags=cv2.INTER_LINEAR)
    return Frame(warped, grey_b.astype(np.float32), valid, False)


def _blocks(
    a: Floats, b: Floats, valid: Floats, step: int, *, lapping: bool = False
) -> tuple[Floats, Floats, Floats, Floats]:
    """Correlation, both standard deviations (grey levels) and valid share, of blocks `step` px wide side by side; of
    such twice as wide, each over half of the next, where they are `lapping`. A rest at the right and lower sides that
    fills no block is not looked at; a picture narrower than a block is reflected there to fill it."""
    import cv2

    side = 2 * step if lapping else step
    tall, wide = (max(length - side // 2 * 2, 0) // step + side // step for length in a.shape)  # parts of `step` px
    below, right = (max(parts * step - length, 0) for parts, length in zip((tall, wide), a.shape, strict=True))

    def whole(x: Floats) -> NDArray[np.float64]:
        if below or right:
            x = np.asarray(cv2.copyMakeBorder(x, 0, below, 0, right, cv2.BORDER_REFLECT), np.float32)
        return x[: tall * step, : wide * step].astype(np.float64)

    def mean(x: NDArray[np.float64]) -> NDArray[np.float64]:
        parts: NDArray[np.float64] = (
            x.reshape(tall, step, -1).sum(axis=1).reshape(tall, wide, step).sum(axis=2) / step**2
        )
        return (parts[:-1, :-1] + parts[:-1, 1:] + parts[1:, :-1] + parts[1:, 1:]) / 4 if lapping else parts

    first, second = whole(a), whole(b)
    mean_a, mean_b = mean(first), mean(second)
    spread_a = np.sqrt(np.maximum(mean(first * first) - mean_a**2, 0))
    spread_b = np.sqrt(np.maximum(mean(second * second) - mean_b**2, 0))
    together = (mean(first * second) - mean_a * mean_b) / np.maximum(spread_a * spread_b, 0.5)
    ncc, one, other, inside = (np.asarray(x, np.float32) for x in (together, spread_a, spread_b, mean(whole(valid))))
    return ncc, one, other, inside


def _covered(ncc: Floats, spread_a: Floats, spread_b: Floats, textured: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Blocks that are flat on one side only: a sticker, a blanked background, clipped highlights."""
    same = textured & (ncc > 0.9)
    ratio = np.log(np.maximum(spread_a, 0.3) / np.maximum(spread_b, 0.3))
    usual = float(np.median(ratio[same])) if same.any() else 0.0
    covered: NDArray[np.bool_] = (
        textured & (np.abs(ratio - usual) > np.log(4)) & (np.minimum(spread_a, spread_b) < FLAT)
    )
    return covered


def agreement(frame: Frame) -> Overlap:
    """How well the two pictures agree where they overlap and both show something."""
    import cv2

    long_side = max(frame.b.shape)
    side = max(8, round(long_side * BLOCK))

    def smooth(x: Floats, sigma: float) -> Floats:
        return np.asarray(cv2.GaussianBlur(x, (0, 0), sigma), np.float32)

    a, b = smooth(frame.a, 1.0), smooth(frame.b, 1.0)
    ncc, spread_a, spread_b, inside = _blocks(a, b, frame.valid, side)
    textured = (inside > 0.9) & (np.maximum(spread_a, spread_b) > FINE_TEXTURE)
    usable = textured & ~_covered(ncc, spread_a, spread_b, textured)
    detail_a, detail_b = frame.a - a, frame.b - b
    fine_band = _blocks(detail_a, detail_b, frame.valid, side)[0]

    coarse, shaded = _shading(a, b, frame.valid)
    if usable.sum() < 4 or shaded.sum() < 4:
        return replace(NOTHING, blocks=int(usable.sum()))
    return Overlap(
        blocks=int(usable.sum()),
        fine=float(np.median(ncc[usable])),
        coarse=float(np.median(coarse[shaded])),
        matching=float((coarse[shaded] > MATCHING).mean()),
        low=float(np.quantile(coarse[shaded], 0.1)),
        detail=float(np.median(fine_band[usable])),
    )


def _shading(a: Floats, b: Floats, valid: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Correlation of the blocks' shading, and which blocks have some; on a copy of COARSE_SIDE px, for speed."""
    import cv2

    scale = COARSE_SIDE / max(b.shape)
    size = (max(8, round(b.shape[1] * scale)), max(8, round(b.shape[0] * scale)))
    a, b, valid = (cv2.resize(x, size, interpolation=cv2.INTER_AREA) for x in (a, b, valid))

    def band(x: Floats) -> Floats:
        return np.asarray(cv2.GaussianBlur(x, (0, 0), SMOOTH) - cv2.GaussianBlur(x, (0, 0), WIDE * SMOOTH), np.float32)

    step = round(COARSE_SIDE * BLOCK)
    ncc, spread_a, spread_b, inside = _blocks(band(a), band(b), valid, step, lapping=True)
    shaded = (inside > 0.95) & (np.maximum(spread_a, spread_b) > COARSE_TEXTURE)
    return ncc, shaded & ~_covered(ncc, spread_a, spread_b, shaded)


def finest(frame: Frame) -> tuple[float, float]:
    """Median correlation of the finest band in textured blocks, and its contrast in b over that in a."""
    import cv2

    side = max(8, round(max(frame.b.shape) * BLOCK))
    a, b = (x - cv2.GaussianBlur(x, (0, 0), 1.0) for x in (frame.a, frame.b))
    ncc, spread_a, spread_b, inside = _blocks(a, b, frame.valid, side)
    lively = (inside > 0.9) & (np.maximum(spread_a, spread_b) > 1.0)
    if lively.sum() < 4:
        return 1.0, 1.0
    ratio = float(np.median(spread_b[lively] / np.maximum(spread_a[lively], 0.3)))
    return float(np.median(ncc[lively])), ratio


def extents(grey_a: Grey, grey_b: Grey, affine: Affine) -> tuple[Extent, Extent]:
    """The share of each picture that the other one shows too."""
    import cv2

    inverse = cv2.invertAffineTransform(affine).astype(np.float64)
    return _extent(grey_a, grey_b, inverse), _extent(grey_b, grey_a, affine)


def _extent(grey: Grey, other: Grey, to_grey: Affine) -> Extent:
    import cv2

    height, width = grey.shape
    own = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    corners = np.array([[0, 0], [other.shape[1], 0], [other.shape[1], other.shape[0]], [0, other.shape[0]]])
    mapped = (corners @ to_grey[:, :2].T + to_grey[:, 2]).astype(np.float32)
    area, shape = cv2.intersectConvexConvex(own, mapped)
    if area <= 0 or shape is None:
        return NOWHERE
    points = shape.reshape(-1, 2)
    size = points.max(0) - points.min(0)
    return Extent(
        width=min(1.0, float(size[0]) / width),
        height=min(1.0, float(size[1]) / height),
        area=min(1.0, float(area) / (width * height)),
        edge=_edge(grey, points),
    )


def _edge(grey: Grey, outline: NDArray[np.float32]) -> float:
    """How much more often the picture jumps at the outline than along lines beside it, -1..1: of the weakest side.

    Near 1 for a frame or a screenshot's bars, which jump along every side, and near 0 where the scene simply goes on,
    however lively it is. Sides that are the picture's own do not count; 0 where all are.
    """
    centre = outline.mean(0)
    lines = [outline, *((outline - centre) * (1 + off) + centre for off in (-EDGE_CONTROL, EDGE_CONTROL))]
    at, *beside = _jumps(grey, np.stack(lines))
    excess = [
        share - float(np.mean(near))
        for share, *others in zip(at, *beside, strict=True)
        if share is not None and (near := [other for other in others if other is not None])
    ]
    return min(excess, default=0.0)


def _jumps(grey: Grey, outlines: NDArray[np.float32]) -> list[list[float | None]]:
    """Of each side of outlines [k, n, 2]: the share of places along it at which the picture jumps across it; None where
    it hardly lies in the picture."""
    height, width = grey.shape
    way = np.roll(outlines, -1, axis=1) - outlines
    across = np.stack([way[..., 1], -way[..., 0]], axis=-1)
    length = np.hypot(across[..., 0], across[..., 1]).astype(np.float64)
    across *= (EDGE_REACH / np.maximum(length, 1e-6)).astype(np.float32)[..., None]
    lines = outlines[..., None, :] + np.linspace(0, 1, PLACES, endpoint=False)[:, None] * way[..., None, :]
    (x, y), (u, v) = (
        np.moveaxis((lines + step).round().astype(np.intp), -1, 0)
        for step in (across[..., None, :], -across[..., None, :])
    )
    inside = (np.minimum(x, u) >= 0) & (np.maximum(x, u) < width) & (np.minimum(y, v) >= 0)
    inside &= np.maximum(y, v) < height
    here, there = (
        grey[down.clip(0, height - 1), right.clip(0, width - 1)].astype(np.int16) for down, right in ((y, x), (v, u))
    )
    places = inside.sum(axis=-1)
    jumps = (inside & (np.abs(here - there) > JUMP)).sum(axis=-1)
    known = (length >= SHORT_SIDE * max(grey.shape)) & (places >= FEWEST_PLACES)
    shares = jumps / np.maximum(places, 1)
    return [
        [float(share) if is_known else None for share, is_known in zip(*row, strict=True)]
        for row in zip(shares, known, strict=True)
    ]


def _tone_curve(a: Floats, b: Floats, valid: NDArray[np.bool_]) -> Floats:
    """a with b's tones: the median of b for each of 32 levels of a, robust against a changed region."""
    import cv2

    known = valid[::3, ::3]  # every third pixel either way tells medians well enough
    level, target = (a[::3, ::3][known] / 8).clip(0, 31).astype(np.uint8), b[::3, ::3][known]
    values = np.split(target[np.argsort(level, kind="stable")], np.bincount(level, minlength=32).cumsum()[:-1])
    used = [k for k, part in enumerate(values) if len(part) > 8]
    if len(used) < 2:
        return a
    table = np.interp(np.arange(256), np.array(used) * 8 + 3.5, [_median(values[k]) for k in used])
    return np.asarray(cv2.LUT(a.clip(0, 255).astype(np.uint8), table.astype(np.float32)), np.float32)


def _median(values: Floats) -> float:
    """numpy's, at a third of its time for a few hundred values."""
    middle = (len(values) - 1) // 2, len(values) // 2
    ordered = np.partition(values, middle)
    return float((ordered[middle[0]] + ordered[middle[1]]) / 2)


def change_cells(frame: Frame) -> NDArray[np.float32]:
    """Grey levels by which each cell of CELL px differs beyond what a misfit of one pixel explains; -1 outside.

    Tones are matched in both directions and the smaller difference counts, so that clipped highlights are no change.
    """
    import cv2

    inside = frame.valid > 0.99
    a, b = cv2.GaussianBlur(frame.a, (0, 0), 1.0), cv2.GaussianBlur(frame.b, (0, 0), 1.0)
    rows, columns = b.shape[0] // CELL, b.shape[1] // CELL
    kernel = np.ones((3, 3), np.uint8)

    def cells(x: NDArray[np.float32]) -> NDArray[np.float32]:
        cut = x[: rows * CELL, : columns * CELL].reshape(rows, CELL, columns, CELL)
        return np.asarray(cut.mean((1, 3)), np.float32)

    def excess(x: Floats, y: Floats) -> NDArray[np.float32]:
        toned = _tone_curve(x, y, inside)
        return cells(np.maximum(y - cv2.dilate(toned, kernel), cv2.erode(toned, kernel) - y).clip(0))

    both = np.minimum(excess(a, b), excess(b, a))
    return np.where(cells(inside.astype(np.float32)) > 0.9, both, -1).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Where two aligned pictures differ."""

    region: Region  # the largest changed region, in shares of the frame
    total: float  # share of the frame that changed in all
    remade: float  # share of the frame that changed and shows something in both: not covered, not blanked
    painted: str  # "a" or "b": the one that was plainly painted over there; "" where it cannot be told


def changes(frame: Frame, soft: bool) -> Changes | None:
    """What differs, if some region stands out from the rest. `soft`: one of the two has lost its finest detail.

    Noise and compression differ a little everywhere; a change is larger than what is usual in its pair.
    """
    import cv2

    cells = change_cells(frame)
    inside = cells >= 0
    if inside.sum() < 16:
        return None
    smallest, least = (SMALLEST_SOFT_CHANGE, CHANGED_SOFT) if soft else (SMALLEST_CHANGE, CHANGED)
    limit = max(least, 4 * float(np.quantile(cells[inside], 0.6)))
    mask = ((cells > limit) & inside).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count < 2:
        return None
    areas = stats[1:, cv2.CC_STAT_AREA] / cells.size
    big = int(np.argmax(areas))
    if areas[big] < smallest:
        return None
    left, top, width, height = (int(v) for v in stats[big + 1][:4])
    rows, columns = cells.shape
    region = Region(
        left=left / columns,
        top=top / rows,
        right=(left + width) / columns,
        bottom=(top + height) / rows,
        share=float(areas[big]),
    )
    counted = 1 + np.flatnonzero(areas >= smallest / 2)
    remade = np.isin(labels, counted) & _lively(frame.a) & _lively(frame.b)
    return Changes(
        region=region,
        total=float(areas[counted - 1].sum()),
        remade=float(remade.mean()),
        painted=_painted(frame, labels == big + 1),
    )


def _lively(picture: Floats) -> NDArray[np.bool_]:
    """The cells that are not flat, judged with the cells round them."""
    import cv2

    square, side = picture * picture, (3 * CELL, 3 * CELL)
    variance = cv2.boxFilter(square, -1, side) - cv2.boxFilter(picture, -1, side) ** 2
    rows, columns = picture.shape[0] // CELL, picture.shape[1] // CELL
    centres = variance[CELL // 2 :: CELL, CELL // 2 :: CELL][:rows, :columns]
    return np.asarray(centres > FLAT**2)


def _painted(frame: Frame, cells: NDArray[np.bool_]) -> str:
    """Which of the two was plainly painted over in these cells, since it is flat where the other one is not; "" if
    neither: which of two lively pictures is the true one cannot be told from them."""
    mask = np.kron(cells, np.ones((CELL, CELL), bool))
    height, width = mask.shape
    one, other = (float(x[:height, :width][mask].std()) for x in (frame.a, frame.b))
    if min(one, other) > min(2 * FLAT, 0.4 * max(one, other)):
        return ""
    return "a" if one < other else "b"
