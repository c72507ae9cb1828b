"""Coarse view and framing from a CLIP that reads text: front, side or back, and how near.

Each class is the mean of several sentences; what counts is how much nearer a picture is to one class than to the next.
Below that margin it says nothing, and it never tells left from right: CLIP does not see it (Tong et al. 2024, "Eyes
Wide Shut", MMVP). No trustworthy accuracy is known, so it only speaks where nothing else does, with little confidence.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from curate.features.views.base import ASPECT_DEG, Aspect, Evidence, Reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from curate.records import Framing

NAME = "clip"
SCALE = 100.0  # CLIP's own factor on cosines before its softmax (Radford et al. 2021)
MARGIN = 0.25  # least lead of a class's share over the next; below it nothing is said
MOST = 0.6  # the most that it may be sure, for want of a measurement
ERROR_DEG = 40.0
SENTENCES = ("a photo of a person, {}", "a picture of a character, {}", "{}", "an image of someone, {}")
ASPECTS: Mapping[Aspect, Sequence[str]] = {
    "front": ("front view, facing the camera", "looking at the camera", "seen from the front"),
    "side": ("side view, in profile", "seen from the side", "profile view of the face"),
    "back": ("seen from behind", "back view, facing away from the camera", "the back of the head"),
}
FRAMINGS: Mapping[Framing, Sequence[str]] = {
    "close_up": ("close-up of the face", "head and shoulders portrait"),
    "upper_body": ("upper body shot, from the waist up", "half-length portrait"),
    "full_body": ("full body shot, from head to feet", "full-length picture, standing"),
}


@runtime_checkable
class TextReader(Protocol):
    """What an embedder offers whose vectors can be held against sentences."""

    def embed_text(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """A row [D] of length 1 for each sentence, comparable with its pictures' rows."""


def classes(reader: TextReader) -> dict[str, NDArray[np.float32]]:
    """A vector [D] of length 1 for each class, "aspect front" and so on: the mean of its sentences."""
    import numpy as np

    found = {}
    for kind, table in (("aspect", ASPECTS), ("framing", FRAMINGS)):
        for name, phrases in table.items():
            rows = reader.embed_text([sentence.format(phrase) for phrase in phrases for sentence in SENTENCES])
            mean = rows.mean(axis=0)
            found[f"{kind} {name}"] = (mean / np.linalg.norm(mean)).astype(np.float32)
    return found


def scores(embedding: NDArray[np.float32], vectors: Mapping[str, NDArray[np.float32]]) -> dict[str, float]:
    """The cosine of one picture's row [D] with each class."""
    return {name: float(embedding @ vector) for name, vector in vectors.items()}


def read(evidence: Evidence) -> Reading | None:
    """The nearest view and framing where they lead clearly; None else, or where no text could be read."""
    aspect, lead = _leader(evidence.scores, "aspect")
    framing, near = _leader(evidence.scores, "framing")
    if lead < MARGIN and near < MARGIN:
        return None
    said = next((name for name in ASPECTS if name == aspect and lead >= MARGIN), None)
    return Reading(
        source=NAME,
        yaw_deg=ASPECT_DEG[said] if said in ("front", "back") else None,
        yaw_error_deg=ERROR_DEG,
        aspect=said,
        certainty=MOST,
        framing=next((name for name in FRAMINGS if name == framing and near >= MARGIN), None),
        framing_confidence=MOST if near >= MARGIN else 0.0,
    )


def _leader(cosines: Mapping[str, float], kind: str) -> tuple[str, float]:
    """(class with the largest share, its lead over the next, 0-1) by CLIP's softmax."""
    mine = {name.partition(" ")[2]: value for name, value in cosines.items() if name.startswith(f"{kind} ")}
    if len(mine) < 2:
        return "", 0.0
    top = max(mine.values())
    shares = {name: math.exp(SCALE * (value - top)) for name, value in mine.items()}
    first, second, *_ = sorted(shares, key=lambda name: -shares[name])
    return first, (shares[first] - shares[second]) / sum(shares.values())
