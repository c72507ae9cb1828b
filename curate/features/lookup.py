"""All pairs of 64-bit hashes that differ in a few bits, in a large set: by looking up parts of them.

Of two hashes that differ in few bits some word of a few bits is nearly the same, so only hashes with nearly the same
word are compared (Norouzi, Punjani and Fleet 2014, "Fast exact search in Hamming space with multi-index hashing", PAMI
36:1107). Hashes with one word lie together in pages of equal size, and whole pages are compared at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]
    Rows = NDArray[np.intp]
    Found = tuple[Rows, Rows, NDArray[np.uint8]]  # row, other row, bits

BITS = 64
WORDS = ((300_000, 4), (50_000, 5), (0, 6))  # hashes from which so many words are quickest: shorter words are fewer
# look-ups and more comparisons
PAGE = 8  # hashes at most: 64 bytes, a line of the processor's cache
PAGES = 2_048  # pairs of pages compared at once: 128 KiB of differences, which stay in a core's second cache
CROWD = 2**21  # pairs found before those that are not among a row's nearest are dropped: 34 MiB
THREADS = 4  # at most; each holds a table of all hashes in two orders: 24 bytes a hash


def near(asked: Hashes, held: Hashes, limit: int, most: int) -> Found:
    """Pairs (row of `asked`, other row of `held`, bits) that differ in at most `limit` bits, each once: all of a row's,
    or the `most` nearest."""
    words = _words(limit, len(held))
    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:  # numpy's loops run beside each other
        found = list(pool.map(lambda word: _near(asked, held, word, limit, most), words))
    return _fewer(found, most)


def nearest(rows: Rows, others: Rows, bits: NDArray[np.integer], most: int) -> Rows:
    """Which of these pairs are among the `most` nearest of their row, each pair once; of equally near ones those next
    to it in order."""
    order = np.lexsort((others, np.abs(rows - others), bits, rows))
    again = (np.diff(rows[order], prepend=-1) == 0) & (np.diff(others[order], prepend=-1) == 0)
    order = order[~again]
    first = np.flatnonzero(np.diff(rows[order], prepend=-1))
    rank = np.arange(len(order)) - np.repeat(first, np.diff(first, append=len(order)))
    kept: Rows = order[rank < most]
    return kept


def _fewer(found: list[Found], most: int) -> Found:
    rows, others, bits = (np.concatenate(parts) for parts in zip(*found, strict=True))
    some = nearest(rows, others, bits, most)
    return rows[some], others[some], bits[some]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Word:
    """Some bits of a hash, and in how many of them a pair may differ to be found by them."""

    start: int
    bits: int
    radius: int

    def of(self, hashes: Hashes) -> Rows:
        return ((hashes >> np.uint64(self.start)) & np.uint64((1 << self.bits) - 1)).astype(np.intp)

    def masks(self) -> Iterator[int]:
        """All ways to differ."""
        for size in range(self.radius + 1):
            for flipped in combinations(range(self.bits), size):
                yield sum(1 << bit for bit in flipped)


def _words(limit: int, n: int) -> list[_Word]:
    """The words that are looked up. Were every one of m words to differ in more bits than its radius, all would differ
    in more than `limit` bits: with four words and 10 bits the radii are 2, 2, 2 and 1."""
    count = next(words for least, words in WORDS if n >= least)
    radius, rest = divmod(limit, count)
    ends = [round(BITS * at / count) for at in range(count + 1)]
    radii = [radius if at <= rest else radius - 1 for at in range(count)]
    return [
        _Word(start=start, bits=end - start, radius=most)
        for (start, end), most in zip(pairwise(ends), radii, strict=True)
        if most >= 0
    ]


class _Pages:
    """Hashes sorted by a word, in pages of one word each; what a page lacks is filled up."""

    def __init__(self, hashes: Hashes, word: _Word, filling: int) -> None:
        words = word.of(hashes)
        size = PAGE
        while size > 1 and size << word.bits > 2 * len(hashes):  # pages mostly full
            size //= 2
        counts = np.bincount(words, minlength=1 << word.bits)
        self.number = -(-counts // size)  # of pages of each word
        self.first = np.cumsum(self.number) - self.number
        self.words = np.flatnonzero(counts)
        order = np.argsort(words, kind="stable")
        inside = np.arange(len(hashes)) - np.repeat(np.cumsum(counts) - counts, counts)
        places = self.first[words[order]] * size + inside
        total = int(self.number.sum())
        self.hashes = np.full((total, size), filling, dtype=np.uint64)
        self.rows = np.full((total, size), -1, dtype=np.intp)
        self.hashes.ravel()[places], self.rows.ravel()[places] = hashes[order], order


def _near(asked: Hashes, held: Hashes, word: _Word, limit: int, most: int) -> Found:
    """The pairs that share the word but for its radius, or the `most` nearest of each row."""
    one, other = _Pages(asked, word, 0), _Pages(held, word, 2**BITS - 1)
    found: list[Found] = [(np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0, np.uint8))]
    count = 0
    for mask in word.masks():
        words = one.words[other.number[one.words ^ mask] > 0]
        met = words ^ mask
        ends = np.cumsum(one.number[words] * other.number[met])
        starts = [0, *(np.flatnonzero(np.diff(ends // PAGES)) + 1).tolist(), len(words)]
        for low, high in pairwise(starts):
            for pages in _crossed(one, other, words[low:high], met[low:high]):
                new = list(_compared(one, other, pages, limit))
                found += new
                count += sum(len(rows) for rows, *_ in new)
                if count > CROWD:
                    found = [_fewer(found, most)]
                    count = 0
    return _fewer(found, most)


def _crossed(one: _Pages, other: _Pages, words: Rows, met: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Every page of each word with every page of the word that it meets, some thousand pairs at a time."""
    across = other.number[met]
    number = one.number[words] * across
    which = np.repeat(np.arange(len(words)), number)
    inside = np.arange(len(which)) - np.repeat(np.cumsum(number) - number, number)
    down, right = np.divmod(inside, across[which])
    first, second = one.first[words][which] + down, other.first[met][which] + right
    for start in range(0, len(which), PAGES):  # a frequent word has many pages
        yield first[start : start + PAGES], second[start : start + PAGES]


def _compared(one: _Pages, other: _Pages, pages: tuple[Rows, Rows], limit: int) -> Iterator[Found]:
    """The pairs within the limit among pairs of pages; no row with itself."""
    first, second = pages
    upper = np.ascontiguousarray(one.hashes[first].T)  # [size, pairs]: long rows, which numpy is quick with
    lower = np.ascontiguousarray(other.hashes[second].T)
    for place, hashes in enumerate(upper):
        bits = count_bits(np.bitwise_xor(hashes[None, :], lower))
        close = bits <= limit
        if close.any():
            there, pair = np.nonzero(close)
            rows, others = one.rows[first[pair], place], other.rows[second[pair], there]
            real = (rows >= 0) & (others >= 0) & (rows != others)
            yield rows[real], others[real], bits[there, pair][real]


def count_bits(values: Hashes) -> NDArray[np.uint8]:
    """How many bits are set."""
    if hasattr(np, "bitwise_count"):  # numpy 2
        counts: NDArray[np.uint8] = np.bitwise_count(values)
        return counts
    parts = np.ascontiguousarray(values)[..., None].view(np.uint8)
    summed: NDArray[np.uint8] = np.unpackbits(parts, axis=-1).sum(axis=-1, dtype=np.uint8)
    return summed
