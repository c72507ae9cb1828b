"""Whether two pictures are worth aligning: a glance at 96 px, which drops most pairs (OpenCV's third door).

Where SIFT finds a feature, with its scale and direction, a square of pixels is kept instead of SIFT's own description,
which takes longer to compute than all else here (multi-scale oriented patches: Brown, Szeliski and Winder 2005). Each
two alike squares tell of a whole map by themselves: how far, how large, how turned. A map that many of them tell of is
worth a closer look, one that a few tell of if the pixels agree under it.

It dropped none of 1,783 true pairs of edited photographs and renderings, deep crops and mirrored ones among them; the
least sure had 5 votes at a correlation of .64. Of 7,908 pairs of drawn pictures it left 17, of 7,318 pairs of different
photographs of much the same subjects one in five, four in ten of these because one of the two has hardly any features.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curate.copies.overlap import Affine, Floats, Grey

SIDE = 96  # px, long side
FEATURES = 100  # SIFT features at most: those that stand out most
CONTRAST = 0.02  # SIFT contrast threshold, as at the cheap look
ENOUGH = 25  # features: of fewer nothing is concluded

CELLS = 10  # a side of a feature's square, as it is kept
REACH = 12.0  # sides of such a square, in standard deviations of the feature's scale: as wide as SIFT's description
LEVELS = 3  # pictures to take squares from, each half as large: those of large features
SPACING = 1.2  # px between the cells of a square, about: a coarser one is taken from the next level
UNIT = 127  # length of a square's numbers. They are whole, so that sums of their products are exact on any machine

ALIKE = 0.7  # correlation of two squares from which they may show one thing
OFF, OFF_SHARE = 2.5, 0.2  # px, and share of the distance, that a feature may lie from where another's map puts it
TURN, ZOOM = 0.45, float(np.exp(0.5))  # radians, and factor, that two features' maps may differ by
WEAK, STRONG = 3, 8  # votes: fewer arise in most pairs, so many in few but those of one scene
STRONG_SHARE = 0.2  # of the lesser picture's features: as good as many
VOTE = 0.1  # of correlation that a vote is worth: with three the pixels under the map must agree at .7, with six at .4
SMOOTH, WIDE = 1.5, 17  # px: what is finer and what is coarser is left out of it. Standard deviation, and box
LIKENESSES = 8 * FEATURES**2  # of features of pairs that are compared together, with what pads them: twice 640 kB.
# Patterns that repeat may have ten times FEATURES, as of those that stand out alike all are given
ROOM = 2**15  # pairs of matches, of which it is told together whether they agree
GRID = (np.mgrid[:CELLS, :CELLS][::-1].reshape(2, -1) - (CELLS - 1) / 2).astype(np.float32)  # x, y of a square's cells
OVERLAP = 400  # px of overlap, at least: a twentieth of a picture


@dataclass(frozen=True, slots=True)
class Glance:
    """One picture at a glance: some 20 KiB."""

    grey: Grey  # [h, w]
    places: NDArray[np.complex64]  # [n] px: x + iy
    frames: NDArray[np.complex64]  # [n] px: size and direction of each feature
    squares: NDArray[np.int8]  # [2, n, CELLS * CELLS / 2] whole numbers: the half that mirroring leaves, and
    # the half that it turns

    @property
    def nbytes(self) -> int:
        return self.grey.nbytes + self.places.nbytes + self.frames.nbytes + self.squares.nbytes


def see(grey: Grey) -> Glance:
    """`grey`: uint8 [h, w], the larger the better up to SIDE."""
    import cv2

    small = _fit(grey)
    found = cv2.SIFT_create(FEATURES, contrastThreshold=CONTRAST).detect(small, None)
    told = np.array([(*one.pt, one.size, one.angle) for one in found], np.float32).reshape(-1, 4)
    places = (told[:, 0] + 1j * told[:, 1]).astype(np.complex64)
    frames = (told[:, 2] * np.exp(1j * np.deg2rad(told[:, 3]))).astype(np.complex64)
    return Glance(small, places, frames, _squares(small, told))


def are_hopeless(pairs: Sequence[tuple[Glance, Glance]]) -> list[bool]:
    """Of each pair whether no closer look can show that they are one photograph: both have features, and no map is told
    of. Of some pairs together numpy leaves the interpreter free for longer at a time, so that several threads do this
    side by side."""
    hopeless = [False] * len(pairs)
    for some in _few(pairs):
        for number, verdict in zip(some, _verdicts([pairs[number] for number in some]), strict=True):
            hopeless[number] = verdict
    return hopeless


def _few(pairs: Sequence[tuple[Glance, Glance]]) -> Iterator[list[int]]:
    """Which pairs of pictures that both have features are compared together: so many at a time that their likenesses
    take no more room than LIKENESSES, or one."""
    some: list[int] = []
    ones = others = 0
    for number, (one, other) in enumerate(pairs):
        if min(len(one.places), len(other.places)) < ENOUGH:
            continue
        most = max(ones, len(one.places)), max(others, len(other.places))
        if some and (len(some) + 1) * most[0] * most[1] > LIKENESSES:
            yield some
            some, most = [], (len(one.places), len(other.places))
        some.append(number)
        ones, others = most
    if some:
        yield some


def _verdicts(pairs: Sequence[tuple[Glance, Glance]]) -> Iterator[bool]:
    """Of pairs that both have features."""
    matches = _alike(pairs)
    votes = _votes(matches)
    for number, (a, b) in enumerate(pairs):
        most, which = votes.get(number, (0, None))
        if which is None or most < WEAK:
            yield True
        elif most >= min(STRONG, STRONG_SHARE * min(len(a.places), len(b.places))):
            yield False
        else:
            affine = _affine(matches.origin[which], matches.target[which], mirrored=bool(matches.mirrored[which[0]]))
            yield _correlation(a.grey, b.grey, affine) + VOTE * most < 1


def _fit(grey: Grey) -> Grey:
    import cv2

    while max(grey.shape) >= 4 * SIDE and min(grey.shape) > 1:  # by halves: OpenCV has vector code for them
        grey = np.asarray(cv2.resize(grey, (grey.shape[1] // 2, grey.shape[0] // 2), interpolation=cv2.INTER_AREA))
    scale = SIDE / max(grey.shape)
    size = (max(8, round(grey.shape[1] * scale)), max(8, round(grey.shape[0] * scale)))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC))


def _squares(grey: Grey, told: Floats) -> NDArray[np.int8]:
    """The squares round features [n, (x, y, size, angle)], upright in the features' own frames."""
    import cv2

    if not len(told):
        return np.zeros((2, 0, CELLS * CELLS // 2), np.int8)
    levels = [grey]
    for _ in range(LEVELS - 1):
        levels.append(np.asarray(cv2.pyrDown(levels[-1])))
    page = np.zeros((sum(len(one) for one in levels), grey.shape[1]), np.uint8)
    tops = np.cumsum([0, *(len(one) for one in levels[:-1])])
    for top, one in zip(tops, levels, strict=True):
        page[top : top + len(one), : one.shape[1]] = one
    spacing = told[:, 2] / 2 * (REACH / CELLS)  # OpenCV's size is two standard deviations
    level = np.log2(np.maximum(spacing, SPACING) / SPACING).round().astype(np.intp).clip(max=LEVELS - 1)
    shrunk = np.exp2(-level, dtype=np.float32)
    angle = np.deg2rad(told[:, 3])
    across, down = np.cos(angle) * spacing * shrunk, np.sin(angle) * spacing * shrunk
    last = np.array([one.shape for one in levels], np.float32)[level] - 1
    x = (told[:, 0] * shrunk)[:, None] + np.stack([across, -down], 1) @ GRID
    y = (told[:, 1] * shrunk)[:, None] + np.stack([down, across], 1) @ GRID
    np.clip(x, 0, last[:, 1:], out=x)
    np.clip(y, 0, last[:, :1], out=y)
    y += tops[level, None].astype(np.float32)
    return _halves(np.asarray(cv2.remap(page, x, y, cv2.INTER_LINEAR), np.float32))


def _halves(squares: Floats) -> NDArray[np.int8]:
    """Squares [n, CELLS * CELLS], less their mean and of one length, as what mirroring leaves and what it turns."""
    squares = squares - squares.mean(axis=1, keepdims=True)
    squares /= np.maximum(np.linalg.norm(squares, axis=1, keepdims=True), 1) * np.float32(np.sqrt(2) / UNIT)
    rows = squares.reshape(-1, CELLS, CELLS)
    upper, lower = rows[:, : CELLS // 2], rows[:, : CELLS // 2 - 1 : -1]
    halves = np.stack([upper + lower, upper - lower])
    return halves.round().astype(np.int8).reshape(2, len(squares), -1)


@dataclass(frozen=True, slots=True)
class _Matches:
    """Features of two pictures that are alike, of many pairs of pictures, pair by pair [M]."""

    pair: NDArray[np.intp]
    mirrored: NDArray[np.bool_]
    origin: NDArray[np.complex64]  # px, in the first picture: x + iy
    target: NDArray[np.complex64]  # px, in the second
    change: NDArray[np.complex64]  # of size and direction, from the first, mirrored where it is, to the second


def _alike(pairs: Sequence[tuple[Glance, Glance]]) -> _Matches:
    """Features of a and of b whose squares are alike and each other's nearest, plain or mirrored."""
    ones, others = zip(*pairs, strict=True)
    left, right = (_padded([it.squares for it in side]) for side in (ones, others))
    kept, turned = np.matmul(left, right.swapaxes(2, 3)).swapaxes(0, 1)  # [P, n of a, n of b]
    likeness = np.empty((len(pairs), 2, *kept.shape[1:]), np.float32)  # plain, mirrored
    np.add(kept, turned, out=likeness[:, 0])
    np.subtract(kept, turned, out=likeness[:, 1])
    nearest = likeness.max(axis=3)
    pair, mirrored, one = np.nonzero(nearest >= np.float32(ALIKE * UNIT**2))
    other = likeness[pair, mirrored, one].argmax(axis=1)
    mutual = nearest[pair, mirrored, one] >= likeness.max(axis=2)[pair, mirrored, other]
    pair, one, other, is_mirrored = pair[mutual], one[mutual], other[mutual], mirrored[mutual] == 1
    places = [np.concatenate([it.places for it in side]) for side in (ones, others)]
    frames = [np.concatenate([it.frames for it in side]) for side in (ones, others)]
    at, to = (
        np.cumsum([0, *(len(it.places) for it in side)])[pair] + which for side, which in ((ones, one), (others, other))
    )
    change = frames[1][to] / np.where(is_mirrored, frames[0][at].conj(), frames[0][at])
    return _Matches(pair, is_mirrored, places[0][at], places[1][to], change)


def _padded(squares: Sequence[NDArray[np.int8]]) -> Floats:
    """Squares [2, n, m] of different n as one, [P, 2, n, m], with zeros behind."""
    (halves, _, cells), most = squares[0].shape, max(one.shape[1] for one in squares)
    whole = np.zeros((len(squares), halves, most, cells), np.float32)
    for row, one in zip(whole, squares, strict=True):
        row[:, : one.shape[1]] = one
    return whole


def _votes(matches: _Matches) -> dict[int, tuple[int, NDArray[np.intp]]]:
    """Of each pair of pictures that has WEAK matches or more: how many of them lie as the map of one says, and which.
    The map is the one that most agree with.

    A map is x -> to + change * (x - from) in complex numbers, of the mirrored picture where it is mirrored.
    """
    first = np.flatnonzero(np.diff(matches.pair, prepend=-1))
    counts = np.diff(first, append=len(matches.pair))
    found: dict[int, tuple[int, NDArray[np.intp]]] = {}
    order = counts.argsort(kind="stable")  # those of about as many matches together
    order = order[counts[order] >= WEAK]
    while len(order):
        size = counts[order]
        now = max(1, int(np.searchsorted(size**2 * np.arange(1, len(size) + 1), ROOM, "right")))
        block, order = order[:now], order[now:]
        at = first[block, None] + np.arange(counts[block[-1]])
        there = at < (first[block] + counts[block])[:, None]
        agree = _agree(matches, np.where(there, at, 0), there)
        votes = np.count_nonzero(agree, axis=2)
        best = votes.argmax(axis=1)
        for row, which in enumerate(best):
            number = int(matches.pair[first[block[row]]])
            found[number] = int(votes[row, which]), at[row, agree[row, which]]
    return found


def _agree(matches: _Matches, at: NDArray[np.intp], there: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether the matches `at` [P, m] lie as the map of each says [P, m, m], a row for each map; none that are not
    `there`. In steps of real numbers, which are rounded alike whatever is computed beside them."""
    mirrored, change = matches.mirrored[at], matches.change[at]
    origin, target = matches.origin[at], matches.target[at]
    x, y = _offsets(origin.real), _offsets(np.where(mirrored, -origin.imag, origin.imag))
    to_x, to_y = _offsets(target.real), _offsets(target.imag)
    across, down = change.real[:, :, None], change.imag[:, :, None]
    error = (across * x - down * y - to_x) ** 2 + (across * y + down * x - to_y) ** 2
    agree = error <= (OFF + OFF_SHARE * np.sqrt(to_x * to_x + to_y * to_y)) ** 2
    size = np.sqrt(change.real * change.real + change.imag * change.imag)
    cosine, sine = change.real / size, change.imag / size
    agree &= cosine[:, :, None] * cosine[:, None] + sine[:, :, None] * sine[:, None] > np.cos(TURN)
    agree &= (size[:, None] < ZOOM * size[:, :, None]) & (size[:, :, None] < ZOOM * size[:, None])
    agree &= (mirrored[:, None] == mirrored[:, :, None]) & there[:, None] & there[:, :, None]
    return np.asarray(agree)


def _offsets(values: Floats) -> Floats:
    """[P, m] -> [P, m, m]: how far each is from each, a row for those from one."""
    return np.asarray(values[:, None] - values[:, :, None])


def _affine(origin: NDArray[np.complex64], target: NDArray[np.complex64], *, mirrored: bool) -> Affine:
    """The similarity [2, 3] that brings places of a nearest to places of b, by least squares."""
    sign = -1.0 if mirrored else 1.0
    start = (origin.conj() if mirrored else origin).astype(np.complex128)
    middle, end = start.mean(), target.mean()
    start = start - middle
    change = np.vdot(start, target - end) / max(np.vdot(start, start).real, 1e-9)
    shift = end - change * middle
    turn = [[change.real, -sign * change.imag, shift.real], [change.imag, sign * change.real, shift.imag]]
    return np.array(turn, np.float64)


def _correlation(grey_a: Grey, grey_b: Grey, affine: Affine) -> float:
    """Of the pixels of both under the map, without what is fine and what is coarse; 0 where they hardly overlap."""
    import cv2

    area = abs(float(np.linalg.det(affine[:, :2])))
    if area > 1 + 1e-9:  # and what the turned one's rounding may leave above 1 is not turned back
        return _correlation(grey_b, grey_a, np.asarray(cv2.invertAffineTransform(affine), np.float64))
    height, width = grey_b.shape
    if area * grey_a.size < OVERLAP:
        return 0.0
    source = grey_a
    if area < 0.81:  # shrunk: low-passed first
        source = np.asarray(cv2.GaussianBlur(grey_a, (0, 0), 0.5 * float(np.sqrt(1 / area - 1))))
    warped = cv2.warpAffine(source, affine, (width, height), borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.full(grey_a.shape, 255, np.uint8), affine, (width, height)) == 255
    if np.count_nonzero(inside) < OVERLAP:
        return 0.0
    one, other = (_band(np.asarray(grey, np.float32))[inside] for grey in (warped, grey_b))
    one, other = one - one.mean(), other - other.mean()
    return float(one @ other / np.sqrt(max(float(one @ one) * float(other @ other), 1e-6)))


def _band(grey: Floats) -> Floats:
    import cv2

    return np.asarray(cv2.GaussianBlur(grey, (0, 0), SMOOTH) - cv2.boxFilter(grey, -1, (WIDE, WIDE)), np.float32)
