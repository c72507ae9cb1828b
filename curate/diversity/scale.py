"""An embedder's own similarity scale, found once on bundled pictures, and whether it may be called calibrated.

Networks differ in the cosine that they give to two views of one thing, so no cosine can stand in the code. What can is
the count that a fixed set should have. REF is fifteen rendered pictures of one person, no two alike; u is the scale at
which they count as 0.878 x 15 effective images. The target was chosen on fifteen read-outs of five networks, so that
hand-picked sets of photographs count as about 0.95 of their pictures: it misses the scale at which they do so exactly
by a standard deviation of 0.17 octaves (at most 0.48); one cosine for all networks would miss by 1.07.
`bench/calibration.py` repeats the comparison for any model.

Weakness: a network that sees "the same kind of rendering" first of all gets too small a u, so that everything counts as
new, and the self-check does not notice.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from curate.diversity.edits import FAMILIES, HARSH, shrink
from curate.diversity.effective import kernel
from curate.diversity.maximum import maximum_diversity
from curate.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from curate.diversity.edits import Edit, Rgb

    Embed = Callable[[Sequence[Rgb]], NDArray[np.float32]]
    Floats = NDArray[np.float64]

REFERENCES = 15  # nora_01 ... nora_15, all different
BURST = (4, 15, 16, 17)  # rows of nora_05, 16, 17, 18: four frames 1-2 degrees apart
TARGET = 0.878  # of REF's pictures: the count that puts hand-picked sets nearest to 0.95 of theirs (see above)
SMALLEST, LARGEST = 1e-5, 2.0  # of u: from float32 noise in a cosine to the whole range of 1 - cosine
STEPS = 40  # of geometric bisection: u to 1e-11 of itself
EDITED_SIDE = 512  # px, long side of a picture before it is edited: what most networks see is less
DRAWS = 2  # of each family of edits a picture
LEAST_AUC = 0.97  # of each family: usable networks had .991 or more, EfficientNet-Lite0 .995 here
LIGHT, LEAST_LIGHT_AUC = "brightened", 0.9  # the harsh edit that tells seeing from measuring colour: Lite0 in five
# read-outs .994 to 1.000; colour histograms of eight kinds .50 to .77 and random weights of four networks .64 to .80,
# of which some pass the families with .97 to .99
MOST_BURST = 1.6  # effective images of the four frames; usable networks gave 1.2 to 1.6
BATCH = 32  # pictures handed to the embedder at once: about 25 MB of pixels
QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What one embedder's cosines mean."""

    u: float  # 1 - cosine at which the kernel is 1/2
    half_similarity: float  # 1 - u: cosine at which two pictures count as 1.33
    calibrated: bool  # the self-check holds
    edit_auc: Mapping[str, float]  # of each family and LIGHT: P(own edit is nearer than another picture), 0-1
    burst_effective: float  # effective images of four frames of one burst, 1-4
    edit_floor: float  # least cosine between a picture and an edit of it, the harsh edits included, -1..1
    edit_quantiles: tuple[float, ...]  # of those cosines, at QUANTILES
    edit_least: Mapping[str, float]  # least cosine of each edit, the families' and the harsh ones


NO_SCALE = Scale(  # of no embedder: nothing is near anything, and nothing is measured with it
    u=0.0,
    half_similarity=1.0,
    calibrated=False,
    edit_auc={},
    burst_effective=0.0,
    edit_floor=1.0,
    edit_quantiles=(),
    edit_least={},
)


def find_scale(embed: Embed, name: str = "embedder") -> Scale:
    """The scale of `embed`, which turns pictures (uint8 RGB [H, W, 3], any sizes) into float32 [n, D].

    Embeds 288 pictures; deterministic. Raises ModelError, under `name`, when the embedder gives numbers that are not
    finite or not one row a picture.
    """
    pictures = bundled_pictures()
    vectors = _embedded(embed, pictures, name)
    cosines = vectors @ vectors.T
    between = cosines[:REFERENCES, :REFERENCES]
    u = scale_of(between, TARGET)
    apart = between[np.triu_indices(REFERENCES, k=1)]
    references = [shrink(picture, EDITED_SIDE) for picture in pictures[:REFERENCES]]
    own = {
        title: _edit_cosines(embed, references, vectors[:REFERENCES], edit, draws)
        for edits, draws in ((FAMILIES, DRAWS), (HARSH, 1))
        for title, edit in edits.items()
    }
    edit_auc = {title: _auc(own[title], apart) for title in (*FAMILIES, LIGHT)}
    burst_effective = effective_at(cosines[np.ix_(BURST, BURST)], u)
    every = np.concatenate(list(own.values()))
    return Scale(
        u=u,
        half_similarity=1.0 - u,
        calibrated=all(edit_auc[family] >= LEAST_AUC for family in FAMILIES)
        and edit_auc[LIGHT] >= LEAST_LIGHT_AUC
        and burst_effective < MOST_BURST,
        edit_auc=edit_auc,
        burst_effective=burst_effective,
        edit_floor=float(every.min()),
        edit_quantiles=tuple(float(q) for q in np.quantile(every, QUANTILES)),
        edit_least={title: float(values.min()) for title, values in own.items()},
    )


def read_scale(values: Mapping[str, Any]) -> Scale:
    """A scale from its JSON, as `dataclasses.asdict` gives it."""
    return Scale(**{**values, "edit_quantiles": tuple(values["edit_quantiles"])})


def shipped_scale(key: str) -> Scale | None:
    """The scale that `find_scale` gave for the embedder of that key when this version was made, if it is shipped.

    Only embedders whose weights are part of the installation can be there. `bench/calibration.py --ship` writes the
    file and a test finds it again.
    """
    from importlib.resources import files

    known = json.loads(files("curate.diversity").joinpath("scales.json").read_text(encoding="utf-8"))
    return read_scale(known[key]) if key in known else None


def bundled_pictures() -> list[Rgb]:
    """The eighteen calibration pictures, uint8 RGB, 640 px on the long side: REF, then the rest of the burst."""
    from importlib.resources import files

    from curate.pictures import decode

    folder = files("curate.diversity").joinpath("pictures")
    return [decode(folder.joinpath(f"nora_{number:02}.jpg").read_bytes()).rgb for number in range(1, 19)]


def effective_at(cosines: Floats, u: float) -> float:
    """Effective images of a set with these cosines [N, N] at scale `u`."""
    return maximum_diversity(kernel(cosines, u))[0]


def scale_of(cosines: Floats, share: float) -> float:
    """The u at which a set with these cosines [N, N] counts as `share` (0-1) of its pictures: geometric bisection."""
    low, high = SMALLEST, LARGEST
    for _ in range(STEPS):
        u = (low * high) ** 0.5
        if effective_at(cosines, u) > share * len(cosines):  # the count falls as u grows
            low = u
        else:
            high = u
    return float((low * high) ** 0.5)


def _embedded(embed: Embed, pictures: Sequence[Rgb], name: str) -> Floats:
    """The pictures' embeddings as float64 rows of length 1."""
    rows = []
    for first in range(0, len(pictures), BATCH):
        batch = pictures[first : first + BATCH]
        vectors = np.asarray(embed(batch), dtype=np.float64)
        if vectors.ndim != 2 or len(vectors) != len(batch):
            problem = f"gave an array {vectors.shape} for {len(batch)} pictures"
            raise ModelError(name, problem, "An embedder must give one row a picture, float32 [n, D]")
        if not np.isfinite(vectors).all():
            raise ModelError(name, "gave numbers that are not finite", "Try --device cpu, or another model")
        rows.append(vectors)
    stacked = np.concatenate(rows)
    lengths = np.linalg.norm(stacked, axis=1, keepdims=True)
    unit: Floats = stacked / np.maximum(lengths, np.finfo(np.float32).tiny)
    return unit


def _edit_cosines(embed: Embed, references: Sequence[Rgb], vectors: Floats, edit: Edit, draws: int) -> Floats:
    """Cosine of each reference with each of its own edits [len(references) * draws]."""
    name = getattr(edit, "__name__", "edit")
    edited = [
        edit(picture, np.random.default_rng((row, draw)))
        for draw in range(draws)
        for row, picture in enumerate(references)
    ]
    again = _embedded(embed, edited, name)
    cosines: Floats = np.einsum("ij,ij->i", again, np.tile(vectors, (draws, 1)))
    return cosines


def _auc(own: Floats, apart: Floats) -> float:
    """Share of (own edit, two pictures) in which the edit is the nearer; ties count half."""
    gap = own[:, None] - apart[None, :]
    return float(((gap > 0) + 0.5 * (gap == 0)).mean())
