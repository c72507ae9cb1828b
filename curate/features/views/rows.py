"""The view of each picture of a set, from what was measured of it before."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from curate.features.memory import Store
from curate.features.views import clip
from curate.features.views.base import Correction, Evidence
from curate.features.views.combine import combine
from curate.records import Catalog, Features, View

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curate.features.embed import Embedder


def of_pictures(
    catalog: Catalog,
    features: Features,
    *,
    vectors: Mapping[str, NDArray[np.float32]] | None = None,
    corrections: Mapping[str, Correction] | None = None,
    mirror_ok: bool = False,
) -> tuple[View, ...]:
    """Each picture's view, also of those that no network saw: then from its caption alone, or unknown.

    `vectors` are clip.classes of an embedder that reads text; `corrections` are the user's own word, by digest.
    """
    said, sightings = corrections or {}, features.sightings or (None,) * len(catalog.pictures)
    return tuple(
        combine(
            Evidence(
                raw=sighting or {},
                caption=picture.caption,
                scores=clip.scores(row, vectors) if vectors else {},
            ),
            correction=said.get(picture.digest),
            mirror_ok=mirror_ok,
        )
        for picture, sighting, row in zip(catalog.pictures, sightings, features.embeddings, strict=True)
    )


def class_vectors(embedder: Embedder, store: Store) -> dict[str, NDArray[np.float32]]:
    """clip.classes of an embedder that reads text, from the store where they are known; {} for any other embedder."""
    if not isinstance(embedder, clip.TextReader):
        return {}
    sentences = repr((clip.SENTENCES, sorted(clip.ASPECTS.items()), sorted(clip.FRAMINGS.items())))
    part = f"classes {hashlib.sha256(sentences.encode()).hexdigest()[:12]} {embedder.key}"
    names = [f"aspect {name}" for name in clip.ASPECTS] + [f"framing {name}" for name in clip.FRAMINGS]
    known = store.get(part, names)
    if len(known) == len(names):
        return {name: np.frombuffer(known[name], dtype=np.float32) for name in names}
    found = clip.classes(embedder)
    store.put({part: {name: vector.tobytes() for name, vector in found.items()}})
    return found
