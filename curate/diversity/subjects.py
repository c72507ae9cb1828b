"""One subject or several, and pictures that may not belong: what the embedding and the captions say together.

One subject in two outfits or two rooms makes clusters too, so a split by embedding alone needs clusters that lie as far
apart as pictures of different things do, and captions that all begin with one name speak against it. Captions that
begin with different names need far less from the embedding. All distances are (1 - cosine) / u, in units of the
embedder's own scale u, so that they mean about the same for every calibrated embedder.

Measured with the built-in embedder on the DreamBooth data set's photographs (Ruiz et al. 2023; 78 of 15 objects and
animals, 4 to 6 each): two pictures of one subject lie 1.4 to 16 apart, those of different subjects about 16 on average;
two clusters within one subject had a mean silhouette of .18 to .44, within 17 pictures of one rendered woman .34.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from curate.records import Subjects

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]

MOST = 2000  # pictures looked at; of more, that many spread over the set
FEWEST = 3  # pictures that can be a subject of their own
MOST_SUBJECTS = 8  # number of clusters tried
HELD = 0.8  # least share of the pictures that lie in such clusters
SPLIT = {"none": (0.45, 12.5), "names": (0.15, 8.0), "one": (0.55, 14.0)}  # mean silhouette, mean distance between the
# clusters, without captions, with a name for each cluster, and against one name for all
ONE_NAME, ODD_NAME = (
    0.9,
    0.8,
)  # share of captions with a name from which it speaks for one subject, or against a picture
ELSEWHERE = 0.1  # largest share of the other clusters' captions that hold a cluster's name
SET = 5  # pictures from which a single one can be odd
ALONE = (12.5, 1.3)  # distance to the nearest picture, and times the largest such distance of the rest: no picture of
# the 15 subjects was that far from its own (11.9 at most), 82 % of strangers among them were
DOUBTED = (8.0, 1.5)  # the same with a caption that lacks the others' name, in times the median
NAMED = 4  # pictures named before "and n more"
PLAIN = frozenset(
    re.findall(
        r"\w+",
        """
        a an the of in on at with and or to from for by is my one two photo photograph picture image portrait drawing
        painting illustration selfie shot close up closeup upper lower full half body view front side back profile
        masterpiece best quality high detailed solo red blue green yellow orange purple pink brown black white grey gray
        dark light young old
        """,
    )
)
"""Words that name no subject when a caption begins with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectInputs:
    """The pictures that would be trained on."""

    embeddings: NDArray[np.float32]  # [N, D], rows of length 1
    u: float  # 1 - cosine at which two pictures count half: the embedder's own scale
    captions: Sequence[str | None]
    paths: Sequence[str]
    calibrated: bool = True  # False: the embedder cannot tell a new view from a copy, and nothing is said

    def __post_init__(self) -> None:
        for name, given in (("captions", self.captions), ("paths", self.paths)):
            if len(given) != len(self.embeddings):
                raise ValueError(f"{name}: expected {len(self.embeddings)}, got {len(given)}")


def judge(inputs: SubjectInputs) -> Subjects:
    """What may be several subjects, and which pictures may not belong; empty where nothing speaks for either."""
    count = len(inputs.embeddings)
    if count < SET or not inputs.calibrated:
        return Subjects()
    some = np.unique(np.linspace(0, count - 1, min(count, MOST)).astype(np.intp))
    vectors = inputs.embeddings[some]
    apart = np.maximum(1.0 - (vectors @ vectors.T).astype(np.float64), 0.0) / inputs.u
    names = [subject_name(inputs.captions[row] or "") for row in some]
    groups = _split(apart, names, [inputs.captions[row] or "" for row in some])
    odd = _odd(apart, names, [inputs.captions[row] or "" for row in some], groups)
    odd = [row for row in odd if count == len(some) or _nearest_of_all(inputs, some[row]) >= DOUBTED[0]]
    paths = [inputs.paths[row] for row in some]
    found_groups = tuple(tuple(paths[row] for row in group) for group in _joined(apart, groups, odd))
    found_odd = tuple(paths[row] for row in odd)
    return Subjects(groups=found_groups, odd=found_odd, findings=_findings(found_groups, found_odd, count, len(some)))


def subject_name(caption: str) -> str:
    """The word by which a caption calls its subject: the first that is not plain; "" without one.

    >>> subject_name("a photo of Nora, a woman in a park")
    'nora'
    """
    return next((word for word in _words(caption) if word not in PLAIN), "")


def silhouette(apart: Floats, labels: Rows) -> float:
    """Mean silhouette (Rousseeuw 1987), -1 to 1: how much nearer pictures are to their own cluster than to the next."""
    clusters = np.unique(labels)
    sums = np.stack([apart[:, labels == cluster].sum(axis=1) for cluster in clusters], axis=1)
    sizes = np.array([(labels == cluster).sum() for cluster in clusters])
    own = labels[:, None] == clusters[None, :]
    inside = sums[own] / np.maximum(sizes[own.argmax(axis=1)] - 1, 1)
    outside = np.where(own, np.inf, sums / sizes).min(axis=1)
    return float(((outside - inside) / np.maximum(np.maximum(inside, outside), 1e-12)).mean())


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _split(apart: Floats, names: Sequence[str], captions: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Rows of each subject, the largest first; () for one subject."""
    if len(apart) < 2 * FEWEST:
        return ()
    by_name = _by_name(names, captions)
    if by_name is not None:
        return by_name if by_name and _far(apart, by_name, "names") else ()
    told = [name for name in names if name]
    common = Counter(told).most_common(1)
    one = len(told) >= HELD * len(names) and common[0][1] >= ONE_NAME * len(told)
    clusters = _clusters(apart)
    return clusters if clusters and _far(apart, clusters, "one" if one else "none") else ()


def _by_name(names: Sequence[str], captions: Sequence[str]) -> tuple[tuple[int, ...], ...] | None:
    """Rows by the names that their captions begin with; None where the captions do not tell several subjects apart."""
    counts = Counter(name for name in names if name)
    several = [name for name, n in counts.most_common(MOST_SUBJECTS) if n >= FEWEST]
    if len(several) < 2 or sum(counts[name] for name in several) < ONE_NAME * len(names):
        return None
    words = [set(_words(caption)) for caption in captions]
    for name in several:
        others = [name in held for held, own in zip(words, names, strict=True) if own and own != name]
        if sum(others) > ELSEWHERE * len(others):
            return None
    return tuple(tuple(row for row, own in enumerate(names) if own == name) for name in several)


def _clusters(apart: Floats) -> tuple[tuple[int, ...], ...]:
    """The cut of the average-linkage tree with the best silhouette; clusters too small for a subject are left out."""
    from scipy.cluster.hierarchy import fcluster, linkage

    count = len(apart)
    tree = linkage(apart[np.triu_indices(count, k=1)], "average")
    best: tuple[float, tuple[tuple[int, ...], ...]] = (-1.0, ())
    for wanted in range(2, min(2 * MOST_SUBJECTS, count) + 1):
        labels = fcluster(tree, wanted, "maxclust")
        sizes = Counter(labels.tolist())
        large = [label for label, n in sorted(sizes.items(), key=lambda item: (-item[1], item[0])) if n >= FEWEST]
        groups = tuple(tuple(np.flatnonzero(labels == label).tolist()) for label in large)
        if 2 <= len(large) <= MOST_SUBJECTS and sum(map(len, groups)) >= HELD * count:
            fits = _silhouette_of(apart, groups)
            if fits > best[0]:
                best = fits, groups
    return best[1]


def _joined(apart: Floats, groups: Sequence[Sequence[int]], odd: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """The groups with every other picture that is not odd in the one that it is nearest to, the largest first."""
    if not groups:
        return ()
    members = [list(group) for group in groups]
    held = {row for group in groups for row in group}
    for row in sorted(set(range(len(apart))) - held - set(odd)):
        members[int(np.argmin([apart[row, list(group)].mean() for group in groups]))].append(row)
    return tuple(tuple(sorted(group)) for group in sorted(members, key=lambda group: (-len(group), min(group))))


def _silhouette_of(apart: Floats, groups: Sequence[Sequence[int]]) -> float:
    rows = np.array([row for group in groups for row in group], dtype=np.intp)
    labels = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    return silhouette(apart[np.ix_(rows, rows)], labels)


def _far(apart: Floats, groups: Sequence[Sequence[int]], witness: str) -> bool:
    """Whether the groups are as far from each other as the captions' testimony asks."""
    least, distance = SPLIT[witness]
    between = min(
        float(apart[np.ix_(first, second)].mean()) for at, first in enumerate(groups) for second in groups[at + 1 :]
    )
    return between >= distance and _silhouette_of(apart, groups) >= least


def _odd(apart: Floats, names: Sequence[str], captions: Sequence[str], groups: Sequence[Sequence[int]]) -> list[int]:
    """Pictures far from all others, from the farthest on; nearer ones where the caption speaks against them too."""
    belongs = {row for group in groups for row in group}
    others = np.where(np.eye(len(apart), dtype=bool), np.inf, apart)
    nearest = others.min(axis=1)
    found: list[int] = []
    for row in np.argsort(-nearest, kind="stable")[: max(1, len(apart) // 10)].tolist():
        alone = float(np.delete(others[row], found).min())
        rest = np.delete(np.arange(len(apart)), [row, *found])
        if alone < ALONE[0] or alone < ALONE[1] * float(others[np.ix_(rest, rest)].min(axis=1).max()):
            break
        found.append(row)
    usual = max(DOUBTED[0], DOUBTED[1] * float(np.median(nearest)))
    found += [row for row in _doubted(names, captions) if nearest[row] >= usual]
    return sorted(set(found) - belongs)


def _doubted(names: Sequence[str], captions: Sequence[str]) -> list[int]:
    """Rows whose caption lacks the name that nearly all others begin with."""
    counts = Counter(name for name in names if name)
    if sum(counts.values()) < SET:
        return []
    name, often = counts.most_common(1)[0]
    if often < ODD_NAME * sum(counts.values()):
        return []
    return [row for row, text in enumerate(captions) if text.strip() and name not in _words(text)]


def _nearest_of_all(inputs: SubjectInputs, row: int) -> float:
    """Distance to the nearest of all pictures, also of those that were not looked at."""
    similar = inputs.embeddings @ inputs.embeddings[row]
    similar[row] = -1.0
    return float(1.0 - similar.max()) / inputs.u


def _findings(groups: Sequence[Sequence[str]], odd: Sequence[str], count: int, looked: int) -> tuple[str, ...]:
    said = []
    if groups:
        listed = "; ".join(f"{len(group)} like {_named(group)}" for group in groups)
        said.append(
            f"This may be {len(groups)} subjects: {listed}. If so, each needs a word of its own in its captions and is "
            "a set of its own: plan them one by one. If it is one subject, leave it."
        )
    if odd:
        said.append(
            f"{_named(odd)} may not belong: {'it is' if len(odd) == 1 else 'they are'} far from every other picture. "
            "Look, and take out what is not the subject."
        )
    if said and looked < count:
        said.append(f"Looked at {looked:,} of {count:,} pictures, spread over the set.")
    return tuple(said)


def _named(paths: Sequence[str]) -> str:
    rest = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return ", ".join("".join(c if c.isprintable() else "?" for c in path) for path in paths[:NAMED]) + rest
