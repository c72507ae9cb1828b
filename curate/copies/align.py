"""Is it the same photograph? Local features, one affine map, and the warped overlap block by block (OpenCV's door).

Of the pairs that `glance` leaves, a cheap look at 256 px settles most, a careful one at 512 px what that leaves open.
Thresholds were set on real photographs with 34 kinds of edits, on different photographs of one object from almost one
place, and on rendered bursts: edits had a coarse median correlation of .985 or more, or matched in nearly all blocks;
different photographs matched in at most .86 of them. `bench/copies.py` measures them again on any folder.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from curate.copies import overlap
from curate.copies.overlap import Extent, Overlap
from curate.records import Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curate.copies.overlap import Affine, Grey

METHOD = "sift-affine-10"  # name it anew whenever a verdict could change: stored verdicts are keyed by it

RATIO = 0.85  # of nearest to second nearest descriptor distance (Lowe 2004 used 0.8); the map sorts out the rest
REPROJECTION = 3.0  # px at the working size
SMALLEST_SIDE = 24  # px: nothing can be proved of a tinier picture
FEWEST = 6  # matches or inliers: fewer are not worth a map
PLENTY = 40  # inliers after which the mirrored map is not asked for
INLIERS = 12  # features that agree on one map; fewer arise by chance in pictures of one subject
BLOCKS = 10  # textured blocks in the overlap: fewer and the picture is too plain to prove anything

EDIT_FINE, EDIT_MATCHING = 0.972, 0.4  # an edit: nearly perfect wherever nothing was painted over
SURE_DENSE, SURE_LOW = 0.93, 0.8  # matching nearly everywhere: a closer look would only see the noise
SURE_MATCHING = 0.6  # with fewer matching blocks a closer look is worth its time
DETAIL_FINE, DETAIL = 0.92, 0.65  # or good, with the finest detail repeated: tones and light were changed
DENSE_FINE, DENSE_MATCHING, DENSE_LOW = 0.85, 0.88, 0.7  # or good almost everywhere: a frame of a burst, strong blur
GRAIN_FINE, GRAIN_MATCHING, GRAIN_LOW = 0.75, 0.95, 0.9  # heavy noise: fine blocks suffer, coarse ones all match
SHARP = 0.8  # correlation of the finest band above which both pictures still show the same fine detail
FEW, VERY_FEW = 60, 25  # features: a soft or plain picture with fewer may be matched at the careful size,
# the former only if a few of them agree on a map already
HOPELESS = 0.35  # matching share of coarse blocks below which a closer look never helped


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How closely to look: working size and number of features."""

    side: int  # px, long side
    features: int  # SIFT features at most
    contrast: float  # SIFT contrast threshold: lower finds more in soft pictures


CHEAP = Look(side=256, features=500, contrast=0.02)
CAREFUL = Look(side=512, features=1500, contrast=0.015)


@dataclass(frozen=True, slots=True)
class Sight:
    """One picture as the alignment sees it."""

    grey: Grey  # [h, w]
    points: NDArray[np.float32]  # [n, 2] x, y in px
    descriptors: NDArray[np.uint8]  # [n, 128] SIFT (Lowe 2004)

    @property
    def nbytes(self) -> int:
        return self.grey.nbytes + self.points.nbytes + self.descriptors.nbytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What the alignment of two pictures showed. `a` is the first picture, `b` the second."""

    same: bool  # one photograph
    mirrored: bool
    affine: NDArray[np.float64]  # [2, 3], shares of a's sides -> shares of b's
    inliers: int
    overlap: Overlap
    extent_a: Extent  # nowhere, unless they are the same
    extent_b: Extent
    detail: float = 1.0  # correlation of the finest band at the careful size: noise is not repeated between frames
    detail_ratio: float = 1.0  # contrast of b's finest band over a's: under 1, b has lost detail
    changed: Region | None = None  # the largest changed region, in shares of a
    changed_share: float = 0.0  # of a, all changed regions
    remade_share: float = 0.0  # of a: changed, and not merely covered or blanked
    painted: str = ""  # "a" or "b": the one that was plainly painted over there


def _mirror_order() -> NDArray[np.intp]:
    """Where each of SIFT's 128 numbers goes when the picture is mirrored.

    A descriptor is 4 x 4 places x 8 directions in the feature's own frame; mirroring reverses the rows and the sense
    of the directions. So the mirrored picture needs no features of its own.
    """
    index = np.arange(128).reshape(4, 4, 8)
    return index[::-1][:, :, (-np.arange(8)) % 8].ravel()


MIRROR = _mirror_order()


def careful_look(grey_a: Grey, grey_b: Grey) -> Look:
    """The careful look at two pictures: never larger than the smaller one really is."""
    native = min(max(grey_a.shape), max(grey_b.shape))
    return replace(CAREFUL, side=min(CAREFUL.side, max(CHEAP.side, native)))


def fit(grey: Grey, look: Look) -> Grey:
    """The picture, uint8 [h, w], with its long side at the working size."""
    import cv2

    height, width = grey.shape
    scale = look.side / max(height, width)
    if abs(scale - 1) <= 1e-3:
        return grey
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC))


def see(grey: Grey, look: Look) -> Sight:
    """The features of one picture at a working size. `grey`: uint8 [h, w], the larger the better up to look.side."""
    import cv2

    grey = fit(grey, look)
    found, descriptors = cv2.SIFT_create(look.features, contrastThreshold=look.contrast).detectAndCompute(grey, None)
    if descriptors is None:
        return Sight(grey, np.zeros((0, 2), np.float32), np.zeros((0, 128), np.uint8))
    points = np.array([p.pt for p in found], np.float32)
    return Sight(grey, points, descriptors.astype(np.uint8))


def compare(a: Sight, b: Sight) -> Proof | None:
    """The best map from a to b and how well they agree under it; None where no map is found."""
    if min(*a.grey.shape, *b.grey.shape) < SMALLEST_SIDE:
        return None
    best = _best_map(a, b)
    if best is None:
        return None
    affine, inliers, mirrored = best
    agreed = overlap.NOTHING  # too few features agree for it to matter
    if inliers >= INLIERS:
        agreed = overlap.agreement(overlap.bring_together(a.grey, b.grey, affine))
    same = inliers >= INLIERS and agreed.blocks >= BLOCKS and _is_one_photograph(agreed)
    extent_a, extent_b = overlap.extents(a.grey, b.grey, affine) if same else (overlap.NOWHERE, overlap.NOWHERE)
    return Proof(
        same=same,
        mirrored=mirrored,
        affine=_to_shares(affine, a.grey.shape, b.grey.shape),
        inliers=inliers,
        overlap=agreed,
        extent_a=extent_a,
        extent_b=extent_b,
    )


def is_open(proof: Proof | None, a: Sight, b: Sight) -> bool:
    """Whether the careful look could overturn what the cheap one said of a and b."""
    if proof is None or proof.inliers < INLIERS:
        fewest = min(len(a.points), len(b.points))
        return fewest < VERY_FEW or (fewest < FEW and proof is not None)
    if proof.same:
        agreed = proof.overlap
        sure = agreed.matching >= SURE_DENSE and agreed.low >= SURE_LOW
        return not sure and (agreed.fine < EDIT_FINE or agreed.matching < SURE_MATCHING)
    return proof.overlap.matching > HOPELESS or proof.overlap.blocks < BLOCKS


def with_changes(proof: Proof, grey_a: Grey, grey_b: Grey) -> Proof:
    """The same proof with the regions that differ and the finest detail, looked at in the careful size."""
    look = careful_look(grey_a, grey_b)
    grey_a, grey_b = fit(grey_a, look), fit(grey_b, look)
    frame = overlap.bring_together(grey_a, grey_b, _to_pixels(proof.affine, grey_a.shape, grey_b.shape))
    detail, ratio = overlap.finest(frame)
    proof = replace(proof, detail=detail, detail_ratio=ratio)
    found = overlap.changes(frame, soft=min(proof.overlap.detail, detail) < SHARP)
    if found is None:
        return proof
    region, total, remade = found.region, found.total, found.remade
    if not frame.swapped:
        back = invert(proof.affine)
        factor = abs(float(np.linalg.det(back[:, :2])))
        region, total, remade = carry(region, back), min(1.0, total * factor), min(1.0, remade * factor)
    return replace(proof, changed=region, changed_share=total, remade_share=remade, painted=found.painted)


def _is_one_photograph(agreed: Overlap) -> bool:
    edit = agreed.fine >= EDIT_FINE and agreed.matching >= EDIT_MATCHING
    detailed = agreed.fine >= DETAIL_FINE and agreed.detail >= DETAIL and agreed.matching >= EDIT_MATCHING
    dense = agreed.fine >= DENSE_FINE and agreed.matching >= DENSE_MATCHING and agreed.low >= DENSE_LOW
    grainy = agreed.fine >= GRAIN_FINE and agreed.matching >= GRAIN_MATCHING and agreed.low >= GRAIN_LOW
    return edit or detailed or dense or grainy


def _best_map(a: Sight, b: Sight) -> tuple[Affine, int, bool] | None:
    """(map, inliers, mirrored): of the plain and the mirrored map the one on which more features agree."""
    if min(len(a.points), len(b.points)) < FEWEST:
        return None
    one, other = _unit(a.descriptors), _unit(b.descriptors)
    best = _fit(a, b, _matches(one, other), mirrored=False)
    if best is None or best[1] < PLENTY:
        flipped = _fit(a, b, _matches(one[:, MIRROR], other), mirrored=True)
        best = flipped if best is None or (flipped is not None and flipped[1] > best[1]) else best
    return best


def _fit(a: Sight, b: Sight, pairs: NDArray[np.intp], *, mirrored: bool) -> tuple[Affine, int, bool] | None:
    import cv2

    if len(pairs) < FEWEST:
        return None
    affine, inliers = cv2.estimateAffine2D(
        a.points[pairs[:, 0]],
        b.points[pairs[:, 1]],
        method=cv2.RANSAC,
        ransacReprojThreshold=REPROJECTION,
        maxIters=2000,
        confidence=0.995,
    )
    if affine is None or inliers.sum() < FEWEST:
        return None
    longest, shortest = np.linalg.svd(affine[:, :2], compute_uv=False)
    plausible = shortest > 0.12 and longest < 8 and longest / shortest < 1.8
    if not plausible or (np.linalg.det(affine[:, :2]) < 0) != mirrored:
        return None
    return affine.astype(np.float64), int(inliers.sum()), mirrored


def _unit(descriptors: NDArray[np.uint8]) -> NDArray[np.float32]:
    """RootSIFT (Arandjelovic and Zisserman 2012): rows of length 1 whose cosine is the Hellinger affinity."""
    values = descriptors.astype(np.float32)
    return np.asarray(np.sqrt(values / np.maximum(values.sum(1, keepdims=True), 1)), np.float32)


def _matches(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.intp]:
    """Mutual nearest descriptors (unit rows) that beat the second nearest: [m, 2] rows of a and b."""
    likeness = a @ b.T
    rows = np.arange(len(a))
    nearest = likeness.argmax(1)
    best = likeness[rows, nearest]
    likeness[rows, nearest] = -1
    second = likeness.max(1)
    clear = np.flatnonzero((1 - best) < RATIO**2 * (1 - second))  # squared distances of unit vectors are 2 - 2 cos
    likeness[rows, nearest] = best
    mutual = likeness[:, nearest[clear]].argmax(0) == clear
    return np.stack([clear[mutual], nearest[clear][mutual]], 1)


def _to_shares(affine: Affine, size_a: tuple[int, ...], size_b: tuple[int, ...]) -> NDArray[np.float64]:
    into, out = np.array([size_a[1], size_a[0]]), np.array([size_b[1], size_b[0]])
    return np.asarray(np.concatenate([affine[:, :2] * into, affine[:, 2:]], 1) / out[:, None], np.float64)


def _to_pixels(shares: NDArray[np.float64], size_a: tuple[int, ...], size_b: tuple[int, ...]) -> Affine:
    into, out = np.array([size_a[1], size_a[0]]), np.array([size_b[1], size_b[0]])
    return np.asarray(np.concatenate([shares[:, :2] / into, shares[:, 2:]], 1) * out[:, None], np.float64)


def invert(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """The map from b to a, for a map [2, 3] from a to b."""
    turned = np.linalg.inv(affine[:, :2])
    return np.concatenate([turned, -turned @ affine[:, 2:]], 1)


def carry(region: Region, affine: NDArray[np.float64]) -> Region:
    """A region in shares of one picture, in shares of the other that `affine` maps it to."""
    corners = np.array([[x, y] for x in (region.left, region.right) for y in (region.top, region.bottom)])
    moved = (corners @ affine[:, :2].T + affine[:, 2]).clip(0, 1)
    (left, top), (right, bottom) = moved.min(0), moved.max(0)
    share = min(1.0, region.share * abs(float(np.linalg.det(affine[:, :2]))))
    return Region(left=float(left), top=float(top), right=float(right), bottom=float(bottom), share=share)
