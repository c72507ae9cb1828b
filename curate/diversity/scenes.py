"""How even a set is over scenes: pictures that look alike as a whole, whatever of them does: background, outfit, light.

Clusters of the embeddings by average linkage (Sokal and Michener 1958). A cluster is not a background: on rendered sets
with known backgrounds no cut of the built-in embedder's clusters followed them (adjusted Rand index .25 at most), so
what a cluster shares is named only where its captions name it.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from curate.features import Selected

SPAN = 4.0  # mean distance 1 - cosine within a scene, in units of the model's own scale, at which a picture counts half
# anew: frames of one session stay within it, different pictures of one person lie at 4 to 12
MOST = 4000  # pictures that are clustered; of more, that many spread over the set, and the others join the nearest
LARGE = 0.4  # share of the pictures in one scene from which it is a finding
FEW = 5  # pictures below which nothing is said
SAME_PHRASE = 0.6  # share of captions with one phrase, beyond the subject's own words, from which it is a finding


def clusters(embeddings: NDArray[np.float32] | Selected, half_similarity: float) -> NDArray[np.intp]:
    """The scene of each row, int [N], numbered from the largest on."""
    count = len(embeddings)
    if count < 2:
        return np.zeros(count, dtype=np.intp)
    from scipy.cluster.hierarchy import fcluster, linkage

    some = np.unique(np.linspace(0, count - 1, min(count, MOST)).astype(np.intp))
    looked = _unit(embeddings[some])
    found = fcluster(linkage(_apart(looked), "average"), SPAN * (1.0 - half_similarity), "distance") - 1
    order = np.argsort(found, kind="stable")
    means = np.stack([looked[rows].mean(axis=0) for rows in np.split(order, np.cumsum(np.bincount(found))[:-1])])
    scene = found if count <= MOST else _nearest(embeddings, means)
    sizes = np.bincount(scene, minlength=len(means))
    rank = np.empty(len(means), dtype=np.intp)
    rank[np.lexsort((np.arange(len(means)), -sizes))] = np.arange(len(means))
    return np.asarray(rank[scene], dtype=np.intp)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    shortened: NDArray[np.float32] = np.divide(vectors, lengths, dtype=np.float32)
    return shortened


def _nearest(embeddings: NDArray[np.float32] | Selected, means: NDArray[np.float32]) -> NDArray[np.intp]:
    """The mean that is nearest to each row, of a few rows at a time: a copy of a large set would take gigabytes."""
    blocks = (embeddings[start : start + MOST] for start in range(0, len(embeddings), MOST))
    return np.concatenate([(_unit(block) @ means.T).argmax(axis=1) for block in blocks])


def _apart(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """1 - cosine of all pairs, as `linkage` takes them: the first row with each later one, then the second, ..."""
    count = len(vectors)
    found = np.empty(count * (count - 1) // 2)
    at = 0
    for row, similar in enumerate(vectors @ vectors.T):
        np.subtract(1.0, similar[row + 1 :], out=found[at : (at := at + count - row - 1)])
    return np.maximum(found, 0.0, out=found)


def evenness(scene: NDArray[np.intp], weights: NDArray[np.float64]) -> float:
    """0-1: the exponential of the entropy of the scenes' masses, over their number; 1 for none or one."""
    masses = np.bincount(scene, weights=weights) if len(scene) else np.zeros(0)
    masses = masses[masses > 0]
    if len(masses) < 2:
        return 1.0
    shares = masses / masses.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()) / len(masses))


def findings(scene: NDArray[np.intp], captions: Sequence[str | None]) -> tuple[str, ...]:
    """What too many pictures share, a line each."""
    said = []
    total = len(scene)
    if total >= FEW:
        size = int((scene == 0).sum())
        if size >= LARGE * total and size > 2:
            named = _shared(scene, captions)
            what = f"share one scene: {named}" if named else "look alike as a whole (background, outfit or light)"
            said.append(f"{size} of {total} pictures {what}; other surroundings teach more")
    texts = [" ".join(text.lower().split()) for text in captions if text and text.strip()]
    if len(texts) >= FEW and len(set(texts)) == 1:
        said.append(f"all {len(texts)} captions are the same: what should be promptable must be named where it is seen")
    elif len(texts) >= FEW:
        said.extend(_repeated(texts))
    return tuple(said)


def _shared(scene: NDArray[np.intp], captions: Sequence[str | None]) -> str:
    """The phrase that most captions of the largest scene have and most others do not; "" if there is none."""
    inside = [set(_phrases(text or "")) for text, one in zip(captions, scene, strict=True) if one == 0]
    outside = [set(_phrases(text or "")) for text, one in zip(captions, scene, strict=True) if one != 0]
    counts = Counter(phrase for phrases in inside for phrase in phrases)
    for phrase, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        elsewhere = sum(phrase in phrases for phrases in outside) / max(len(outside), 1)
        if count >= 0.6 * len(inside) and elsewhere < 0.3:
            return f'"{phrase}"'
    return ""


def _repeated(texts: Sequence[str]) -> list[str]:
    """Phrases that most captions have but not all: what all have is the subject itself."""
    counts = Counter(phrase for text in texts for phrase in set(_phrases(text)))
    many = [(n, phrase) for phrase, n in counts.items() if SAME_PHRASE * len(texts) <= n < 0.9 * len(texts)]
    return [
        f'{n} of {len(texts)} captions say "{phrase}": pictures without it are what the set lacks'
        for n, phrase in sorted(many, key=lambda item: (-item[0], item[1]))[:3]
    ]


def _phrases(text: str) -> list[str]:
    return [part for part in (re.sub(r"\s+", " ", p).strip(" .") for p in re.split(r"[,;\n]", text.lower())) if part]
