"""Perceptual hashes of a picture in its eight orientations, and the pairs that they propose.

imagehash's pHash: the signs, against their median, of the 8 x 8 lowest frequencies of the 32 x 32 grey picture. It
keeps through re-encoding, resizing and light, and changes with turns, mirrors and crops: hence eight of them, and hence
pairs found here are proposals, never proof.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from curate.features import lookup, shrink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]
    Rows = NDArray[np.intp]
    Keys = NDArray[np.int64]

ORIENTATIONS = (
    "upright",
    "turned by 90 degrees",  # counter-clockwise, as numpy.rot90 turns
    "turned by 180 degrees",
    "turned by 270 degrees",
    "mirrored",  # left to right
    "mirrored, turned by 90 degrees",
    "mirrored, turned by 180 degrees",
    "mirrored, turned by 270 degrees",
)
INVERSE = (0, 3, 2, 1, 4, 5, 6, 7)  # orientation that undoes each
SIDE = 32  # px; imagehash's own hash_size 8 x highfreq_factor 4
NOTHING = 0  # hash of a flat picture. Half of a true hash's bits are set, as they are compared with their median
FLAT = 2.0  # standard deviation of the 32 x 32 picture, of 255 levels: below it re-encoding decides the signs
LIMIT = 10  # bits of 64 that may differ in a proposed pair; see near_pairs
MOST = 16  # near others of one picture that are proposed; 34 edits of one photograph reach each other by way of these
BLOCK = 2**19  # comparisons held at once: 4 MiB of hashes and as much again
DIRECT = 1_500  # pictures up to which comparing all is as fast as looking up
COSINES = 2.0 * np.cos(np.pi / (2 * SIDE) * np.outer(np.arange(8), 2 * np.arange(SIDE) + 1))
# [8, 32]: the type-2 cosine transform as scipy.fftpack gives it, for all orientations at once
SIGNS = np.array([1.0, -1.0] * 4)


def _oriented(frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
    """The frequencies [8, 8] of a picture in its eight orientations [8, 64]."""
    squares = []
    for square in (frequencies, frequencies * SIGNS):  # mirroring turns the sign of every odd frequency across
        for _ in range(4):
            squares.append(square)
            square = square.T * SIGNS[:, None]  # turned by 90 degrees = transposed, then upside down
    return np.stack(squares).reshape(8, 64)


PLACES = np.abs(_oriented(np.arange(64.0).reshape(8, 8))).astype(np.intp)  # what moves where, and with which sign: once
TURNED_SIGNS = _oriented(np.ones((8, 8)))  # for all pictures


def eight(picture: NDArray[np.uint8]) -> Hashes:
    """The hashes [8] of a picture, uint8 grey [H, W] or RGB [H, W, 3], in the order of ORIENTATIONS; NOTHING if flat.

    Each is `imagehash.phash` of the 32 x 32 reduction, turned. Large pictures are halved to 128 px or up to twice that
    before the reduction, which takes a tenth of the time that Lanczos takes from the full size: of 228 photographs and
    renderings, given with 512 px, 198 kept all bits of `imagehash.phash` of the whole picture and 30 differed in two.
    Grey is quickest.
    """
    import imagehash
    from PIL import Image

    grey = picture if picture.ndim == 2 else np.asarray(Image.fromarray(picture).convert("L"))
    reduced = Image.fromarray(shrink.halved(grey, 4 * SIDE))
    small = np.asarray(reduced.resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    if small.std() < FLAT:
        return np.full(8, NOTHING, dtype=np.uint64)
    rows = _frequencies(small).ravel()[PLACES] * TURNED_SIGNS
    ordered = np.sort(rows, axis=1)
    bits = rows > (ordered[:, 31:32] + ordered[:, 32:33]) / 2.0  # the median
    bits[0] = imagehash.phash(Image.fromarray(small)).hash.ravel()
    return np.packbits(bits, axis=1).view(">u8")[:, 0].astype(np.uint64)


def _frequencies(small: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The 8 x 8 lowest frequencies of the 32 x 32 picture, as imagehash.phash takes them."""
    frequencies: NDArray[np.float64] = COSINES @ small.astype(np.float64) @ COSINES.T
    return frequencies


def distance(a: Hashes, b: Hashes) -> NDArray[np.uint8]:
    """Number of bits, 0-64, in which hashes differ; shapes as numpy broadcasts them."""
    return lookup.count_bits(np.bitwise_xor(a, b))


def near_pairs(hashes: Hashes, limit: int = LIMIT, most: int = MOST) -> Iterator[tuple[int, int, int, int]]:
    """Pairs whose hashes differ in at most `limit` bits, as (i, j, orientation, bits) with i < j, sorted by i and j.

    `hashes` uint64 [N, 8]. The orientation is the one of j that is nearest to i upright (the lowest number if several
    are). Both ways are compared, so the pairs do not depend on the order of files. Flat pictures are in no pair. All
    pairs within the limit are found, in bounded memory: by comparing all up to DIRECT pictures, above it by
    looking up parts of the hashes (lookup.py). Where a picture is near more than `most` others, as frames of a camera
    at rest are, a pair is given if it is among the `most` nearest of either; of equally near ones those next in order.

    The limit: among 252 photographs and renderings (31,626 pairs, with several of each subject) 10 bits propose 45
    pairs, none of different subjects; 12 propose 66 and the first wrong ones, 14 propose 107. Re-encoding, resizing and
    light change a few bits; what changes more is left to the embeddings.
    """
    rows = np.flatnonzero(hashes[:, 0] != NOTHING)
    kept = np.ascontiguousarray(hashes[rows])
    finder = _by_comparing if len(rows) <= DIRECT or limit >= 16 else _by_words
    keys = np.concatenate([np.zeros(0, np.int64), *finder(kept, limit, most)])
    pairs, bits, orientations = _merged(keys)
    i, j = np.divmod(pairs, max(len(rows), 1))
    both = lookup.nearest(np.concatenate([i, j]), np.concatenate([j, i]), np.concatenate([bits, bits]), most)
    some = np.unique(both % max(len(pairs), 1))
    found = (rows[i[some]], rows[j[some]], orientations[some], bits[some])
    yield from zip(*(values.tolist() for values in found), strict=True)


def near_some(hashes: Hashes, some: Rows, limit: int = LIMIT) -> Rows:
    """All pairs [P, 2] of `some` rows and any other whose hashes differ in at most `limit` bits, in no order and some
    of them twice. `hashes` uint64 [N, 8]; for a few rows, each is compared with all."""
    found = [np.zeros((0, 2), np.intp)]
    alive = hashes[:, 0] != NOTHING
    for row in some[alive[some]]:
        there = distance(hashes[row, 0], hashes).min(axis=1)  # the row upright against others turned
        back = distance(hashes[row], hashes[:, :1]).min(axis=1)
        near = alive & (np.minimum(there, back) <= limit)
        near[row] = False
        others = np.flatnonzero(near)
        found.append(np.stack([np.full(len(others), row), others], axis=1))
    return np.concatenate(found)


def _by_comparing(hashes: Hashes, limit: int, most: int) -> Iterator[Keys]:
    n = len(hashes)
    step = max(1, BLOCK // (8 * max(n, 1)))
    for first in range(0, n, step):
        block = hashes[first : first + step]
        later = hashes[first + 1 :]
        there = distance(block[:, :1, None], later[None, :, :])  # i upright against j turned
        back = distance(block[:, None, :], later[None, :, :1])[:, :, INVERSE]  # j upright against i turned
        bits = np.minimum(there, back)
        best = bits.argmin(axis=2)
        least = np.take_along_axis(bits, best[:, :, None], axis=2)[:, :, 0]
        i, j = np.nonzero((least <= limit) & (np.arange(len(later)) >= np.arange(len(block))[:, None]))
        yield _keys(first + i, first + 1 + j, best[i, j], least[i, j], n)


def _by_words(hashes: Hashes, limit: int, most: int) -> Iterator[Keys]:
    upright = np.ascontiguousarray(hashes[:, 0])
    for orientation in range(8):
        turned, other, bits = lookup.near(np.ascontiguousarray(hashes[:, orientation]), upright, limit, most)
        seen = np.where(other < turned, orientation, INVERSE[orientation])
        yield _keys(np.minimum(turned, other), np.maximum(turned, other), seen, bits, len(hashes))


def _keys(i: Rows, j: Rows, seen: Rows, bits: NDArray[np.uint8], n: int) -> Keys:
    """Sortable keys: pair, then bits, then orientation as i sees j. N up to 2^25."""
    return ((i.astype(np.int64) * n + j) * 65 + bits) * 8 + seen


def _merged(keys: Keys) -> tuple[Keys, Rows, Rows]:
    """Of every pair i * N + j the least bits, and the first orientation that has them; sorted."""
    keys = np.unique(keys)
    pairs, rest = np.divmod(keys, 65 * 8)
    first = np.flatnonzero(np.diff(pairs, prepend=-1))
    bits, orientations = np.divmod(rest[first], 8)
    return pairs[first], bits, orientations
