"""Perceptual hashes of a picture in its eight orientations, and the pairs that they propose.

imagehash's pHash: the signs, against their median, of the 8 x 8 lowest frequencies of the 32 x 32 grey picture. It
keeps through re-encoding, resizing and light, and changes with turns, mirrors and crops: hence eight of them, and hence
pairs found here are proposals, never proof.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]
    Found = tuple[int, NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]  # i, its j, their orientations, bits

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
BLOCK = 2**19  # comparisons held at once: 4 MiB of hashes and as much again
DIRECT = 6_000  # pictures up to which comparing all is as fast as looking up
SIGNS = np.array([1.0, -1.0] * 4)
BANDS = tuple(np.uint64(shift) for shift in (0, 16, 32, 48))  # bits at which the four 16-bit words of a hash start


def eight(picture: NDArray[np.uint8]) -> Hashes:
    """The hashes [8] of a picture, uint8 grey [H, W] or RGB [H, W, 3], in the order of ORIENTATIONS; NOTHING if flat.

    Each is `imagehash.phash` of the 32 x 32 reduction, turned. Large pictures are averaged to about 128 px before the
    reduction, which takes a tenth of the time that Lanczos takes from the full size: of 228 photographs and renderings
    211 kept all bits of `imagehash.phash` of the whole picture and 17 differed in two. Grey is quickest.
    """
    import imagehash
    from PIL import Image

    grey = Image.fromarray(picture).convert("L")
    small = np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=4.0))
    if small.std() < FLAT:
        return np.full(8, NOTHING, dtype=np.uint64)
    frequencies = _frequencies(small)
    mirrored = frequencies * SIGNS[None, :]  # mirroring turns the sign of every odd frequency across
    squares = [_turned(square, turns) for square in (frequencies, mirrored) for turns in range(4)]
    bits = np.array([square > np.median(square) for square in squares])
    bits[0] = imagehash.phash(Image.fromarray(small)).hash
    return np.packbits(bits.reshape(8, 64), axis=1).view(">u8")[:, 0].astype(np.uint64)


def _frequencies(small: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The 8 x 8 lowest frequencies of the 32 x 32 picture, as imagehash.phash takes them."""
    from scipy.fft import dctn

    return np.asarray(dctn(small.astype(np.float64), type=2)[:8, :8])


def _turned(frequencies: NDArray[np.float64], turns: int) -> NDArray[np.float64]:
    """The frequencies of the picture turned as numpy.rot90 turns it, `turns` times."""
    for _ in range(turns):
        frequencies = frequencies.T * SIGNS[:, None]  # turned by 90 degrees = transposed, then upside down
    return frequencies


def distance(a: Hashes, b: Hashes) -> NDArray[np.uint8]:
    """Number of bits, 0-64, in which hashes differ; shapes as numpy broadcasts them."""
    return _count_bits(np.bitwise_xor(a, b))


def near_pairs(hashes: Hashes, limit: int = LIMIT) -> Iterator[tuple[int, int, int, int]]:
    """Pairs whose hashes differ in at most `limit` bits, as (i, j, orientation, bits) with i < j, sorted by i and j.

    `hashes` uint64 [N, 8]. The orientation is the one of j that is nearest to i upright (the lowest number if several
    are). Both ways are compared, so the pairs do not depend on the order of files. Flat pictures are in no pair. All
    pairs within the limit are found, in bounded memory: by comparing all up to DIRECT pictures, above it by looking up
    the four 16-bit words, of which one differs in at most limit // 4 bits.

    The limit: among 252 photographs and renderings (31,626 pairs, with several of each subject) 10 bits propose 45
    pairs, none of different subjects; 12 propose 66 and the first wrong ones, 14 propose 107. Re-encoding, resizing and
    light change a few bits; what changes more is left to the embeddings.
    """
    rows = np.flatnonzero(hashes[:, 0] != NOTHING)
    kept = np.ascontiguousarray(hashes[rows])
    finder = _by_comparing if len(rows) <= DIRECT or limit >= 16 else _by_words
    for i, others, orientations, bits in finder(kept, limit):
        for j, orientation, count in zip(rows[others].tolist(), orientations.tolist(), bits.tolist(), strict=True):
            yield int(rows[i]), j, orientation, count


def _by_comparing(hashes: Hashes, limit: int) -> Iterator[Found]:
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
        for offset in range(len(block)):
            others = offset + np.flatnonzero(least[offset, offset:] <= limit)
            if len(others):
                row = first + offset
                yield row, first + 1 + others, best[offset, others], least[offset, others].astype(np.intp)


def _by_words(hashes: Hashes, limit: int) -> Iterator[Found]:
    masks = [mask for mask in range(2**16) if mask.bit_count() <= limit // 4]
    words = [((hashes[:, 0] >> band) & np.uint64(0xFFFF)).astype(np.intp) for band in BANDS]
    sorted_rows = [np.argsort(word, kind="stable") for word in words]
    starts = [
        np.searchsorted(word[order], np.arange(2**16 + 1)) for word, order in zip(words, sorted_rows, strict=True)
    ]
    n = len(hashes)
    found = []
    for orientation in range(8):
        turned = hashes[:, orientation]
        for band, order, start in zip(BANDS, sorted_rows, starts, strict=True):
            word = ((turned >> band) & np.uint64(0xFFFF)).astype(np.intp)
            for mask in masks:
                low, high = start[word ^ mask], start[(word ^ mask) + 1]
                queries = np.repeat(np.arange(n), high - low)
                ends = np.cumsum(high - low)
                places = np.arange(len(queries)) - np.repeat(ends - (high - low), high - low) + low[queries]
                candidates = order[places]
                bits = distance(turned[queries], hashes[candidates, 0])
                near = (bits <= limit) & (queries != candidates)
                if near.any():
                    found.append(_pairs(candidates[near], queries[near], orientation, bits[near], n))
    yield from _merged(found, n)


def _pairs(
    upright: NDArray[np.intp], turned: NDArray[np.intp], orientation: int, bits: NDArray[np.uint8], n: int
) -> NDArray[np.int64]:
    """Sortable keys: pair, then bits, then orientation as i sees j. N up to 2^25."""
    i, j = np.minimum(upright, turned), np.maximum(upright, turned)
    seen = np.where(upright < turned, orientation, INVERSE[orientation])
    return ((i.astype(np.int64) * n + j) * 65 + bits) * 8 + seen


def _merged(found: list[NDArray[np.int64]], n: int) -> Iterator[Found]:
    """Of every pair the least bits, grouped by i."""
    if not found:
        return
    keys = np.unique(np.concatenate(found))
    pairs, rest = np.divmod(keys, 65 * 8)
    first = np.flatnonzero(np.diff(pairs, prepend=-1))
    (i, j), (bits, orientations) = np.divmod(pairs[first], n), np.divmod(rest[first], 8)
    edges = np.flatnonzero(np.diff(i, prepend=-1, append=n))
    for low, high in pairwise(edges.tolist()):
        yield int(i[low]), j[low:high], orientations[low:high], bits[low:high]


def _count_bits(values: Hashes) -> NDArray[np.uint8]:
    if hasattr(np, "bitwise_count"):  # numpy 2
        counts: NDArray[np.uint8] = np.bitwise_count(values)
        return counts
    parts = np.ascontiguousarray(values)[..., None].view(np.uint8)
    summed: NDArray[np.uint8] = np.unpackbits(parts, axis=-1).sum(axis=-1, dtype=np.uint8)
    return summed
